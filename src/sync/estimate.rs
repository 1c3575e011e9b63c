//! How far a job is, and how long it still takes. Pure.

/// A part of a job: channels closed, or one that is open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// What was expected of it before it was opened.
    pub weight: f64,
    /// Messages read.
    pub messages: f64,
    /// 0 to 1, by time.
    pub progress: f64,
}

impl Part {
    /// Messages it will have had at its end; `None` before that can be told.
    fn expected(&self) -> Option<f64> {
        (self.progress > 0.0).then(|| self.messages / self.progress.min(1.0))
    }

    /// Messages it still has to read; `None` before that can be told.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    pub fn remaining(&self) -> Option<u64> {
        self.expected().map(|expected| (expected - self.messages).max(0.0) as u64)
    }
}

/// Progress of a job, 0 to 1. What was read tells how many messages a unit of
/// weight stands for; with that the rest is reckoned.
pub fn progress(total_weight: f64, closed: Part, open: impl Iterator<Item = Part>) -> f64 {
    let mut known = Part { progress: 1.0, ..closed };
    let mut expected = closed.messages;
    for part in open {
        known.messages += part.messages;
        if let Some(messages) = part.expected() {
            known.weight += part.weight;
            expected += messages;
        }
    }
    if known.weight <= 0.0 || total_weight <= 0.0 {
        return 0.0;
    }
    let unknown_weight = (total_weight - known.weight).max(0.0);
    let in_all = expected + expected / known.weight * unknown_weight;
    let progress = if in_all > 0.0 { known.messages / in_all } else { known.weight / total_weight };
    progress.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(weight: f64, messages: f64, progress: f64) -> Part {
        Part { weight, messages, progress }
    }

    #[test]
    fn nothing_is_known_before_the_first_page() {
        assert_eq!(progress(10.0, Part::default(), std::iter::empty()).to_bits(), 0.0_f64.to_bits());
        let unread = part(5.0, 0.0, 0.0);
        assert!(progress(10.0, Part::default(), [unread].into_iter()) < 0.001);
    }

    #[test]
    fn an_open_channel_is_reckoned_to_its_end_and_stands_for_the_unopened() {
        // Half of one of two equal channels: a quarter.
        let half = part(5.0, 500.0, 0.5);
        assert!((progress(10.0, Part::default(), [half].into_iter()) - 0.25).abs() < 1e-9);
        // One closed, the other half read.
        let closed = part(5.0, 1000.0, 1.0);
        assert!((progress(10.0, closed, [half].into_iter()) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn channels_without_messages_count_by_weight() {
        assert!((progress(10.0, part(5.0, 0.0, 1.0), std::iter::empty()) - 0.5).abs() < 1e-9);
    }
}

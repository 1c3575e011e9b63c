//! Which pages of a channel are compared.

use std::collections::BTreeSet;

/// The pages, counted from 0, of a channel of `messages` archived messages: a random sample of
/// this share, at least one; `None` if that is all of them.
pub(super) fn sample(messages: u64, page_size: u16, share: f64) -> Option<Vec<u64>> {
    let pages = messages.div_ceil(u64::from(page_size.max(1))).max(1);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive share of a number of pages"
    )]
    let wanted = ((pages as f64 * share).ceil() as u64).clamp(1, pages);
    if wanted == pages {
        return None;
    }
    // Floyd's algorithm: each subset is equally likely.
    let mut chosen = BTreeSet::new();
    for last in pages - wanted..pages {
        let page = fastrand::u64(..=last);
        if !chosen.insert(page) {
            chosen.insert(last);
        }
    }
    Some(chosen.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_share_of_the_pages_and_at_least_one() {
        for (messages, share, expected) in [
            (0, 0.01, None),
            (100, 0.01, None),
            (250, 0.01, Some(1)),
            (10_000, 0.01, Some(1)),
            (10_000, 0.5, Some(50)),
            (10_000, 1.0, None),
        ] {
            let sample = sample(messages, 100, share);
            assert_eq!(sample.as_ref().map(Vec::len), expected, "{messages} {share}");
            let pages = messages.div_ceil(100);
            assert!(sample.unwrap_or_default().iter().all(|page| *page < pages));
        }
    }

    #[test]
    fn every_page_can_be_in_a_sample() {
        let mut seen = BTreeSet::new();
        for _ in 0..2000 {
            seen.extend(sample(1000, 100, 0.15).unwrap_or_default());
        }
        assert_eq!(seen.len(), 10);
    }
}

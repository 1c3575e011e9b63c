//! "Did you mean …?"

use strsim::{damerau_levenshtein, normalized_damerau_levenshtein};

/// Below this similarity (0 to 1) a suggestion would be a guess.
const LEAST_SIMILARITY: f64 = 0.6;

/// What a name gets that has only words of the other, whatever is left out.
const SAME_WORDS: f64 = 0.8;

/// No name that is meant is longer, and comparing takes quadratic time.
const LONGEST_NAME_CHARS: usize = 64;

/// The candidate that `name` is most likely a misspelling of, if one is close
/// and no other is as close. Capitals don't matter, nor does `-` for `_`.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().nth(LONGEST_NAME_CHARS).is_some() {
        return None;
    }
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (similarity(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    match ranked.as_slice() {
        [(best, _), (second, _), ..] if best.total_cmp(second).is_eq() => None,
        [(_, candidate), ..] => Some(candidate),
        [] => None,
    }
}

/// True if `name` can hardly be anything else than `meant`.
pub(super) fn is_misspelling(name: &str, meant: &str) -> bool {
    let (name, meant) = (normalized(name), normalized(meant));
    damerau_levenshtein(&name, &meant) <= 2 || has_only_words_of(&name, &meant)
}

fn similarity(name: &str, candidate: &str) -> f64 {
    let (name, candidate) = (normalized(name), normalized(candidate));
    let similarity = normalized_damerau_levenshtein(&name, &candidate);
    if has_only_words_of(&name, &candidate) {
        SAME_WORDS + (1.0 - SAME_WORDS) * similarity
    } else {
        similarity
    }
}

/// True for `max_worker` of `max_channel_workers`.
fn has_only_words_of(name: &str, candidate: &str) -> bool {
    !name.is_empty()
        && name.split('_').all(|word| {
            candidate.split('_').any(|other| other == word || (word.len() >= 3 && other.starts_with(word)))
        })
}

fn normalized(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_name() {
        let keys =
            ["max_channel_workers", "message_fetch_size", "max_retries", "reactions", "reaction_budget"];
        for (written, meant) in [
            ("max-channel-workers", "max_channel_workers"),
            ("max_workers", "max_channel_workers"),
            ("Max_Retrys", "max_retries"),
            ("maxretries", "max_retries"),
            ("fetch_size", "message_fetch_size"),
            ("reaction", "reactions"),
            ("raection_budget", "reaction_budget"),
        ] {
            assert_eq!(suggest(written, keys), Some(meant), "{written}");
            assert!(is_misspelling(written, meant), "{written}");
        }
    }

    #[test]
    fn what_resembles_nothing_gets_no_suggestion() {
        assert_eq!(suggest("colour", ["takaro", "discord"]), None);
        assert_eq!(suggest("", ["takaro"]), None);
        assert_eq!(suggest(&"takaro".repeat(20), ["takaro"]), None);
        assert_eq!(suggest("takaro", []), None);
    }

    #[test]
    fn what_resembles_two_alike_gets_no_suggestion() {
        let keys = ["include_channels", "exclude_channels"];
        assert_eq!(suggest("channels", keys), None);
        assert_eq!(suggest("exclude", keys), Some("exclude_channels"));
    }
}

//! "Did you mean …?"

use strsim::{damerau_levenshtein, normalized_damerau_levenshtein};

/// Below this similarity (0 to 1) a suggestion would be a guess.
const MIN_SIMILARITY: f64 = 0.6;

/// Minimum similarity of a name that consists of some of the candidate's words.
const WORD_SUBSET_SIMILARITY: f64 = 0.8;

/// Length limit: no valid name is longer, and comparing takes quadratic time.
const MAX_NAME_CHARS: usize = 64;

/// The candidate most similar to `name`; `None` if none is similar enough or two are
/// equally similar. Ignores case, and treats `-` as `_`.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().nth(MAX_NAME_CHARS).is_some() {
        return None;
    }
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (similarity(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    match ranked.as_slice() {
        [(best, _), (second, _), ..] if best.total_cmp(second).is_eq() => None,
        [(_, candidate), ..] => Some(candidate),
        [] => None,
    }
}

/// True if `name` is almost certainly a misspelling of `meant`.
pub(super) fn is_misspelling(name: &str, meant: &str) -> bool {
    let (name, meant) = (normalized(name), normalized(meant));
    damerau_levenshtein(&name, &meant) <= 2 || has_only_words_of(&name, &meant)
}

fn similarity(name: &str, candidate: &str) -> f64 {
    let (name, candidate) = (normalized(name), normalized(candidate));
    let similarity = normalized_damerau_levenshtein(&name, &candidate);
    if has_only_words_of(&name, &candidate) {
        WORD_SUBSET_SIMILARITY + (1.0 - WORD_SUBSET_SIMILARITY) * similarity
    } else {
        similarity
    }
}

/// True if each word of `name` is a word of `candidate` or begins one, such as
/// `max_worker` for `max_channel_workers`.
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
    fn suggests_the_name_for_a_misspelling() {
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
    fn suggests_nothing_for_a_dissimilar_name() {
        assert_eq!(suggest("colour", ["takaro", "discord"]), None);
        assert_eq!(suggest("", ["takaro"]), None);
        assert_eq!(suggest(&"takaro".repeat(20), ["takaro"]), None);
        assert_eq!(suggest("takaro", []), None);
    }

    #[test]
    fn suggests_nothing_if_two_candidates_are_equally_similar() {
        let keys = ["include_channels", "exclude_channels"];
        assert_eq!(suggest("channels", keys), None);
        assert_eq!(suggest("exclude", keys), Some("exclude_channels"));
    }
}

//! Tables that another program added to the archive.

use std::path::Path;

use super::CommandContext;
use crate::archive::Reader;
use crate::report::terminal_safe;
use crate::ui::to_stderr;

/// Most tables that are named.
const NAMED_TABLES: usize = 6;
/// Longest table name that is printed whole, in columns.
const NAME_WIDTH: usize = 40;

/// The names of the tables for a message, such as `messages_fts, messages_fts_data`; `None`
/// if there are none.
pub(super) fn named(tables: &[String]) -> Option<String> {
    let names: Vec<String> =
        tables.iter().take(NAMED_TABLES).map(|name| terminal_safe(name, NAME_WIDTH)).collect();
    let more = tables.len().saturating_sub(NAMED_TABLES);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

/// Warns after an erasure if other tables may still hold what was erased. Says nothing if the
/// archive can't be read: the erasure itself succeeded.
pub(super) fn warn(path: &Path, context: &CommandContext) {
    let tables = Reader::open(path).and_then(|reader| reader.foreign_tables()).unwrap_or_default();
    if let Some(names) = named(&tables) {
        let warning = format!(
            "the archive has tables of another program, which may still hold copies of what was erased: {names}; \
             drop or rebuild them"
        );
        context.message_sink().warn(&warning, to_stderr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_six_tables_are_named() {
        let names = |count: usize| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>();
        assert_eq!(named(&[]), None);
        assert_eq!(named(&names(2)).as_deref(), Some("t0, t1"));
        assert_eq!(named(&names(8)).as_deref(), Some("t0, t1, t2, t3, t4, t5 and 2 more"));
        assert_eq!(named(&["a\u{1b}[2J".to_owned()]).as_deref(), Some("a [2J"));
    }
}

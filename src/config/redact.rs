//! Showing what a user wrote without showing a secret.
//!
//! Two strengths: [`is_token`] is sure enough to refuse a file,
//! [`may_be_secret`] only decides what a message leaves out.

use std::ffi::OsStr;
use std::path::Path;

const SHOWN_CHARS: usize = 48;

/// True if the text holds a Discord bot token: three parts of base64url, joined
/// by dots, the first of them the bot's ID (24 characters or more), the second
/// a time (6), the third a signature (27 or more).
/// See <https://discord.com/developers/docs/reference#authentication>.
pub(super) fn is_token(text: &str) -> bool {
    runs(text).any(has_token_shape)
}

/// True if an argument holds a Discord bot token, which everybody on this
/// computer could see there.
pub fn holds_token(argument: &OsStr) -> bool {
    is_token(&argument.to_string_lossy())
}

/// True if the text could hold a secret: a token, or a long run of mixed
/// letters and digits such as a part of one.
pub(super) fn may_be_secret(text: &str) -> bool {
    runs(text).any(|run| has_token_shape(run) || (run.len() >= 20 && is_mixed(run)))
}

/// True for a key or variable whose value nobody should see.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["token", "secret", "password"].iter().any(|word| key.contains(word))
}

/// The text in quotes, cut and escaped, or a note in its place.
pub fn shown(text: &str) -> String {
    if may_be_secret(text) {
        return "(not shown, it could be a secret)".to_owned();
    }
    let cut: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}

/// As [`shown`], without quotes around what is a plain word.
pub(super) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let short = !key.is_empty() && key.len() <= SHOWN_CHARS;
    if short && key.chars().all(plain) && !may_be_secret(key) { key.to_owned() } else { shown(key) }
}

/// A path, unless a token was written in its place.
pub(super) fn shown_path(path: &Path) -> String {
    let path = path.display().to_string();
    if may_be_secret(&path) { shown(&path) } else { path }
}

/// A line of the file with blanks for what could steer a terminal, or `None` if it
/// could hold a secret.
pub(super) fn shown_line(line: &str) -> Option<String> {
    let key = line.split('=').next().unwrap_or_default();
    let is_safe = !may_be_secret(line) && !names_a_secret(key) && line.chars().count() <= 100;
    let is_plain = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    is_safe.then(|| line.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect())
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
}

/// Shorter parts than a real token's, so that a cut one is still known. A host
/// name can have such parts, but hardly capitals.
fn has_token_shape(run: &str) -> bool {
    let parts: Vec<&str> = run.split('.').collect();
    parts.windows(3).any(|part| {
        part[0].len() >= 20
            && part[1].len() >= 5
            && part[2].len() >= 20
            && run.contains(|c: char| c.is_ascii_uppercase())
    })
}

fn is_mixed(run: &str) -> bool {
    run.contains(|c: char| c.is_ascii_uppercase())
        && run.contains(|c: char| c.is_ascii_lowercase())
        && run.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";

    #[test]
    fn a_token_is_known_in_any_surroundings() {
        for text in [TOKEN.to_owned(), format!("Bot {TOKEN}"), format!("a {TOKEN}, b")] {
            assert!(is_token(&text) && may_be_secret(&text));
            assert!(!shown(&text).contains("MTk4"));
        }
    }

    #[test]
    fn ordinary_values_are_no_secrets() {
        for text in [
            "123456789012345678",
            "DISCORD_BOT_TOKEN_OF_PRODUCTION_2",
            "$CREDENTIALS_DIRECTORY/token",
            "https://verta-sync-rate-limit-proxy.internal.some-very-long-company-name.com",
            "announcements-and-releases-2024",
            "/nix/store/7gi2jfa0x4mkmmgr4cc8ak6n1wxq6z2c-verta-sync-1.2.3/sync.toml",
        ] {
            assert!(!may_be_secret(text), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_token_is_not_shown() {
        assert!(!shown("MTk4NjIyNDgzNDcxOTI1MjQ4").contains("MTk4"));
        assert!(!shown_key("MTk4NjIyNDgzNDcxOTI1MjQ4").contains("MTk4"));
    }

    #[test]
    fn what_is_shown_is_cut_and_can_not_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\n"), r#""a\u{1b}[2J\n""#);
        assert_eq!(shown(&"é".repeat(60)).chars().count(), SHOWN_CHARS + 3);
    }
}

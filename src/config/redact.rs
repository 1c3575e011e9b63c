//! Quotes the user's input in messages without revealing secrets.
//!
//! Two levels of certainty: [`is_token`] is certain enough to reject a file;
//! [`may_be_secret`] only decides what a message omits.

use std::ffi::OsStr;
use std::path::Path;

const MAX_SHOWN_CHARS: usize = 48;

/// True if the text contains a Discord bot token: three base64url parts joined by dots,
/// namely the bot's ID (24 characters or more), a timestamp (6) and a signature (27 or
/// more). See <https://discord.com/developers/docs/reference#authentication>.
pub(super) fn is_token(text: &str) -> bool {
    runs(text).any(has_token_shape)
}

/// True if a command-line argument contains a Discord bot token. Arguments are visible
/// to every user of the machine.
pub fn holds_token(argument: &OsStr) -> bool {
    is_token(&argument.to_string_lossy())
}

/// True if the text may contain a secret: a token, or a long run of mixed letters and
/// digits, such as a part of a token.
pub(super) fn may_be_secret(text: &str) -> bool {
    runs(text).any(|run| has_token_shape(run) || (run.len() >= 20 && is_mixed(run)))
}

/// True for a key or variable whose name suggests a secret value.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["token", "secret", "password"].iter().any(|word| key.contains(word))
}

/// The text in quotes, truncated and escaped, or a placeholder if it may be a secret.
pub fn quoted_input(text: &str) -> String {
    if may_be_secret(text) {
        return "(not shown, it could be a secret)".to_owned();
    }
    let cut: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}

/// Like [`quoted_input`], but without quotes around a plain word.
pub(super) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let short = !key.is_empty() && key.len() <= MAX_SHOWN_CHARS;
    if short && key.chars().all(plain) && !may_be_secret(key) { key.to_owned() } else { quoted_input(key) }
}

/// A path, or a placeholder if it may contain a secret.
pub(super) fn shown_path(path: &Path) -> String {
    let path = path.display().to_string();
    if may_be_secret(&path) { quoted_input(&path) } else { path }
}

/// A line of the file, with spaces for characters that could control a terminal; `None`
/// if it may contain a secret or is too long.
pub(super) fn shown_line(line: &str) -> Option<String> {
    let key = line.split('=').next().unwrap_or_default();
    let is_safe = !may_be_secret(line) && !names_a_secret(key) && line.chars().count() <= 100;
    let is_plain = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    is_safe.then(|| line.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect())
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
}

/// The parts may be shorter than a real token's, so that a truncated token is still
/// recognized. A host name can have parts this long, but hardly capital letters.
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
    fn recognizes_a_token_within_other_text() {
        for text in [TOKEN.to_owned(), format!("Bot {TOKEN}"), format!("a {TOKEN}, b")] {
            assert!(is_token(&text) && may_be_secret(&text));
            assert!(!quoted_input(&text).contains("MTk4"));
        }
    }

    #[test]
    fn ordinary_values_are_not_secrets() {
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
        assert!(!quoted_input("MTk4NjIyNDgzNDcxOTI1MjQ4").contains("MTk4"));
        assert!(!shown_key("MTk4NjIyNDgzNDcxOTI1MjQ4").contains("MTk4"));
    }

    #[test]
    fn shown_text_is_truncated_and_escaped() {
        assert_eq!(quoted_input("a\u{1b}[2J\n"), r#""a\u{1b}[2J\n""#);
        assert_eq!(quoted_input(&"é".repeat(60)).chars().count(), MAX_SHOWN_CHARS + 3);
    }
}

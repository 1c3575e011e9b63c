//! Detects a bot token pasted into the file, which may only name its source.

use toml::de::DeValue;

use super::path::is_variable_name;
use super::problem::{InvalidValue, Problems};
use super::redact::{is_token, may_be_secret, names_a_secret};
use crate::model::PlatformSpec;

fn remedy(platform: &PlatformSpec) -> String {
    format!(
        "set token_env to the name of an environment variable, or token_file to a path; \
         if anyone else could read this file, reset the token in {}",
        platform.token_page
    )
}

/// The problem of a pasted token; never contains the token.
pub(super) fn pasted_token(platform: &PlatformSpec) -> InvalidValue {
    let what = "this looks like a bot token, which must not be in this file";
    InvalidValue::new(what, remedy(platform))
}

/// Reports tokens anywhere in the file, also in comments, and ignores their lines from
/// then on.
pub(super) fn scan(text: &str, platform: &PlatformSpec, problems: &mut Problems<'_>) {
    for (index, line) in text.lines().enumerate() {
        if is_token(line) {
            problems.at_line(index + 1, bare_key(line), &pasted_token(platform));
            problems.ignore_line(index + 1);
        }
    }
}

/// True if an unknown key such as `token` or `bot_token` has a value that is neither
/// the name of a variable nor a path.
pub(super) fn is_pasted_token(key: &str, value: &DeValue<'_>) -> bool {
    let means_path = ["file", "path"].iter().any(|word| key.contains(word));
    let is_reference = |text: &str| {
        let has_lowercase = text.contains(|c: char| c.is_ascii_lowercase());
        text.is_empty() || text.contains('/') || (is_variable_name(text) && !has_lowercase)
    };
    let is_value = |text: &str| !means_path && !is_reference(text);
    names_a_secret(key) && value.as_str().is_some_and(is_value)
}

/// Parses the name of a variable, for `token_env`.
pub(super) fn variable_name(text: &str, platform: &PlatformSpec) -> Result<String, InvalidValue> {
    let bare = text.trim_start_matches(['$', '{']).trim_end_matches('}');
    if is_variable_name(bare) && !may_be_secret(bare) {
        if bare == text {
            return Ok(text.to_owned());
        }
        let remedy = format!("use \"{bare}\"");
        return Err(InvalidValue::of(text, "is not just the name of a variable", remedy));
    }
    Err(if text.trim().is_empty() {
        let remedy = "use the name of the environment variable that contains the token";
        InvalidValue::new("is empty", remedy)
    } else {
        let what = "this is not the name of an environment variable; \
                    if it is the bot token itself, it must not be in this file";
        InvalidValue::new(what, remedy(platform))
    })
}

fn bare_key(line: &str) -> &str {
    let key = line.split('=').next().unwrap_or_default().trim();
    let bare = !key.contains(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    if bare && !may_be_secret(key) { key } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::discord::SPEC;

    #[test]
    fn variable_names_are_not_mistaken_for_tokens() {
        assert_eq!(variable_name("DISCORD_BOT_TOKEN", &SPEC), Ok("DISCORD_BOT_TOKEN".to_owned()));
        for text in ["$TOKEN", "${TOKEN}"] {
            assert_eq!(variable_name(text, &SPEC).unwrap_err().remedy, "use \"TOKEN\"");
        }
    }

    #[test]
    fn invalid_variable_names_are_not_shown() {
        for text in ["hush.def.ghi", "MTk4NjIyNDgzNDcxOTI1MjQ4hush", "hush-hush", "hush=b"] {
            let error = variable_name(text, &SPEC).unwrap_err();
            assert!(error.remedy.contains("reset the token"), "{error}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        for text in ["", " "] {
            assert_eq!(variable_name(text, &SPEC).unwrap_err().what, "is empty");
        }
    }

    #[test]
    fn a_key_named_token_holds_a_token_unless_its_value_is_a_reference() {
        let value = |text: &str| DeValue::String(text.to_owned().into());
        assert!(is_pasted_token("bot_token", &value("abc.def")));
        assert!(is_pasted_token("Token", &value("abc123")));
        assert!(!is_pasted_token("token", &value("DISCORD_BOT_TOKEN_2")));
        assert!(!is_pasted_token("token-file", &value("token.txt")));
        assert!(!is_pasted_token("token_path", &value("/run/token")));
        assert!(!is_pasted_token("name", &value("abc.def")));
    }
}

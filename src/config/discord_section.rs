//! The `[discord]` section.

use std::ops::RangeInclusive;
use std::path::Path;

use toml::de::DeValue;

use super::api_url::{self, ApiUrl};
use super::environment::Environment;
use super::file::Section;
use super::input::InvalidValue;
use super::pasted::{pasted_token, variable_name};
use super::path::{Unexpanded, expand};
use super::redact::is_token;
use super::resolve::Resolver;
use super::settings::DiscordConfig;
use super::token::TokenSource;
use super::value::{self, Read};

/// Discord's limit for a bot:
/// <https://discord.com/developers/docs/topics/rate-limits#global-rate-limit>.
const DISCORD_RATE: f64 = 50.0;
const DEFAULT_RATE: f64 = 48.0;
/// One request in 100 seconds to ten a millisecond; beyond, intervals lose meaning.
const RATES: RangeInclusive<f64> = 0.01..=10_000.0;

impl Resolver<'_> {
    pub(super) fn discord(&mut self, section: &Section<'_>) -> DiscordConfig {
        let api_url = self.read(section, "api_url", |value| ApiUrl::parse(value::text(value)?));
        let is_discord = section
            .get("api_url")
            .is_none_or(|entry| entry.value.as_str().is_some_and(api_url::means_discord));
        let rate = self.read(section, "requests_per_second", |value| rate(value, is_discord));
        DiscordConfig {
            token: self.token(section),
            api_url: api_url.unwrap_or_else(ApiUrl::discord),
            requests_per_second: rate.unwrap_or(DEFAULT_RATE),
        }
    }

    fn token(&mut self, section: &Section<'_>) -> TokenSource {
        let (env, folder) = (self.env, self.folder);
        let name = self.read(section, "token_env", |value| variable_name(value::text(value)?));
        let file = self.read(section, "token_file", |value| token_file(value, env, folder));
        if let (Some(one), Some(other)) = (section.get("token_env"), section.get("token_file")) {
            let (first, second) = if one.line < other.line {
                (("token_env", one.line), ("token_file", other.line))
            } else {
                (("token_file", other.line), ("token_env", one.line))
            };
            let what = format!("{} is set too, on line {}", first.0, first.1);
            let invalid = InvalidValue::new(what, "keep one of the two");
            self.found.at_line(second.1, section.path(second.0), invalid);
        }
        let name = name.unwrap_or_else(|| "DISCORD_BOT_TOKEN".to_owned());
        file.unwrap_or(TokenSource::Env(name))
    }
}

fn token_file(value: &DeValue<'_>, env: &Environment, folder: &Path) -> Read<TokenSource> {
    let text = value::text(value)?;
    if is_token(text) {
        return Err(pasted_token());
    }
    match expand(text, env) {
        Ok(path) => Ok(TokenSource::File(folder.join(path))),
        Err(Unexpanded::Unset(variable)) => {
            Ok(TokenSource::UnsetVariable { path: text.to_owned(), variable })
        }
        Err(Unexpanded::Invalid(invalid)) => Err(invalid),
    }
}

fn rate(value: &DeValue<'_>, is_discord: bool) -> Read<f64> {
    let rate = value::number(value)?;
    if !RATES.contains(&rate) {
        let (least, most) = (RATES.start(), if is_discord { &DISCORD_RATE } else { RATES.end() });
        let remedy = format!("write a number from {least} to {most}");
        return Err(InvalidValue::new(format!("{} is out of range", value::literal(value)), remedy));
    }
    if is_discord && rate > DISCORD_RATE {
        return Err(InvalidValue::new(
            format!(
                "{} is more than the {DISCORD_RATE} requests a second Discord allows a bot",
                value::literal(value)
            ),
            "write 50 or less; more is possible only with the api_url of a proxy",
        ));
    }
    Ok(rate)
}

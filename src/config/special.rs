//! Values that only one key has.

use std::path::{Path, PathBuf};

use super::api_url::is_host_of;
use super::environment::Environment;
use super::pasted::{pasted_token, variable_name};
use super::path::{Unexpanded, expand};
use super::problem::InvalidValue;
use super::redact::{is_token, shown, shown_key};
use super::section::{Entry, Scope};
use super::token::TokenSource;
use super::value::{self, Read, Written};
use crate::files;
use crate::model::{PlatformSpec, WorkspaceId};

/// One request in 100 seconds to ten a millisecond; beyond, intervals lose meaning.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=10_000.0;

const MAX_NAME_CHARS: usize = 100;

/// The archive's path.
pub(super) fn archive_path(env: &Environment, folder: &Path) -> impl Fn(Written<'_>) -> Read<PathBuf> {
    move |written| {
        let text = value::text(written)?;
        if text.ends_with('/') {
            let remedy = "add the file's name, such as \"archive.db\"";
            return Err(InvalidValue::of(text, "is a folder", remedy));
        }
        let path = expand(text, env).map_err(|unexpanded| match unexpanded {
            Unexpanded::Unset(name) => InvalidValue::of(
                text,
                &format!("names the variable {}, which is not set", shown_key(&name)),
                "set it, or write the whole path",
            ),
            Unexpanded::Invalid(invalid) => invalid,
        })?;
        let path = folder.join(path);
        // Two names of one archive must lead to one lock. Where the folder is
        // missing or closed, anyone who opens the file says so.
        Ok(files::resolve(&path).unwrap_or(path))
    }
}

/// The name of the variable that holds the token.
pub(super) fn token_variable(platform: &PlatformSpec) -> impl Fn(Written<'_>) -> Read<String> {
    move |written| variable_name(value::text(written)?, platform)
}

/// The file that holds the token.
pub(super) fn token_file(
    env: &Environment,
    folder: &Path,
    platform: &PlatformSpec,
) -> impl Fn(Written<'_>) -> Read<TokenSource> {
    move |written| {
        let text = value::text(written)?;
        if is_token(text) {
            return Err(pasted_token(platform));
        }
        match expand(text, env) {
            Ok(path) => Ok(TokenSource::File(folder.join(path))),
            Err(Unexpanded::Unset(variable)) => {
                Ok(TokenSource::UnsetVariable { path: text.to_owned(), variable })
            }
            Err(Unexpanded::Invalid(invalid)) => Err(invalid),
        }
    }
}

/// Requests per second. The platform's own limit applies unless `api_url` leads
/// elsewhere.
pub(super) fn rate(
    platform: &PlatformSpec,
    api_url: Option<&Entry<'_>>,
) -> impl Fn(Written<'_>) -> Read<f64> {
    let is_own = api_url.is_none_or(|url| url.value.as_str().is_some_and(|url| is_host_of(url, platform)));
    let (limit, title) = (platform.max_requests_per_second, platform.title);
    move |written| {
        let (rate, shown) = value::number(written)?;
        if !RATES.contains(&rate) {
            let (least, most) = (RATES.start(), if is_own { &limit } else { RATES.end() });
            let remedy = format!("write a number from {least} to {most}");
            return Err(InvalidValue::new(format!("{shown} is out of range"), remedy));
        }
        if is_own && rate > limit {
            return Err(InvalidValue::new(
                format!("{shown} is more than the {limit} requests a second {title} allows a bot"),
                format!("write {limit} or less; more is possible only with the api_url of a proxy"),
            ));
        }
        Ok(rate)
    }
}

/// A tenant's name.
pub(super) fn tenant_name(text: &str) -> Read<String> {
    let remedy = "write a short name, such as \"takaro\"";
    let what = if text.is_empty() {
        "is empty"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if text.contains(char::is_control) {
        "holds a control character"
    } else if text.chars().count() > MAX_NAME_CHARS {
        "is longer than 100 characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidValue::of(text, what, remedy))
}

/// The platforms by name.
pub(super) fn platforms(scope: Scope) -> Vec<(&'static str, &'static PlatformSpec)> {
    scope.platforms.iter().map(|platform| (platform.name, *platform)).collect()
}

/// The ID of a platform's workspace.
pub(super) fn workspace_id(platform: &'static PlatformSpec) -> impl Fn(&str) -> Read<WorkspaceId> {
    move |text| {
        (platform.parse_workspace)(text).ok_or_else(|| {
            let workspace = platform.workspace();
            let what = format!("{} is not the ID of a {workspace}", shown(text));
            InvalidValue::new(what, format!("write its ID, {}", platform.workspace_id_help))
        })
    }
}

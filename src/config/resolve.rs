//! From what is written to a complete configuration, with all problems at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::{ConfigError, UnknownTenant};
use super::file::{self, File};
use super::input::InvalidValue;
use super::keys::{ArchiveConfig, Overrides, PlatformConfig, SyncConfig, TenantConfig};
use super::lines::Lines;
use super::problem::Found;
use super::secret::Secret;
use super::section::{KeyReader, Platforms, Section};
use super::source::Source;
use super::special::tenant_name;
use super::token::{TokenError, TokenSource};
use crate::model::PlatformSpec;

/// The whole configuration; every default is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub source: PathBuf,
    /// `[archive]`.
    pub archive: ArchiveConfig,
    /// The section of each platform, whether a tenant uses it or not.
    platforms: Vec<PlatformConfig>,
    /// `[sync]`.
    pub sync: SyncConfig,
    /// Each `[[tenant]]` in the file's order, at least one.
    pub tenants: Vec<TenantConfig>,
}

impl Config {
    /// Finds and reads the configuration. `explicit` is the path given by
    /// `--config`, `platforms` are all there are, the default first. Flags win over
    /// the environment, that over a tenant's keys, those over the rest of the file,
    /// that over the defaults.
    ///
    /// # Errors
    /// If there is no file, it can't be read, or anything in it or in the
    /// variables and flags that stand for it can't be used: then all of it.
    pub fn load(
        explicit: Option<&Path>,
        env: &Environment,
        flags: &Overrides,
        platforms: Platforms,
    ) -> Result<Self, ConfigError> {
        let source = Source::find(explicit, env)?;
        resolve(&source, env, flags, platforms)
    }

    /// The section of a platform.
    ///
    /// # Panics
    /// If the platform is none of those that it was loaded with.
    pub fn platform(&self, spec: &PlatformSpec) -> &PlatformConfig {
        let section = self.platforms.iter().find(|platform| platform.spec == spec);
        section.expect("a configuration has a section for each platform")
    }

    /// The tenants of these names, each once and in this order; all if there
    /// are no names.
    ///
    /// # Errors
    /// If the configuration lacks any of them.
    pub fn tenants_named(&self, names: &[String]) -> Result<Vec<&TenantConfig>, UnknownTenant> {
        if names.is_empty() {
            return Ok(self.tenants.iter().collect());
        }
        let mut tenants: Vec<&TenantConfig> = Vec::new();
        let mut unknown = Vec::new();
        for name in names {
            match self.tenants.iter().find(|tenant| tenant.name == *name) {
                Some(tenant) if !tenants.contains(&tenant) => tenants.push(tenant),
                Some(_) => {}
                None => unknown.push(name.clone()),
            }
        }
        if unknown.is_empty() {
            return Ok(tenants);
        }
        let known = self.tenants.iter().map(|tenant| tenant.name.clone()).collect();
        Err(UnknownTenant { unknown, known })
    }
}

impl PlatformConfig {
    /// Where the token is.
    pub fn token(&self) -> TokenSource {
        self.token_file.clone().unwrap_or_else(|| TokenSource::Env(self.token_env.clone()))
    }

    /// The token itself.
    ///
    /// # Errors
    /// If it is missing, can't be read or can't be a token.
    pub fn read_token(&self, env: &Environment) -> Result<Secret, TokenError> {
        self.token().read(env, self.spec.name)
    }
}

/// The configuration that `source`, environment and flags amount to.
pub(super) fn resolve(
    source: &Source,
    env: &Environment,
    flags: &Overrides,
    platforms: Platforms,
) -> Result<Config, ConfigError> {
    let lines = Lines::of(&source.text);
    let folder = source.path.parent().unwrap_or(Path::new("/"));
    let mut reader = KeyReader { env, folder, lines: &lines, found: Found::default() };
    let config = file::read(&source.text, platforms, &lines, &mut reader.found)
        .and_then(|file| read(&mut reader, source, &file, flags));
    match config {
        Some(config) if reader.found.is_empty() => Ok(config),
        _ => Err(ConfigError::Invalid(reader.found.of_file(source.shown.clone()))),
    }
}

fn read(reader: &mut KeyReader<'_>, source: &Source, file: &File<'_>, flags: &Overrides) -> Option<Config> {
    let archive = ArchiveConfig::read(reader, &file.archive);
    let platforms: Vec<_> = file.platforms.iter().map(|section| platform(reader, section)).collect();
    let sync = SyncConfig::read(reader, &file.sync, flags)?;
    let tenants = tenants(reader, &file.tenants, &sync);
    Some(Config {
        source: source.path.clone(),
        archive: archive?,
        platforms: platforms.into_iter().collect::<Option<_>>()?,
        sync,
        tenants: tenants?,
    })
}

fn platform(reader: &mut KeyReader<'_>, section: &Section<'_>) -> Option<PlatformConfig> {
    let config = PlatformConfig::read(reader, section);
    let mut places = ["token_env", "token_file"].map(|key| Some((section.get(key)?.line, key)));
    places.sort_unstable();
    if let [Some((first_line, first)), Some((line, key))] = places {
        let what = format!("{first} is set too, on line {first_line}");
        reader.found.at_line(line, section.path(key), InvalidValue::new(what, "keep one of the two"));
    }
    config
}

/// All tenants. Neither a name nor a workspace may occur twice.
fn tenants(
    reader: &mut KeyReader<'_>,
    sections: &[Section<'_>],
    sync: &SyncConfig,
) -> Option<Vec<TenantConfig>> {
    let (mut names, mut workspaces) = (HashMap::new(), HashMap::new());
    let mut tenants = Vec::new();
    for section in sections {
        let platform = section.scope.platform;
        tenants.push(TenantConfig::read(reader, section, sync));
        let remedy = "give each tenant a name of its own";
        unique(reader, section, "name", remedy, &mut names, |text| tenant_name(text).ok());
        let remedy = format!("keep one of the two tenants; a {} is archived once", platform.workspace_noun);
        let workspace = |text: &str| Some((platform.name, (platform.parse_workspace)(text)?));
        unique(reader, section, platform.workspace_key, &remedy, &mut workspaces, workspace);
    }
    tenants.into_iter().collect()
}

/// Reports a value that an earlier tenant has, with that one's line.
fn unique<T: Hash + Eq>(
    reader: &mut KeyReader<'_>,
    section: &Section<'_>,
    key: &str,
    remedy: &str,
    earlier: &mut HashMap<T, usize>,
    parse: impl Fn(&str) -> Option<T>,
) {
    let Some(entry) = section.get(key) else { return };
    let Some(value) = entry.value.as_str().and_then(parse) else { return };
    if let Some(line) = earlier.get(&value) {
        let what = format!("is the same as on line {line}");
        reader.found.at_line(entry.line, section.path(key), InvalidValue::new(what, remedy));
    } else {
        earlier.insert(value, entry.line);
    }
}

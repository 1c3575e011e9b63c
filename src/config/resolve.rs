//! Builds the complete [`Config`] from file, environment and flags, and reports all
//! problems together.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::{ConfigError, UnknownTenant};
use super::include::{self, INCLUDE};
use super::keys::{
    ARCHIVE, ArchiveConfig, INSIGHTS, InsightsConfig, METRICS, MetricsConfig, Overrides, PlatformConfig,
    SEARCH, SYNC, SearchConfig, SyncConfig, TENANT, TenantConfig,
};
use super::pasted_token;
use super::problem::{InvalidValue, Problems};
use super::secret::Secret;
use super::section::{Platforms, Reader, Scope, Section};
use super::source::Source;
use super::syntax;
use super::token::{TokenError, TokenSource};
use super::value::tenant_name;
use crate::model::PlatformSpec;

/// The whole configuration, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub source: PathBuf,
    /// `[archive]`.
    pub archive: ArchiveConfig,
    /// One section per platform, also for platforms that no tenant uses.
    platforms: Vec<PlatformConfig>,
    /// `[sync]`.
    pub sync: SyncConfig,
    /// `[search]`.
    pub search: SearchConfig,
    /// `[insights]`.
    pub insights: InsightsConfig,
    /// `[metrics]`.
    pub metrics: MetricsConfig,
    /// Every `[[tenant]]` in the file's order. Never empty.
    pub tenants: Vec<TenantConfig>,
}

impl Config {
    /// Finds and reads the configuration. `explicit` is the path given by
    /// `--config`; `platforms` are all platforms, the default first. Precedence, from
    /// high to low: flags, environment variables, a tenant's keys, the rest of the
    /// file, defaults.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if no file is found or readable, or if any value of the
    /// file, the variables or the flags is invalid; the error lists every problem.
    pub fn load(
        explicit: Option<&Path>,
        env: &Environment,
        flags: &Overrides,
        platforms: Platforms,
    ) -> Result<Self, ConfigError> {
        let source = include::append(Source::find(explicit, env)?, env);
        resolve(&source, env, flags, platforms)
    }

    /// The sections of all platforms.
    pub fn platforms(&self) -> &[PlatformConfig] {
        &self.platforms
    }

    /// The section of a platform.
    ///
    /// # Panics
    /// If the platform is not one of those passed to [`Config::load`].
    pub fn platform(&self, spec: &PlatformSpec) -> &PlatformConfig {
        let section = self.platforms.iter().find(|platform| platform.spec == spec);
        section.expect("a configuration has a section for each platform")
    }

    /// The tenants with these names, in the order of the names and without
    /// duplicates; all tenants if `names` is empty.
    ///
    /// # Errors
    /// Returns [`UnknownTenant`] if the configuration lacks any of the names.
    pub fn tenants_named(&self, names: &[String]) -> Result<Vec<&TenantConfig>, UnknownTenant> {
        if names.is_empty() {
            return Ok(self.tenants.iter().collect());
        }
        let find = |name: &String| self.tenants.iter().find(|tenant| tenant.name == *name);
        let unknown: Vec<_> = names.iter().filter(|name| find(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let known = self.tenants.iter().map(|tenant| tenant.name.clone()).collect();
            return Err(UnknownTenant { unknown, known });
        }
        let mut tenants = Vec::new();
        for tenant in names.iter().filter_map(find) {
            if !tenants.contains(&tenant) {
                tenants.push(tenant);
            }
        }
        Ok(tenants)
    }
}

impl PlatformConfig {
    /// The token's source: `token_file` if set, else `token_env`.
    pub fn token(&self) -> TokenSource {
        self.token_file.clone().unwrap_or_else(|| TokenSource::Env(self.token_env.clone()))
    }

    /// Reads the token from its source.
    ///
    /// # Errors
    /// Returns [`TokenError`] if the token is missing, unreadable or malformed.
    pub fn read_token(&self, env: &Environment) -> Result<Secret, TokenError> {
        self.token().read(env, self.spec.name)
    }
}

/// Merges file, environment and flags.
pub(super) fn resolve(
    source: &Source,
    env: &Environment,
    flags: &Overrides,
    platforms: Platforms,
) -> Result<Config, ConfigError> {
    let folder = source.path.parent().unwrap_or(Path::new("/"));
    let mut reader = Reader { env, folder, problems: Problems::of(source) };
    let config = read(&mut reader, source, flags, Scope::new(platforms));
    match reader.problems.report() {
        Some(report) => Err(ConfigError::Invalid(report)),
        None => Ok(config.expect("a configuration without a problem is complete")),
    }
}

/// Reads all sections. `None`, after a report, if the file can't be parsed or a
/// required value is missing or invalid.
fn read(reader: &mut Reader<'_>, source: &Source, flags: &Overrides, scope: Scope) -> Option<Config> {
    pasted_token::scan(&source.text, scope.platform, &mut reader.problems);
    include::check_files(source, &mut reader.problems);
    let table = syntax::parse(&source.text, scope.platform, &mut reader.problems)?;
    let mut top = reader.entries(table, None, scope);
    if let Some(entry) = top.remove(INCLUDE) {
        include::check(&entry.value, entry.line, reader.env, &mut reader.problems);
    }
    let archive = reader.section(ARCHIVE, scope, top.remove(ARCHIVE));
    let archive = ArchiveConfig::read(reader, &archive);
    let platforms: Vec<_> = scope
        .platforms
        .iter()
        .map(|platform| reader.section(platform.name, scope.of(platform), top.remove(platform.name)))
        .collect();
    let platforms: Vec<_> = platforms.iter().map(|section| platform(reader, section)).collect();
    let sync = reader.section(SYNC, scope, top.remove(SYNC));
    let sync = SyncConfig::read(reader, &sync, flags)?;
    let search = reader.section(SEARCH, scope, top.remove(SEARCH));
    let search = SearchConfig::read(reader, &search);
    let insights = reader.section(INSIGHTS, scope, top.remove(INSIGHTS));
    let insights = InsightsConfig::read(reader, &insights);
    let metrics = reader.section(METRICS, scope, top.remove(METRICS));
    let metrics = MetricsConfig::read(reader, &metrics);
    let tenants = reader.tenants(scope, top.remove(TENANT));
    let tenants = read_tenants(reader, &tenants, &sync);
    Some(Config {
        source: source.path.clone(),
        archive: archive?,
        platforms: platforms.into_iter().collect::<Option<_>>()?,
        sync,
        search: search?,
        insights: insights?,
        metrics: metrics?,
        tenants: tenants?,
    })
}

fn platform(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<PlatformConfig> {
    let config = PlatformConfig::read(reader, section);
    let mut token_keys = ["token_env", "token_file"].map(|key| Some((section.entries.get(key)?.line, key)));
    token_keys.sort_unstable();
    if let [Some((first_line, first)), Some((line, key))] = token_keys {
        let what = format!("{first} is also set, on line {first_line}");
        let invalid = InvalidValue::new(what, "keep one of the two");
        reader.problems.at_line(line, &section.path(key), &invalid);
    }
    config
}

/// Reads all tenants and reports duplicate names and workspaces.
fn read_tenants(
    reader: &mut Reader<'_>,
    sections: &[Section<'_>],
    sync: &SyncConfig,
) -> Option<Vec<TenantConfig>> {
    let (mut names, mut workspaces) = (HashMap::new(), HashMap::new());
    let mut tenants = Vec::new();
    for section in sections {
        let PlatformSpec { name, workspace_key, workspace_noun, parse_workspace, .. } =
            section.scope.platform;
        tenants.push(TenantConfig::read(reader, section, sync));
        let remedy = "give each tenant a unique name";
        unique(reader, section, "name", remedy, &mut names, |text| tenant_name(text).ok());
        let remedy = format!("keep one of the two tenants; a {workspace_noun} can be archived only once");
        let workspace = |text: &str| Some((name, parse_workspace(text)?));
        unique(reader, section, workspace_key, &remedy, &mut workspaces, workspace);
    }
    tenants.into_iter().collect()
}

/// Reports a value that an earlier tenant already has, with that tenant's line.
fn unique<T: Hash + Eq>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    remedy: &str,
    lines: &mut HashMap<T, usize>,
    parse: impl Fn(&str) -> Option<T>,
) {
    let Some(entry) = section.entries.get(key) else { return };
    let Some(value) = entry.value.as_str().and_then(parse) else { return };
    if let Some(line) = lines.get(&value) {
        let invalid = InvalidValue::new(format!("duplicates {}", reader.problems.place(*line)), remedy);
        reader.problems.at_line(entry.line, &section.path(key), &invalid);
    } else {
        lines.insert(value, entry.line);
    }
}

//! Writes the metrics file at the end of a run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::run_result::RunResult;
use crate::archive::{Reader, beside};
use crate::commands::CommandContext;
use crate::commands::status::{add_pending, rename, tenant_key};
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::files::replace_file;
use crate::model::{StatusOverview, TenantKey};
use crate::report::{EndedRun, metrics};

/// Permission bits of the file: another program reads it.
const MODE: u32 = 0o644;
/// The end of the temporary file's name, which the collector does not read.
const TEMPORARY: &str = ".verta-sync.tmp";

/// Writes the file, if one is configured. It stays as it is if the run was a mistake of the
/// caller, or another one holds the archive. A failure is logged only: nothing of the run is lost.
pub fn write(config: &Config, end: &RunResult, took: Duration) {
    let Some(path) = &config.metrics.textfile else { return };
    let exit_code = end.exit_code();
    if matches!(exit_code, ExitCode::Usage | ExitCode::Locked) {
        return;
    }
    let archive = &config.archive.path;
    let (mut overview, mut is_known) = (StatusOverview::default(), true);
    if archive.exists() {
        match Reader::open(archive).and_then(|reader| reader.tenants()) {
            Ok(tenants) => overview.tenants = tenants,
            Err(error) => {
                is_known = false;
                tracing::warn!(
                    "the metrics file has no tenants, because the archive cannot be read: {error}"
                );
            }
        }
    }
    rename(&mut overview, &config.tenants);
    if is_known {
        add_pending(&mut overview, &config.tenants);
    }
    let is_configured = |key: &TenantKey| config.tenants.iter().any(|tenant| tenant_key(tenant) == *key);
    overview.tenants.retain(|tenant| is_configured(&tenant.workspace));
    overview.tenants.sort_by(|one, other| one.name.cmp(&other.name));
    let run = EndedRun { ended_at: CommandContext::now(), took, exit_code, jobs: &end.jobs };
    let text = metrics(run, &overview.tenants, bytes(archive));
    if let Err(error) = replace_file(path, &beside(path, TEMPORARY), MODE, text.as_bytes()) {
        tracing::warn!("cannot write the metrics file {}: {error}", path.display());
    }
}

/// The size of the archive's file and its write-ahead log; `None` if there is no archive.
fn bytes(archive: &Path) -> Option<u64> {
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    let log = size(&beside(archive, "-wal")).unwrap_or(0);
    Some(size(archive).ok()? + log)
}

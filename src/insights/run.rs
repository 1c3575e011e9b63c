//! Makes a report.

use std::cell::Cell;

use hashbrown::HashSet;

use super::calendar::{Calendar, Period};
use super::facts::Facts;
use super::questions::Questions;
use super::report::{Dates, Report, SCHEMA, TenantReport, time_text};
use crate::archive::{ArchiveError, ChannelRow, Reader};

/// Messages between two calls of `on_progress`.
const MESSAGES_PER_CALL: u64 = 50_000;

/// What to report on.
#[derive(Debug)]
pub struct Request {
    /// Names of tenants; all if empty.
    pub tenants: Vec<String>,
    /// The days to report on.
    pub period: Period,
    /// What a day and an hour is.
    pub calendar: Calendar,
    /// Whether deleted messages count.
    pub includes_deleted: bool,
    /// Whether channels that are hidden or can't be read any more count.
    pub includes_closed: bool,
    /// Channels that are left out.
    pub excluded: HashSet<ChannelRow>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The archive can't be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It was asked to stop.
    #[error("the report was stopped")]
    Stopped,
}

/// Makes a report of one state of the archive. `on_progress` is called now and then with the
/// number of messages read; if it returns `false`, the report is stopped.
///
/// # Errors
/// Returns [`Interrupted`] if the archive can't be read, or if it was stopped.
pub fn run(
    reader: &Reader,
    request: &Request,
    on_progress: &mut dyn FnMut(u64) -> bool,
) -> Result<Report, Interrupted> {
    let _snapshot = reader.snapshot()?;
    let Request { tenants, period, calendar, .. } = request;
    let (mut read, is_stopped) = (0_u64, Cell::new(false));
    let mut on_message = || {
        read += 1;
        if read % MESSAGES_PER_CALL == 0 {
            is_stopped.set(!on_progress(read));
        }
        !is_stopped.get()
    };
    let mut reports = Vec::new();
    let mut chosen = reader.tenants()?;
    chosen.retain(|tenant| tenants.is_empty() || tenants.contains(&tenant.name));
    // Two servers may have one name, and are one community then.
    chosen.dedup_by(|one, other| one.name == other.name);
    let as_of = chosen.iter().filter_map(|tenant| tenant.last_success_at).max();
    for tenant in &chosen {
        let mut channels = reader.activity_channels(&tenant.name, request.includes_closed)?;
        channels.retain(|channel| !request.excluded.contains(&channel.row));
        let facts =
            Facts::count(reader, &channels, calendar, *period, request.includes_deleted, &mut on_message)?;
        if is_stopped.get() {
            return Err(Interrupted::Stopped);
        }
        let states = reader.channel_states(&tenant.name)?;
        let end = calendar.start(period.end);
        let posts = reader.forum_posts(&tenant.name, end, request.includes_deleted, &channels)?;
        let questions = Questions::of(&posts, calendar, *period);
        reports.push(TenantReport::of(
            &tenant.name,
            &facts,
            calendar,
            questions,
            states,
            tenant.last_success_at,
        ));
    }
    // The largest first, so that a page or digest without room for all leaves out the smallest.
    reports.sort_by(|one, other| {
        let size = |report: &TenantReport| report.messages.now.number();
        size(other).cmp(&size(one)).then_with(|| one.tenant.cmp(&other.tenant))
    });
    Ok(Report {
        schema: SCHEMA,
        as_of: as_of.map(time_text),
        timezone: calendar.name().to_owned(),
        period: Dates::of(*period),
        before: Dates::of(period.before()),
        includes_deleted: request.includes_deleted,
        tenants: reports,
    })
}

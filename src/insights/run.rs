//! Makes a report.

use std::cell::Cell;

use hashbrown::HashSet;

use super::calendar::{Calendar, Period};
use super::counting::Counted;
use super::figures::Figures;
use super::questions::{Asked, Questions};
use super::report::{Dates, Health, Report, SCHEMA, TenantReport, time_text};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

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
    /// Names of tags that say that a question is solved.
    pub solved_tags: Vec<String>,
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
    let as_of = chosen.iter().filter_map(|tenant| tenant.last_success_at).max();
    // Two servers may have one name, and are one community then, as old as the older of the two.
    chosen.dedup_by(|one, other| {
        let is_same = one.name == other.name;
        if is_same {
            other.last_success_at = other.last_success_at.min(one.last_success_at);
        }
        is_same
    });
    for tenant in &chosen {
        let report = of_tenant(reader, request, &tenant.name, tenant.last_success_at, &mut on_message)?;
        if is_stopped.get() {
            return Err(Interrupted::Stopped);
        }
        reports.push(report);
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

fn of_tenant(
    reader: &Reader,
    request: &Request,
    tenant: &str,
    last_success: Option<Timestamp>,
    on_message: &mut dyn FnMut() -> bool,
) -> Result<TenantReport, ArchiveError> {
    let Request { period, calendar, includes_deleted, .. } = request;
    let mut channels = reader.activity_channels(tenant, request.includes_closed)?;
    channels.retain(|channel| !request.excluded.contains(&channel.row));
    let counted = Counted {
        reader,
        channels: &channels,
        calendar,
        period: *period,
        includes_deleted: *includes_deleted,
    };
    let facts = counted.facts(on_message)?;
    let end = calendar.start(period.end);
    let posts = reader.forum_posts(tenant, end, *includes_deleted, &channels)?;
    let asked = Asked { posts: &posts, solved_tags: &request.solved_tags, calendar };
    let figures = Figures { tenant, facts: &facts, calendar };
    let questions = Questions::of(&asked, *period, figures.reaches_back());
    Ok(figures.report(questions, health(reader, request, tenant, last_success)?))
}

fn health(
    reader: &Reader,
    request: &Request,
    tenant: &str,
    last_success: Option<Timestamp>,
) -> Result<Health, ArchiveError> {
    let Request { period, calendar, .. } = request;
    let states = reader.channel_states(tenant)?;
    let mut days: Vec<_> =
        reader.successes(tenant)?.into_iter().map(|success| calendar.day_and_hour(success).0).collect();
    days.dedup();
    let first = days.first().map_or(period.end, |first| period.first.max(*first));
    let known = Period { first, end: period.end };
    let all = u64::try_from(known.days()).unwrap_or(0);
    let with_success = days.into_iter().filter(|day| known.contains(*day)).count() as u64;
    Ok(Health {
        last_success: last_success.map(time_text),
        channels_read: states.active,
        channels_unreadable: states.unreadable,
        channels_hidden: states.hidden,
        days_since_first_success: all,
        days_without_success: all - with_success,
        messages_unreadable: reader.unread_messages(tenant)?,
    })
}

//! Formats the plan of a sync as text and JSON.

use std::fmt::Write as _;
use std::time::Duration;

use hashbrown::HashMap;
use serde_json::{Value, json};

use super::groups::full_name;
use super::json::SCHEMA;
use super::mark::{FAILURE, HINT, WARNING};
use super::table::{Concession, SHORTEST_NAME, Table, with_noun, with_separators};
use super::{duration, iso, platform_hint, utc_seconds};
use crate::model::{Cause, ChannelId, PlatformSpec, Timestamp, WorkspaceId};
use crate::plan::{ChannelPlan, ExpectedCost, LeftOut, Plan, UnmatchedEntry};

/// Indentation of what belongs to a tenant.
const INDENT: &str = "  ";
/// The least width to which actions are cut: that of "first read".
const FIRST_READ: usize = 10;
/// Most channels that text output lists as read; the same limit for those left out.
const SHOWN_CHANNELS: usize = 40;

/// What a sync would do for a tenant.
#[derive(Debug)]
pub struct PlannedTenant {
    /// The tenant's name.
    pub name: String,
    /// The tenant's platform.
    pub platform: &'static PlatformSpec,
    /// The tenant's workspace.
    pub workspace_id: WorkspaceId,
    /// The plan, or the cause and message of the error that prevented it.
    pub plan: Result<Plan, (Cause, String)>,
    /// Channel names, scrubbed.
    pub names: HashMap<ChannelId, String>,
    /// For each channel to read, the earliest time of its first message to read.
    pub start_times: HashMap<ChannelId, Timestamp>,
    /// Entries of `include_channels` and `exclude_channels` that match no channel.
    pub unmatched: Vec<UnmatchedEntry>,
    /// Reactions with a pending reactor list.
    pub pending_reactor_lists: u64,
    /// Time budget of a run for reading reactor lists; `None` if they are not read.
    pub reaction_budget: Option<Duration>,
    /// Requests sent to list the workspace's channels.
    pub listing_requests: u64,
    /// Lower bound of the requests and time for reading; `None` without a plan.
    pub expected: Option<ExpectedCost>,
}

impl PlannedTenant {
    fn name_of(&self, channel: ChannelId) -> &str {
        self.names.get(&channel).map_or("", String::as_str)
    }

    fn requests(&self) -> u64 {
        self.listing_requests + self.expected.map_or(0, |expected| expected.requests)
    }
}

/// The plan as text, one paragraph per tenant; its tables fit `columns`.
pub fn plan(tenants: &[PlannedTenant], columns: Option<usize>) -> String {
    tenants.iter().map(|planned| tenant(planned, columns)).collect::<Vec<_>>().join("\n")
}

fn tenant(tenant: &PlannedTenant, columns: Option<usize>) -> String {
    let mut text = String::new();
    match &tenant.plan {
        Ok(plan) => {
            writeln!(
                text,
                "{}: {} to read, {} unchanged, {} left out, {} dead-lettered",
                tenant.name,
                with_noun(plan.reads.len() as u64, "channel"),
                with_separators(plan.skipped.len() as u64),
                with_separators(plan.left_out.len() as u64),
                with_separators(plan.dead_letters.len() as u64),
            )
            .ok();
            write_expected(&mut text, tenant, plan);
            for unmatched in &tenant.unmatched {
                writeln!(text, "  {WARNING} {}", unmatched.problem()).ok();
                writeln!(text, "    {HINT} {}", unmatched.hint()).ok();
            }
            write_reads(&mut text, tenant, plan, columns);
            write_unread(&mut text, tenant, plan);
        }
        Err((cause, error)) => {
            writeln!(text, "{}: {FAILURE} {error}", tenant.name).ok();
            if let Some(hint) = platform_hint(tenant.platform, *cause) {
                writeln!(text, "    {HINT} {hint}").ok();
            }
        }
    }
    text
}

fn write_reads(text: &mut String, tenant: &PlannedTenant, plan: &Plan, columns: Option<usize>) {
    if plan.reads.is_empty() {
        return;
    }
    let shown = || plan.reads.iter().map(AsRef::as_ref).take(SHOWN_CHANNELS);
    let from = |read: &ChannelPlan| tenant.start_times.get(&read.channel.id).map(|start| utc_seconds(*start));
    let messages =
        |read: &ChannelPlan| read.known_messages().map_or_else(|| "unknown".to_owned(), with_separators);
    let mut table = Table::default();
    table.text("action", shown().map(action));
    table.text("channel", shown().map(|read| full_name(tenant.name_of(read.channel.id))));
    table.text("id", shown().map(|read| tenant.platform.channel_text(read.channel.id)));
    table.text("type", shown().map(|read| read.channel.kind.name().to_owned()));
    table.text("from", shown().map(|read| from(read).unwrap_or_default()));
    table.number("messages", shown().map(messages));
    table.fit(
        columns.map(|columns| columns.saturating_sub(INDENT.len())),
        &[
            Concession::Shorten("from", |time| time.split(' ').next().unwrap_or_default()),
            Concession::Omit("type"),
            Concession::Omit("from"),
            Concession::Cut("action", FIRST_READ),
            Concession::Cut("channel", SHORTEST_NAME),
            Concession::Omit("id"),
        ],
    );
    text.push_str(&table.lines(INDENT));
    write_more(text, plan.reads.len());
}

/// Writes how many of `total` channels were not shown.
fn write_more(text: &mut String, total: usize) {
    if let Some(more) = total.checked_sub(SHOWN_CHANNELS).filter(|more| *more > 0) {
        writeln!(text, "  and {} more: --format json lists all", with_separators(more as u64)).ok();
    }
}

/// What is read of a channel: "refresh", "read on (retry)", "refresh + backfill",
/// "refresh + 2 parts re-read".
fn action(read: &ChannelPlan) -> String {
    let mut action = read.action.name().to_owned();
    if read.backfill.is_some() {
        action.push_str(" + backfill");
    }
    if !read.rereads.is_empty() {
        write!(action, " + {} re-read", with_noun(read.rereads.len() as u64, "part")).ok();
    }
    if read.is_retry {
        action.push_str(" (retry)");
    }
    action
}

/// Writes the dead-letter channels and the channels left out.
fn write_unread(text: &mut String, tenant: &PlannedTenant, plan: &Plan) {
    for (channel, until) in &plan.dead_letters {
        let name = full_name(tenant.name_of(*channel));
        let channel = tenant.platform.channel_text(*channel);
        writeln!(
            text,
            "  dead-letter  #{name} ({channel}): too many consecutive failures, next try at {}",
            utc_seconds(*until)
        )
        .ok();
    }
    for left_out in plan.left_out.iter().take(SHOWN_CHANNELS) {
        let name = full_name(tenant.name_of(left_out.channel));
        let channel = tenant.platform.channel_text(left_out.channel);
        writeln!(text, "  left out  #{name} ({channel}): {}", left_out.explanation()).ok();
    }
    write_more(text, plan.left_out.len());
}

fn write_expected(text: &mut String, tenant: &PlannedTenant, plan: &Plan) {
    let Some(expected) = tenant.expected else { return };
    let reactions = match tenant.pending_reactor_lists {
        0 => String::new(),
        pending => format!(" ({} for reactors)", with_separators(pending)),
    };
    let requests = with_noun(tenant.requests(), "request");
    writeln!(text, "  expected: at least {requests}{reactions}, {}", duration(expected.time)).ok();
    if expected.unknown_channels > 0 {
        let channels = with_noun(expected.unknown_channels, "channel");
        writeln!(text, "  plus the messages of {channels} of unknown size").ok();
    }
    if let Some(budget) = tenant.reaction_budget.filter(|_| !plan.reads.is_empty()) {
        let budget = duration(budget);
        writeln!(
            text,
            "  plus reactors: at least one request for each emoji of a message, for at most {budget} per run"
        )
        .ok();
    }
}

/// The plan as JSON, with all channels.
pub fn plan_json(tenants: &[PlannedTenant]) -> Value {
    json!({ "schema": SCHEMA, "tenants": tenants.iter().map(tenant_json).collect::<Vec<_>>() })
}

fn tenant_json(tenant: &PlannedTenant) -> Value {
    let workspace = tenant.platform.workspace_text(tenant.workspace_id);
    let mut value = json!({ "tenant": tenant.name, "guild_id": workspace });
    match &tenant.plan {
        Ok(plan) => {
            value["reads"] = plan.reads.iter().map(|read| read_json(tenant, read)).collect();
            value["skipped"] = plan.skipped.iter().map(|channel| channel_json(tenant, *channel)).collect();
            value["waiting"] = plan.dead_letters.iter().map(|dead| waiting_json(tenant, *dead)).collect();
            value["left_out"] =
                plan.left_out.iter().map(|left_out| left_out_json(tenant, left_out)).collect();
            value["unmatched_entries"] = tenant.unmatched.iter().map(unmatched_json).collect();
            value["reactions_pending"] = tenant.pending_reactor_lists.into();
            value["expected"] = json!({
                "requests": tenant.requests(),
                "seconds": tenant.expected.map(|expected| expected.time.as_secs_f64()),
                "channels_of_unknown_size": tenant.expected.map(|expected| expected.unknown_channels),
            });
        }
        Err((cause, error)) => {
            value["error"] = json!({ "cause": cause.name(), "error": error, "hint": platform_hint(tenant.platform, *cause) });
        }
    }
    value
}

fn channel_json(tenant: &PlannedTenant, channel: ChannelId) -> Value {
    json!({ "channel_id": tenant.platform.channel_text(channel), "channel": tenant.name_of(channel) })
}

fn waiting_json(tenant: &PlannedTenant, (channel, until): (ChannelId, Timestamp)) -> Value {
    let mut value = channel_json(tenant, channel);
    value["until"] = iso(until).into();
    value
}

fn read_json(tenant: &PlannedTenant, read: &ChannelPlan) -> Value {
    json!({
        "channel_id": tenant.platform.channel_text(read.channel.id),
        "channel": tenant.name_of(read.channel.id),
        "channel_type": read.channel.kind.name(),
        "action": read.action.name().replace(' ', "_"),
        "retry": read.is_retry,
        "after_message_id": read.after.map(|id| tenant.platform.message_text(id)),
        "earlier_history_from": read.backfill.map(|backfill| backfill.since.map(iso)),
        "parts_again": read.rereads.len(),
        "from": tenant.start_times.get(&read.channel.id).map(|start| iso(*start)),
        "expected_messages": read.known_messages(),
    })
}

fn unmatched_json(unmatched: &UnmatchedEntry) -> Value {
    json!({ "key": unmatched.key, "entry": unmatched.entry, "meant": unmatched.suggestion })
}

fn left_out_json(tenant: &PlannedTenant, left_out: &LeftOut) -> Value {
    json!({
        "channel_id": tenant.platform.channel_text(left_out.channel),
        "channel": tenant.name_of(left_out.channel),
        "channel_type": left_out.kind.name(),
        "rule": left_out.reason.rule(),
        "missing_permissions": left_out.reason.missing_permissions(),
        "key": left_out.key,
        "reason": left_out.explanation(),
    })
}

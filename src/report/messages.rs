//! The report of `check --messages`.

use std::fmt::Write as _;

use hashbrown::HashMap;
use serde_json::{Value, json};

use super::check::CheckResult;
use super::json::SCHEMA;
use super::table::{Report, with_noun};
use super::time::{iso, utc_seconds};
use crate::compare::{ChannelComparison, Comparison};
use crate::exit_code::ExitCode;
use crate::model::{
    Cause, ChannelId, Difference, DifferenceClass, DifferenceKind, PlatformSpec, WorkspaceId,
};

/// Differences of one class, and channels, that the report for people names.
const NAMED: usize = 10;

/// The comparison of a tenant with its platform.
#[derive(Debug, Clone)]
pub struct ComparedTenant {
    /// Its name in the configuration.
    pub name: String,
    /// Its platform.
    pub platform: &'static PlatformSpec,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The channels' names, scrubbed and safe to print.
    pub names: HashMap<ChannelId, String>,
    /// What was compared.
    pub comparison: Comparison,
    /// Dead-letter channels, which aren't compared.
    pub dead_letters: u64,
    /// Channels of which nothing is archived yet.
    pub new_channels: u64,
    /// Channels whose archived threads could not be listed.
    pub unlisted_parents: u64,
    /// Other channels and threads of which the platform's answers don't say what they are.
    pub unresolved: u64,
    /// Public channels that the bot can't read.
    pub unreadable: u64,
    /// Why nothing was compared.
    pub failure: Option<(Option<Cause>, String)>,
}

impl ComparedTenant {
    /// The number of differences of a class.
    pub fn count(&self, class: DifferenceClass) -> u64 {
        self.comparison.channels.iter().map(|channel| channel.count(class)).sum()
    }

    /// Messages compared.
    pub fn messages(&self) -> u64 {
        self.comparison.channels.iter().map(|channel| channel.messages).sum()
    }

    fn malformed(&self) -> u64 {
        self.comparison.channels.iter().map(|channel| channel.malformed).sum()
    }

    fn pages(&self) -> u64 {
        self.comparison.channels.iter().map(|channel| channel.pages).sum()
    }

    /// The channels whose comparison ended early.
    fn failed_channels(&self) -> impl Iterator<Item = (&ChannelComparison, &str)> {
        self.comparison.channels.iter().filter_map(|channel| Some((channel, channel.error.as_deref()?)))
    }

    /// Whether the archive lacks something that a sync has to repair or to read, or may lack
    /// it, since not everything asked for was compared.
    pub fn is_incomplete(&self) -> bool {
        self.count(DifferenceClass::Fault) + self.count(DifferenceClass::Young) > 0
            || self.failed_channels().next().is_some()
            || self.unlisted_parents + self.unresolved > 0
            || self.comparison.was_stopped
    }

    /// The differences of a class, in order.
    fn differences(&self, class: DifferenceClass) -> impl Iterator<Item = &Difference> {
        let all = self.comparison.channels.iter().flat_map(|channel| &channel.differences);
        all.filter(move |difference| difference.class == class)
    }

    fn label(&self, channel: ChannelId) -> String {
        let id = self.platform.channel_text(channel);
        self.names.get(&channel).map_or_else(|| format!("channel {id}"), |name| format!("#{name} ({id})"))
    }
}

/// The results for people: a summary, and one result per class of differences.
pub fn comparison_results(tenant: &ComparedTenant) -> Vec<CheckResult> {
    let name = &tenant.name;
    if let Some((cause, error)) = &tenant.failure {
        let hint = cause.and_then(|cause| super::platform_hint(tenant.platform, cause));
        let remedy = hint.unwrap_or("run \"verta-sync start\" first");
        return vec![CheckResult::failure(format!("{name}: {error}"), remedy)];
    }
    let is_left = tenant.comparison.was_stopped;
    if is_left && tenant.comparison.channels.is_empty() {
        return vec![CheckResult::warning(
            format!("{name}: not compared, since the check ended before"),
            "run it again",
        )];
    }
    let mut results = vec![summary(tenant)];
    for (class, what, remedy) in [
        (
            DifferenceClass::Fault,
            "that no change explains: the archive is wrong there",
            "\"verta-sync start --full\" reads everything again; please report it if it comes back",
        ),
        (
            DifferenceClass::Young,
            &*format!("that changed on {} since the last sync", tenant.platform.title),
            "\"verta-sync start\" finds these changes",
        ),
        (
            DifferenceClass::Aged,
            "that changed after they had left the refresh window, which syncs do not follow",
            "\"verta-sync start --full\" reads everything again",
        ),
    ] {
        let count = tenant.count(class);
        if count == 0 {
            continue;
        }
        let text = format!("{name}: {} {what}{}", with_noun(count, "message"), named(tenant, class, count));
        results.push(match class {
            DifferenceClass::Aged => CheckResult::warning(text, remedy),
            DifferenceClass::Fault | DifferenceClass::Young => CheckResult::failure(text, remedy),
        });
    }
    for (channel, error) in tenant.failed_channels().take(NAMED) {
        let text = format!("{name}: {} was not compared to its end: {error}", tenant.label(channel.channel));
        results
            .push(CheckResult::failure(text, "run it again; \"verta-sync status\" shows failing channels"));
    }
    let failed = tenant.failed_channels().count();
    if failed > NAMED {
        let more = with_noun((failed - NAMED) as u64, "more channel");
        results.push(CheckResult::failure(
            format!("{name}: {more} not compared to the end"),
            "--format json names all",
        ));
    }
    results.extend(not_compared(tenant));
    if is_left {
        results
            .push(CheckResult::warning(format!("{name}: stopped before the other channels"), "run it again"));
    }
    results
}

/// What was left out, and why.
fn not_compared(tenant: &ComparedTenant) -> Vec<CheckResult> {
    let (name, platform) = (&tenant.name, tenant.platform.title);
    let failures = [
        (
            tenant.unlisted_parents,
            "channel",
            "whose archived threads could not be listed".to_owned(),
            "run it again later",
        ),
        (
            tenant.unresolved,
            "channel",
            format!("or threads, of which {platform} does not say what became of them"),
            "run it again later; \"verta-sync status\" shows more",
        ),
    ];
    let warnings = [
        (
            tenant.malformed(),
            "message",
            format!("that {platform} delivers malformed"),
            "\"verta-sync status\" shows malformed messages",
        ),
        (
            tenant.unreadable,
            "public channel",
            "that the bot cannot read".to_owned(),
            "\"verta-sync plan\" shows them",
        ),
        (
            tenant.dead_letters,
            "channel",
            "that keep failing".to_owned(),
            "\"verta-sync status --failing\" shows why",
        ),
    ];
    let text = |count, noun, why: &str| format!("{name}: not compared: {} {why}", with_noun(count, noun));
    let failures = failures.iter().filter(|(count, ..)| *count > 0);
    let failures =
        failures.map(|(count, noun, why, remedy)| CheckResult::failure(text(*count, noun, why), *remedy));
    let warnings = warnings.iter().filter(|(count, ..)| *count > 0);
    let warnings =
        warnings.map(|(count, noun, why, remedy)| CheckResult::warning(text(*count, noun, why), *remedy));
    failures.chain(warnings).collect()
}

fn summary(tenant: &ComparedTenant) -> CheckResult {
    let channels = tenant.comparison.channels.len() as u64;
    let mut text = format!(
        "{}: {} on {} of {} compared",
        tenant.name,
        with_noun(tenant.messages(), "message"),
        with_noun(tenant.pages(), "page"),
        with_noun(channels, "channel"),
    );
    let differences: u64 = DifferenceClass::ALL.iter().map(|class| tenant.count(*class)).sum();
    if differences == 0 && !tenant.comparison.was_stopped {
        text += ", no difference";
    }
    if tenant.new_channels > 0 {
        write!(text, "; {} not archived yet", with_noun(tenant.new_channels, "channel")).ok();
    }
    CheckResult::ok(text)
}

/// The first differences of a class, a line each.
fn named(tenant: &ComparedTenant, class: DifferenceClass, count: u64) -> String {
    let mut text = String::new();
    for channel in tenant.comparison.channels.iter().filter(|channel| channel.is_unarchived) {
        if class == DifferenceClass::Fault {
            write!(text, "\n    {}: nothing of it is archived", tenant.label(channel.channel)).ok();
        }
    }
    for difference in tenant.differences(class).take(NAMED) {
        let message = tenant.platform.message_text(difference.message);
        let (label, what) = (tenant.label(difference.channel), description(&difference.kind));
        let sent = utc_seconds(difference.sent_at);
        write!(text, "\n    {label}: message {message} of {sent} {what}").ok();
    }
    if count > NAMED as u64 {
        write!(text, "\n    and {} more (--format json names them)", count - NAMED as u64).ok();
    }
    text
}

fn description(kind: &DifferenceKind) -> String {
    match kind {
        DifferenceKind::Missing => "is missing".to_owned(),
        DifferenceKind::NotDeleted => "is archived, but was deleted".to_owned(),
        DifferenceKind::NotRestored => "is archived as deleted, but exists".to_owned(),
        DifferenceKind::Differs { fields, .. } => {
            let fields: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            format!("differs: {}", fields.join(", "))
        }
    }
}

/// The document of `check --messages`.
pub fn comparison_json(tenants: &[ComparedTenant], percent: f64, exit_code: ExitCode) -> Report {
    let documents: Vec<Value> = tenants.iter().map(tenant_json).collect();
    let document = json!({
        "schema": SCHEMA,
        "exit_code": exit_code.number(),
        "percent": percent,
        "tenants": documents,
    });
    Report::ForPrograms(format!("{document}\n"))
}

fn tenant_json(tenant: &ComparedTenant) -> Value {
    let channels = &tenant.comparison.channels;
    let count =
        |kind, class| channels.iter().filter_map(|channel| channel.counts.get(&(kind, class))).sum::<u64>();
    let of_class = |class: DifferenceClass| {
        let counts = DifferenceKind::NAMES.map(|kind| (kind.to_owned(), json!(count(kind, class))));
        (class.name().to_owned(), Value::Object(counts.into_iter().collect()))
    };
    let counts = Value::Object(DifferenceClass::ALL.map(of_class).into_iter().collect());
    let differences = channels.iter().flat_map(|channel| &channel.differences);
    let failed = tenant.failed_channels().map(|(channel, error)| {
        json!({ "channel_id": tenant.platform.channel_text(channel.channel), "error": error })
    });
    let unarchived = channels.iter().filter(|channel| channel.is_unarchived);
    json!({
        "tenant": tenant.name,
        "guild_id": tenant.platform.workspace_text(tenant.workspace_id),
        "error": tenant.failure.as_ref().map(|(_, error)| error),
        "stopped": tenant.comparison.was_stopped,
        "channels": channels.len(),
        "whole_channels": channels.iter().filter(|channel| channel.is_whole).count(),
        "pages": tenant.pages(),
        "messages": tenant.messages(),
        "counts": counts,
        "differences": differences.map(|difference| difference_json(tenant, difference)).collect::<Vec<_>>(),
        "unarchived_channels":
            unarchived.map(|channel| tenant.platform.channel_text(channel.channel)).collect::<Vec<_>>(),
        "failed_channels": failed.collect::<Vec<_>>(),
        "new_channels": tenant.new_channels,
        "dead_letters": tenant.dead_letters,
        "unlisted_parents": tenant.unlisted_parents,
        "unresolved": tenant.unresolved,
        "unreadable": tenant.unreadable,
        "malformed": tenant.malformed(),
    })
}

fn difference_json(tenant: &ComparedTenant, difference: &Difference) -> Value {
    let fields: Vec<&str> = match &difference.kind {
        DifferenceKind::Differs { fields, .. } => fields.iter().map(|field| field.name()).collect(),
        _ => Vec::new(),
    };
    json!({
        "channel_id": tenant.platform.channel_text(difference.channel),
        "channel": tenant.names.get(&difference.channel),
        "message_id": tenant.platform.message_text(difference.message),
        "sent_at": iso(difference.sent_at),
        "kind": difference.kind.name(),
        "fields": fields,
        "class": difference.class.name(),
    })
}

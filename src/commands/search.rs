//! `verta-sync search`: finds messages by their words.

use std::cell::Cell;
use std::io;

use clap::ValueEnum;

use super::excluded::excluded_channels;
use super::forget::parse_user_id;
use super::progress::with_progress;
use super::search_index::{NoIndex, SearchIndex};
use super::values::{check_order, check_tenants, date, one_of};
use super::{CommandContext, Failure, FailureKind, Outcome, check_output, print_result};
use crate::anonymize::Rules;
use crate::archive::message_scan::{MessageFilter, MessagePart};
use crate::archive::{ArchiveError, ArchiveErrorKind, Reader};
use crate::config::{ArchiveConfig, Config, Overrides};
use crate::model::{Timestamp, with_noun, with_separators};
use crate::report;
use crate::search::index::CurrentIndex;
use crate::search::{Found, Query, Request, run as run_search};
use crate::ui::{to_colored_stdout, to_stderr, to_stdout_for_programs};

/// Digits of a hash that `--author` needs at least.
const MIN_PREFIX: usize = 4;
/// Hits at most, whatever the flag says: they are kept in memory.
const MAX_LIMIT: usize = 100_000;

/// Find messages by their words
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Query: words, all of which must occur; \"a phrase\"; prefix*; -word; OR; parentheses. Case and diacritics make no difference.\nExample: verta-sync search 'wipe* (friday OR saturday) -maybe' --tenant takaro --since 2026-01-01"
)]
pub struct SearchArgs {
    /// What to search for
    #[arg(value_name = "QUERY", required = true)]
    pub query: Vec<String>,
    /// Search only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Search only this channel and its threads, by ID or name (repeatable)
    #[arg(long = "channel", value_name = "ID|NAME")]
    pub channel_names: Vec<String>,
    /// Search only messages of this person: user ID, hash, or the first digits of a hash
    #[arg(long, value_name = "ID|HASH")]
    pub author: Option<String>,
    /// Search only messages sent at this time or later (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub since: Option<Timestamp>,
    /// Search only messages sent before this time (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<Timestamp>,
    /// Search only messages that have this (repeatable); "thread" also searches thread names
    #[arg(long, value_name = "PART", value_parser = one_of(&MessagePart::ALL, MessagePart::name))]
    pub has: Vec<MessagePart>,
    /// Which hits to show first
    #[arg(long, value_name = "ORDER", default_value = "newest")]
    pub sort: Order,
    /// Show at most this many hits
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Show this many messages before and after each hit
    #[arg(short = 'C', long = "context", value_name = "N", default_value_t = 0)]
    pub context: u32,
    /// Print only the number of hits
    #[arg(long)]
    pub count: bool,
    /// Find deleted messages as well
    #[arg(long)]
    pub include_deleted: bool,
    /// Build the index of words anew, before searching
    #[arg(long)]
    pub reindex: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: SearchFormat,
}

/// The order of the hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Order {
    Newest,
    Oldest,
}

/// How hits are written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchFormat {
    Human,
    Json,
    Csv,
}

/// Searches the archive and prints the hits. No hit is no failure; why there is none is said
/// on stderr.
///
/// # Errors
/// Returns a [`Failure`] if the query or a filter can't be understood, the archive can't be
/// read, or the result can't be written.
pub fn run(args: &SearchArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let query = args.query.join(" ");
    let query = Query::parse(&query).map_err(|error| {
        Failure::new(FailureKind::Usage, format!("cannot understand the query: {error}"))
            .hint("verta-sync search --help shows what a query may contain")
    })?;
    let path = &config.archive.path;
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    let filter = filter(args, &config.archive, &reader, context)?;
    check_tenants(&args.tenants, &reader, &config)?;
    let request = Request {
        query,
        filter,
        is_oldest_first: args.sort == Order::Oldest,
        limit: if args.count { 0 } else { args.limit.min(MAX_LIMIT) },
        context: args.context,
        counts: args.count,
    };
    let index = SearchIndex::new(context, &config);
    let reader = if args.reindex {
        drop(reader);
        build(&index, context).map_err(|error| index.failure(error))?;
        Reader::open(path).map_err(failed)?
    } else {
        reader
    };
    let (mut found, reader) = find(&index, reader, &request, &config, context).map_err(failed)?;
    mark_excluded(&mut found, &reader, &config).map_err(failed)?;
    match args.format {
        SearchFormat::Json => print_result(&report::search_json(&found, request.limit))?,
        _ if args.count => print_result(&format!("{}\n", found.count.unwrap_or_default()))?,
        SearchFormat::Csv => check_output(to_stdout_for_programs(&report::search_csv(&found)))?,
        SearchFormat::Human => {
            let text = report::search(&found, context.colors_stdout());
            check_output(to_colored_stdout(&text))?;
        }
    }
    if found.is_empty() {
        to_stderr(&format!("{}\n", reason(&found, &request.filter, &reader).map_err(failed)?));
    } else if args.format == SearchFormat::Human && !args.count {
        to_stderr(&format!("{}\n", summary(&found, args.sort)));
    }
    Ok(Outcome::Done)
}

/// Searches with the index, which is built if that is wanted and possible, or by reading.
fn find(
    index: &SearchIndex<'_>,
    mut reader: Reader,
    request: &Request,
    config: &Config,
    context: &CommandContext,
) -> Result<(Found, Reader), ArchiveError> {
    let search = |reader: &Reader, current: Option<CurrentIndex>| {
        let line = |read| format!("searched {} messages", with_separators(read));
        with_progress(context, |on_read| run_search(reader, current, request, on_read), line)
    };
    // A sync may change the index between the two snapshots, hence twice; then it is built.
    let attempts = if config.search.index { 3 } else { 0 };
    for attempt in 0..attempts {
        let opened = index.open();
        let is_busy = opened.as_ref().is_err_and(|error| error.kind == ArchiveErrorKind::Busy);
        let snapshot = reader.snapshot()?;
        let current = opened.ok().map(|opened| CurrentIndex::of(opened, &reader)).transpose();
        let found = match current.map(Option::flatten) {
            Ok(Some(current)) => search(&reader, Some(current)).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        drop(snapshot);
        match found {
            Ok(Some(found)) => return Ok((found, reader)),
            Ok(None) if is_busy => break,
            Ok(None) => {}
            // An error may be the index's as well as the archive's.
            Err(error) => {
                tracing::info!("cannot use the search index: {error}");
                if error.kind != ArchiveErrorKind::Corrupt {
                    break;
                }
            }
        }
        if attempt == 1 {
            drop(reader);
            let built = build(index, context);
            reader = Reader::open(&config.archive.path)?;
            if let Err(error) = built {
                tracing::info!("searching without an index: {error}");
                break;
            }
        }
    }
    let snapshot = reader.snapshot()?;
    let found = search(&reader, None)?;
    drop(snapshot);
    Ok((found, reader))
}

/// Marks hits in channels that the configuration excludes now.
fn mark_excluded(found: &mut Found, reader: &Reader, config: &Config) -> Result<(), ArchiveError> {
    let excluded = excluded_channels(reader, config)?;
    let messages = found
        .hits
        .iter_mut()
        .flat_map(|hit| hit.before.iter_mut().chain([&mut hit.message]).chain(hit.after.iter_mut()));
    for message in messages.filter(|message| excluded.contains(&message.key.channel)) {
        if message.channel_state == "active" {
            "excluded".clone_into(&mut message.channel_state);
        }
    }
    Ok(())
}

/// Builds the index, and shows at a terminal how far it is. This process has no connection to the
/// archive.
fn build(index: &SearchIndex<'_>, context: &CommandContext) -> Result<(), NoIndex> {
    let total = Cell::new(0);
    let work = |on_read: &mut dyn FnMut(u64)| {
        index.build(&mut |read, of| {
            total.set(of);
            on_read(read);
        })
    };
    with_progress(context, work, |read| report::indexing(read, total.get()))
}

fn filter(
    args: &SearchArgs,
    archive: &ArchiveConfig,
    reader: &Reader,
    context: &CommandContext,
) -> Result<MessageFilter, Failure> {
    check_order(args.since, args.until)?;
    let author = args.author.as_deref().map(|text| author(text, archive, reader, context)).transpose()?;
    Ok(MessageFilter {
        tenants: args.tenants.clone(),
        channels: args.channel_names.clone(),
        author,
        since: args.since,
        until: args.until,
        has: args.has.clone(),
        includes_deleted: args.include_deleted,
    })
}

/// The hash, or the beginning of one, that `--author` stands for. The error message doesn't
/// quote it: it may be a mistyped ID.
fn author(
    text: &str,
    archive: &ArchiveConfig,
    reader: &Reader,
    context: &CommandContext,
) -> Result<String, Failure> {
    let text = text.trim().to_ascii_lowercase();
    // Before the check for a prefix, because an ID has only digits. Only an ID needs the key.
    if parse_user_id(&text, Rules::plain(context.registry.specs)).is_ok() {
        let rules = context.rules(archive)?;
        let path = &archive.path;
        reader.check_scheme(path, rules.scheme).map_err(|error| Failure::archive(&error, path))?;
        return Ok(parse_user_id(&text, rules)?.to_string());
    }
    let is_prefix =
        (MIN_PREFIX..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_prefix {
        return Ok(text);
    }
    Err(Failure::new(FailureKind::Usage, "invalid value for --author: neither a user ID nor a hash")
        .hint("use a user ID, or at least 4 of the 64 hexadecimal digits that the archive shows as author"))
}

/// How many hits are shown, and how to see the rest.
fn summary(found: &Found, order: Order) -> String {
    let hits = with_noun(found.hits.len() as u64, "hit");
    if let Some(until) = found.searched_until {
        let (flag, until) = (if order == Order::Newest { "--until" } else { "--since" }, report::iso(until));
        return format!(
            "{hits}; too many messages have these words, so it was searched only up to {until}; {flag} {until} goes on there"
        );
    }
    if found.has_more { format!("{hits} shown; there are more: --limit shows them") } else { hits }
}

/// Why nothing was found.
fn reason(found: &Found, filter: &MessageFilter, reader: &Reader) -> Result<String, ArchiveError> {
    let scope = reader.filter_scope(filter)?;
    if let Some(until) = found.searched_until {
        let until = report::iso(until);
        return Ok(format!("no hit up to {until}; too many messages have these words to search on"));
    }
    if scope.people == Some(0) {
        return Ok("no hit: the archive does not know this author".to_owned());
    }
    if scope.channels == 0 && !filter.channels.is_empty() {
        return Ok("no hit: the archive has no such channel; the view channel_log lists all".to_owned());
    }
    if scope.tenant_messages == 0 {
        return Ok("no hit: nothing of this tenant is archived yet; run \"verta-sync start\"".to_owned());
    }
    if scope.messages == 0 {
        return Ok("no hit: nothing of this channel is archived".to_owned());
    }
    if !reader.has_message(filter)? {
        return Ok("no hit: no message is within the filters".to_owned());
    }
    let messages = with_noun(scope.messages, "message");
    let within = if filter.narrows_channels() { " within the filters" } else { "" };
    Ok(match found.missing.as_slice() {
        [] => format!("no hit: none of {messages}{within} has all of this"),
        [missing] => format!("no hit: none of {messages}{within} has \"{missing}\""),
        missing => format!("no hit: none of {messages}{within} has one of \"{}\"", missing.join("\", \"")),
    })
}

//! Stores the facts gathered about a tenant's channels. Only public channels are stored.

use hashbrown::{HashMap, HashSet};

use super::newest_thread;
use crate::anonymize;
use crate::archive::{ArchiveError, ChannelRow, TenantRow, Tx, channels, findings, named_threads, progress};
use crate::model::{Channel, ChannelId, ChannelState, ProvenState};
use crate::plan::{Facts, LeftOutReason, Plan};
use crate::sync::context::Context;
use crate::sync::tenant_scope::TenantScope;

/// Channels stored per transaction.
const CHANNEL_BATCH_SIZE: usize = 500;

/// The row and the scrubbed name of each stored channel.
pub(super) type StoredChannels = HashMap<ChannelId, (ChannelRow, Box<str>)>;

/// Stores public channels in batches, parents before their children.
async fn store_channels(
    scope: &TenantScope,
    mut channels: Vec<(&Channel, ChannelState)>,
) -> Result<StoredChannels, ArchiveError> {
    channels.sort_by_key(|(channel, _)| (channel.kind.is_thread(), channel.parent_id.is_some()));
    let (context, tenant, scrubber) = (&scope.context, scope.row, scope.task.platform.scrubber());
    let (mut rows, now) = (StoredChannels::with_capacity(channels.len()), context.clock.now());
    for batch in channels.chunks(CHANNEL_BATCH_SIZE) {
        let public: Vec<anonymize::Channel> =
            batch.iter().map(|(channel, state)| scrubber.channel((*channel).clone(), *state)).collect();
        let stored = context.writer.run(move |tx| channels::store(tx, tenant, &public, now)).await?;
        rows.extend(stored.into_iter().map(|(id, (row, name))| (id, (row, name.into_boxed_str()))));
    }
    Ok(rows)
}

/// Stores every public channel that isn't in `before`, and the state of known ones. The
/// watermarks of the listings are stored last, so that an interruption lists again what
/// wasn't stored.
pub(super) async fn store_facts(
    scope: &TenantScope,
    facts: &Facts,
    before: &HashSet<ChannelId>,
    plan: &Plan,
    is_complete: bool,
) -> Result<StoredChannels, ArchiveError> {
    let (context, tenant) = (scope.context.as_ref(), scope.row);
    let left_out: HashMap<ChannelId, &LeftOutReason> =
        plan.left_out.iter().map(|left_out| (left_out.channel, &left_out.reason)).collect();
    let state = |channel: &Channel| stored_state(left_out.get(&channel.id).copied());
    let public = facts
        .channels
        .iter()
        .filter(|channel| channel.visibility.everyone_sees && !before.contains(&channel.id))
        .filter_map(|channel| Some((channel, state(channel)?)));
    let mut stored = store_channels(scope, public.collect()).await?;
    let skipped: HashSet<ChannelId> = plan.skipped.iter().copied().collect();
    let skipped_rows: Vec<ChannelRow> =
        stored.iter().filter(|(id, _)| skipped.contains(*id)).map(|(_, (row, _))| *row).collect();
    for batch in facts.remembered.chunks(CHANNEL_BATCH_SIZE) {
        let remembered = batch.iter().filter_map(|channel| {
            Some(RememberedChannel {
                id: channel.id,
                // Channels that aren't read need no name.
                name: (!skipped.contains(&channel.id)).then(|| channel.name.as_str().into()),
                state: state(channel)?,
            })
        });
        let remembered: Vec<RememberedChannel> = remembered.collect();
        stored.extend(store_remembered(context, tenant, remembered).await?);
    }
    let (proven_states, listings) = (facts.proven_states.clone(), facts.listings.clone());
    // Failed lookups count as well, so that the next run looks up the others first.
    let failed = facts.inconclusive.iter().map(|(channel, _)| *channel);
    let asked: Vec<ChannelId> = facts.refused.iter().copied().chain(failed).collect();
    let vanished = facts.vanished.clone();
    let newest_threads: Vec<(ChannelId, ChannelId)> =
        facts.channels.iter().filter_map(newest_thread).collect();
    let has_channels = plan.wanted_channels > 0;
    let now = context.clock.now();
    context
        .writer
        .run(move |tx| {
            for (channel, proven) in &proven_states {
                if let Some(row) = channels::find(tx, tenant, *channel)? {
                    channels::set_state(tx, row, *proven, now)?;
                }
            }
            if is_complete {
                channels::record_lookups(tx, tenant, &vanished, &asked, now)?;
                findings::record_channel_presence(tx, tenant, has_channels, now)?;
                for (parent, thread) in &newest_threads {
                    if let Some(row) = channels::find(tx, tenant, *parent)? {
                        named_threads::record(tx, row, *thread, now)?;
                    }
                }
            }
            progress::finish_skipped(tx, &skipped_rows, now)?;
            for listing in &listings {
                if let Some(row) = channels::find(tx, tenant, listing.parent)? {
                    let (complete, bottom) = (listing.is_complete, listing.reached_bottom);
                    progress::record_thread_listing(
                        tx,
                        tenant,
                        row,
                        listing.watermark,
                        complete,
                        bottom,
                        now,
                    )?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(stored)
}

/// A known channel whose archived facts are still valid.
struct RememberedChannel {
    id: ChannelId,
    /// Its name; `None` if it isn't read.
    name: Option<Box<str>>,
    state: ChannelState,
}

/// Records that channels still exist. Returns those to be read.
async fn store_remembered(
    context: &Context,
    tenant: TenantRow,
    remembered: Vec<RememberedChannel>,
) -> Result<Vec<(ChannelId, (ChannelRow, Box<str>))>, ArchiveError> {
    let now = context.clock.now();
    let store = move |tx: &mut Tx<'_>| {
        let (mut rows, mut skipped) = (Vec::new(), Vec::new());
        for channel in &remembered {
            let Some(row) = channels::find(tx, tenant, channel.id)? else { continue };
            let proven = ProvenState::from_listing(channel.state == ChannelState::Active);
            channels::set_state(tx, row, proven, now)?;
            match &channel.name {
                Some(name) => rows.push((channel.id, (row, name.clone()))),
                None => skipped.push(row),
            }
        }
        progress::finish_skipped(tx, &skipped, now)?;
        Ok(rows)
    };
    context.writer.run(store).await
}

/// The state to store for a public channel, by the reason it is left out, if any; `None`
/// if nothing is stored.
fn stored_state(left_out: Option<&LeftOutReason>) -> Option<ChannelState> {
    use LeftOutReason::{
        BotLacks, HistoryNotPublic, Kind, NotPublic, NotWanted, SinceInFuture, Unreadable, Vanished,
    };
    match left_out {
        Some(Kind | NotPublic(_) | HistoryNotPublic | NotWanted | SinceInFuture | Unreadable | Vanished) => {
            None
        }
        Some(BotLacks(_)) => Some(ChannelState::Unreadable),
        None => Some(ChannelState::Active),
    }
}

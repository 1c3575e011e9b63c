//! Parley, a fictitious platform whose IDs, markup and limits differ from Discord's.

mod client;
mod convert;
pub mod ids;
mod markup;

use std::sync::Arc;

use async_trait::async_trait;
use verta_sync::model::{
    BotIdentity, Cause, Channel, ChannelId, Emoji, IdCodec as _, IdTimes, MessageId, MessageIdFormat,
    MessagePage, PlatformSpec, ReactorPage, Timestamp, UserId, Workspace, WorkspaceId,
};
use verta_sync::monitor::Monitor;
use verta_sync::platform::{
    AdapterSettings, ConnectError, ErrorKind, PageCursor, PageRequest, PlatformAdapter, PlatformError,
};

use self::client::Parley;
use self::ids::ParleyIds;
use self::markup::ParleyMarkup;
use crate::wire::{Question, REACTORS_PER_PAGE, Team};

/// The properties of Parley that the rest of the program depends on.
pub static SPEC: PlatformSpec = PlatformSpec {
    name: "parley",
    title: "Parley",
    workspace_key: "team_id",
    workspace_noun: "team",
    workspace_id_help: "a \"T\" with capital letters and digits",
    channel_id_help: "copy the ID from the channel's details in Parley",
    parse_workspace: |text| ids::read('T', text).and_then(WorkspaceId::new),
    user_id_help: "(a \"U\" with capital letters and digits, from a profile in Parley)",
    ids: &ParleyIds,
    message_ids: MessageIdFormat::Fraction { digits: 6 },
    written_types: &[0],
    message_url: "https://parley.example/{workspace}/archives/%s/p%.0s%d",
    markup: &ParleyMarkup,
    default_token_env: "PARLEY_TOKEN",
    new_token_help: "create a new token in Parley's settings",
    channel_permissions: "the channel",
    content_setting: "reading messages",
    remedy: |cause| (cause == Cause::TokenRejected).then_some("create a new token in Parley's settings"),
    token_page: "Parley's settings",
    default_api_url: "https://api.parley.example",
    hosts: &["parley.example"],
    default_requests_per_second: 10.0,
    max_requests_per_second: 20.0,
    max_page_size: 200,
};

/// Backlog of requests that others depend on, which gives them priority; and that they are
/// no probes.
const FIRST: (u64, bool) = (u64::MAX, false);

pub fn connect(settings: &AdapterSettings, token: &str) -> Result<Arc<dyn PlatformAdapter>, ConnectError> {
    Ok(Arc::new(Parley::new(settings, token)?))
}

#[async_trait]
impl PlatformAdapter for Parley {
    fn spec(&self) -> &'static PlatformSpec {
        &SPEC
    }

    async fn identity(&self, monitor: &dyn Monitor) -> Result<BotIdentity, PlatformError> {
        let now = self.ask(Question::Time, "the server's time", FIRST, monitor).await?;
        let server_time = Some(Timestamp::from_millis(now));
        Ok(BotIdentity { reads_content: Some(true), server_time, invite_url: None })
    }

    async fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<(Workspace, Vec<Channel>), PlatformError> {
        let team = ParleyIds.workspace_text(id).to_string();
        let subject = format!("team {team}");
        let team: Team = self.ask(Question::Team(team), &subject, FIRST, monitor).await?;
        let channels = team.channels.into_iter().filter_map(convert::channel).collect();
        Ok((Workspace { id, name: team.name }, channels))
    }

    /// Parley has no threads.
    async fn active_threads(
        &self,
        _: WorkspaceId,
        _: &[Channel],
        _: &dyn Monitor,
    ) -> Result<Vec<Channel>, PlatformError> {
        Ok(Vec::new())
    }

    async fn archived_threads(
        &self,
        _: &Channel,
        _: Option<Timestamp>,
        _: &dyn Monitor,
    ) -> Result<(Vec<Channel>, bool), PlatformError> {
        Ok((Vec::new(), false))
    }

    async fn channel(
        &self,
        id: ChannelId,
        _: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<Channel, PlatformError> {
        let channel = ParleyIds.channel_text(id).to_string();
        let subject = format!("channel {channel}");
        let answer = self.ask(Question::Channel(channel), &subject, FIRST, monitor).await?;
        convert::channel(answer).ok_or_else(|| PlatformError::new(ErrorKind::Unreadable, subject, "no ID"))
    }

    async fn messages(
        &self,
        request: &PageRequest,
        monitor: &dyn Monitor,
    ) -> Result<MessagePage, PlatformError> {
        let (after, before) = match request.cursor {
            PageCursor::After(after) => (Some(after.map(message_text).unwrap_or_default()), None),
            PageCursor::Before(before) => (None, Some(message_text(before))),
            PageCursor::Newest => (None, None),
        };
        let channel = ParleyIds.channel_text(request.channel).to_string();
        let subject = format!("messages of channel {channel}");
        let question = Question::History { channel, after, before, limit: request.limit };
        let history = self.ask(question, &subject, (request.backlog, request.is_probe), monitor).await?;
        Ok(convert::page(request.channel, history, request.limit))
    }

    async fn reactors(
        &self,
        (channel, message): (ChannelId, MessageId),
        emoji: &Emoji,
        _: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> Result<ReactorPage, PlatformError> {
        let (Emoji::Unicode(emoji) | Emoji::Custom { name: emoji, .. }) = emoji;
        let channel = ParleyIds.channel_text(channel).to_string();
        let subject = format!("reactors in channel {channel}");
        let question = Question::Reactors {
            channel,
            message: message_text(message),
            emoji: emoji.clone(),
            after: after.map(|user| ParleyIds.user_text(user).to_string()),
        };
        let users: Vec<String> = self.ask(question, &subject, (0, false), monitor).await?;
        let is_full = users.len() >= REACTORS_PER_PAGE;
        let users = users.iter().filter_map(|user| ids::user(user)).map(convert::person).collect();
        Ok(ReactorPage { users, is_full })
    }

    fn channel_pages_per_second(&self) -> f64 {
        5.0
    }

    fn max_page(&self) -> u16 {
        SPEC.max_page_size
    }
}

impl IdTimes for Parley {
    fn id_before(&self, time: Timestamp) -> Option<MessageId> {
        let micros = u64::try_from(time.as_millis()).ok()?.checked_mul(ids::MILLISECOND)?;
        MessageId::new(micros.checked_sub(1)?)
    }

    fn sent_at(&self, id: MessageId) -> Timestamp {
        ids::sent_at(id)
    }
}

fn message_text(message: MessageId) -> String {
    SPEC.message_text(message)
}

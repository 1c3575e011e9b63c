use super::{Call, CallTarget, EPOCH_MILLIS, Fake, Recorder};
use crate::model::{
    BotIdentity, Channel, ChannelId, ChannelKind, MessageId, Timestamp, Visibility, Workspace, WorkspaceId,
};
use crate::platform::{ErrorKind, PageCursor, PageRequest, PlatformAdapter as _, PlatformError};

fn channel_id(raw: u64) -> ChannelId {
    ChannelId::new(raw).unwrap()
}

fn channel(id: u64) -> Channel {
    Channel {
        visibility: Visibility { everyone_sees: true, ..Visibility::default() },
        ..Channel::new(channel_id(id), ChannelKind::Text, "general", Timestamp::from_millis(EPOCH_MILLIS))
    }
}

fn fake() -> Fake {
    let fake = Fake::new();
    fake.add_channel(WorkspaceId::new(1).unwrap(), channel(2));
    for id in [7, 8] {
        fake.add_malformed_message(channel_id(2), MessageId::new(id).unwrap(), "unreadable");
    }
    fake
}

fn request() -> PageRequest {
    let cursor = PageCursor::After(None);
    PageRequest { channel: channel_id(2), cursor, limit: 10, backlog: 0, is_probe: false }
}

async fn ids(fake: &Fake) -> Result<Vec<u64>, ErrorKind> {
    let page = fake.messages(&request(), &Recorder::default()).await;
    let page = page.map_err(|error| error.kind)?;
    Ok(page.malformed.into_iter().filter_map(|malformed| malformed.id).map(MessageId::get).collect())
}

#[tokio::test]
async fn planned_failures_come_in_order_and_only_at_their_place() {
    let fake = fake();
    for kind in [ErrorKind::Server, ErrorKind::Network] {
        fake.fail_next(CallTarget::Messages(channel_id(2)), PlatformError::new(kind, "x", "y"));
    }
    assert!(fake.channel(channel_id(2), WorkspaceId::new(1).unwrap(), &Recorder::default()).await.is_ok());
    assert_eq!(ids(&fake).await, Err(ErrorKind::Server));
    assert_eq!(ids(&fake).await, Err(ErrorKind::Network));
    assert_eq!(ids(&fake).await, Ok(vec![7, 8]));
}

#[tokio::test]
async fn calls_are_recorded() {
    let fake = fake();
    ids(&fake).await.unwrap();
    assert_eq!(
        fake.calls(),
        [Call::Messages { channel: channel_id(2), cursor: PageCursor::After(None), limit: 10 }]
    );
    fake.clear_calls();
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn deleting_a_message_keeps_last_message_id_and_replacing_a_channel_keeps_its_messages() {
    let fake = fake();
    fake.remove_message(channel_id(2), MessageId::new(8).unwrap());
    assert_eq!(ids(&fake).await, Ok(vec![7]));
    let now = fake.channel(channel_id(2), WorkspaceId::new(1).unwrap(), &Recorder::default()).await.unwrap();
    assert_eq!(now.last_message_id, MessageId::new(8));
    fake.change_channel(channel_id(2), |channel| channel.name = "renamed".to_owned());
    fake.add_channel(WorkspaceId::new(1).unwrap(), channel(2));
    assert_eq!(ids(&fake).await, Ok(vec![7]));
    fake.remove_channel(channel_id(2));
    assert_eq!(ids(&fake).await, Err(ErrorKind::NotFound));
}

#[tokio::test]
async fn the_bot_can_be_removed_and_its_token_rejected() {
    let fake = fake();
    let id = WorkspaceId::new(1).unwrap();
    let identity = BotIdentity { reads_content: Some(false), server_time: None, invite_url: None };
    fake.set_identity(identity.clone());
    assert_eq!(fake.identity(&Recorder::default()).await.unwrap(), identity);
    fake.add_workspace(Workspace { id, name: "here".to_owned() });
    let read_workspace = async || fake.workspace(id, &Recorder::default()).await.map_err(|error| error.kind);
    assert_eq!(read_workspace().await.map(|(_, channels)| channels.len()), Ok(1));
    fake.leave_workspace(id);
    assert_eq!(read_workspace().await, Err(ErrorKind::NotInWorkspace));
    fake.reject_token();
    assert_eq!(read_workspace().await, Err(ErrorKind::TokenRejected));
}

//! The server's own search. Of its answers only IDs of channels and threads are read.
//! <https://discord.com/developers/docs/resources/message#search-guild-messages>

use std::fmt::Write as _;

use hashbrown::HashSet;

use super::answer::Answer;
use super::client::Client;
use super::ids::Snowflakes;
use super::wire;
use crate::model::{ChannelId, IdCodec as _, MessageId};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformError, SearchPage, SearchRequest, WrittenChannel};

/// Most messages per page.
const PAGE_SIZE: u16 = 25;

/// Searches the guild, newest message first, and returns one page of the channels that hold
/// the found messages.
pub async fn channels(
    client: &Client,
    request: &SearchRequest,
    monitor: &dyn Monitor,
) -> Result<SearchPage, PlatformError> {
    let SearchRequest { workspace, channel, after, before, page } = *request;
    let offset = page.saturating_mul(PAGE_SIZE);
    // twilight-http 0.18 doesn't have this route.
    let mut path = format!(
        "guilds/{}/messages/search?sort_by=timestamp&sort_order=desc&include_nsfw=true&limit={PAGE_SIZE}",
        workspace.get()
    );
    let filters = [
        ("channel_id", channel.map(ChannelId::get)),
        ("min_id", after.map(MessageId::get)),
        ("max_id", before.map(MessageId::get)),
        ("offset", (offset > 0).then_some(offset.into())),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            write!(path, "&{name}={value}").ok();
        }
    }
    let subject = format!("search of server {}", &*Snowflakes.workspace_text(workspace));
    client.search(&path, &subject, monitor, |answer| read_page(&answer, offset)).await
}

/// The channels of a page of results. A page may hold fewer messages than there are, so
/// that another one follows unless the total says otherwise.
pub(super) fn read_page(answer: &Answer, offset: u16) -> Result<SearchPage, PlatformError> {
    let results: wire::SearchResults = answer.parse()?;
    if results.doing_deep_historical_index {
        let detail = "the index of older messages is being built";
        return Err(PlatformError::new(ErrorKind::NotReady, answer.subject.clone(), detail));
    }
    let threads = results.threads.map(|threads| threads.0).unwrap_or_default();
    let parent_of = |id: ChannelId| {
        let thread = threads.iter().find(|thread| thread.id.0 == id.get())?;
        ChannelId::new(thread.parent_id?.0)
    };
    let (mut channels, mut seen) = (Vec::new(), HashSet::new());
    for message in results.messages.iter().flat_map(|group| group.iter()) {
        let id = ChannelId::new(message.channel_id.0);
        let id = id.ok_or_else(|| answer.missing_error("a readable channel_id"))?;
        if seen.insert(id) {
            channels.push(WrittenChannel { id, parent: parent_of(id) });
        }
    }
    let end = u64::from(offset) + u64::from(PAGE_SIZE);
    let is_full = results.messages.len() >= usize::from(PAGE_SIZE);
    let total = results.total_results;
    Ok(SearchPage { channels, total, has_more: is_full || total > end })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(body: &serde_json::Value, offset: u16) -> Result<SearchPage, PlatformError> {
        let body = bytes::Bytes::from(body.to_string());
        read_page(&Answer { subject: "search".to_owned(), body: body.into(), date: None }, offset)
    }

    fn answer(messages: usize, total: u64) -> serde_json::Value {
        let message = json!([{"channel_id": "9", "content": "hello", "author": {"id": "80351110224678912"}}]);
        json!({"messages": vec![message; messages], "total_results": total, "doing_deep_historical_index": false})
    }

    #[test]
    fn each_channel_is_named_once_with_its_parent() {
        let body = json!({
            "messages": [[{"channel_id": "9"}], [{"channel_id": "7"}, {"channel_id": "9"}]],
            "threads": [{"id": "9", "parent_id": "5", "owner_id": "80351110224678912"}],
            "total_results": 3, "doing_deep_historical_index": false,
        });
        let named = |id, parent| WrittenChannel { id: ChannelId::new(id).unwrap(), parent };
        let expected = [named(9, ChannelId::new(5)), named(7, None)];
        assert_eq!(
            page(&body, 0).unwrap(),
            SearchPage { channels: expected.to_vec(), total: 3, has_more: false }
        );
    }

    #[test]
    fn a_short_page_ends_the_search_only_if_the_total_agrees() {
        let has_more = |messages, total, offset| page(&answer(messages, total), offset).unwrap().has_more;
        assert!(has_more(25, 25, 0), "a full page");
        assert!(has_more(20, 26, 0), "a short page before the end");
        assert!(!has_more(24, 24, 0));
        assert!(!has_more(3, 28, 25));
        assert!(!has_more(0, 0, 0));
    }

    #[test]
    fn an_unfinished_index_and_a_malformed_answer_are_errors() {
        let with = |field: &str, value: serde_json::Value| {
            let mut body = answer(1, 1);
            body[field] = value;
            page(&body, 0).unwrap_err().kind
        };
        assert_eq!(with("doing_deep_historical_index", json!(true)), ErrorKind::NotReady);
        assert_eq!(with("total_results", json!(null)), ErrorKind::Unreadable);
        assert_eq!(with("messages", json!([[{"channel_id": "0"}]])), ErrorKind::Unreadable);
        assert_eq!(with("messages", json!([{"channel_id": "9"}])), ErrorKind::Unreadable);
        assert_eq!(page(&json!({}), 0).unwrap_err().kind, ErrorKind::Unreadable);
        assert_eq!(page(&json!(null), 0).unwrap_err().kind, ErrorKind::Unreadable);
    }
}

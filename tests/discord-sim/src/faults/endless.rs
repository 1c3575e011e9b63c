//! Made-up pages of listings that never end.

use std::fmt::Write as _;

use crate::query::{self, Query};
use crate::route::{Route, RouteKind};
use crate::{snowflake, time};

/// Items per page.
const PAGE_ITEMS: u64 = 100;
/// Snowflakes per millisecond.
const IDS_PER_MS: u64 = 1 << 22;

/// The page of an endless listing at the request's cursor; `None` for routes that can't
/// be made endless.
pub(crate) fn endless_page(route: &Route, query: &Query, now_ms: i64) -> Option<Vec<u8>> {
    match route.kind {
        RouteKind::Messages => Some(messages(route.major, query, now_ms)),
        RouteKind::Reactions => Some(users(query)),
        RouteKind::ArchivedPublicThreads => Some(threads(route.major, query, now_ms)),
        _ => None,
    }
}

/// A page of messages one millisecond apart.
fn messages(channel: u64, query: &Query, now_ms: i64) -> Vec<u8> {
    let cursor = |name| query.get(name).and_then(query::snowflake);
    let now = snowflake::first_of(now_ms);
    let newest = match (cursor("after"), cursor("before")) {
        (Some(after), _) => (after + PAGE_ITEMS * IDS_PER_MS).min(now),
        (None, before) => before.map_or(now, |before| before.saturating_sub(1)),
    };
    list(|k| {
        let id = newest - k * IDS_PER_MS;
        let at = time::iso(snowflake::unix_ms(id));
        format!(
            "{{\"id\":\"{id}\",\"channel_id\":\"{channel}\",\"type\":0,\"content\":\"endless\",\
             \"author\":{{\"id\":\"{}\"}},\"timestamp\":\"{at}\"}}",
            user_id(k)
        )
    })
    .into_bytes()
}

/// A page of users with consecutive IDs after the cursor.
fn users(query: &Query) -> Vec<u8> {
    let after = query.get("after").and_then(query::snowflake).unwrap_or(user_id(0));
    list(|k| format!("{{\"id\":\"{}\",\"username\":\"endless\"}}", after + k + 1)).into_bytes()
}

/// A page of threads archived one millisecond apart.
fn threads(parent: u64, query: &Query, now_ms: i64) -> Vec<u8> {
    let before = query.get("before").and_then(time::parse_iso_us).map_or(now_ms, |us| us / 1000);
    let threads = list(|k| {
        let at_ms = before - 1 - k as i64;
        let (id, at) = (snowflake::first_of(at_ms) + 1, time::iso(at_ms));
        format!(
            "{{\"id\":\"{id}\",\"parent_id\":\"{parent}\",\"type\":11,\"name\":\"endless {k}\",\
             \"last_message_id\":\"{id}\",\"total_message_sent\":1,\
             \"thread_metadata\":{{\"archived\":true,\"archive_timestamp\":\"{at}\",\"locked\":false}}}}"
        )
    });
    format!("{{\"threads\":{threads},\"members\":[],\"has_more\":true}}").into_bytes()
}

const fn user_id(k: u64) -> u64 {
    400_000_000_000_000_000 + k
}

fn list(item: impl Fn(u64) -> String) -> String {
    let mut list = String::new();
    for k in 0..PAGE_ITEMS {
        let separator = if k == 0 { '[' } else { ',' };
        // Writing to a `String` never fails.
        let _ = write!(list, "{separator}{}", item(k));
    }
    list.push(']');
    list
}

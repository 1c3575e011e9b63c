//! Answers that exhaust the memory of a client that trusts them: much larger than any
//! real answer, or much larger once parsed.

use crate::route::RouteKind;
use crate::{iso, snowflake};

/// The bulk of a hostile answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Empty lists in a field that clients keep: two bytes and a comma each.
    Lists,
    /// Objects with one field that clients keep.
    Objects,
    /// Objects in lists that clients store as rows: attachments, reactions and mentions
    /// of a message, overwrites of a channel.
    Rows,
    /// Long text.
    Text,
    /// Text with numbers as long as a user's ID.
    Numbers,
    /// Undocumented fields.
    UnknownFields,
    /// As many minimal items as fit.
    Items,
    /// Malformed items filled with empty lists.
    Malformed,
}

impl Filling {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Lists,
        Self::Objects,
        Self::Rows,
        Self::Text,
        Self::Numbers,
        Self::UnknownFields,
        Self::Items,
        Self::Malformed,
    ];
}

/// An answer of about `bytes` bytes to a route, whose items have about `item` bytes of
/// filling each. `id` is the guild or channel the route names.
pub fn answer(route: RouteKind, filling: Filling, id: u64, bytes: usize, item: usize) -> Vec<u8> {
    let items = |make: &dyn Fn(u64) -> String| list(bytes, |k| make(k as u64));
    let text = match route {
        RouteKind::Messages => items(&|k| message(filling, k, item)),
        RouteKind::Reactions => items(&|k| user(filling, k, item)),
        RouteKind::GuildChannels => items(&|k| channel(filling, nth_id(k), None, item)),
        RouteKind::Channel => channel(filling, id, None, bytes),
        RouteKind::ActiveThreads | RouteKind::ArchivedPublicThreads => {
            let threads = items(&|k| channel(filling, nth_id(k), Some(id), item));
            format!("{{\"threads\":{threads},\"members\":[],\"has_more\":true}}")
        }
        RouteKind::GuildRoles => items(&|k| role(filling, if k == 0 { id } else { k }, item)),
        RouteKind::Guild => {
            let roles = items(&|k| role(filling, if k == 0 { id } else { k }, item));
            format!("{{\"id\":\"{id}\",\"name\":\"{}\",\"roles\":{roles}}}", "n".repeat(item))
        }
        _ => format!("{{\"id\":\"{id}\",\"x\":{}}}", items(&|_| "[]".to_owned())),
    };
    text.into_bytes()
}

/// The ID of the item with index `k`; IDs are one second apart.
const fn nth_id(k: u64) -> u64 {
    snowflake::first_of(snowflake::DISCORD_EPOCH_MS + 1000 * (k as i64 + 1))
}

/// A JSON list of as many items as it takes to reach `bytes` bytes, at least one.
fn list(bytes: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::with_capacity(bytes + bytes / 8);
    for k in 0.. {
        list.push(if k == 0 { '[' } else { ',' });
        list.push_str(&item(k));
        if list.len() >= bytes {
            break;
        }
    }
    list.push(']');
    list
}

fn message(filling: Filling, k: u64, bytes: usize) -> String {
    let id = nth_id(k);
    let begin = format!(
        "\"id\":\"{id}\",\"type\":0,\"author\":{{\"id\":\"{}\"}},\"timestamp\":\"{}\"",
        id + 1,
        iso(snowflake::unix_ms(id))
    );
    let rest = match filling {
        Filling::Items => return format!("{{\"id\":\"{id}\"}}"),
        Filling::Lists => format!("\"embeds\":{}", list(bytes, |_| "[]".to_owned())),
        Filling::Malformed => {
            format!(
                "\"pinned\":7,\"attachments\":{0},\"components\":{0}",
                list(bytes / 2, |_| "[]".to_owned())
            )
        }
        Filling::Objects => format!("\"embeds\":{}", list(bytes, |_| "{\"title\":\"a\"}".to_owned())),
        Filling::Rows => format!(
            "\"attachments\":{},\"reactions\":{},\"mentions\":{}",
            list(bytes / 3, |n| format!("{{\"id\":\"{}\"}}", n + 1)),
            list(bytes / 3, |n| format!("{{\"count\":1,\"emoji\":{{\"name\":\"{n}\"}}}}")),
            list(bytes / 3, |n| format!("{{\"id\":\"{}\"}}", n + 1)),
        ),
        Filling::Text => format!("\"content\":\"{}\"", "a".repeat(bytes)),
        Filling::Numbers => format!("\"content\":\"{}\"", id_like_numbers(bytes)),
        Filling::UnknownFields => format!("\"content\":\"a\",{}", unknown_fields(bytes)),
    };
    format!("{{{begin},{rest}}}")
}

fn channel(filling: Filling, id: u64, parent: Option<u64>, bytes: usize) -> String {
    let begin = match parent {
        Some(parent) => format!(
            "\"id\":\"{id}\",\"type\":11,\"parent_id\":\"{parent}\",\"thread_metadata\":{{\"archived\":true,\
             \"archive_timestamp\":\"{}\"}}",
            iso(snowflake::unix_ms(id))
        ),
        None => format!("\"id\":\"{id}\",\"type\":0"),
    };
    let rest = match filling {
        Filling::Items => "\"name\":\"a\"".to_owned(),
        Filling::Lists => format!("\"available_tags\":{}", list(bytes, |_| "[]".to_owned())),
        Filling::Malformed => format!("\"name\":7,\"topic\":{}", list(bytes, |_| "[]".to_owned())),
        Filling::Objects => format!("\"available_tags\":{}", list(bytes, |_| "{\"name\":\"a\"}".to_owned())),
        Filling::Rows => {
            format!("\"permission_overwrites\":{}", list(bytes, |n| format!("{{\"id\":\"{}\"}}", n + 1)))
        }
        Filling::Text => format!("\"name\":\"{0}\",\"topic\":\"{0}\"", "a".repeat(bytes / 2)),
        Filling::Numbers => format!("\"name\":\"a\",\"topic\":\"{}\"", id_like_numbers(bytes)),
        Filling::UnknownFields => format!("\"name\":\"a\",{}", unknown_fields(bytes)),
    };
    format!("{{{begin},{rest}}}")
}

fn user(filling: Filling, k: u64, bytes: usize) -> String {
    match filling {
        Filling::Items => format!("{{\"id\":{}}}", k + 1),
        Filling::Malformed => format!("{{\"id\":{}}}", list(bytes, |_| "[]".to_owned())),
        _ => format!("{{\"id\":\"{}\",{}}}", k + 1, unknown_fields(bytes)),
    }
}

fn role(filling: Filling, id: u64, bytes: usize) -> String {
    match filling {
        Filling::Malformed => {
            format!("{{\"id\":\"{id}\",\"permissions\":{}}}", list(bytes, |_| "[]".to_owned()))
        }
        Filling::Items => format!("{{\"id\":\"{id}\",\"permissions\":\"66560\"}}"),
        _ => format!("{{\"id\":\"{id}\",\"permissions\":\"66560\",{}}}", unknown_fields(bytes)),
    }
}

/// Space-separated numbers that could each be a user's ID.
fn id_like_numbers(bytes: usize) -> String {
    let numbers: Vec<String> =
        (0..bytes.div_ceil(19)).map(|n| (100_000_000_000_000_000 + n).to_string()).collect();
    numbers.join(" ")
}

/// Undocumented fields with short names and empty lists as values.
fn unknown_fields(bytes: usize) -> String {
    let fields: Vec<String> = (0..bytes.div_ceil(12)).map(|n| format!("\"f{n}\":[]")).collect();
    fields.join(",")
}

/// The `page`th page (from 0, oldest first) of 100 messages, each close to the largest
/// that Discord documents: the longest text, ten embeds with 25 fields each, components,
/// a poll, ten attachments, 20 reactions and 100 mentions.
pub fn largest_page(page: u64) -> Vec<u8> {
    let message = |k| largest_message(nth_id(100 * page + k));
    let messages: Vec<String> = (0..100).rev().map(message).collect();
    format!("[{}]", messages.join(",")).into_bytes()
}

fn largest_message(id: u64) -> String {
    let list_of = |count: u64, item: &dyn Fn(u64) -> String| {
        let items: Vec<String> = (0..count).map(item).collect();
        format!("[{}]", items.join(","))
    };
    let user = |n: u64| {
        format!(
            "{{\"id\":\"{}\",\"username\":\"somebody\",\"discriminator\":\"0\",\"global_name\":\"Somebody\",\
             \"avatar\":\"0123456789abcdef0123456789abcdef\",\"public_flags\":0,\"bot\":false}}",
            400_000_000_000_000_000 + n
        )
    };
    let field =
        |_| format!("{{\"name\":\"{}\",\"value\":\"{}\",\"inline\":true}}", "n".repeat(8), "é".repeat(12));
    let embed = |n: u64| {
        let fields = list_of(25, &field);
        format!(
            "{{\"type\":\"rich\",\"title\":\"title {n}\",\"description\":\"{}\",\"fields\":{fields}}}",
            "d".repeat(90)
        )
    };
    let text_component = |n: u64| format!("{{\"type\":10,\"id\":{n},\"content\":\"{}\"}}", "ü".repeat(100));
    let components = format!("[{{\"type\":17,\"id\":99,\"components\":{}}}]", list_of(39, &text_component));
    let answer = |n: u64| format!("{{\"answer_id\":{n},\"poll_media\":{{\"text\":\"{}\"}}}}", "p".repeat(55));
    let attachment = |n: u64| {
        let address = format!("https://cdn.discordapp.com/attachments/1/{}/{}.png", id + n, "f".repeat(200));
        format!(
            "{{\"id\":\"{}\",\"filename\":\"{}.png\",\"size\":1000,\"url\":\"{address}?ex=1&is=2&hm=3\",\
             \"proxy_url\":\"{address}\",\"description\":\"{}\",\"content_type\":\"image/png\",\"width\":1,\"height\":1}}",
            id + n,
            "f".repeat(200),
            "a".repeat(1024)
        )
    };
    let reaction = |n: u64| {
        format!(
            "{{\"emoji\":{{\"id\":\"{}\",\"name\":\"emoji_{n}\"}},\"count\":2,\"count_details\":{{\"burst\":1,\"normal\":1}},\
             \"burst_colors\":[],\"me\":false,\"me_burst\":false,\"burst_me\":false}}",
            500_000_000_000_000_000 + n
        )
    };
    format!(
        "{{\"id\":\"{id}\",\"type\":0,\"author\":{},\"timestamp\":\"{}\",\"content\":\"{}\",\"embeds\":{},\
         \"components\":{components},\"poll\":{{\"question\":{{\"text\":\"{}\"}},\"answers\":{}}},\"attachments\":{},\
         \"reactions\":{},\"mentions\":{}}}",
        user(0),
        iso(snowflake::unix_ms(id)),
        "é".repeat(4000),
        list_of(10, &embed),
        "q".repeat(300),
        list_of(10, &answer),
        list_of(10, &attachment),
        list_of(20, &reaction),
        list_of(100, &user),
    )
}

use discord_sim::{ChannelDescription, Description, unix_ms};

use crate::client::{get, id, ids, json, serve, walk};

const GUILD: u64 = 310_000_000_000_000_001;

fn one_channel(messages: u64) -> (discord_sim::Simulator, u64) {
    let sim = serve(&Description::community(GUILD, 1, messages));
    let channel = sim.world().channel_named(GUILD, "chat-0").expect("it exists");
    (sim, channel)
}

#[test]
fn paging_with_after_reads_every_message_once_newest_first_per_page() {
    let (sim, channel) = one_channel(1_234);
    let path = format!("/channels/{channel}/messages?after=0&limit=100");
    let first = ids(&json(&sim, &path));
    assert_eq!(first.len(), 100);
    assert!(first.windows(2).all(|pair| pair[0] > pair[1]));
    let all: Vec<u64> = walk(&sim, channel).iter().map(|m| id(&m["id"])).collect();
    assert_eq!(all.len(), 1_234);
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(first[99], all[0]);
}

#[test]
fn paging_with_before_reads_the_same_messages_backwards() {
    let (sim, channel) = one_channel(350);
    let mut backwards = Vec::new();
    let mut query = String::new();
    loop {
        let page = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=100{query}")));
        let Some(last) = page.last() else { break };
        query = format!("&before={last}");
        backwards.extend(page);
    }
    backwards.reverse();
    let forwards: Vec<u64> = walk(&sim, channel).iter().map(|m| id(&m["id"])).collect();
    assert_eq!(backwards, forwards);
}

#[test]
fn around_returns_the_message_and_its_neighbours() {
    let (sim, channel) = one_channel(50);
    let all: Vec<u64> = walk(&sim, channel).iter().map(|m| id(&m["id"])).collect();
    let path = format!("/channels/{channel}/messages?around={}&limit=5", all[20]);
    let mut expected = all[18..23].to_vec();
    expected.reverse();
    assert_eq!(ids(&json(&sim, &path)), expected);
}

#[test]
fn default_limit_is_50_and_cursor_may_be_an_unused_id() {
    let (sim, channel) = one_channel(120);
    let all: Vec<u64> = walk(&sim, channel).iter().map(|m| id(&m["id"])).collect();
    let newest = ids(&json(&sim, &format!("/channels/{channel}/messages")));
    assert_eq!(newest.len(), 50);
    assert_eq!(newest[0], all[119]);
    let between = all[9] + 1;
    let path = format!("/channels/{channel}/messages?after={between}&limit=1");
    assert_eq!(ids(&json(&sim, &path)), [all[10]]);
}

#[test]
fn invalid_parameters_are_form_errors_that_name_the_field() {
    let (sim, channel) = one_channel(10);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("after=-1", "after"),
        ("before=x", "before"),
        ("after=1&before=2", ""),
    ] {
        let reply = get(&sim, &format!("/channels/{channel}/messages?{query}"));
        assert_eq!(reply.error(), (400, 50035), "{query}");
        let errors = reply.json()["errors"].clone();
        let of_field = if field.is_empty() { &errors } else { &errors[field] };
        assert!(of_field["_errors"][0]["code"].is_string(), "{query}");
    }
}

#[test]
fn timestamp_equals_the_millisecond_of_the_id() {
    let (sim, channel) = one_channel(10);
    for message in walk(&sim, channel) {
        let expected = discord_sim::iso(unix_ms(id(&message["id"])));
        assert_eq!(message["timestamp"], expected.as_str());
    }
}

#[test]
fn same_description_makes_the_same_world() {
    let pages: Vec<Vec<u8>> = [1, 1, 2]
        .map(|seed| {
            let description = Description {
                seed,
                ..Description::of_channels(
                    GUILD,
                    vec![ChannelDescription {
                        id: 310_000_000_000_000_077,
                        mix: discord_sim::Mix::Bare,
                        ..ChannelDescription::text("bare", 100)
                    }],
                )
            };
            let path = "/channels/310000000000000077/messages?limit=100";
            get(&serve(&description), path).body
        })
        .into();
    assert_eq!(pages[0], pages[1]);
    assert_ne!(pages[0], pages[2]);
}

#[test]
fn channel_can_have_millions_of_messages() {
    let (sim, channel) = one_channel(5_000_000);
    let middle = sim.world().truth_channel(channel).expect("public");
    assert_eq!(middle.message_count, 5_000_000);
    let newest = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=1")))[0];
    let path = format!("/channels/{channel}/messages?limit=100&before={}", newest / 10 * 9);
    assert!(json(&sim, &path).is_array());
}

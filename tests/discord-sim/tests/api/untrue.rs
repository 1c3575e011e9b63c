//! Answers in Discord's form that aren't true.

use discord_sim::{Description, Match, RouteKind, Simulator, What};
use serde_json::{Value, json};

use crate::client::{get, id, ids, json as read, serve, walk};

const GUILD: u64 = 320_000_000_000_000_001;

fn everything() -> Simulator {
    serve(&Description::everything(1))
}

fn channel(sim: &Simulator, name: &str) -> u64 {
    sim.world().channel_named(GUILD, name).expect(name)
}

/// The true answer to `path`, and the one with this fault.
fn both(sim: &Simulator, path: &str, what: What) -> (Value, Value) {
    let truth = read(sim, path);
    let number = sim.faults().when(Match::default(), what);
    let untrue = read(sim, path);
    assert_eq!(sim.faults().fired(number), 1, "{path}");
    (truth, untrue)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn page_of(sim: &Simulator, name: &str) -> String {
    format!("/channels/{}/messages?limit=100", channel(sim, name))
}

fn archive_of(sim: &Simulator, name: &str) -> String {
    format!("/channels/{}/threads/archived/public?limit=100", channel(sim, name))
}

fn guild() -> String {
    format!("/guilds/{GUILD}")
}

fn member(sim: &Simulator) -> String {
    format!("/guilds/{GUILD}/members/{}", sim.world().bot_id())
}

#[test]
fn an_empty_answer_keeps_its_form() {
    let sim = everything();
    for path in [page_of(&sim, "chat"), format!("{}/channels", guild()), format!("{}/roles", guild())] {
        let (truth, empty) = both(&sim, &path, What::Empty);
        assert!(!list(&truth).is_empty(), "{path}");
        assert_eq!(empty, json!([]), "{path}");
    }
    let (truth, empty) = both(&sim, &archive_of(&sim, "many-threads"), What::Empty);
    assert_eq!(truth["has_more"], true);
    assert_eq!(empty, json!({"threads": [], "members": [], "has_more": false}));
    let (mut truth, empty) = both(&sim, &guild(), What::Empty);
    assert!(!list(&truth["roles"]).is_empty());
    truth["roles"] = json!([]);
    assert_eq!(empty, truth);
}

#[test]
fn a_short_answer_has_the_first_items_and_the_same_has_more() {
    let sim = everything();
    let (truth, short) = both(&sim, &page_of(&sim, "chat"), What::Keep(7));
    assert_eq!(ids(&short), ids(&truth)[..7]);
    let (truth, short) = both(&sim, &archive_of(&sim, "many-threads"), What::Keep(3));
    assert_eq!(list(&short["threads"]), &list(&truth["threads"])[..3]);
    assert_eq!((&truth["has_more"], &short["has_more"]), (&json!(true), &json!(true)));
    let active = format!("{}/threads/active", guild());
    let (truth, short) = both(&sim, &active, What::Keep(1));
    assert_eq!(list(&truth["members"]).len(), 2);
    let kept = ids(&short["threads"]);
    assert_eq!(kept.len(), 1);
    assert!(ids(&short["members"]).iter().all(|member| kept.contains(member)));
}

#[test]
fn the_oldest_messages_of_a_page_stay_in_their_order() {
    let sim = everything();
    let (truth, oldest) = both(&sim, &page_of(&sim, "chat"), What::KeepOldest(4));
    assert_eq!(ids(&oldest), ids(&truth)[96..]);
    let (truth, all) = both(&sim, &page_of(&sim, "chat"), What::KeepOldest(500));
    assert_eq!(ids(&truth), ids(&all));
}

#[test]
fn items_can_be_left_out_of_every_kind_of_list() {
    let sim = everything();
    let page = page_of(&sim, "chat");
    let gone = ids(&read(&sim, &page));
    let (_, rest) = both(&sim, &page, What::Omit(vec![gone[0], gone[50]]));
    let expected: Vec<u64> = gone.iter().copied().filter(|id| ![gone[0], gone[50]].contains(id)).collect();
    assert_eq!(ids(&rest), expected);

    let active = format!("{}/threads/active", guild());
    let thread = ids(&read(&sim, &active)["members"])[0];
    let (truth, rest) = both(&sim, &active, What::Omit(vec![thread]));
    assert_eq!(ids(&rest["threads"]).len() + 1, ids(&truth["threads"]).len());
    assert!(!ids(&rest["threads"]).contains(&thread) && !ids(&rest["members"]).contains(&thread));

    let (truth, rest) = both(&sim, &guild(), What::Omit(vec![GUILD]));
    assert_eq!(ids(&rest["roles"]), ids(&truth["roles"])[1..]);
    let own = id(&read(&sim, &member(&sim))["roles"][0]);
    let (truth, rest) = both(&sim, &member(&sim), What::Omit(vec![own]));
    assert_eq!(truth["roles"], json!([own.to_string()]));
    assert_eq!(rest["roles"], json!([]));
    assert_eq!(rest["user"], truth["user"]);
}

/// A message without what the signatures of its files make different.
fn without_urls(mut message: Value) -> Value {
    let fields = message.as_object_mut().expect("an object");
    fields.remove("attachments");
    fields.remove("referenced_message");
    message
}

#[test]
fn blank_messages_are_those_of_a_bot_without_the_intent() {
    let sim = everything();
    let general = channel(&sim, "general");
    sim.faults().when(Match::page_of(general).always(), What::Blank);
    let blank: Vec<Value> = walk(&sim, general).into_iter().map(without_urls).collect();
    let application = read(&sim, "/applications/@me");
    assert_ne!(application["flags"].as_u64().map(|flags| flags & (1 << 18 | 1 << 19)), Some(0));
    sim.faults().clear();
    sim.world().set_message_content(false);
    let expected: Vec<Value> = walk(&sim, general).into_iter().map(without_urls).collect();
    assert_eq!(blank, expected);
    for message in &blank {
        assert_eq!(message["content"], "");
        assert_eq!((&message["embeds"], &message["components"]), (&json!([]), &json!([])));
        assert!(message.get("poll").is_none());
        for snapshot in message["message_snapshots"].as_array().into_iter().flatten() {
            assert_eq!(snapshot["message"]["content"], "");
        }
    }
}

#[test]
fn a_field_can_have_any_value_in_an_object_and_throughout_a_list() {
    let sim = everything();
    let set = |field: &str, value| What::Set(field.to_owned(), value);
    let (truth, untrue) = both(&sim, &archive_of(&sim, "support"), set("has_more", json!(true)));
    assert_eq!((&truth["has_more"], &untrue["has_more"]), (&json!(false), &json!(true)));
    let roles = format!("{}/roles", guild());
    let (_, untrue) = both(&sim, &roles, set("permissions", json!("8")));
    assert!(list(&untrue).iter().all(|role| role["permissions"] == "8"));
    let (_, untrue) = both(&sim, &page_of(&sim, "chat"), set("/author/bot", json!(true)));
    assert!(list(&untrue).iter().all(|message| message["author"]["bot"] == true));
    let (truth, same) = both(&sim, &guild(), set("/nowhere/at/all", json!(1)));
    assert_eq!(truth, same);
}

#[test]
fn one_message_of_a_page_can_have_another_value() {
    let sim = everything();
    let chat = channel(&sim, "chat");
    let message = sim.world().append_text(chat, 1, "count me").expect("written");
    sim.world().append(chat, 2);
    assert!(sim.world().react(chat, message, 1, "👍", false));
    let set = |index, field: &str, value| What::MessageField(index, field.to_owned(), value);
    let page = page_of(&sim, "chat");
    let (truth, untrue) = both(&sim, &page, set(2, "/reactions/0/count", json!(9)));
    assert_eq!(id(&truth[2]["id"]), message);
    assert_eq!(
        (&truth[2]["reactions"][0]["count"], &untrue[2]["reactions"][0]["count"]),
        (&json!(1), &json!(9))
    );
    for other in [1, 3] {
        assert_eq!(without_urls(truth[other].clone()), without_urls(untrue[other].clone()));
    }
    let nothing = json!({"id": null, "name": null});
    let (_, untrue) = both(&sim, &page, set(2, "/reactions/0/emoji", nothing.clone()));
    assert_eq!(untrue[2]["reactions"][0]["emoji"], nothing);
    let (_, untrue) = both(&sim, &page, set(2, "content", json!("")));
    assert_eq!(untrue[2]["content"], "");
}

#[test]
fn a_body_can_be_anything_with_true_headers_even_where_the_truth_is_a_404() {
    let sim = everything();
    let body = json!([{"id": "1", "name": "é"}]);
    let (_, untrue) = both(&sim, &page_of(&sim, "chat"), What::Body(body.clone()));
    assert_eq!(untrue, body);
    sim.faults().when(Match::default(), What::Body(body.clone()));
    let reply = get(&sim, "/channels/1");
    assert_eq!((reply.status, reply.json()), (200, body));
    assert!(reply.header("x-ratelimit-bucket").is_some());
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn a_repeated_page_is_the_first_and_always_has_more() {
    let sim = everything();
    let path = archive_of(&sim, "support");
    let first = read(&sim, &path);
    assert_eq!((list(&first["threads"]).len(), &first["has_more"]), (5, &json!(false)));
    let later = format!("{path}&before=2020-01-01T00:00:00Z");
    sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), What::Repeat);
    for path in [&path, &later] {
        let page = read(&sim, path);
        assert_eq!((&page["threads"], &page["has_more"]), (&first["threads"], &json!(true)));
    }
    let malformed = get(&sim, &format!("{path}&before=yesterday"));
    assert_eq!(malformed.error(), (400, 50035));
}

#[test]
fn refusals_stay_what_they_are() {
    let sim = everything();
    let nowhere = ["/channels/1/messages", "/guilds/1"];
    for what in [What::Empty, What::Keep(0), What::Omit(vec![1]), What::Blank, What::Repeat] {
        sim.faults().when(Match::default(), what);
        assert_eq!(get(&sim, nowhere[0]).error(), (404, 10003));
    }
    sim.faults().when(Match::default(), What::Set("code".to_owned(), json!(0)));
    assert_eq!(get(&sim, nowhere[1]).error(), (404, 10004));
}

//! Faults that return well-formed but false answers.

use discord_sim::{Description, FaultKind, Match, RouteKind, Simulator};
use serde_json::{Value, json};

use crate::client::{get, id, ids, json as read, serve, walk};

const GUILD: u64 = 320_000_000_000_000_001;

fn everything() -> Simulator {
    serve(&Description::everything(1))
}

fn channel(sim: &Simulator, name: &str) -> u64 {
    sim.world().channel_named(GUILD, name).expect(name)
}

/// The true answer to `path`, and the answer with this fault.
fn true_and_untrue(sim: &Simulator, path: &str, what: FaultKind) -> (Value, Value) {
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
fn empty_answer_keeps_its_structure() {
    let sim = everything();
    for path in [page_of(&sim, "chat"), format!("{}/channels", guild()), format!("{}/roles", guild())] {
        let (truth, empty) = true_and_untrue(&sim, &path, FaultKind::Empty);
        assert!(!list(&truth).is_empty(), "{path}");
        assert_eq!(empty, json!([]), "{path}");
    }
    let (truth, empty) = true_and_untrue(&sim, &archive_of(&sim, "many-threads"), FaultKind::Empty);
    assert_eq!(truth["has_more"], true);
    assert_eq!(empty, json!({"threads": [], "members": [], "has_more": false}));
    let (mut truth, empty) = true_and_untrue(&sim, &guild(), FaultKind::Empty);
    assert!(!list(&truth["roles"]).is_empty());
    truth["roles"] = json!([]);
    assert_eq!(empty, truth);
}

#[test]
fn shortened_answer_has_the_first_items_and_the_same_has_more() {
    let sim = everything();
    let (truth, short) = true_and_untrue(&sim, &page_of(&sim, "chat"), FaultKind::Keep(7));
    assert_eq!(ids(&short), ids(&truth)[..7]);
    let (truth, short) = true_and_untrue(&sim, &archive_of(&sim, "many-threads"), FaultKind::Keep(3));
    assert_eq!(list(&short["threads"]), &list(&truth["threads"])[..3]);
    assert_eq!((&truth["has_more"], &short["has_more"]), (&json!(true), &json!(true)));
    let active = format!("{}/threads/active", guild());
    let (truth, short) = true_and_untrue(&sim, &active, FaultKind::Keep(1));
    assert_eq!(list(&truth["members"]).len(), 2);
    let kept = ids(&short["threads"]);
    assert_eq!(kept.len(), 1);
    assert!(ids(&short["members"]).iter().all(|member| kept.contains(member)));
}

#[test]
fn kept_oldest_messages_stay_in_order() {
    let sim = everything();
    let (truth, oldest) = true_and_untrue(&sim, &page_of(&sim, "chat"), FaultKind::KeepOldest(4));
    assert_eq!(ids(&oldest), ids(&truth)[96..]);
    let (truth, all) = true_and_untrue(&sim, &page_of(&sim, "chat"), FaultKind::KeepOldest(500));
    assert_eq!(ids(&truth), ids(&all));
}

#[test]
fn items_can_be_omitted_from_every_kind_of_list() {
    let sim = everything();
    let page = page_of(&sim, "chat");
    let all = ids(&read(&sim, &page));
    let (_, rest) = true_and_untrue(&sim, &page, FaultKind::Omit(vec![all[0], all[50]]));
    let expected: Vec<u64> = all.iter().copied().filter(|id| ![all[0], all[50]].contains(id)).collect();
    assert_eq!(ids(&rest), expected);

    let active = format!("{}/threads/active", guild());
    let thread = ids(&read(&sim, &active)["members"])[0];
    let (truth, rest) = true_and_untrue(&sim, &active, FaultKind::Omit(vec![thread]));
    assert_eq!(ids(&rest["threads"]).len() + 1, ids(&truth["threads"]).len());
    assert!(!ids(&rest["threads"]).contains(&thread) && !ids(&rest["members"]).contains(&thread));

    let (truth, rest) = true_and_untrue(&sim, &guild(), FaultKind::Omit(vec![GUILD]));
    assert_eq!(ids(&rest["roles"]), ids(&truth["roles"])[1..]);
    let own = id(&read(&sim, &member(&sim))["roles"][0]);
    let (truth, rest) = true_and_untrue(&sim, &member(&sim), FaultKind::Omit(vec![own]));
    assert_eq!(truth["roles"], json!([own.to_string()]));
    assert_eq!(rest["roles"], json!([]));
    assert_eq!(rest["user"], truth["user"]);
}

/// A message without the fields that contain signed URLs.
fn without_urls(mut message: Value) -> Value {
    let fields = message.as_object_mut().expect("an object");
    fields.remove("attachments");
    fields.remove("referenced_message");
    message
}

#[test]
fn blank_messages_equal_those_without_the_intent() {
    let sim = everything();
    let general = channel(&sim, "general");
    sim.faults().when(Match::page_of(general).always(), FaultKind::Blank);
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
fn field_can_be_set_in_an_object_and_in_all_items_of_a_list() {
    let sim = everything();
    let set = |field: &str, value| FaultKind::Set(field.to_owned(), value);
    let (truth, untrue) = true_and_untrue(&sim, &archive_of(&sim, "support"), set("has_more", json!(true)));
    assert_eq!((&truth["has_more"], &untrue["has_more"]), (&json!(false), &json!(true)));
    let roles = format!("{}/roles", guild());
    let (_, untrue) = true_and_untrue(&sim, &roles, set("permissions", json!("8")));
    assert!(list(&untrue).iter().all(|role| role["permissions"] == "8"));
    let (_, untrue) = true_and_untrue(&sim, &page_of(&sim, "chat"), set("/author/bot", json!(true)));
    assert!(list(&untrue).iter().all(|message| message["author"]["bot"] == true));
    let (truth, same) = true_and_untrue(&sim, &guild(), set("/nowhere/at/all", json!(1)));
    assert_eq!(truth, same);
}

#[test]
fn field_can_be_set_in_one_message_of_a_page() {
    let sim = everything();
    let chat = channel(&sim, "chat");
    let message = sim.world().append_text(chat, 1, "count me").expect("the message exists");
    sim.world().append(chat, 2);
    assert!(sim.world().react(chat, message, 1, "👍", false));
    let set = |index, field: &str, value| FaultKind::MessageField(index, field.to_owned(), value);
    let page = page_of(&sim, "chat");
    let (truth, untrue) = true_and_untrue(&sim, &page, set(2, "/reactions/0/count", json!(9)));
    assert_eq!(id(&truth[2]["id"]), message);
    assert_eq!(
        (&truth[2]["reactions"][0]["count"], &untrue[2]["reactions"][0]["count"]),
        (&json!(1), &json!(9))
    );
    for other in [1, 3] {
        assert_eq!(without_urls(truth[other].clone()), without_urls(untrue[other].clone()));
    }
    let nothing = json!({"id": null, "name": null});
    let (_, untrue) = true_and_untrue(&sim, &page, set(2, "/reactions/0/emoji", nothing.clone()));
    assert_eq!(untrue[2]["reactions"][0]["emoji"], nothing);
    let (_, untrue) = true_and_untrue(&sim, &page, set(2, "content", json!("")));
    assert_eq!(untrue[2]["content"], "");
}

#[test]
fn body_can_be_replaced_even_if_the_true_answer_is_a_404() {
    let sim = everything();
    let body = json!([{"id": "1", "name": "é"}]);
    let (_, untrue) = true_and_untrue(&sim, &page_of(&sim, "chat"), FaultKind::Body(body.clone()));
    assert_eq!(untrue, body);
    sim.faults().when(Match::default(), FaultKind::Body(body.clone()));
    let reply = get(&sim, "/channels/1");
    assert_eq!((reply.status, reply.json()), (200, body));
    assert!(reply.header("x-ratelimit-bucket").is_some());
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn repeated_page_is_the_first_page_with_has_more() {
    let sim = everything();
    let path = archive_of(&sim, "support");
    let first = read(&sim, &path);
    assert_eq!((list(&first["threads"]).len(), &first["has_more"]), (5, &json!(false)));
    let later = format!("{path}&before=2020-01-01T00:00:00Z");
    sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), FaultKind::Repeat);
    for path in [&path, &later] {
        let page = read(&sim, path);
        assert_eq!((&page["threads"], &page["has_more"]), (&first["threads"], &json!(true)));
    }
    let malformed = get(&sim, &format!("{path}&before=yesterday"));
    assert_eq!(malformed.error(), (400, 50035));
}

#[test]
fn error_answers_are_not_falsified() {
    let sim = everything();
    let nowhere = ["/channels/1/messages", "/guilds/1"];
    for what in
        [FaultKind::Empty, FaultKind::Keep(0), FaultKind::Omit(vec![1]), FaultKind::Blank, FaultKind::Repeat]
    {
        sim.faults().when(Match::default(), what);
        assert_eq!(get(&sim, nowhere[0]).error(), (404, 10003));
    }
    sim.faults().when(Match::default(), FaultKind::Set("code".to_owned(), json!(0)));
    assert_eq!(get(&sim, nowhere[1]).error(), (404, 10004));
}

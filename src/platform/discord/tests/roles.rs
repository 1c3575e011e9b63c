//! Tests guilds whose roles are missing or malformed.

use bytes::Bytes;

use super::super::answer::Answer;
use super::super::channels::read_guild;
use super::*;

#[tokio::test]
async fn a_guild_without_a_readable_everyone_role_is_unreadable() {
    let scene = Scene::with(|settings| settings.retry.max_retries = 0);
    let guild = WorkspaceId::new(GUILD).unwrap();
    let (_, before) = scene.discord.workspace(guild, &scene.monitor).await.unwrap();
    assert!(before.iter().all(|channel| channel.visibility.everyone_sees));
    for lie in [FaultKind::Status(200, BodyKind::Empty), FaultKind::NullBody] {
        scene.sim.faults().when(Match::route(RouteKind::Guild), lie);
        let error = scene.discord.workspace(guild, &scene.monitor).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreadable);
    }
    let id = guild;
    let read = |body: &str| {
        let answer = Answer {
            subject: "it".to_owned(),
            body: Bytes::copy_from_slice(body.as_bytes()).into(),
            date: None,
        };
        read_guild(&answer, id).map(|guild| guild.roles.is_some())
    };
    let role = |id: u64, permissions: &str| format!("{{\"id\":\"{id}\",\"permissions\":{permissions}}}");
    let named = |roles: &[String]| format!("{{\"id\":\"{GUILD}\",\"roles\":[{}]}}", roles.join(","));
    assert!(read(&named(&[role(GUILD, "\"1024\""), role(7, "\"0\"")])).unwrap());
    assert!(read(&named(&[])).is_err(), "no role at all");
    assert!(read(&named(&[role(7, "\"1024\"")])).is_err(), "another role only");
    assert!(read(&named(&[role(GUILD, "\"all\"")])).is_err(), "permissions that aren't a number");
    assert!(read(&named(&[role(GUILD, "null")])).is_err(), "no permissions");
    assert!(read(&format!("{{\"id\":\"7\",\"roles\":[{}]}}", role(GUILD, "\"1024\""))).is_err());
}

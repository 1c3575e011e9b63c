//! Configuration with a second platform beside Discord.

use super::super::{ChannelSelector, Config, Overrides, TokenSource};
use super::{TENANT, assert_problem_among, resolved_among};
use crate::model::{ChannelId, IdCodec, IdText, ParseIdError, PlatformSpec, UserId, WorkspaceId};
use crate::platform::discord::SPEC as DISCORD;

/// A platform whose workspace and channel IDs contain a letter.
const HIVE: PlatformSpec = PlatformSpec {
    name: "hive",
    title: "Hive",
    workspace_key: "comb",
    workspace_noun: "comb",
    workspace_id_help: "a \"C\" and digits",
    channel_id_help: "copy the ID from Hive",
    user_id_help: DISCORD.user_id_help,
    ids: &Combs,
    message_ids: DISCORD.message_ids,
    written_types: DISCORD.written_types,
    message_url: DISCORD.message_url,
    markup: DISCORD.markup,
    parse_workspace: |text| text.strip_prefix('C').unwrap_or(text).parse().ok().and_then(WorkspaceId::new),
    default_token_env: "HIVE_TOKEN",
    new_token_help: "make a new token",
    channel_permissions: "a ladder",
    content_setting: "reading",
    remedy: |_| None,
    token_page: "Hive's settings",
    default_api_url: "https://api.hive.example",
    hosts: &["hive.example"],
    default_requests_per_second: 0.5,
    max_requests_per_second: 2.0,
    max_page_size: 15,
};

/// IDs of the form "C" and digits.
#[derive(Debug)]
struct Combs;

impl IdCodec for Combs {
    fn workspace_text(&self, workspace: WorkspaceId) -> IdText {
        IdText::new(&format!("C{}", workspace.get())).unwrap()
    }

    fn channel_text(&self, channel: ChannelId) -> IdText {
        IdText::new(&format!("C{}", channel.get())).unwrap()
    }

    fn parse_channel(&self, text: &str) -> Result<ChannelId, ParseIdError> {
        let number = text.strip_prefix('C').and_then(|number| number.parse().ok());
        number.and_then(ChannelId::new).ok_or(ParseIdError::NotIdSyntax)
    }

    fn user_text(&self, user: UserId) -> IdText {
        DISCORD.ids.user_text(user)
    }

    fn parse_user(&self, text: &str) -> Option<UserId> {
        DISCORD.ids.parse_user(text)
    }

    fn mask(&self, text: &str) -> String {
        DISCORD.ids.mask(text)
    }
}

const PLATFORMS: &[&PlatformSpec] = &[&DISCORD, &HIVE];

const COMB: &str = "[[tenant]]\nname = \"bees\"\nplatform = \"hive\"\ncomb = \"C77\"\n";

fn config(text: &str) -> Config {
    resolved_among(PLATFORMS, text, &[], &Overrides::default()).unwrap()
}

#[track_caller]
fn assert_problem(text: &str, problem: &str, remedy: &str) {
    assert_problem_among(PLATFORMS, text, problem, remedy);
}

#[test]
fn reads_the_second_platforms_section() {
    let hive = "[hive]\ntoken_env = \"BEES\"\napi_url = \"https://proxy\"\nrequests_per_second = 20\n";
    let config = config(&format!("{hive}{TENANT}{COMB}"));
    let section = config.platform(&HIVE);
    assert_eq!(section.token(), TokenSource::Env("BEES".to_owned()));
    assert_eq!(section.api_url.as_str(), "https://proxy");
    assert!((section.requests_per_second - 20.0).abs() < f64::EPSILON);
    assert_eq!(config.platform(&DISCORD).token(), TokenSource::Env("DISCORD_BOT_TOKEN".to_owned()));
    let tenants: Vec<_> =
        config.tenants.iter().map(|tenant| (tenant.platform.name, tenant.workspace_id.get())).collect();
    assert_eq!(tenants, [("discord", 123_456_789_012_345_678), ("hive", 77)]);
}

#[test]
fn without_a_section_the_platform_has_its_own_defaults() {
    let config = config(COMB);
    let section = config.platform(&HIVE);
    assert_eq!(section.token(), TokenSource::Env("HIVE_TOKEN".to_owned()));
    assert_eq!(section.api_url.as_str(), "https://api.hive.example");
    assert!((section.requests_per_second - 0.5).abs() < f64::EPSILON);
    assert_eq!(config.tenants[0].workspace_id, WorkspaceId::new(77).unwrap());
}

#[test]
fn the_workspace_key_depends_on_the_platform() {
    let tenant = "[[tenant]]\nname = \"bees\"\nplatform = \"hive\"\n";
    assert_problem(tenant, "1: tenant.comb: is missing", "add comb = \"…\", the ID of the Hive comb");
    assert_problem(
        &format!("{COMB}guild_id = \"1\"\n"),
        "5: tenant.guild_id: unknown key",
        "remove it; valid keys of [[tenant]] are name, platform, comb, since, include_channels, exclude_channels, \
         reactions, refresh_window, visibility",
    );
    assert_problem(
        &format!("{TENANT}comb = \"C1\"\n"),
        "4: tenant.comb: unknown key",
        "remove it; valid keys of [[tenant]] are name, platform, guild_id, since, include_channels, exclude_channels, \
         reactions, refresh_window, visibility",
    );
    assert_problem(
        &COMB.replace("C77", "bees"),
        "4: tenant.comb: \"bees\" is not the ID of a Hive comb",
        "use its ID, a \"C\" and digits",
    );
}

#[test]
fn a_channel_id_must_have_the_platforms_canonical_form() {
    let include = "include_channels = [\"C42\", \"42\", \"C042\", \"99999999999999999999\"]\n";
    let config = config(&format!("{COMB}{include}"));
    let [by_id, names @ ..] = &config.tenants[0].include_channels[..] else { panic!("{config:?}") };
    let id = ChannelId::new(42).unwrap();
    assert_eq!(*by_id, ChannelSelector::Id { id, text: "C42".to_owned() });
    assert!(by_id.matches(id, "x") && by_id.matches(ChannelId::new(1).unwrap(), "C42"));
    assert!(!names.iter().any(|name| name.matches(id, "x")), "{names:?}");
}

#[test]
fn suggestions_include_the_second_platforms_section_and_keys() {
    for (text, problem, remedy) in [
        (format!("[hiv]\n{TENANT}"), "1: hiv: unknown section", "did you mean [hive]?"),
        (
            format!("[hive]\napi-url = \"https://a\"\n{TENANT}"),
            "2: hive.api-url: unknown key",
            "did you mean api_url?",
        ),
        (format!("[hive]\ncomb = \"C1\"\n{TENANT}"), "2: hive.comb: unknown key", "move it to [[tenant]]"),
        (COMB.replace("comb =", "combs ="), "4: tenant.combs: unknown key", "did you mean comb?"),
        (
            format!("[colours]\na = 1\n{TENANT}"),
            "1: colours: unknown section",
            "remove it; valid sections are [archive], [discord], [hive], [sync], [search], [insights], [metrics], [[tenant]]",
        ),
        (
            TENANT.to_owned() + "platform = \"hiv\"\n",
            "4: tenant.platform: \"hiv\" is not a valid value",
            "did you mean \"hive\"? use \"discord\" or \"hive\"",
        ),
    ] {
        assert_problem(&text, problem, remedy);
    }
}

#[test]
fn equal_workspace_ids_on_two_platforms_are_not_duplicates() {
    let discord = "[[tenant]]\nname = \"a\"\nguild_id = \"77\"\n";
    let same = COMB.replace("C77", "77");
    assert_eq!(config(&format!("{discord}{same}")).tenants.len(), 2);
    assert_problem(
        &format!("{COMB}{}", same.replace("bees", "wasps")),
        "8: tenant.comb: duplicates line 4",
        "keep one of the two tenants; a comb can be archived only once",
    );
}

#[test]
fn the_rate_limit_applies_even_if_no_tenant_uses_the_platform() {
    assert_problem(
        &format!("[hive]\nrequests_per_second = 3\n{TENANT}"),
        "2: hive.requests_per_second: 3 exceeds the 2 requests per second that Hive allows a bot",
        "use 2 or less; a higher rate requires the api_url of a proxy",
    );
    config(&format!("[discord]\nrequests_per_second = 3\n[hive]\nrequests_per_second = 2\n{TENANT}"));
}

#[test]
fn an_invalid_default_is_reported() {
    const HASTY: PlatformSpec = PlatformSpec { default_requests_per_second: 3.0, ..HIVE };
    assert_problem_among(
        &[&DISCORD, &HASTY],
        TENANT,
        "1: hive.requests_per_second: 3 exceeds the 2 requests per second that Hive allows a bot",
        "use 2 or less; a higher rate requires the api_url of a proxy",
    );
}

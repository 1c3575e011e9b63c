//! Compares the lists with Discord's OpenAPI description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::FieldShape::{Column, Embed, Fields, List, Named};
use super::*;

/// The description, reduced to property names and the schemas that they refer to.
const DESCRIPTION: &str = include_str!("../../../../tests/data/discord-openapi-fields.json");

/// The root objects of responses, with their schemas.
const ROOTS: [(&ObjectFields, &str); 3] =
    [(&MESSAGE, "MessageResponse"), (&CHANNEL, "GuildChannelResponse"), (&CHANNEL, "ThreadResponse")];

/// Objects of which only the users are read, because they are copies of messages that
/// are archived themselves.
const PARTIAL: [&str; 1] = ["referenced_message"];

/// Fields that were observed or are documented, but missing from the description.
const UNDESCRIBED: [&str; 20] = [
    "application.summary",
    "attachment.content_scan_version",
    "attachment.original_content_type",
    "component.component",
    "component_media.content_scan_metadata",
    "component_media.flags",
    "component_media.loading_state",
    "component_media.placeholder",
    "component_media.placeholder_version",
    "count_details.vote",
    "embed.content_scan_version",
    "embed.reference_id",
    "interaction.command_type",
    "interaction.ephemerality_reason",
    "interaction.member",
    "message.guild_id",
    "message.member",
    "reaction.burst_count",
    "reaction.burst_me",
    "reaction.me_vote",
];

fn description() -> Value {
    serde_json::from_str(DESCRIPTION).unwrap()
}

fn object_in(shape: &'static FieldShape) -> Option<&'static ObjectFields> {
    match shape {
        Embed => Some(&EMBED),
        Fields(object) | Named(object, _) => Some(object),
        List(shape) | Column(shape) => object_in(shape),
        _ => None,
    }
}

/// Each object with each schema that describes it.
fn described(description: &Value) -> Vec<(&'static ObjectFields, &str)> {
    let mut found: Vec<(&'static ObjectFields, &str)> = ROOTS.to_vec();
    let mut at = 0;
    while let Some((object, schema)) = found.get(at).copied() {
        at += 1;
        for (name, shape) in object.kept {
            let Some(part) = object_in(shape).filter(|part| !PARTIAL.contains(&part.name)) else { continue };
            let refers_to = description["schemas"][schema][*name].as_array().into_iter().flatten();
            for schema in refers_to.filter_map(Value::as_str) {
                if !found.iter().any(|(object, known)| std::ptr::eq(*object, part) && *known == schema) {
                    found.push((part, schema));
                }
            }
        }
    }
    found
}

fn listed(object: &ObjectFields) -> impl Iterator<Item = &'static str> {
    object.kept.iter().map(|(name, _)| *name).chain(object.dropped.iter().map(|(name, _)| *name))
}

#[test]
fn every_described_property_is_kept_or_dropped_with_a_reason() {
    let description = description();
    let mut missing = BTreeSet::new();
    for (object, schema) in described(&description) {
        let properties = description["schemas"][schema].as_object();
        let properties = properties.unwrap_or_else(|| panic!("{schema} isn't in the description"));
        let unknown = properties.keys().filter(|name| !listed(object).any(|listed| listed == **name));
        missing.extend(unknown.map(|name| format!("{}.{name} of {schema}", object.name)));
    }
    assert!(missing.is_empty(), "neither kept nor dropped: {missing:#?}");
}

#[test]
fn every_listed_field_is_described_or_was_observed() {
    let description = description();
    let mut properties: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut lists: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (object, schema) in described(&description) {
        let described = description["schemas"][schema].as_object().unwrap().keys();
        properties.entry(object.name).or_default().extend(described.map(String::as_str));
        lists.entry(object.name).or_default().extend(listed(object));
    }
    let extra: Vec<String> = lists
        .iter()
        .flat_map(|(object, names)| {
            names.difference(&properties[object]).map(move |name| format!("{object}.{name}"))
        })
        .collect();
    assert_eq!(extra, UNDESCRIBED);
}

#[test]
fn no_field_is_listed_twice_or_dropped_without_a_reason() {
    for (object, _) in described(&description()) {
        let mut names: Vec<&str> = listed(object).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", object.name);
        assert!(object.dropped.iter().all(|(_, reason)| !reason.is_empty()), "{}", object.name);
        let kept: Vec<&str> = object.kept.iter().map(|(name, _)| *name).collect();
        assert!(object.required.iter().all(|name| kept.contains(name)), "{}", object.name);
    }
}

#[test]
fn every_reachable_object_is_compared_with_the_description() {
    let compared: BTreeSet<&str> = described(&description()).iter().map(|(object, _)| object.name).collect();
    let mut todo: Vec<&'static ObjectFields> = vec![&MESSAGE, &CHANNEL];
    let mut seen = BTreeSet::new();
    while let Some(object) = todo.pop() {
        if seen.insert(object.name) {
            todo.extend(object.kept.iter().filter_map(|(_, shape)| object_in(shape)));
        }
    }
    let left_out: Vec<&str> = seen.difference(&compared).copied().collect();
    assert_eq!(left_out, PARTIAL);
}

/// The keys of `metadata` that `docs/archive.md` documents.
#[test]
fn every_key_of_metadata_is_documented() {
    let document = include_str!("../../../../docs/archive.md");
    let (_, section) = document.split_once("\n### `metadata`\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> =
        rows.flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2)).collect();
    let kept = MESSAGE.kept.iter().filter(|(_, shape)| !matches!(shape, Column(_))).map(|(name, _)| *name);
    // A forward's reference is kept although a reply's has columns; `webhook` is a fact about
    // `webhook_id`.
    let expected: BTreeSet<&str> = kept.chain(["message_reference", "webhook"]).collect();
    assert_eq!(documented, expected);
}

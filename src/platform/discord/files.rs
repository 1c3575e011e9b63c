//! Finds the files that a message shows outside its own list of attachments: in
//! components, and in what it forwards.
//!
//! Since April 2026 `attachments` holds only files that neither embeds nor
//! components refer to.
//! <https://docs.discord.com/developers/components/reference#file>

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::fields::ATTACHMENT;
use super::fields::Keep::Fields;
use super::findings::{Findings, Path};
use super::{ids, keep, wire};
use crate::model::{Attachment, AttachmentId};

/// Components within components; Discord allows four.
const MOST_LEVELS: usize = 20;

/// Addresses of files in Discord's file store: channel, attachment ID and name
/// follow.
const STORES: [&str; 2] =
    ["https://cdn.discordapp.com/attachments/", "https://media.discordapp.net/attachments/"];

/// Adds the files in a field of a message: of `components`, of the components of
/// `embeds`, and of `message_snapshots`.
pub fn collect(name: &str, value: &Value, files: &mut Vec<Attachment>) {
    match name {
        "components" => of_components(value, files, MOST_LEVELS),
        "embeds" => of_embeds(value, files),
        "message_snapshots" => items(value).for_each(|snapshot| of_forward(&snapshot["message"], files)),
        _ => {}
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn of_embeds(embeds: &Value, files: &mut Vec<Attachment>) {
    items(embeds).for_each(|embed| of_components(&embed["components"], files, MOST_LEVELS));
}

fn of_forward(message: &Value, files: &mut Vec<Attachment>) {
    let known = files.len();
    files.extend(items(&message["attachments"]).filter_map(attachment));
    of_components(&message["components"], files, MOST_LEVELS);
    of_embeds(&message["embeds"], files);
    for file in files.iter_mut().skip(known) {
        file.metadata = std::mem::take(&mut file.metadata).with("forwarded", true.into());
    }
}

fn of_components(components: &Value, files: &mut Vec<Attachment>, levels: usize) {
    items(components).for_each(|component| of_component(component, files, levels));
}

/// The files of a File (13), Media Gallery (12) or Thumbnail (11) component, and
/// of those within it.
fn of_component(component: &Value, files: &mut Vec<Attachment>, levels: usize) {
    let Some(levels) = levels.checked_sub(1) else { return };
    files.extend(uploaded(&component["file"], component));
    files.extend(uploaded(&component["media"], component));
    files.extend(items(&component["items"]).filter_map(|item| uploaded(&item["media"], item)));
    of_component_in(&component["accessory"], files, levels);
    of_component_in(&component["component"], files, levels);
    of_components(&component["components"], files, levels);
}

fn of_component_in(component: &Value, files: &mut Vec<Attachment>, levels: usize) {
    if component.is_object() {
        of_component(component, files, levels);
    }
}

/// An attachment of a forwarded message.
fn attachment(file: &Value) -> Option<Attachment> {
    let (url, url_signature) = keep::split_signature(text(&file["url"]));
    Some(Attachment {
        id: id(&file["id"])?,
        filename: text(&file["filename"]).to_owned(),
        size_bytes: file["size"].as_u64().unwrap_or(0),
        content_type: content_type(file),
        url,
        url_signature,
        metadata: ids::metadata(facts(file)),
    })
}

/// The file of a component, if it was uploaded to Discord. The component that
/// shows it has its name, size and description.
fn uploaded(media: &Value, component: &Value) -> Option<Attachment> {
    let (url, url_signature) = keep::split_signature(text(&media["url"]));
    let id = id(&media["attachment_id"]).or_else(|| id_in(&url))?;
    let mut metadata = facts(media);
    metadata.append(&mut facts(component));
    if component["spoiler"] == true {
        metadata.insert("spoiler".to_owned(), true.into());
    }
    metadata.insert("component".to_owned(), true.into());
    let name = component["name"].as_str().unwrap_or_else(|| last_segment(&url));
    Some(Attachment {
        id,
        filename: name.to_owned(),
        size_bytes: component["size"].as_u64().unwrap_or(0),
        content_type: content_type(media),
        url_signature,
        metadata: ids::metadata(metadata),
        url: url.clone(),
    })
}

/// What is kept of an attachment besides its columns.
fn facts(file: &Value) -> Map<String, Value> {
    let path = Path::field("attachments");
    match keep::kept(file, &Fields(&ATTACHMENT), path, &mut Findings::default()) {
        Some(Value::Object(facts)) => facts,
        _ => Map::new(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn content_type(file: &Value) -> Option<String> {
    file["content_type"].as_str().map(ToOwned::to_owned)
}

fn id(value: &Value) -> Option<AttachmentId> {
    AttachmentId::new(wire::Id::deserialize(value).ok()?.0)
}

/// The attachment ID in an address of the file store.
fn id_in(url: &str) -> Option<AttachmentId> {
    let path = STORES.into_iter().find_map(|store| url.strip_prefix(store))?;
    AttachmentId::new(path.split('/').nth(1)?.parse().ok()?)
}

fn last_segment(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

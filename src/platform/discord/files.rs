//! Finds the files of a message that aren't in its own list of attachments: those of
//! components, and those of forwarded messages.
//!
//! Since April 2026 `attachments` holds only files that neither embeds nor
//! components refer to.
//! <https://docs.discord.com/developers/components/reference#file>

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::fields::ATTACHMENT;
use super::fields::FieldShape::Fields;
use super::findings::{Findings, Path};
use super::{ids, keep, wire};
use crate::model::{Attachment, AttachmentId};

/// Most nesting levels of components; Discord allows four.
const MAX_LEVELS: usize = 20;

/// URL prefixes of Discord's file store, followed by channel ID, attachment ID and name.
const STORE_PREFIXES: [&str; 2] =
    ["https://cdn.discordapp.com/attachments/", "https://media.discordapp.net/attachments/"];

/// Adds the files in the field `name` of a message: `components`, `embeds` (for their
/// components) or `message_snapshots`. Other fields hold none.
pub fn collect(name: &str, value: &Value, files: &mut Vec<Attachment>) {
    match name {
        "components" => collect_components(value, files, MAX_LEVELS),
        "embeds" => collect_embeds(value, files),
        "message_snapshots" => {
            items(value).for_each(|snapshot| collect_forwarded(&snapshot["message"], files));
        }
        _ => {}
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn collect_embeds(embeds: &Value, files: &mut Vec<Attachment>) {
    items(embeds).for_each(|embed| collect_components(&embed["components"], files, MAX_LEVELS));
}

fn collect_forwarded(message: &Value, files: &mut Vec<Attachment>) {
    let known = files.len();
    files.extend(items(&message["attachments"]).filter_map(attachment));
    collect_components(&message["components"], files, MAX_LEVELS);
    collect_embeds(&message["embeds"], files);
    for file in files.iter_mut().skip(known) {
        file.metadata = std::mem::take(&mut file.metadata).with("forwarded", true.into());
    }
}

fn collect_components(components: &Value, files: &mut Vec<Attachment>, levels: usize) {
    items(components).for_each(|component| collect_component(component, files, levels));
}

/// The files of a File (13), Media Gallery (12) or Thumbnail (11) component, and of the
/// components within it.
fn collect_component(component: &Value, files: &mut Vec<Attachment>, levels: usize) {
    let Some(levels) = levels.checked_sub(1) else { return };
    files.extend(uploaded(&component["file"], component));
    files.extend(uploaded(&component["media"], component));
    files.extend(items(&component["items"]).filter_map(|item| uploaded(&item["media"], item)));
    collect_component_in(&component["accessory"], files, levels);
    collect_component_in(&component["component"], files, levels);
    collect_components(&component["components"], files, levels);
}

fn collect_component_in(component: &Value, files: &mut Vec<Attachment>, levels: usize) {
    if component.is_object() {
        collect_component(component, files, levels);
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

/// The file of a component, if it was uploaded to Discord. Name, size and description are
/// those of the component.
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

/// The kept fields of an attachment that have no column.
fn facts(file: &Value) -> Map<String, Value> {
    let path = Path::field("attachments");
    match keep::kept_value(file, &Fields(&ATTACHMENT), path, &mut Findings::default()) {
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

/// The attachment ID in a URL of the file store.
fn id_in(url: &str) -> Option<AttachmentId> {
    let path = STORE_PREFIXES.into_iter().find_map(|store| url.strip_prefix(store))?;
    AttachmentId::new(path.split('/').nth(1)?.parse().ok()?)
}

fn last_segment(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

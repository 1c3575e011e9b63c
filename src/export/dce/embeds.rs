//! Embeds and stickers, from the fields that Discord gives them.

use serde::Serialize;
use serde_json::Value;

use super::content::{Content, Emoji, sticker_url};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Embed {
    title: String,
    url: Option<String>,
    timestamp: Option<String>,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer>,
    images: Vec<Image>,
    fields: Vec<Field>,
    inline_emojis: Vec<Emoji>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Author {
    name: String,
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Image {
    url: String,
    width: i64,
    height: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Footer {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    name: String,
    value: String,
    is_inline: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sticker {
    id: String,
    name: String,
    format: &'static str,
    source_url: String,
}

impl Embed {
    /// All embeds of a message or forwarded message.
    pub fn all(message: &Value) -> Vec<Self> {
        list(message, "embeds").map(Self::of).collect()
    }

    fn of(embed: &Value) -> Self {
        let content = |text: Option<String>| Content::of(&text.unwrap_or_default());
        let description = content(text(embed, "description"));
        let image = image(embed, "image");
        let field = |field: &Value| Field {
            name: content(text(field, "name")).text,
            value: content(text(field, "value")).text,
            is_inline: field.get("inline").and_then(Value::as_bool).unwrap_or_default(),
        };
        Self {
            title: content(text(embed, "title")).text,
            url: text(embed, "url"),
            timestamp: text(embed, "timestamp"),
            description: description.text,
            color: embed.get("color").and_then(Value::as_i64).map(|color| format!("#{color:06X}")),
            author: embed.get("author").map(|author| Author {
                name: text(author, "name").unwrap_or_default(),
                url: text(author, "url"),
                icon_url: text(author, "icon_url"),
            }),
            thumbnail: self::image(embed, "thumbnail"),
            images: image.clone().into_iter().collect(),
            image,
            video: self::image(embed, "video"),
            footer: embed.get("footer").map(|footer| Footer {
                text: text(footer, "text").unwrap_or_default(),
                icon_url: text(footer, "icon_url"),
            }),
            fields: list(embed, "fields").map(field).collect(),
            inline_emojis: description.emoji,
        }
    }
}

impl Sticker {
    /// All stickers of a message or forwarded message.
    pub fn all(message: &Value) -> Vec<Self> {
        let sticker = |sticker: &Value| {
            let id = text(sticker, "id")?;
            // <https://discord.com/developers/docs/resources/sticker#sticker-object-sticker-format-types>
            let (format, extension) = match sticker.get("format_type").and_then(Value::as_i64) {
                Some(2) => ("Apng", "png"),
                Some(3) => ("Lottie", "json"),
                Some(4) => ("Gif", "gif"),
                _ => ("Png", "png"),
            };
            let source_url = sticker_url(&id, extension);
            Some(Self { id, name: text(sticker, "name").unwrap_or_default(), format, source_url })
        };
        list(message, "sticker_items").filter_map(sticker).collect()
    }
}

/// A picture or video. One without an address is left out.
fn image(embed: &Value, key: &str) -> Option<Image> {
    let image = embed.get(key)?;
    let number = |key: &str| image.get(key).and_then(Value::as_i64).unwrap_or_default();
    Some(Image { url: text(image, "url")?, width: number("width"), height: number("height") })
}

/// A text of an object; IDs and numbers are texts in the archive.
pub fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

/// The elements of a list of an object.
pub fn list<'o>(object: &'o Value, key: &str) -> impl Iterator<Item = &'o Value> {
    object.get(key).and_then(Value::as_array).into_iter().flatten()
}

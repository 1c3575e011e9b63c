//! Texts as DiscordChatExporter writes them: with the names of what is mentioned.

use std::fmt::Write as _;

use serde::Serialize;

/// Where pictures of custom emoji and stickers are.
const CDN: &str = "https://cdn.discordapp.com";

/// A text, and what it mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The text. A mention of a person is `@` and the hash.
    pub text: String,
    /// The hashes of the people it mentions, in order, each once.
    pub mentioned: Vec<String>,
    /// The custom emoji in it, each once.
    pub emoji: Vec<Emoji>,
}

/// An emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Emoji {
    /// Empty for a character.
    pub id: String,
    pub name: String,
    pub code: String,
    pub is_animated: bool,
    pub image_url: String,
}

impl Emoji {
    /// A custom emoji.
    pub fn custom(id: &str, name: &str, is_animated: bool) -> Self {
        let extension = if is_animated { "gif" } else { "png" };
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            code: name.to_owned(),
            is_animated,
            image_url: format!("{CDN}/emojis/{id}.{extension}"),
        }
    }

    /// A character, with the address of its picture.
    pub fn character(text: &str) -> Self {
        // Without the sign that asks for a picture, unless several characters are joined.
        let is_joined = text.contains('\u{200d}');
        let points = text.chars().filter(|char| is_joined || *char != '\u{fe0f}');
        let points: Vec<String> = points.map(|char| format!("{:x}", u32::from(char))).collect();
        Self {
            id: String::new(),
            name: text.to_owned(),
            code: text.to_owned(),
            is_animated: false,
            image_url: format!(
                "https://cdn.jsdelivr.net/gh/twitter/twemoji@latest/assets/svg/{}.svg",
                points.join("-")
            ),
        }
    }
}

impl Content {
    /// Replaces the markup of people and custom emoji by names. Other markup stays: a file must not depend
    /// on the names of other channels, which change.
    pub fn of(text: &str) -> Self {
        let (mut content, mut rest) = (Self::default(), text);
        while let Some(start) = rest.find('<') {
            content.text.push_str(&rest[..start]);
            rest = &rest[start..];
            let markup = rest.find('>').map(|end| &rest[1..end]);
            let length = markup.and_then(|markup| content.add(markup).then_some(markup.len() + 2));
            let length = length.unwrap_or_else(|| {
                content.text.push('<');
                1
            });
            rest = &rest[length..];
        }
        content.text.push_str(rest);
        content
    }

    /// Adds what stands between angle brackets, if it is known markup.
    fn add(&mut self, markup: &str) -> bool {
        if let Some(person) = markup.strip_prefix('@') {
            let is_hash = person.len() == 64 && person.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash {
                self.text.push('@');
                self.text.push_str(person);
                if !self.mentioned.iter().any(|known| known == person) {
                    self.mentioned.push(person.to_owned());
                }
            }
            return is_hash;
        }
        let (is_animated, emoji) = match markup.strip_prefix("a:") {
            Some(emoji) => (true, Some(emoji)),
            None => (false, markup.strip_prefix(':')),
        };
        let Some((name, id)) = emoji.and_then(|emoji| emoji.split_once(':')) else { return false };
        let is_emoji = !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && name.chars().all(|char| char.is_alphanumeric() || char == '_');
        if is_emoji {
            write!(self.text, ":{name}:").ok();
            if self.emoji.iter().all(|known| known.name != name) {
                self.emoji.push(Emoji::custom(id, name, is_animated));
            }
        }
        is_emoji
    }
}

/// The address of a sticker's picture.
pub fn sticker_url(id: &str, extension: &str) -> String {
    format!("{CDN}/stickers/{id}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_replaced_by_names() {
        let hash = "ab".repeat(32);
        for (text, expected) in [
            ("a < b > c <", "a < b > c <".to_owned()),
            (&*format!("hi <@{hash}>, <@{hash}>!"), format!("hi @{hash}, @{hash}!")),
            ("<@forgotten> <@&5> <t:1:R> <#7> <#8>", "<@forgotten> <@&5> <t:1:R> <#7> <#8>".to_owned()),
            ("<:wave:12><a:dance:13> <:no:> <::5>", ":wave::dance: <:no:> ::".to_owned()),
            ("<<#7>>", "<<#7>>".to_owned()),
        ] {
            let content = Content::of(text);
            if text.starts_with("<:wave") {
                assert_eq!(content.emoji.len(), 3);
                assert!(content.emoji[1].is_animated && content.emoji[1].image_url.ends_with("/13.gif"));
            }
            if !text.starts_with("<<") {
                assert_eq!(content.text, expected, "{text}");
            }
            assert_eq!(content.mentioned.len(), usize::from(text.contains(&hash)));
        }
        assert_eq!(Emoji::character("❤️").image_url.rsplit('/').next(), Some("2764.svg"));
    }
}

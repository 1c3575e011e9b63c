//! Attachment objects with signed URLs: Resources/Message, "Attachment
//! Structure"; Reference, "Signed Attachment CDN URLs".

use std::fmt::Write as _;

use super::Writer;
use super::message::Show;
use crate::dice;
use crate::message::{Attachment, Message};
use crate::snowflake;
use crate::world::Scene;

/// An attachment's URL without its signature.
pub(crate) fn plain_url(channel_id: u64, attachment: &Attachment) -> String {
    let mut url = format!("https://cdn.discordapp.com/attachments/{channel_id}/{}/", attachment.id);
    for byte in attachment.filename.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

pub(crate) fn list(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    w.array("attachments", |w| {
        for attachment in &message.attachments {
            w.item(|w| fields(w, scene, show, message, attachment));
        }
    });
}

fn fields(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message, attachment: &Attachment) {
    let plain = plain_url(message.channel_id, attachment);
    let query = signature(show, attachment.id);
    w.id("id", attachment.id);
    w.text("filename", &attachment.filename);
    w.number("size", attachment.size);
    if let Some((_, named)) = attachment.filename.split_once("transcript-") {
        w.text("description", &format!("Everything that {} said", named.trim_end_matches(".txt")));
    }
    w.text("url", &format!("{plain}?{query}"));
    let proxied = plain.replacen("cdn.discordapp.com", "media.discordapp.net", 1);
    w.text("proxy_url", &format!("{proxied}?{query}"));
    if let Some((width, height)) = attachment.pixels {
        w.number("width", width);
        w.number("height", height);
        w.text("placeholder", "cggKDYJ4h3eIeHeAh3iIeA==");
        w.raw("placeholder_version", "1");
    }
    if let Some(content_type) = attachment.content_type {
        w.text("content_type", content_type);
    }
    if attachment.voice {
        w.raw("duration_secs", "4.28");
        w.text("waveform", "ACU9Mz8kKw==");
    }
    if attachment.clip {
        let host = scene.guild.pool.id((message.seed % u64::from(scene.guild.pool.count())) as u32);
        w.text("title", &format!("What a save by {host}"));
        w.time("clip_created_at", snowflake::unix_ms(message.id));
        w.array("clip_participants", |w| {
            let pool = &scene.guild.pool;
            let index = message.seed % u64::from(pool.count());
            w.item(|w| super::user::fields(w, &pool.user(index as u32)));
        });
    }
}

/// `ex`, `is` and `hm`, different each time the attachment is read.
fn signature(show: &Show<'_>, attachment_id: u64) -> String {
    let issued = show.now_ms / 1000;
    let read_count = show.next_signature();
    let hm = dice::hash(read_count, 7, attachment_id);
    let more = dice::hash(read_count, 8, attachment_id);
    format!("ex={:x}&is={issued:x}&hm={hm:016x}{more:016x}{hm:016x}{more:016x}&", issued + 86_400)
}

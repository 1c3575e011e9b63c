//! Parley's markup: `<@U07ABCDEF>`, `<@U07ABCDEF|name>`, and links to profiles.

use std::ops::Range;

use verta_sync::model::disguise::digit;
use verta_sync::model::markup::layers::{self, IdSyntax};
use verta_sync::model::markup::url_scanner::Proxy;
use verta_sync::model::markup::{IdContext, MarkupMatch, Syntax, sort_matches};
use verta_sync::model::{IdCodec as _, Markup, UserId};

use super::ids::{MIN_USER_CHARS, ParleyIds};

/// Finds users in Parley's texts.
#[derive(Debug)]
pub struct ParleyMarkup;

impl Markup for ParleyMarkup {
    fn may_contain_match(&self, text: &str) -> bool {
        layers::may_find::<Self>(text)
    }

    fn find_matches(&self, text: &str, syntax: Syntax) -> Vec<MarkupMatch> {
        let mut found = Vec::new();
        layers::find_plain::<Self>(text, syntax, &mut found);
        layers::find_disguised::<Self>(text, syntax, &mut found);
        let names: Vec<MarkupMatch> = found.iter().filter_map(|mention| name_after(text, mention)).collect();
        found.extend(names);
        sort_matches(found)
    }

    fn user_ids_in(&self, bytes: &[u8], found: &mut dyn FnMut(UserId)) {
        layers::user_ids_in::<Self>(bytes, found);
    }

    fn min_id_chars(&self) -> usize {
        MIN_USER_CHARS
    }

    fn ends_with_optional_mention_char(&self, _: &str) -> bool {
        false
    }
}

/// The `|name` of a mention, which is dropped.
fn name_after(text: &str, mention: &MarkupMatch) -> Option<MarkupMatch> {
    let (_, IdContext::Mention) = mention.user? else { return None };
    let end = mention.range.end;
    let length = text[end..].find('>').filter(|length| *length > 0)?;
    Some(MarkupMatch { range: end..end + length, user: None })
}

/// IDs are words of uppercase letters and digits.
impl IdSyntax for ParleyMarkup {
    const MIN_CHARS: usize = MIN_USER_CHARS;

    fn is_id_byte(byte: u8) -> bool {
        byte.is_ascii_uppercase() || byte.is_ascii_digit()
    }

    fn id_byte(character: char) -> Option<u8> {
        let letter = u8::try_from(character).ok().filter(u8::is_ascii_uppercase);
        letter.or_else(|| digit(character).map(|value| b'0' + value))
    }

    fn user_at(text: &str, range: &Range<usize>, id: &str, _: Syntax) -> Option<(UserId, IdContext)> {
        let (before, after) = (&text[..range.start], &text[range.end..]);
        let context = if before.ends_with("<@") && after.starts_with(['|', '>']) {
            IdContext::Mention
        } else if before.ends_with("/team/") {
            IdContext::Profile
        } else {
            IdContext::Bare
        };
        Self::user(id).map(|user| (user, context))
    }

    fn user(id: &str) -> Option<UserId> {
        ParleyIds.parse_user(id)
    }

    fn proxy() -> Option<&'static Proxy> {
        None
    }
}

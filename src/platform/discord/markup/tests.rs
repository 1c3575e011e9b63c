//! Tests the scrubber with Discord's markup.

mod disguises;
mod hostile;
mod texts;

use super::super::{SPEC, ids};
use crate::anonymize::{Exposure, HashScheme, Person, ScrubbedText, Scrubber, UserHash};
use crate::model::UserId;
use crate::model::markup::Syntax;

const SCRUBBER: Scrubber = Scrubber::new(&SPEC, HashScheme::Plain);

const ID: &str = "123456789012345678";

fn hash_of(id: &str) -> UserHash {
    SCRUBBER.hash(ids::number(id).and_then(UserId::new).unwrap())
}

/// The scrubbed text, and the number of users that it mentions or links.
fn scrubbed(text: &str) -> (ScrubbedText, usize) {
    let mut people: Vec<Person> = Vec::new();
    let text = SCRUBBER.scrub(text.to_owned(), &mut people);
    (text, people.len())
}

fn exposure(text: &str, is_known: impl FnMut(&UserHash) -> bool) -> Option<Exposure> {
    SCRUBBER.exposure(text, Syntax::Text, is_known)
}

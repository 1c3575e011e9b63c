//! Parley's IDs: a letter for the kind of object, then a number in base 36.

use verta_sync::model::{
    AttachmentId, ChannelId, IdCodec, IdText, MessageId, ParseIdError, Timestamp, UserId, WorkspaceId,
};

/// Length of the shortest user ID, in characters.
pub const MIN_USER_CHARS: usize = 9;

/// A millisecond in the unit of message IDs, microseconds.
pub const MILLISECOND: u64 = 1000;

/// Writes and reads Parley's IDs.
#[derive(Debug)]
pub struct ParleyIds;

impl IdCodec for ParleyIds {
    fn workspace_text(&self, workspace: WorkspaceId) -> IdText {
        write('T', workspace.get())
    }

    fn channel_text(&self, channel: ChannelId) -> IdText {
        write('C', channel.get())
    }

    fn attachment_text(&self, attachment: AttachmentId) -> Option<IdText> {
        Some(write('F', attachment.get()))
    }

    fn user_text(&self, user: UserId) -> IdText {
        write('U', user.get())
    }

    fn parse_channel(&self, text: &str) -> Result<ChannelId, ParseIdError> {
        read('C', text).and_then(ChannelId::new).ok_or(ParseIdError::NotIdSyntax)
    }

    fn parse_user(&self, text: &str) -> Option<UserId> {
        Some(text).filter(|text| text.len() >= MIN_USER_CHARS).and_then(user)
    }

    fn mask(&self, text: &str) -> String {
        let words = text.split(|char: char| !char.is_ascii_alphanumeric());
        let is_plain_word =
            |word: &str| word.len() < MIN_USER_CHARS || word[1..].bytes().all(|b| b.is_ascii_lowercase());
        let ids = words.filter(|word| word.starts_with(['U', 'u']) && !is_plain_word(word));
        ids.fold(text.to_owned(), |masked, id| masked.replace(id, "…"))
    }
}

pub fn user(text: &str) -> Option<UserId> {
    read('U', text).and_then(UserId::new)
}

/// Parses `1718000000.123456`: seconds and microseconds.
pub fn message(text: &str) -> Option<MessageId> {
    let (seconds, micros) = text.split_once('.')?;
    let digits = format!("{seconds}{micros}");
    let is_exact = micros.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    MessageId::new(digits.parse().ok().filter(|_| is_exact)?)
}

/// When a message was sent: its ID is that time in microseconds.
pub fn sent_at(message: MessageId) -> Timestamp {
    Timestamp::from_millis(i64::try_from(message.get() / MILLISECOND).unwrap_or(i64::MAX))
}

/// The text of an ID, in bijective base 36: leading zeros are significant, `0` is 1 and
/// `00` is 37.
fn write(prefix: char, mut number: u64) -> IdText {
    let mut digits = Vec::new();
    while number > 0 {
        number -= 1;
        let digit = u32::try_from(number % 36).expect("it is below 36");
        digits.push(char::from_digit(digit, 36).expect("it is below 36").to_ascii_uppercase());
        number /= 36;
    }
    let text: String = [prefix].into_iter().chain(digits.into_iter().rev()).collect();
    IdText::new(&text).expect("a prefix and 13 digits are shorter than the longest text")
}

/// The number of an ID; `None` if the text isn't one.
pub fn read(prefix: char, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix).filter(|digits| !digits.is_empty())?;
    digits.chars().try_fold(0_u64, |number, char| {
        let digit = char.to_digit(36).filter(|_| !char.is_ascii_lowercase())?;
        number.checked_mul(36)?.checked_add(u64::from(digit) + 1)
    })
}

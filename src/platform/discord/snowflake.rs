//! The creation time in a Discord ID.

use crate::model::{MessageId, Timestamp};

/// The start of 2015 in UTC, in milliseconds since the Unix epoch.
/// <https://discord.com/developers/docs/reference#snowflakes>
const EPOCH_MILLIS: i64 = 1_420_070_400_000;
/// Bits below the time: worker, process and increment.
const TIME_SHIFT: u32 = 22;

/// Creation time of the object with this ID.
pub fn created_at(id: u64) -> Timestamp {
    let millis = i64::try_from(id >> TIME_SHIFT).unwrap_or(i64::MAX - EPOCH_MILLIS);
    Timestamp::from_millis(millis + EPOCH_MILLIS)
}

/// The greatest ID created before `time`; `None` if there is none.
pub fn id_before(time: Timestamp) -> Option<MessageId> {
    let millis = u64::try_from(time.as_millis().saturating_sub(EPOCH_MILLIS)).ok()?;
    let first = millis.checked_mul(1 << TIME_SHIFT).unwrap_or(1 << 63);
    MessageId::new(first.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_decoded() {
        let time = created_at(175_928_847_299_117_063);
        assert_eq!(time.as_millis(), 1_462_015_105_796);
    }

    #[test]
    fn id_before_returns_the_last_id_of_the_preceding_millisecond() {
        let time = Timestamp::from_millis(1_462_015_105_796);
        let before = id_before(time).unwrap();
        assert_eq!(created_at(before.get()).as_millis(), time.as_millis() - 1);
        assert_eq!(created_at(before.get() + 1), time);
        assert_eq!(id_before(Timestamp::from_millis(0)), None);
        assert_eq!(id_before(Timestamp::from_millis(EPOCH_MILLIS)), None);
        assert!(id_before(Timestamp::from_millis(i64::MAX)).is_some());
    }
}

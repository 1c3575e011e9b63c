//! Counts of the platform that raise doubt about a channel. They prove nothing: counts may be
//! approximate, and never veto what the pages say.

use super::Target;
use crate::archive::ArchivedCounts;

/// Difference between the total of a search, which is approximate, and the archive that raises
/// no doubt: this many messages and one in a hundred.
const SEARCH_TOLERANCE: u64 = 2;
/// Up to here, threads from before July 2022 are counted.
const OLD_THREAD_LIMIT: u64 = 50;

/// Whether a thread's counts disagree with the archive. They omit the thread's first message.
/// If messages may be newer than what the archive claims, they say nothing.
pub(super) fn doubts_thread(target: &Target, archived: ArchivedCounts) -> bool {
    let may_be_newer = target.announced.is_none() || target.announced > target.until;
    if target.after.is_some() || may_be_newer {
        return false;
    }
    let sent_more = target.messages_sent.is_some_and(|sent| sent > archived.all);
    let has_other = target.message_count.is_some_and(|count| {
        count > archived.live || (count != OLD_THREAD_LIMIT && archived.live > count + 1)
    });
    sent_more || has_other
}

/// Whether the total of a search of the archived range disagrees with the archive.
pub(super) fn doubts_total(total: u64, archived: ArchivedCounts) -> bool {
    total.abs_diff(archived.live) > SEARCH_TOLERANCE + archived.live / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, MessageId, Timestamp};

    fn thread(messages_sent: u64, message_count: u64) -> Target {
        Target {
            channel: ChannelId::new(1).unwrap(),
            row: None,
            after: None,
            until: MessageId::new(9),
            announced: MessageId::new(9),
            followed_from: Timestamp::from_millis(0),
            messages_sent: Some(messages_sent),
            message_count: Some(message_count),
        }
    }

    #[test]
    fn a_threads_counts_raise_doubt_if_they_exceed_the_archive_or_fall_short_of_it() {
        let archived = ArchivedCounts { all: 12, live: 10 };
        for (sent, count, expected) in [
            (12, 10, false),
            // Without the first message.
            (11, 9, false),
            (13, 10, true),
            (12, 11, true),
            (12, 8, true),
        ] {
            assert_eq!(doubts_thread(&thread(sent, count), archived), expected, "{sent} {count}");
        }
        assert!(!doubts_thread(&thread(50, 50), ArchivedCounts { all: 900, live: 900 }), "counted to 50");
        let newer = Target { announced: MessageId::new(10), ..thread(99, 99) };
        assert!(!doubts_thread(&newer, archived), "there may be newer messages");
        let partial = Target { after: MessageId::new(1), ..thread(99, 99) };
        assert!(!doubts_thread(&partial, archived), "the archive begins later");
    }

    #[test]
    fn a_total_raises_doubt_beyond_its_tolerance() {
        let archived = ArchivedCounts { all: 1000, live: 1000 };
        assert!(!doubts_total(1012, archived) && !doubts_total(988, archived));
        assert!(doubts_total(1013, archived) && doubts_total(987, archived));
    }
}

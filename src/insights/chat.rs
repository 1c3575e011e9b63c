//! Estimates questions outside of forums and whether they are answered.

use std::collections::VecDeque;

use serde::Serialize;

use super::few::Tally;
use super::figure::Figure;
use crate::model::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// Time limits of an answer by reply or thread, and by mentioning the author.
const REPLY_MS: i64 = 7 * DAY_MS;
const MENTION_MS: i64 = DAY_MS;

/// Questions of the period outside of forums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ChatQuestionsReport {
    /// Messages that are no reply and ask something.
    pub asked: Figure,
    /// Of those that are a week old: the share that was answered.
    pub answered_permille: Figure,
}

/// Counts questions, channel by channel.
#[derive(Debug)]
pub struct ChatQuestions {
    /// Younger questions count as neither answered nor not.
    old: Timestamp,
    asked: Tally,
    asked_long_ago: Tally,
    answered: Tally,
    /// Old questions without an answer.
    open_long_ago: Tally,
    /// The questions of the channel that can still be answered.
    open: VecDeque<ChatQuestion>,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatQuestion {
    /// The message.
    pub message: i64,
    /// Who asked, by row.
    pub author: i64,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Whether it was answered.
    pub is_answered: bool,
}

impl ChatQuestion {
    /// Until when it can be answered in a reply or in its thread.
    pub const fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.asked_at.as_millis().saturating_add(REPLY_MS))
    }
}

impl ChatQuestions {
    /// Questions of a period that ends at a time.
    pub fn new(end: Timestamp) -> Self {
        let old = Timestamp::from_millis(end.as_millis().saturating_sub(REPLY_MS));
        Self {
            old,
            asked: Tally::default(),
            asked_long_ago: Tally::default(),
            answered: Tally::default(),
            open_long_ago: Tally::default(),
            open: VecDeque::new(),
        }
    }

    /// Adds a question, later than the others of its channel.
    pub fn ask(&mut self, message: i64, author: i64, asked_at: Timestamp) {
        self.open.push_back(ChatQuestion { message, author, asked_at, is_answered: false });
    }

    /// Records a reply to a message of the channel.
    pub fn reply(&mut self, to: i64, author: i64) {
        if let Ok(index) = self.open.binary_search_by_key(&to, |question| question.message)
            && self.open[index].author != author
        {
            self.open[index].is_answered = true;
        }
    }

    /// Records that a message mentions a user.
    pub fn mention(&mut self, mentioned: i64, author: i64, at: Timestamp) {
        let is_recent =
            |question: &ChatQuestion| at.as_millis() - question.asked_at.as_millis() <= MENTION_MS;
        if mentioned != author {
            for question in self.open.iter_mut().rev().take_while(|question| is_recent(question)) {
                question.is_answered |= question.author == mentioned;
            }
        }
    }

    /// Whether a question of the channel can still be answered.
    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Counts the questions that can't be answered any more at a time, or all of the channel.
    /// `has_answered_thread` returns whether another person wrote in a question's thread.
    pub fn close<E>(
        &mut self,
        at: Option<Timestamp>,
        mut has_answered_thread: impl FnMut(&ChatQuestion) -> Result<bool, E>,
    ) -> Result<(), E> {
        while let Some(question) = self.open.front()
            && at.is_none_or(|at| question.until() < at)
        {
            let question = *question;
            self.open.pop_front();
            self.asked.add(question.author);
            if question.asked_at < self.old {
                self.asked_long_ago.add(question.author);
                if question.is_answered || has_answered_thread(&question)? {
                    self.answered.add(question.author);
                } else {
                    self.open_long_ago.add(question.author);
                }
            }
        }
        Ok(())
    }

    /// The figures.
    pub fn report(&self) -> ChatQuestionsReport {
        ChatQuestionsReport {
            asked: self.asked.figure(),
            answered_permille: match Figure::permille(self.answered.figure(), self.asked_long_ago.figure()) {
                // The share of those without an answer follows.
                Figure::Shown(_)
                    if self.open_long_ago.number > 0 && !self.open_long_ago.people.is_enough() =>
                {
                    Figure::Withheld
                }
                share => share,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_mentions_and_threads_answer() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let mut questions = ChatQuestions::new(at(10_000));
        for asker in 1..=10 {
            questions.ask(asker, asker, at(asker));
        }
        // Five are answered: by a reply, a mention, and threads. Nobody answers oneself, or too late.
        questions.reply(1, 99);
        questions.reply(2, 2);
        questions.mention(3, 99, at(3 + 24));
        questions.mention(4, 99, at(4 + 25));
        questions.mention(5, 5, at(6));
        questions.reply(77, 99);
        questions.close::<()>(Some(at(6 + 7 * 24)), |question| Ok(question.message == 2)).unwrap();
        questions.reply(5, 99);
        assert!(questions.has_open());
        questions.close::<()>(None, |question| Ok(question.message >= 9)).unwrap();
        for asker in 11..=15 {
            questions.ask(asker, asker, at(9_990));
        }
        questions.close::<()>(None, |_| Ok(true)).unwrap();
        let report = questions.report();
        assert_eq!((report.asked, report.answered_permille), (Figure::Shown(15), Figure::Shown(500)));
    }

    #[test]
    fn the_share_is_withheld_if_few_people_got_no_answer() {
        let mut questions = ChatQuestions::new(Timestamp::from_millis(i64::MAX / 2));
        let permille = |questions: &mut ChatQuestions, askers: std::ops::Range<i64>, answered: i64| {
            for asker in askers {
                questions.ask(asker, asker, Timestamp::from_millis(asker));
            }
            questions.close::<()>(None, |question| Ok(question.message < answered)).unwrap();
            questions.report().answered_permille
        };
        assert_eq!(permille(&mut questions, 1..11, 100), Figure::Shown(1000));
        assert_eq!(permille(&mut questions, 11..12, 11), Figure::Withheld);
        assert_eq!(permille(&mut questions, 12..21, 16), Figure::Shown(700));
    }
}

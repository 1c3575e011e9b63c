//! Counts the messages of a tenant: all facts in one pass, words in a second.

use hashbrown::HashMap;

use super::calendar::{Calendar, Period};
use super::chat::ChatQuestions;
use super::emoji::EmojiUses;
use super::facts::{Facts, Person};
use super::files::FileKind;
use super::texts::{hosts, is_question, mentions, site};
use super::vocabulary::{Sketch, Vocabulary};
use super::word_thread::WordThread;
use crate::archive::activity::{ActivityChannel, ActivityKind, ActivityRow};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// What is counted, and how.
pub struct Counted<'c> {
    pub reader: &'c Reader,
    pub channels: &'c [ActivityChannel],
    pub calendar: &'c Calendar,
    pub period: Period,
    pub includes_deleted: bool,
}

impl Counted<'_> {
    /// Counts. `on_message` is called for each message read; counting ends early if it returns `false`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn facts(&self, on_message: &mut dyn FnMut() -> bool) -> Result<Facts, ArchiveError> {
        let bots = self.reader.bots_by_user()?;
        let threads = self.channels.iter().filter(|channel| channel.kind == ActivityKind::Thread);
        let mut counting = Counting {
            counted: self,
            facts: Facts::new(self.period),
            numbers: HashMap::new(),
            bots: &bots,
            threads: threads.map(|thread| (thread.platform_id, thread.row)).collect(),
            emoji: EmojiUses::default(),
            chat: ChatQuestions::new(self.calendar.start(self.period.end)),
            sketch: WordThread::start(Sketch::default()),
        };
        counting.facts.since = self.channels.iter().filter_map(|channel| channel.first_sent).min();
        counting.facts.newest = self.channels.iter().filter_map(|channel| channel.last_sent).max();
        for channel in self.channels {
            let counts = counting.facts.channels.entry(channel.root).or_default();
            counts.name.clone_from(&channel.root_name);
            if !counting.add_channel(channel, on_message)? {
                break;
            }
        }
        let Counting { mut facts, emoji, chat, sketch, .. } = counting;
        self.count_words(&mut facts, &bots, sketch.finish(), on_message)?;
        facts.emoji = emoji.report(&self.reader.emoji_names()?);
        facts.chat_questions = chat.report();
        Ok(facts)
    }

    /// Counts the words of both periods, if there are two. `sketch` has them all.
    fn count_words(
        &self,
        facts: &mut Facts,
        bots: &HashMap<i64, bool>,
        sketch: Sketch,
        on_message: &mut dyn FnMut() -> bool,
    ) -> Result<(), ArchiveError> {
        let messages = [self.period, facts.before].map(|period| facts.sum(period, |day| day.messages));
        if messages.contains(&0) {
            return Ok(());
        }
        let mut words = WordThread::start(Vocabulary::new(sketch));
        for channel in self.channels {
            let mut goes_on = true;
            self.reader.activity_texts(channel.row, self.includes_deleted, |author, sent_at, text| {
                let day = self.calendar.day_and_hour(sent_at).0;
                if !is_bot(bots, author) && facts.index(day).is_some() {
                    words.add(text, author, !self.period.contains(day));
                }
                goes_on = on_message();
                goes_on
            })?;
            if !goes_on {
                break;
            }
        }
        facts.words = words.finish().changes(messages);
        Ok(())
    }
}

/// What was seen of a channel.
#[derive(Debug, Default)]
struct ChannelSpan {
    /// The IDs of the first and last message of the period, and of the one before.
    messages: [Option<(i64, i64)>; 2],
    /// Messages that people wrote until the end of the period.
    written: u64,
    /// IDs of deleted messages of the two periods that do not count, ascending.
    deleted: Vec<i64>,
}

struct Counting<'c> {
    counted: &'c Counted<'c>,
    facts: Facts,
    /// The number of each person, by row.
    numbers: HashMap<i64, u32>,
    bots: &'c HashMap<i64, bool>,
    /// Threads outside of forums, by the message that they were started from.
    threads: HashMap<i64, ChannelRow>,
    emoji: EmojiUses,
    chat: ChatQuestions,
    sketch: WordThread<Sketch>,
}

/// Whether a user, by row, is a bot.
fn is_bot(bots: &HashMap<i64, bool>, user: i64) -> bool {
    bots.get(&user).copied().unwrap_or_default()
}

impl Counting<'_> {
    /// Counts a channel. `false` if it was stopped.
    fn add_channel(
        &mut self,
        channel: &ActivityChannel,
        on_message: &mut dyn FnMut() -> bool,
    ) -> Result<bool, ArchiveError> {
        let (mut span, mut goes_on, mut failed) = (ChannelSpan::default(), true, None);
        self.counted.reader.activity(channel.row, |row| {
            failed = self.add(channel, &mut span, row).err();
            goes_on = on_message();
            goes_on && failed.is_none()
        })?;
        failed.map_or(Ok(()), Err)?;
        if !goes_on {
            return Ok(false);
        }
        self.close_questions(None)?;
        if let Some(owner) = channel.owner.filter(|owner| !is_bot(self.bots, *owner))
            && channel.kind != ActivityKind::Channel
            && self.counted.period.contains(self.counted.calendar.day_and_hour(channel.opened_at).0)
        {
            self.facts.threads.push((owner, span.written));
        }
        for (period, messages) in span.messages.into_iter().enumerate() {
            if let Some(messages) = messages {
                self.add_parts(channel.row, messages, &span.deleted, period)?;
            }
        }
        Ok(true)
    }

    /// Counts a message.
    fn add(
        &mut self,
        channel: &ActivityChannel,
        span: &mut ChannelSpan,
        row: ActivityRow<'_>,
    ) -> Result<(), ArchiveError> {
        let includes_deleted = self.counted.includes_deleted;
        let (day, hour) = self.counted.calendar.day_and_hour(row.sent_at);
        let index = self.facts.index(day);
        let is_in_period = self.facts.period.contains(day);
        if index.is_some() {
            let messages = &mut span.messages[usize::from(!is_in_period)];
            *messages = Some((messages.map_or(row.message, |(first, _)| first), row.message));
        }
        if index.is_some() && row.is_deleted && !includes_deleted {
            span.deleted.push(row.message);
        }
        let Some(author) = row.author.filter(|_| row.is_written) else { return Ok(()) };
        if is_bot(self.bots, author) {
            if let Some(index) = index.filter(|_| includes_deleted || !row.is_deleted) {
                self.facts.days[index].by_bots += 1;
            }
            return Ok(());
        }
        if let Some(index) = index {
            self.facts.days[index].sent += 1;
            if row.is_deleted && is_in_period {
                self.facts.deleted.add(author);
            }
        }
        if row.is_deleted && !includes_deleted {
            return Ok(());
        }
        let number = self.person(author, day, row.sent_at);
        span.written += u64::from(day < self.facts.period.end);
        let Some(index) = index else { return Ok(()) };
        let facts = &mut self.facts;
        let counts = &mut facts.days[index];
        counts.messages += 1;
        let words = facts.words_per_person();
        facts.written[number as usize * words + index / 64] |= 1 << (index % 64);
        let person = &mut facts.people[number as usize];
        person.messages += u64::from(is_in_period);
        person.messages_before += u64::from(!is_in_period);
        if let Some(counts) = facts.channels.get_mut(&channel.root) {
            if is_in_period {
                counts.messages += 1;
                counts.people.insert(number);
            }
            if let Some((recent, earlier)) = facts.compared {
                if is_in_period && !recent.contains(day) {
                    counts.rest.insert(number);
                }
                for (period, (messages, people)) in
                    [(recent, &mut counts.recent), (earlier, &mut counts.earlier)]
                {
                    if period.contains(day) {
                        *messages += 1;
                        people.insert(number);
                    }
                }
            }
        }
        self.sketch.add(row.content, author, !is_in_period);
        if is_in_period {
            let (messages, people) = &mut self.facts.hours[day.weekday() * 24 + hour];
            *messages += 1;
            people.insert(number);
            if row.reply_to.is_some() {
                self.facts.replied.add(author);
            }
            if row.is_edited {
                self.facts.edited.add(author);
            }
            self.add_text(row.content, author);
            self.add_reply(&row, author, number);
            self.add_to_chat(channel, &row, author)?;
        }
        Ok(())
    }

    fn add_reply(&mut self, row: &ActivityRow<'_>, author: i64, number: u32) {
        let is_person = |other: &i64| self.bots.get(other) == Some(&false);
        if let Some(other) = row.reply_to_author.filter(|other| *other != author && is_person(other)) {
            let other = self.known(other);
            self.facts.replies.insert((number, other));
        }
    }

    /// Counts what is in a text of the period, words apart.
    fn add_text(&mut self, text: &str, author: i64) {
        self.emoji.add_text(text, author);
        hosts(text, |host| {
            if let Some(site) = site(host) {
                self.facts.sites.entry_ref(site.as_str()).or_default().add(author);
            }
        });
    }

    /// Counts what a message asks outside of forums, and what it answers.
    fn add_to_chat(
        &mut self,
        channel: &ActivityChannel,
        row: &ActivityRow<'_>,
        author: i64,
    ) -> Result<(), ArchiveError> {
        if matches!(channel.kind, ActivityKind::Post | ActivityKind::MediaPost) {
            return Ok(());
        }
        if self.chat.has_open() {
            self.close_questions(Some(row.sent_at))?;
            if let Some(to) = row.reply_to {
                self.chat.reply(to, author);
            }
            let (mut failed, reader) = (None, self.counted.reader);
            mentions(row.content, |hash| match reader.user_of_hash(hash) {
                Ok(Some(mentioned)) => self.chat.mention(mentioned, author, row.sent_at),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            });
            failed.map_or(Ok(()), Err)?;
        }
        if row.reply_to.is_none() && is_question(row.content) {
            self.chat.ask(row.message, author, row.sent_at);
        }
        Ok(())
    }

    /// Ends the questions of a channel that can't be answered any more at a time, or all.
    fn close_questions(&mut self, at: Option<Timestamp>) -> Result<(), ArchiveError> {
        let Counted { reader, calendar, period, includes_deleted, .. } = self.counted;
        let (threads, end) = (&self.threads, calendar.start(period.end));
        self.chat.close(at, |question| match threads.get(&question.message) {
            Some(thread) => {
                reader.is_answered(*thread, question.author, question.until().min(end), *includes_deleted)
            }
            None => Ok(false),
        })
    }

    /// Counts reactions and files of messages, without those of deleted ones; `period` is 0, or 1 for the
    /// one before.
    fn add_parts(
        &mut self,
        channel: ChannelRow,
        messages: (i64, i64),
        deleted: &[i64],
        period: usize,
    ) -> Result<(), ArchiveError> {
        let (reader, bots) = (self.counted.reader, self.bots);
        let counts = |message: i64| deleted.is_empty() || deleted.binary_search(&message).is_err();
        let (facts, emoji) = (&mut self.facts, &mut self.emoji);
        reader.reaction_counts(channel, messages, |reactions| {
            if counts(reactions.message) {
                facts.reactions[period].number += reactions.count;
                if period == 0 {
                    emoji.add_reactions(reactions.emoji, reactions.count);
                }
            }
        })?;
        reader.reactors(channel, messages, |reactor| {
            if counts(reactor.message) && !is_bot(bots, reactor.user) {
                facts.reactions[period].people.insert(reactor.user);
                if period == 0 {
                    emoji.add_reactor(reactor.emoji, reactor.user);
                }
            }
        })?;
        if period == 0 {
            reader.activity_files(channel, messages, |file| {
                if counts(file.message) && !is_bot(bots, file.author) {
                    let kind = FileKind::of(file.content_type, file.name);
                    facts.files.entry(kind).or_default().add(file.author);
                }
            })?;
        }
        Ok(())
    }

    /// The number of a person who wrote on a day.
    fn person(&mut self, author: i64, day: super::calendar::Day, sent_at: Timestamp) -> u32 {
        let number = self.known(author);
        let person = &mut self.facts.people[number as usize];
        if sent_at < person.first_at {
            (person.first, person.first_at) = (day, sent_at);
        }
        number
    }

    /// The number of a person.
    fn known(&mut self, row: i64) -> u32 {
        let facts = &mut self.facts;
        *self.numbers.entry(row).or_insert_with(|| {
            facts.written.resize(facts.written.len() + facts.words_per_person(), 0);
            facts.people.push(Person::default());
            u32::try_from(facts.people.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

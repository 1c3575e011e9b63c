//! Cuts texts into words on a thread of its own while the caller reads further messages.

use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::texts::Words;

/// Bytes of a batch, and batches in the queue at most.
const BATCH_BYTES: usize = 1 << 16;
const BATCHES: usize = 4;
/// Bytes of most texts.
const TEXT_BYTES: usize = 4096;

/// Receives the words of texts.
pub trait CountsWords: Send + 'static {
    /// The words that follow are of another message.
    fn begin_message(&mut self) {}

    /// Counts a word that a user wrote in the period, or in the one before.
    fn add(&mut self, word: &str, user: i64, is_before: bool);
}

/// Concatenated texts of messages.
#[derive(Debug)]
struct Batch {
    texts: String,
    messages: Vec<BatchMessage>,
}

impl Batch {
    fn new() -> Self {
        Self { texts: String::with_capacity(BATCH_BYTES + TEXT_BYTES), messages: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy)]
struct BatchMessage {
    /// Where its text ends.
    end: usize,
    user: i64,
    is_before: bool,
}

/// A thread that counts the words of texts.
#[derive(Debug)]
pub struct WordThread<C> {
    sender: SyncSender<Batch>,
    batch: Batch,
    thread: JoinHandle<C>,
}

impl<C: CountsWords> WordThread<C> {
    /// Starts the thread.
    pub fn start(mut counter: C) -> Self {
        let (sender, receiver) = sync_channel::<Batch>(BATCHES);
        let thread = thread::spawn(move || {
            let mut words = Words::default();
            for batch in receiver {
                let mut start = 0;
                for BatchMessage { end, user, is_before } in batch.messages {
                    counter.begin_message();
                    words.of(&batch.texts[start..end], |word| counter.add(word, user, is_before));
                    start = end;
                }
            }
            counter
        });
        Self { sender, batch: Batch::new(), thread }
    }

    /// Queues a text of a user, sent in the period or in the one before. Blocks while the queue is full.
    pub fn add(&mut self, text: &str, user: i64, is_before: bool) {
        self.batch.texts.push_str(text);
        self.batch.messages.push(BatchMessage { end: self.batch.texts.len(), user, is_before });
        if self.batch.texts.len() >= BATCH_BYTES {
            self.send();
        }
    }

    fn send(&mut self) {
        // Fails only if the thread has panicked, which joining it shows.
        self.sender.send(mem::replace(&mut self.batch, Batch::new())).ok();
    }

    /// Waits for the thread and returns its counter.
    ///
    /// # Panics
    /// If the thread has panicked.
    pub fn finish(mut self) -> C {
        self.send();
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

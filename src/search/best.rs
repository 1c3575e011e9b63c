//! The hits that are shown.

use std::collections::BTreeSet;

use super::request::Request;
use crate::archive::message_scan::MessageKey;

/// The first keys in the order that was asked for, at most as many as hits are wanted.
pub struct Best<'r> {
    keys: BTreeSet<MessageKey>,
    count: u64,
    request: &'r Request,
}

impl<'r> Best<'r> {
    /// None so far.
    pub const fn new(request: &'r Request) -> Self {
        Self { keys: BTreeSet::new(), count: 0, request }
    }

    /// Adds the key of a hit. No key is added twice.
    pub fn add(&mut self, key: MessageKey) {
        self.count += 1;
        self.keys.insert(key);
        if self.keys.len() > self.request.limit {
            if self.request.is_oldest_first {
                self.keys.pop_last();
            } else {
                self.keys.pop_first();
            }
        }
    }

    /// How many were added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The keys, in the order that was asked for.
    pub fn into_sorted(self) -> Vec<MessageKey> {
        if self.request.is_oldest_first {
            self.keys.into_iter().collect()
        } else {
            self.keys.into_iter().rev().collect()
        }
    }
}

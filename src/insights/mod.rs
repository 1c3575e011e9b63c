//! Figures about communities that say nothing about a person.
//!
//! A report is made from rows in one pass, with integers only, so that the same archive gives
//! the same bytes. No text, hash or name of a person gets here, and no number about fewer than
//! five people gets out ([`figure`]).

mod calendar;
mod chat;
mod counting;
mod differences;
mod emoji;
mod facts;
mod few;
pub mod figure;
mod figures;
mod files;
mod markdown;
mod page;
mod questions;
mod report;
mod run;
mod texts;
mod threads;
mod vocabulary;
mod word_thread;
mod words;

pub use calendar::{Calendar, Day, Period};
pub use markdown::digest;
pub use page::page;
pub use report::Report;
pub use run::{Interrupted, Request, run};

//! The size of an archive, and the share of text in it.

use std::path::Path;

use rusqlite::Connection;

use crate::BenchResult;

pub struct Size {
    pub messages: u64,
    pub requests: u64,
    bytes: u64,
    text_bytes: u64,
}

impl Size {
    #[allow(clippy::cast_precision_loss, reason = "ratios")]
    pub fn describe(&self) -> String {
        let messages = self.messages as f64;
        let (all, text) = (self.bytes as f64 / messages, self.text_bytes as f64 / messages);
        format!("the archive has {all:.0} bytes a message, {text:.0} of them text, {:.0} not", all - text)
    }
}

const TEXT: &str = "
    SELECT (SELECT sum(octet_length(content) + coalesce(octet_length(metadata), 0)) FROM messages)
         + (SELECT coalesce(sum(octet_length(filename) + octet_length(url) + coalesce(octet_length(url_signature), 0)
                                + coalesce(octet_length(content_type), 0) + coalesce(octet_length(metadata), 0)), 0)
              FROM message_attachments)";

pub fn of(archive: &Path) -> BenchResult<Size> {
    let connection = Connection::open(archive)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(Size {
        messages: number("SELECT count(*) FROM messages")?,
        requests: number("SELECT sum(total_api_calls) FROM sync_jobs")?,
        bytes: number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        text_bytes: number(TEXT)?,
    })
}

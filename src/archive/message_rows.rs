//! Rows of the views that have a row per message, or per something that belongs to one, read
//! from the tables that the views are made of.
//!
//! A view computes each column of each row anew. Here what a channel's rows have in common is
//! read once, users are remembered, and IDs and addresses are written by the program, which
//! takes a third of the time. The rows are those of the views; tests compare the two.

mod columns;

use std::fmt::Write as _;

use hashbrown::HashMap;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Rows, params};

use self::columns::{MessageTable, Source};
use super::view_rows::{Cell, OwnedCell, RowSink, cell};
use super::{ArchiveError, ArchiveErrorKind, ChannelRow, Reader};
use crate::model::Timestamp;

/// A column of `message_log` beside those of the view: what comes before the message's ID in `url`, for
/// tenants of which [`Reader::has_decimal_message_ids`] is true.
pub const URL_BEFORE_ID: &str = "url_before_id";
/// Users that are remembered; beyond it they are read again.
const MAX_USERS: usize = 50_000;

/// Reads rows of one view, channel by channel.
#[derive(Debug)]
pub struct MessageRows<'r> {
    connection: &'r Connection,
    table: &'static MessageTable,
    /// The columns that are read, with their numbers.
    columns: Vec<(usize, Source)>,
    includes_deleted: bool,
    users: UserCache,
}

impl Reader {
    /// Prepares to read these columns of a view that has rows of messages, each with the number that it is
    /// given to the sink by, with or without the rows of deleted messages. Times are in milliseconds
    /// since 1970 UTC, addresses of files without their signature.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if there is no such view or column.
    pub fn message_rows(
        &self,
        view: &str,
        columns: &[(usize, &str)],
        includes_deleted: bool,
    ) -> Result<MessageRows<'_>, ArchiveError> {
        let unknown = |name: &str| {
            ArchiveError::new(ArchiveErrorKind::Other, format!("{view} has no column {name} of messages"))
        };
        let table = MessageTable::of(view).ok_or_else(|| unknown(""))?;
        let source = |(number, name): &(usize, &str)| {
            let source = table.source(name).ok_or_else(|| unknown(name))?;
            Ok::<_, ArchiveError>((*number, source))
        };
        Ok(MessageRows {
            connection: &self.connection,
            table,
            columns: columns.iter().map(source).collect::<Result<_, _>>()?,
            includes_deleted,
            users: UserCache::default(),
        })
    }
}

impl Reader {
    /// Whether the IDs of messages of all tenants of a name are decimal numbers, with which their addresses
    /// end.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn has_decimal_message_ids(&self, tenant: &str) -> Result<bool, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT message_id_format IS NULL, message_url_format FROM tenants WHERE name = ?1",
        )?;
        let mut rows = select.query([tenant])?;
        while let Some(row) = rows.next()? {
            let url = url_parts(row.get_ref(1)?.as_str().unwrap_or_default(), "");
            if !row.get::<_, bool>(0)? || url.is_none_or(|(_, after)| !after.is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl MessageRows<'_> {
    /// Reads the rows of a channel that belong to the message `from` or later ones, up to the first
    /// that was sent at `end` or later. Returns that one's message and time.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn read(
        &mut self,
        channel: ChannelRow,
        from: i64,
        end: Timestamp,
        sink: &mut impl RowSink,
    ) -> Result<Option<(i64, Timestamp)>, ArchiveError> {
        let Some(facts) = ChannelFacts::read(self.connection, channel, &self.columns)? else {
            return Ok(None);
        };
        let plan = Plan::new(self.table, &self.columns, &facts, self.includes_deleted);
        for (column, fetch) in &plan.fetches {
            match fetch {
                Fetch::Constant(index) => sink.constant(*column, facts.constants[*index].as_cell()),
                Fetch::UrlBeforeId => {
                    let before = facts.url.as_ref().map_or("", |(before, _)| before);
                    sink.constant(*column, Cell::Shared(channel.0, before));
                }
                _ => {}
            }
        }
        let mut select = self.connection.prepare_cached(&plan.sql)?;
        let mut rows = select.query(params![channel.0, from])?;
        let statements = self.table.tallies.iter().map(|sql| self.connection.prepare_cached(sql));
        let mut statements = statements.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut tallies = Vec::new();
        for statement in &mut statements {
            tallies.push(Tally { rows: statement.query(params![channel.0, from])?, next: None });
        }
        let mut text = String::new();
        while let Some(row) = rows.next()? {
            let sent_at = Timestamp::from_millis(row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MIN));
            let message = row.get(0)?;
            if sent_at >= end {
                return Ok(Some((message, sent_at)));
            }
            for (column, fetch) in &plan.fetches {
                let value = match fetch {
                    Fetch::Constant(_) | Fetch::UrlBeforeId => continue,
                    Fetch::Cell(index) => cell(row, *index)?,
                    Fetch::Tally(index) => Cell::Integer(tallies[*index].of(message)?),
                    Fetch::Decimal(index) => match row.get_ref(*index)? {
                        ValueRef::Integer(number) => {
                            text.clear();
                            write!(text, "{number}").ok();
                            Cell::Text(&text)
                        }
                        _ => Cell::Null,
                    },
                    Fetch::Url => {
                        let (before, after) = facts.url.as_ref().map_or(("", ""), |(a, b)| (a, b));
                        text.clear();
                        write!(text, "{before}{message}{after}").ok();
                        Cell::Text(&text)
                    }
                    Fetch::Hash(index) => match self.users.get(self.connection, row.get_ref(*index)?)? {
                        Some((key, user)) => Cell::Shared(key, &user.hash),
                        None => Cell::Null,
                    },
                    Fetch::IsBot(index) => {
                        let user = self.users.get(self.connection, row.get_ref(*index)?)?;
                        let is_bot = user.and_then(|(_, user)| user.is_bot);
                        is_bot.map_or(Cell::Null, |is_bot| Cell::Integer(is_bot.into()))
                    }
                };
                sink.cell(*column, value);
            }
            sink.end_row();
        }
        Ok(None)
    }
}

/// A number for each message that has one, in the order of messages.
struct Tally<'s> {
    rows: Rows<'s>,
    /// The next message and its number; the last one is followed by that of no message.
    next: Option<(i64, i64)>,
}

impl Tally<'_> {
    /// The number of a message, 0 if it has none. The messages asked for ascend.
    fn of(&mut self, message: i64) -> Result<i64, ArchiveError> {
        loop {
            match self.next {
                Some((next, _)) if next > message => return Ok(0),
                Some((next, number)) if next == message => return Ok(number),
                _ => {}
            }
            let next = self.rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)));
            self.next = Some(next.transpose()?.unwrap_or((i64::MAX, 0)));
        }
    }
}

/// How a column of a row is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetch {
    /// From [`ChannelFacts::constants`].
    Constant(usize),
    /// As this column of the query.
    Cell(usize),
    /// As this column of the query, a number, in decimal.
    Decimal(usize),
    /// The address of the message.
    Url,
    /// [`URL_BEFORE_ID`].
    UrlBeforeId,
    /// The message's number of this tally.
    Tally(usize),
    /// The hash of this user.
    Hash(usize),
    /// Whether this user is a bot.
    IsBot(usize),
}

/// The query for a channel's rows, and how the columns are made from its own. The first two are the
/// message and its time.
struct Plan {
    sql: String,
    /// With the number of the column.
    fetches: Vec<(usize, Fetch)>,
}

impl Plan {
    fn new(
        table: &MessageTable,
        columns: &[(usize, Source)],
        facts: &ChannelFacts,
        includes_deleted: bool,
    ) -> Self {
        let mut selected: Vec<String> = vec![table.message.to_owned(), table.sent_at.to_owned()];
        let mut select = |expression: String| {
            selected.iter().position(|selected| *selected == expression).unwrap_or_else(|| {
                selected.push(expression);
                selected.len() - 1
            })
        };
        let mut constants = 0..;
        let fetches = columns.iter().map(|(column, source)| {
            let fetch = match *source {
                Source::OfChannel(_) => Fetch::Constant(constants.next().unwrap_or_default()),
                Source::OfRow(expression) => Fetch::Cell(select(expression.to_owned())),
                Source::Hash(user) => Fetch::Hash(select(user.to_owned())),
                Source::IsBot(user) => Fetch::IsBot(select(user.to_owned())),
                Source::MessageId(id) if facts.has_decimal_ids => Fetch::Decimal(select(id.to_owned())),
                Source::MessageId(id) => Fetch::Cell(select(columns::message_id(id))),
                Source::Url if facts.url.is_some() => Fetch::Url,
                Source::UrlBeforeId => Fetch::UrlBeforeId,
                Source::Tally(index) => Fetch::Tally(index),
                Source::Url => Fetch::Cell(select(columns::url(table.message))),
            };
            (*column, fetch)
        });
        let fetches = fetches.collect();
        let (row, message) = (table.row, table.message);
        let deleted = if includes_deleted { "" } else { "AND m.deleted_at IS NULL" };
        let sql = format!(
            "SELECT {} FROM {} {}
              WHERE {row}.channel_id = ?1 AND {message} >= ?2 {deleted} {} ORDER BY {}",
            selected.join(", "),
            table.table,
            table.joins,
            table.condition,
            table.order
        );
        Self { sql, fetches }
    }
}

/// What the rows of a channel have in common.
struct ChannelFacts {
    /// The values of the columns that are the same for all rows, in order.
    constants: Vec<OwnedCell>,
    /// Whether message IDs are decimal numbers.
    has_decimal_ids: bool,
    /// What stands before and after the message ID in the address of a message; `None` if that is more
    /// complicated.
    url: Option<(String, String)>,
}

impl ChannelFacts {
    /// `None` if there is no such channel.
    fn read(
        connection: &Connection,
        channel: ChannelRow,
        columns: &[(usize, Source)],
    ) -> Result<Option<Self>, ArchiveError> {
        let mut selected = vec!["t.message_id_format IS NULL", "t.message_url_format", "c.id_text"];
        selected.extend(columns.iter().filter_map(|(_, source)| match source {
            Source::OfChannel(expression) => Some(expression),
            _ => None,
        }));
        let mut select = connection.prepare_cached(&format!(
            "SELECT {} FROM channels c JOIN tenants t ON t.id = c.tenant_id LEFT JOIN channels p ON p.id = c.parent_id
              WHERE c.id = ?1",
            selected.join(", ")
        ))?;
        let facts = select.query_row([channel.0], |row| {
            let constants =
                (3..selected.len()).map(|index| Ok(OwnedCell::of(as_shared(cell(row, index)?, channel))));
            let has_decimal_ids = row.get(0)?;
            let url: String = row.get(1)?;
            Ok(Self {
                has_decimal_ids,
                url: url_parts(&url, row.get_ref(2)?.as_str()?).filter(|_| has_decimal_ids),
                constants: constants.collect::<rusqlite::Result<_>>()?,
            })
        });
        Ok(facts.optional()?)
    }
}

/// A value of a channel: the same text for all its rows.
fn as_shared(value: Cell<'_>, channel: ChannelRow) -> Cell<'_> {
    match value {
        Cell::Text(text) => Cell::Shared(channel.0, text),
        other => other,
    }
}

/// What a printf format of a channel's ID and a message's makes of both, before and after the message's
/// ID. `None` if it has anything else in it.
fn url_parts(format: &str, channel: &str) -> Option<(String, String)> {
    let mut parts = format.split("%s");
    let (before, between, after) = (parts.next()?, parts.next()?, parts.next()?);
    let is_plain = parts.next().is_none() && ![before, between, after].iter().any(|part| part.contains('%'));
    is_plain.then(|| (format!("{before}{channel}{between}"), after.to_owned()))
}

/// A user as the views show them.
#[derive(Debug)]
struct User {
    hash: Box<str>,
    is_bot: Option<bool>,
}

/// Users that were read, by row.
#[derive(Debug, Default)]
struct UserCache(HashMap<i64, Option<User>>);

impl UserCache {
    fn get(
        &mut self,
        connection: &Connection,
        row: ValueRef<'_>,
    ) -> Result<Option<(i64, &User)>, ArchiveError> {
        let ValueRef::Integer(row) = row else { return Ok(None) };
        if !self.0.contains_key(&row) {
            if self.0.len() >= MAX_USERS {
                self.0.clear();
            }
            let mut select =
                connection.prepare_cached("SELECT anonymized_id, is_bot FROM users WHERE id = ?1")?;
            let user = select.query_row([row], |row| {
                Ok(User { hash: row.get::<_, String>(0)?.into_boxed_str(), is_bot: row.get(1)? })
            });
            self.0.insert(row, user.optional()?);
        }
        Ok(self.0.get(&row).and_then(Option::as_ref).map(|user| (row, user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_at_the_messages_id() {
        let split = |format| url_parts(format, "7").map(|(before, after)| format!("{before}|{after}"));
        assert_eq!(split("https://a/%s/%s"), Some("https://a/7/|".to_owned()));
        assert_eq!(split("x/%s/y/%s/z"), Some("x/7/y/|/z".to_owned()));
        for other in ["", "%s", "https://a/%s/%s?%s", "https://a/%s/%d", "https://a%%20/%s/%s"] {
            assert_eq!(split(other), None, "{other}");
        }
    }
}

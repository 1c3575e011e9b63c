//! Tables, and the same as CSV to download.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::escaped;

/// The name of a CSV file about a community, without extension.
pub fn csv_name(tenant: &str, name: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    format!("{}-{name}", tenant.chars().map(plain).collect::<String>())
}

/// Numbers in rows; the first column names them.
pub struct Table {
    /// What is in it.
    pub name: String,
    /// The name of the CSV file, without extension.
    pub file: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table, closed at first, and its CSV.
    pub fn closed(&self) -> String {
        let name = escaped(&self.name);
        format!(
            "<div class=\"data\"><details><summary>Table<span class=\"vh\"> of: {name}</span></summary>\
             <section class=\"scroll\" tabindex=\"0\" aria-label=\"Table: {name}\">{}</section></details>{}</div>",
            self.table(),
            self.csv_link()
        )
    }

    /// The table, open, and its CSV.
    pub fn open(&self) -> String {
        let name = escaped(&self.name);
        format!(
            "<section class=\"scroll\" tabindex=\"0\" aria-label=\"Table: {name}\">{}</section><div class=\"data\">{}</div>",
            self.table(),
            self.csv_link()
        )
    }

    /// Only the CSV.
    pub fn link(&self) -> String {
        format!("<div class=\"data\">{}</div>", self.csv_link())
    }

    fn table(&self) -> String {
        let mut html = format!("<table class=\"num\"><caption>{}</caption><thead><tr>", escaped(&self.name));
        for column in &self.columns {
            write!(html, "<th scope=\"col\">{}</th>", escaped(column)).ok();
        }
        html.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for (index, cell) in row.iter().enumerate() {
                let cell = escaped(cell);
                if index == 0 {
                    write!(html, "<th scope=\"row\">{cell}</th>").ok();
                } else {
                    write!(html, "<td>{cell}</td>").ok();
                }
            }
            html.push_str("</tr>");
        }
        html + "</tbody></table>"
    }

    /// A link to the rows as CSV (RFC 4180). Numbers have no separators there, and spaces are plain.
    fn csv_link(&self) -> String {
        let field = |text: &str| {
            let text = text.replace(',', "").replace(['\u{a0}', '\u{202f}'], " ").replace("< 5", "<5");
            if text.contains(['"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
        };
        let columns = self.columns.iter().map(|column| field(column)).collect::<Vec<_>>().join(",");
        let mut csv = columns + "\r\n";
        for row in &self.rows {
            let fields: Vec<String> = row.iter().map(|cell| field(cell)).collect();
            write!(csv, "{}\r\n", fields.join(",")).ok();
        }
        format!(
            "<a class=\"csv\" download=\"{}.csv\" href=\"data:text/csv;charset=utf-8,{}\">CSV<span class=\"vh\"> of: {}</span></a>",
            self.file,
            utf8_percent_encode(&csv, NON_ALPHANUMERIC),
            escaped(&self.name)
        )
    }
}

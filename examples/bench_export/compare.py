"""Compares every column of an export with the archive: number of values, sum, minimum and maximum, as
DuckDB, Polars, pyarrow and ClickHouse read the Parquet files.

    pip install duckdb polars pyarrow chdb
    verta-sync export --out FOLDER --format parquet --include-deleted --include-closed
    python examples/bench_export/compare.py ARCHIVE FOLDER

For texts, the sum is that of their lengths in bytes. ClickHouse has no order of bytes that Python
could follow, so only the number and sum of texts are compared.
"""

import sqlite3
import sys
from datetime import datetime, timezone

import chdb
import duckdb
import polars
import pyarrow.dataset

VIEWS = {
    "messages": "message_log",
    "channels": "channel_log",
    "threads": "thread_log",
    "replies": "reply_log",
    "reactions": "reaction_log",
    "reaction_counts": "reaction_count_log",
    "attachments": "attachment_log",
}


def summary(values):
    """Number, sum, minimum and maximum of Python values."""
    values = [value for value in values if value is not None]
    if not values:
        return (0, None, None, None)
    if isinstance(values[0], list):
        texts = [text for value in values for text in value]
        return (len(values), len(texts), None, None)
    if isinstance(values[0], str):
        values = [value.encode() for value in values]
        return (len(values), sum(map(len, values)), min(values), max(values))
    if isinstance(values[0], datetime):
        # Some programs give times without their zone.
        values = [round(value.replace(tzinfo=timezone.utc).timestamp() * 1000) for value in values]
    return (len(values), sum(map(int, values)), int(min(values)), int(max(values)))


def of_archive(connection, view, column):
    expression = f'"{column}"'
    if view == "attachment_log" and column == "url":
        expression = "(SELECT a.url FROM message_attachments a WHERE a.channel_id = v.channel_key AND a.message_id = v.message_key AND a.platform_id = v.attachment_key)"
    if column == "tags":
        return connection.execute(f"SELECT count(tags), (SELECT count(*) FROM tag_log), NULL, NULL FROM {view}").fetchone()
    values = [row[0] for row in connection.execute(f"SELECT {expression} FROM {view} v")]
    if column.endswith("_at"):
        values = [value and datetime.fromisoformat(value.replace("Z", "+00:00")) for value in values]
    return summary(values)


def of_clickhouse(files, column, expected):
    is_text = isinstance(expected[2], bytes)
    value = "length(assumeNotNull(c))" if is_text else "toInt128(c)"
    if column.endswith("_at"):
        value = "toUnixTimestamp64Milli(c)"
    sql = f"SELECT count(c), ifNull(sumIf({value}, c IS NOT NULL), 0) FROM (SELECT {column} AS c FROM file('{files}', Parquet))"
    count, total = map(int, str(chdb.query(sql, "TSV")).split())
    return (count, total if count else None)


def main() -> None:
    archive, folder = sys.argv[1:]
    connection = sqlite3.connect(f"file:{archive}?mode=ro", uri=True)
    compared = failed = 0
    for table, view in VIEWS.items():
        files = f"{folder}/{table}/**/*.parquet"
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
        arrow = pyarrow.dataset.dataset(f"{folder}/{table}", format="parquet").to_table()
        frame = polars.read_parquet(files)
        assert arrow.column_names == columns, (table, arrow.column_names, columns)
        for column in columns:
            expected = of_archive(connection, view, column)
            found = {
                "duckdb": summary(row[0] for row in duckdb.sql(f'SELECT "{column}" FROM read_parquet(\'{files}\')').fetchall()),
                "pyarrow": summary(arrow.column(column).to_pylist()),
                "polars": summary(frame[column].to_list()),
            }
            wrong = {name: value for name, value in found.items() if value != expected}
            if column != "tags" and of_clickhouse(files, column, expected) != expected[:2]:
                wrong["clickhouse"] = of_clickhouse(files, column, expected)
            compared += 1
            failed += bool(wrong)
            if wrong:
                print(table, column, expected, wrong)
    print(f"{compared} columns compared, {failed} differ")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

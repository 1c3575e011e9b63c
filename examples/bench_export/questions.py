"""Compares three questions of examples/queries.sql, asked by DuckDB to an archive through its SQLite
extension and to the Parquet files of an export.

    pip install duckdb
    python examples/bench_export/questions.py ARCHIVE PARQUET_FOLDER [SQLITE_EXTENSION]

SQLITE_EXTENSION is a file of DuckDB's SQLite extension, for machines on which DuckDB cannot install it.
"""

import sys
import time

import duckdb

QUESTIONS = {
    "2. messages per day": """
        SELECT tenant, created_ms // 86400000 AS day, count(*) FROM {messages}
         WHERE NOT author_is_bot AND NOT is_system GROUP BY ALL ORDER BY ALL""",
    "4. growth": """
        WITH firsts AS (SELECT author, min(created_ms) AS first FROM {messages}
                         WHERE NOT author_is_bot AND NOT is_system GROUP BY author)
        SELECT date_trunc('month', make_timestamp(m.created_ms * 1000)) AS month, count(*),
               count(DISTINCT m.author), count(DISTINCT m.author) FILTER (m.created_ms = f.first)
          FROM {messages} m JOIN firsts f ON f.author = m.author
         WHERE NOT m.author_is_bot AND NOT m.is_system GROUP BY 1 ORDER BY 1""",
    "16. most used emoji": """
        SELECT emoji, sum(count) AS total FROM {reaction_counts} GROUP BY emoji ORDER BY total DESC, emoji LIMIT 20""",
}

VIEWS = {"messages": "message_log", "reaction_counts": "reaction_count_log"}


def main() -> None:
    archive, folder, *extension = sys.argv[1:]
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for path in extension:
        connection.execute(f"LOAD '{path}'")
    if not extension:
        connection.execute("INSTALL sqlite; LOAD sqlite;")
    connection.execute(f"ATTACH '{archive}' AS archive (TYPE sqlite, READ_ONLY)")
    sources = {
        "SQLite": {table: f"archive.{view}" for table, view in VIEWS.items()},
        "Parquet": {table: f"read_parquet('{folder}/{table}/**/*.parquet')" for table in VIEWS},
    }
    for name, question in QUESTIONS.items():
        seconds, answers = {}, {}
        for source, tables in sources.items():
            begin = time.monotonic()
            answers[source] = connection.execute(question.format(**tables)).fetchall()
            seconds[source] = time.monotonic() - begin
        assert answers["SQLite"] == answers["Parquet"], name
        sqlite, parquet = seconds["SQLite"], seconds["Parquet"]
        print(f"{name}: SQLite {sqlite:.2f} s, Parquet {parquet:.2f} s, {sqlite / parquet:.0f} times as fast")


if __name__ == "__main__":
    main()

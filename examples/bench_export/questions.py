"""Compares three questions of examples/queries.sql, asked by DuckDB to an archive through its SQLite
extension and to the Parquet files of an export.

    pip install duckdb
    python examples/bench_export/questions.py ARCHIVE PARQUET_FOLDER [SQLITE_EXTENSION]

SQLITE_EXTENSION is a file of DuckDB's SQLite extension, for machines on which DuckDB cannot install it.
"""

import sys
import time

import duckdb

# DuckDB knows no types of a SQLite view, hence the casts.
QUESTIONS = {
    "2. messages per day": """
        SELECT tenant, CAST(created_ms AS BIGINT) // 86400000 AS day, count(*) FROM {messages}
         WHERE NOT CAST(author_is_bot AS BOOLEAN) AND NOT CAST(is_system AS BOOLEAN) AND deleted_ms IS NULL GROUP BY ALL ORDER BY ALL""",
    "4. growth": """
        WITH firsts AS (SELECT author, min(CAST(created_ms AS BIGINT)) AS first FROM {messages}
                         WHERE NOT CAST(author_is_bot AS BOOLEAN) AND NOT CAST(is_system AS BOOLEAN) AND deleted_ms IS NULL GROUP BY author)
        SELECT date_trunc('month', make_timestamp(CAST(m.created_ms AS BIGINT) * 1000)) AS month, count(*),
               count(DISTINCT m.author), count(DISTINCT m.author) FILTER (CAST(m.created_ms AS BIGINT) = f.first)
          FROM {messages} m JOIN firsts f ON f.author = m.author
         WHERE NOT CAST(m.author_is_bot AS BOOLEAN) AND NOT CAST(m.is_system AS BOOLEAN) AND m.deleted_ms IS NULL GROUP BY 1 ORDER BY 1""",
    "14. reply rate": """
        SELECT tenant, channel, count(*) FILTER (CAST(type AS BIGINT) = 19) / count(*) AS rate FROM {messages}
         WHERE NOT CAST(author_is_bot AS BOOLEAN) AND NOT CAST(is_system AS BOOLEAN) AND deleted_ms IS NULL
         GROUP BY ALL HAVING count(*) > 50 ORDER BY rate DESC, channel LIMIT 10""",
}

VIEWS = {"messages": "message_log"}


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

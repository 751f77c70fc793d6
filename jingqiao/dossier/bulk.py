"""A million rows into and out of the database as columns: executemany on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import csv as arrow_csv

CHUNK: Final = 20_000
"""Rows that are Python objects at one time."""

Columns = Mapping[str, Any]
"""Name → pyarrow array, or numpy array where NaN is NULL."""
Progress = Callable[[int], None]
"""Told how many more rows are done."""


def quiet(_rows: int) -> None:
    """A progress that nobody watches."""


def insert(connection: sa.Connection, table: sa.Table, columns: Columns, progress: Progress = quiet) -> None:
    """Add rows in one go, within the connection's transaction."""
    names = list(columns)
    cursor = connection.connection.cursor()
    try:
        listed = ", ".join(_quoted(connection, name) for name in names)
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table.name} ({listed}) FROM STDIN") as copy:
                for rows in _chunks(columns):
                    for row in rows:
                        copy.write_row(row)
                    progress(len(rows))
            return
        marks = ", ".join("?" for _ in names)
        for rows in _chunks(columns):
            cursor.executemany(f"INSERT INTO {table.name} ({listed}) VALUES ({marks})", rows)  # noqa: S608 - names of our tables
            progress(len(rows))
    finally:
        cursor.close()


def update(
    connection: sa.Connection, table: sa.Table, key: str, columns: Columns, progress: Progress = quiet
) -> None:
    """Set columns of rows that are found by `key`, one of the columns."""
    names = [name for name in columns if name != key]
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    assignments = ", ".join(f"{_quoted(connection, name)} = {mark}" for name in names)
    statement = f"UPDATE {table.name} SET {assignments} WHERE {_quoted(connection, key)} = {mark}"  # noqa: S608 - names of our tables
    cursor = connection.connection.cursor()
    try:
        for rows in _chunks({name: columns[name] for name in (*names, key)}):
            cursor.executemany(statement, rows)
            progress(len(rows))
    finally:
        cursor.close()


def select(connection: sa.Connection, table: sa.Table, order_by: str) -> dict[str, pa.Array]:
    """All rows as pyarrow columns, in the order of a column; NULL stays null."""
    schema = pa.schema([(column.name, _arrow_type(column.type)) for column in table.columns])
    listed = ", ".join(_quoted(connection, name) for name in schema.names)
    query = f"SELECT {listed} FROM {table.name} ORDER BY {_quoted(connection, order_by)}"  # noqa: S608 - names of our tables
    cursor = connection.connection.cursor()
    try:
        if connection.dialect.name == "postgresql":
            return _copied(cursor, query, schema)
        cursor.execute(query)
        batches = list(_batches(cursor, schema))
    finally:
        cursor.close()
    found = pa.Table.from_batches(batches, schema)
    return {name: _joined(found.column(name)) for name in schema.names}


def _chunks(columns: Columns) -> Iterator[list[tuple[Any, ...]]]:
    total = len(next(iter(columns.values())))
    for start in range(0, total, CHUNK):
        parts = [_python(column[start : start + CHUNK]) for column in columns.values()]
        yield list(zip(*parts, strict=True))


def _python(column: Any) -> list[Any]:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return list(column.to_pylist())
    if column.dtype.kind == "f":
        nothing = np.isnan(column)
        cells = column.astype(object)
        cells[nothing] = None
        return list(cells.tolist())
    return list(column.tolist())


def _batches(cursor: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    width = len(schema)
    while rows := cursor.fetchmany(CHUNK):
        flat = list(chain.from_iterable(rows))
        yield pa.record_batch(
            [pa.array(flat[i::width], kind) for i, kind in enumerate(schema.types)], schema=schema
        )


def _copied(cursor: Any, query: str, schema: pa.Schema) -> dict[str, pa.Array]:
    """COPY writes text as `"…"` always (FORCE_QUOTE), so that an empty text differs from NULL."""
    texts = [name for name, kind in zip(schema.names, schema.types, strict=True) if kind == pa.string()]
    quoted = ", ".join(f'"{name}"' for name in texts)
    options = "FORMAT csv" + (f", FORCE_QUOTE ({quoted})" if texts else "")
    buffer = io.BytesIO()
    with cursor.copy(f"COPY ({query}) TO STDOUT ({options})") as copy:
        for block in copy:
            buffer.write(block)
    if not buffer.tell():
        return {name: pa.array([], kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    buffer.seek(0)
    table = arrow_csv.read_csv(
        buffer,
        read_options=arrow_csv.ReadOptions(column_names=schema.names, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return {name: _joined(table.column(name)) for name in schema.names}


def _joined(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def _arrow_type(kind: Any) -> pa.DataType:
    if isinstance(kind, sa.SmallInteger | sa.Integer):
        return pa.int64()
    if isinstance(kind, sa.Double):
        return pa.float64()
    return pa.string()


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def names_of(table: sa.Table, without: Sequence[str] = ()) -> list[str]:
    """Column names of a table."""
    return [column.name for column in table.columns if column.name not in without]

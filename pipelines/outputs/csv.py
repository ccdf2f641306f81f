"""Comma-separated values (RFC 4180): one file per table, UTF-8, with a header line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from pipelines.output import Chunks, outputs


@outputs.register("csv")
def write_csv(directory: Path, names: list[str], chunks: Chunks) -> None:
    """Write ``NAME.csv`` for each table; what is missing is an empty, unquoted field."""
    for name in names:
        rows = chunks(name)
        first = _cells(next(rows))
        with pa.csv.CSVWriter(directory / f"{name}.csv", first.schema) as writer:
            writer.write_table(first)
            for chunk in rows:
                writer.write_table(_cells(chunk))


def _cells(rows: pa.Table) -> pa.Table:
    """Return rows as :func:`flat` does, and lists as JSON: a field of CSV holds one value."""
    plain = flat(rows)
    for position, field in enumerate(plain.schema):
        if pa.types.is_list(field.type):
            texts = [
                None if value is None else json.dumps(value, ensure_ascii=False)
                for value in plain[field.name].to_pylist()
            ]
            plain = plain.set_column(position, field.name, pa.array(texts, pa.string()))
    return plain


def flat(rows: pa.Table) -> pa.Table:
    """Return rows with plain text for categories and ISO 8601 text (UTC, ``Z``) for times."""
    return pa.table({name: _flat_column(rows[name]) for name in rows.column_names})


def _flat_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return pa.compute.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    return column

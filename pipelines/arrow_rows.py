"""Rows → Arrow tables, plain: with text where the finished table has categories.

While rows are collected from several batches and processes there is no common dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.schema import Table

Row = tuple[Any, ...]


def arrow_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Return `rows`, tuples in the order of its columns, as an Arrow table."""
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    named = zip(table.names, map(list, columns), strict=True)
    return arrow_columns(table, dict(named), len(rows))


def arrow_columns(table: Table, columns: Mapping[str, list[Any]], count: int) -> pa.Table:
    """Return `columns` as an Arrow table; those that are not named are missing in all rows."""
    arrays = [
        _array(columns[field.name], field.type) if field.name in columns else _missing(field, count)
        for field in table.plain
    ]
    return pa.Table.from_arrays(arrays, schema=table.plain)


def _missing(field: pa.Field, count: int) -> pa.Array:
    return pa.nulls(count, field.type)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    # Looking is cheaper than converting.
    if not values or (values[0] is None and values.count(None) == len(values)):
        return pa.nulls(len(values), kind)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)

"""What a column and a table are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

Kind = Literal[
    "time", "seconds", "number", "integer", "boolean", "text", "category", "integers", "texts"
]


_ARROW: dict[str, pa.DataType] = {
    "time": pa.timestamp("ns", tz="UTC"),
    "seconds": pa.float64(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "integers": pa.list_(pa.int64()),
    "texts": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    """Name in every output; durations end in ``_s``, times in ``time``."""
    kind: Kind
    """What type it has, before Arrow's name for it."""
    doc: str
    """What it holds, with its unit; for a measure, the standard that defines it."""
    wireshark: str = ""
    """Wireshark's display-filter field for the same fact, where there is one."""

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type of the column."""
        return _ARROW[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: its rows' meaning and its columns, in order."""

    name: str
    """Name of the table, and of its file."""
    doc: str
    """What one row is."""
    columns: tuple[Column, ...]
    """Columns, in order."""

    @cached_property
    def arrow(self) -> pa.Schema:
        """Arrow schema of the table."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])

    @cached_property
    def plain(self) -> pa.Schema:
        """Arrow schema with text where the finished table has categories."""
        fields = (
            (field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
            for field in self.arrow
        )
        return pa.schema(list(fields))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

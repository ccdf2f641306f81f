"""The rows of one table, put down one lot after another and read in stretches.

They stay in memory until they are sent to disk. Read from there, only the columns that are asked
for are touched, and nothing stays mapped but what the reader keeps.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from pipelines.errors import DiskFailed

STRETCH_ROWS = 16_384
"""Rows of one stretch."""

MEMORY_LIMIT = 4 << 20
"""Bytes of one table that stay in memory."""


class Shelf:
    """Rows of one table, plain: with text where the finished table has categories.

    Parameters
    ----------
    schema : Schema
        Columns of the rows.
    path : Path
        File for the rows that go to disk; the caller removes it.
    """

    def __init__(self, schema: pa.Schema, path: Path) -> None:
        self.schema = schema
        self.held_bytes = 0
        """Size of the rows that are in memory."""
        self._path = path
        self._held: list[pa.Table] = []
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._sizes: list[int] = []

    @classmethod
    def found(cls, schema: pa.Schema, path: Path) -> Shelf:
        """Return the closed shelf that another process left at `path`, or an empty one."""
        shelf = cls(schema, path)
        if path.exists():
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                count = file.num_record_batches
                shelf._sizes = [file.get_batch(number).num_rows for number in range(count)]
        return shelf

    def __len__(self) -> int:
        return sum(self._sizes) + sum(map(len, self._held))

    def append(self, rows: pa.Table) -> None:
        """Put rows behind those that are there."""
        if len(rows):
            self._held.append(rows)
            self.held_bytes += rows.nbytes

    def spill(self) -> None:
        """Send to disk what is in memory.

        Raises
        ------
        DiskFailed
            When it cannot be written.
        """
        if self._held:
            with self._telling():
                self._write_held()

    def _write_held(self) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path), self.schema)
        for rows in self._held:
            for batch in rows.combine_chunks().to_batches():
                self._writer.write_batch(batch)
                self._sizes.append(batch.num_rows)
        self._held.clear()
        self.held_bytes = 0

    def close(self) -> None:
        """End the file: nothing goes to disk afterwards, and it can be read.

        Raises
        ------
        DiskFailed
            When it cannot be written.
        """
        if self._writer is not None:
            with self._telling():
                self._writer.close()
            self._writer = None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else str(error)
            where = self._path.parent
            raise DiskFailed(
                f"{where}: rows cannot be kept there: {why}; TMPDIR names another place"
            ) from None

    def rows(
        self, start: int = 0, stop: int | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return rows from `start` to before `stop`, of all columns or some, after :meth:`close`.

        Returns
        -------
        Table
            Of several chunks; those from disk are mapped, not read.
        """
        stop = len(self) if stop is None else min(stop, len(self))
        names = self.schema.names if columns is None else list(columns)
        in_file = sum(self._sizes)
        pieces = []
        if start < in_file and start < stop:
            pieces.append(self._mapped(start, min(stop, in_file), names))
        if stop > in_file:
            held = pa.concat_tables([rows.select(names) for rows in self._held])
            pieces.append(held.slice(max(0, start - in_file), stop - max(start, in_file)))
        if not pieces:
            return self.schema.empty_table().select(names)
        return pa.concat_tables(pieces)

    def stretches(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield all rows, :data:`STRETCH_ROWS` at once; at least one stretch."""
        for start in range(0, max(1, len(self)), STRETCH_ROWS):
            yield self.rows(start, start + STRETCH_ROWS, columns)

    def _mapped(self, start: int, stop: int, names: list[str]) -> pa.Table:
        ends = list(accumulate(self._sizes))
        first, last = bisect_right(ends, start), bisect_right(ends, stop - 1)
        # Naming the columns to the reader would make it copy whole batches instead of mapping them.
        file = pa.ipc.open_file(pa.memory_map(str(self._path)))
        batches = [file.get_batch(number).select(names) for number in range(first, last + 1)]
        before = ends[first - 1] if first else 0
        return pa.Table.from_batches(batches).slice(start - before, stop - start)


def shelved(
    lots: Iterable[pa.Table], schema: pa.Schema, path: Path, memory_limit: int = MEMORY_LIMIT
) -> Shelf:
    """Return rows as a closed shelf: in memory while they are few, on disk when they are many.

    Parameters
    ----------
    lots : iterable of Table
        The rows, lot by lot.
    schema, path : Schema, Path
        As for :class:`Shelf`.
    memory_limit : int
        Bytes that may stay in memory.
    """
    shelf = Shelf(schema, path)
    for rows in lots:
        shelf.append(rows)
        if shelf.held_bytes > memory_limit:
            shelf.spill()
    shelf.close()
    return shelf

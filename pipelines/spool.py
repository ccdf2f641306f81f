"""Rows that wait to become tables: in memory while they are few, on disk when they are many.

A spool holds plain Arrow tables (no dictionaries: they are made when a table is finished) and gives
each table back as one, memory-mapped where it went to disk.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from pipelines.arrow_rows import merge_rows
from pipelines.schema import TABLES

MEMORY_LIMIT = 32 << 20
"""Bytes of rows that a spool keeps in memory before it moves them to its directory."""


class Spool:
    """Rows of every table, in the order in which they were found.

    Parameters
    ----------
    directory : Path
        Where rows go that do not fit; the caller removes it.
    memory_limit : int
        Bytes to keep in memory; 0 writes everything, for another process to read.
    only : frozenset of str, optional
        Tables whose rows are kept, by default all; the others stay empty.
    """

    def __init__(
        self,
        directory: Path,
        memory_limit: int = MEMORY_LIMIT,
        only: frozenset[str] | None = None,
    ) -> None:
        self._directory = directory
        self._only = frozenset(TABLES) if only is None else only
        self._limit = memory_limit
        self._held: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
        self._size = 0
        self._writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}

    def append(self, tables: dict[str, pa.Table]) -> None:
        """Add rows, by table."""
        for name, rows in tables.items():
            if name in self._only:
                self._held[name].append(rows)
                self._size += rows.nbytes
        if self._size > self._limit:
            self._spill()

    def clear(self) -> None:
        """Forget every row."""
        self.close()
        for name in TABLES:
            self._path(name).unlink(missing_ok=True)
        self._writers.clear()
        self._held = {name: [] for name in TABLES}
        self._size = 0

    def close(self) -> None:
        """Finish the files on disk; nothing can be appended afterwards."""
        for writer in self._writers.values():
            writer.close()

    def table(self, name: str) -> pa.Table:
        """Return the rows of one table, after :meth:`close`."""
        return merge_rows([*self._on_disk(name), *self._held[name]], TABLES[name])

    def _spill(self) -> None:
        for name, held in self._held.items():
            for rows in held:
                self._writer(name).write_table(rows)
            held.clear()
        self._size = 0

    def _writer(self, name: str) -> pa.ipc.RecordBatchStreamWriter:
        if name not in self._writers:
            path = str(self._path(name))
            self._writers[name] = pa.ipc.new_stream(path, TABLES[name].plain)
        return self._writers[name]

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.arrows"

    def _on_disk(self, name: str) -> list[pa.Table]:
        path = self._path(name)
        if not path.exists():
            return []
        with pa.memory_map(str(path)) as source:
            return [pa.ipc.open_stream(source).read_all()]


def spooled(directory: Path) -> Spool:
    """Return the closed spool that another process left in `directory`."""
    return Spool(directory)

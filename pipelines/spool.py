"""Rows that wait to become tables: in memory while they are few, on disk when they are many."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipelines.schema import TABLES
from pipelines.shelf import Shelf

MEMORY_LIMIT = 32 << 20
"""Bytes of rows that a spool keeps in memory before it sends them to its directory."""


class Spool:
    """Rows of every table, in the order in which they were found.

    Parameters
    ----------
    directory : Path
        Where rows go that do not fit; the caller removes it.
    memory_limit : int, optional
        Bytes to keep in memory, by default :data:`MEMORY_LIMIT`; 0 sends everything to disk, for
        another process to read.
    only : frozenset of str, optional
        Tables whose rows are kept, by default all; the others stay empty.
    """

    def __init__(
        self,
        directory: Path,
        memory_limit: int | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        self._directory = directory
        self._only = frozenset(TABLES) if only is None else only
        self._limit = MEMORY_LIMIT if memory_limit is None else memory_limit
        self._shelves = self._empty()

    def append(self, tables: dict[str, pa.Table]) -> None:
        """Add rows, by table."""
        for name, rows in tables.items():
            if name in self._only:
                self._shelves[name].append(rows)
        if sum(shelf.held_bytes for shelf in self._shelves.values()) > self._limit:
            for shelf in self._shelves.values():
                shelf.spill()

    def clear(self) -> None:
        """Forget every row."""
        self.close()
        self._shelves = self._empty()

    def close(self) -> None:
        """Finish the files on disk; nothing can be appended afterwards."""
        for shelf in self._shelves.values():
            shelf.close()

    @property
    def shelves(self) -> dict[str, Shelf]:
        """The rows by table, after :meth:`close`."""
        return dict(self._shelves)

    def _empty(self) -> dict[str, Shelf]:
        return {
            name: Shelf(table.plain, self._directory / f"{name}.arrow")
            for name, table in TABLES.items()
        }


def spooled(directory: Path) -> dict[str, Shelf]:
    """Return the closed shelves that another process left in `directory`, by table."""
    return {
        name: Shelf.found(table.plain, directory / f"{name}.arrow")
        for name, table in TABLES.items()
    }

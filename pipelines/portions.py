"""What an analysis or a rule takes of the tables: all of it at once, or divided by Call-ID.

A long capture is divided, so that no function ever holds it whole. Rows of one Call-ID always come
together, whatever table they stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.needs import Needs
from pipelines.shelf import STRETCH_ROWS, Shelf

PORTION_ROWS = 100_000
"""Rows of one table that a function is given at once; more are divided."""


class Portions:
    """Reads tables for functions that say what they need.

    Parameters
    ----------
    shelf : callable
        Returns the rows of the table with a given name.
    """

    def __init__(self, shelf: Callable[[str], Shelf]) -> None:
        self._shelf = shelf
        self._hashes: dict[str, npt.NDArray[np.uint32]] = {}

    def of(self, needs: Mapping[str, Needs], *, whole: bool) -> Iterator[dict[str, pa.Table]]:
        """Yield the needed rows by parameter, in order.

        Parameters
        ----------
        needs : mapping of str to Needs
            What the function takes, by its parameters.
        whole : bool
            Whether it takes everything at once, however much it is.
        """
        most = 0 if whole else max(map(self._count, needs.values()))
        count = max(1, -(-most // PORTION_ROWS))
        for number in range(count):
            yield {parameter: self._rows(one, number, count) for parameter, one in needs.items()}

    def _count(self, one: Needs) -> int:
        shelf = self._shelf(one.table)
        if not one.among or len(shelf) <= PORTION_ROWS:
            return len(shelf)
        stretches = shelf.stretches(tuple(one.among))
        return sum(pc.sum(_among(rows, one)).as_py() or 0 for rows in stretches)

    def _rows(self, one: Needs, number: int, count: int) -> pa.Table:
        """Return the rows of one portion of `count`."""
        shelf = self._shelf(one.table)
        if not one.among and count == 1:
            return shelf.rows(columns=one.columns)
        read = tuple(dict.fromkeys((*one.columns, *one.among)))
        found = []
        for start in range(0, max(1, len(shelf)), STRETCH_ROWS):
            rows = shelf.rows(start, start + STRETCH_ROWS, read)
            if count > 1:
                hashes = self._call_hashes(one.table)[start : start + STRETCH_ROWS]
                rows = rows.filter(pa.array(hashes % count == number))
            found.append(
                (rows.filter(_among(rows, one)) if one.among else rows).select(one.columns)
            )
        return pa.concat_tables(found)

    def _call_hashes(self, table: str) -> npt.NDArray[np.uint32]:
        """Return a number for each row that is the same for one Call-ID in every table."""
        if table not in self._hashes:
            stretches = self._shelf(table).stretches(("call_id",))
            found = [_hashes(rows["call_id"].combine_chunks()) for rows in stretches]
            self._hashes[table] = np.concatenate(found)
        return self._hashes[table]


def _among(rows: pa.Table, one: Needs) -> pa.ChunkedArray:
    """Return which rows a function takes."""
    taken = None
    for name, values in one.among.items():
        fits = pc.is_in(rows[name], value_set=pa.array([*values, None], pa.string()))
        taken = fits if taken is None else pc.and_(taken, fits)
    return taken


def _hashes(call_ids: pa.Array) -> npt.NDArray[np.uint32]:
    encoded = call_ids.dictionary_encode()
    of_unique = [crc32(one.encode()) for one in encoded.dictionary.to_pylist()]
    missing = len(of_unique)
    rows = encoded.indices.fill_null(missing).to_numpy(zero_copy_only=False)
    hashes: npt.NDArray[np.uint32] = np.array([*of_unique, 0], dtype=np.uint32)[rows]
    return hashes

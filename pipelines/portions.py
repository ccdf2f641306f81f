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

PORTION_BYTES = 8 << 20
"""Size of what a function is given at once; more is divided. As Python objects it is several times
as large."""


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

    def count(self, needs: Mapping[str, Needs]) -> int:
        """Return into how many portions the needed rows are divided."""
        return max(1, -(-sum(map(self._size, needs.values())) // PORTION_BYTES))

    def read(self, needs: Mapping[str, Needs], count: int) -> Iterator[dict[str, pa.Table]]:
        """Yield the needed rows by parameter, in order, in `count` portions.

        Parameters
        ----------
        needs : mapping of str to Needs
            What a function takes, by its parameters.
        count : int
            1 reads everything at once, however much it is.
        """
        for number in range(count):
            yield {parameter: self._rows(one, number, count) for parameter, one in needs.items()}

    def _size(self, one: Needs) -> int:
        """Return how many bytes the needed rows take."""
        return sum(rows.nbytes for rows in self._selected(one, 0, 1))

    def _rows(self, one: Needs, number: int, count: int) -> pa.Table:
        """Return the rows of one portion of `count`."""
        if not one.among and count == 1:
            return self._shelf(one.table).rows(columns=one.columns)
        return pa.concat_tables(self._selected(one, number, count))

    def _selected(self, one: Needs, number: int, count: int) -> Iterator[pa.Table]:
        """Yield the rows of one portion, a stretch of the table at a time."""
        shelf = self._shelf(one.table)
        read = tuple(dict.fromkeys((*one.columns, *one.among)))
        for start in range(0, max(1, len(shelf)), STRETCH_ROWS):
            rows = shelf.rows(start, start + STRETCH_ROWS, read)
            if count > 1:
                hashes = self._call_hashes(one.table)[start : start + STRETCH_ROWS]
                rows = rows.filter(pa.array(hashes % count == number))
            if one.among:
                rows = rows.filter(_among(rows, one))
            yield rows.select(one.columns)

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
        known = pa.array([*values, None], rows.schema.field(name).type)
        fits = pc.is_in(rows[name], value_set=known)
        taken = fits if taken is None else pc.and_(taken, fits)
    return taken


def _hashes(call_ids: pa.Array) -> npt.NDArray[np.uint32]:
    encoded = call_ids.dictionary_encode()
    of_unique = [crc32(one.encode()) for one in encoded.dictionary.to_pylist()]
    missing = len(of_unique)
    rows = encoded.indices.fill_null(missing).to_numpy(zero_copy_only=False)
    hashes: npt.NDArray[np.uint32] = np.array([*of_unique, 0], dtype=np.uint32)[rows]
    return hashes

"""The rows that several processes found of one table, in order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.shelf import Shelf

Integers = npt.NDArray[np.int64]

LOT_ROWS = 4096
"""Rows that are copied at once."""

_KEYS = ("time", "start_time", "frame_number", "flow_id")


def in_order(parts: list[Shelf]) -> Iterator[pa.Table]:
    """Yield the rows of all parts in order of time, then of frames, a stretch at a time.

    Parameters
    ----------
    parts : list of Shelf
        At least one; all of one schema.
    """
    order = _order(parts)
    offsets = np.cumsum([0, *map(len, parts)])
    for start in range(0, len(order), LOT_ROWS):
        yield _taken(parts, offsets, order[start : start + LOT_ROWS])


def _order(parts: list[Shelf]) -> Integers:
    """Return the rows of all parts, numbered through, in their order."""
    keys = [name for name in _KEYS if name in parts[0].schema.names][:2]
    if not keys:
        return np.arange(sum(map(len, parts)))
    # What is mapped of a part is let go stretch by stretch.
    found = [
        [_sortable(rows[name]) for name in keys] for part in parts for rows in part.stretches(keys)
    ]
    columns = [np.concatenate(one) for one in zip(*found, strict=True)]
    return np.lexsort(columns[::-1])


def _sortable(column: pa.ChunkedArray) -> Integers:
    """Return times, frame numbers or flow ids as integers; what is missing comes last."""
    if pa.types.is_string(column.type):  # 1-60: the flow that frame 60 of a capture opened
        column = pc.replace_substring_regex(column, r"^[0-9]+-|\.[0-9]+$", "")
    filled = column.cast(pa.int64()).fill_null(np.iinfo(np.int64).max)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _taken(parts: list[Shelf], offsets: Integers, rows: Integers) -> pa.Table:
    """Return some rows of all parts, numbered through.

    Each part is nearly in order, so a stretch needs a short piece of each: nothing is copied whole.
    """
    pieces, positions, base = [], np.empty(len(rows), dtype=np.int64), 0
    for part, low, high in zip(parts, offsets[:-1], offsets[1:], strict=True):
        mine = (rows >= low) & (rows < high)
        if mine.any():
            inside = rows[mine] - low
            first, last = int(inside.min()), int(inside.max())
            pieces.append(part.rows(first, last + 1))
            positions[mine] = inside - first + base
            base += last + 1 - first
    found = pa.concat_tables(pieces).combine_chunks()
    in_place = len(found) == len(rows) and bool((np.diff(positions) == 1).all())
    return found if in_place else found.take(pa.array(positions))

"""The walk along the records of a capture file: each record's length leads to the next one.

Nothing but the record before tells where a record begins, so the plain walk is one Python step per
packet. :func:`walk` takes a faster way: it guesses a record's beginning in each of many stretches
of the window, walks from all of them in step, a few numpy operations per step, and then checks that
each walk ended exactly where the next one began. A wrong guess costs time, never truth: what does
not meet is walked plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from dissectors.capture.batch import Bytes, Int64

STRETCH = 64 << 10
"""Bytes between the places where beginnings are guessed."""

_FEW = 64
"""Fewer walks in step than this are no faster than the plain walk."""


class Records(Protocol):
    """How one format frames its records."""

    header: int
    """Bytes that are needed to read a record's length."""

    def length(self, view: memoryview, at: int) -> int:
        """Return the length of the record at `at`, header included; 0 when none can begin there."""
        ...

    def lengths_in(self, data: Bytes) -> Callable[[Int64], Int64]:
        """Return a function that gives the lengths of the records at many places of `data`.

        It may give 0 where only a closer look could tell.
        """
        ...

    def guess(self, data: Bytes, start: int, number: int) -> Int64:
        """Guess records' beginnings in the stretches that follow the one of the record at `start`.

        Returns
        -------
        (M,) int64
            At most `number` places, ascending, one for each multiple of ``STRETCH`` behind `start`.
        """
        ...


def walk(data: Bytes, start: int, records: Records) -> tuple[Int64, int]:
    """Find the records that lie wholly in the window, from `start` on.

    Parameters
    ----------
    data : (B,) uint8
        The window.
    start : int
        Where the first record begins.
    records : Records
        The format's framing.

    Returns
    -------
    starts : (N,) int64
        Where each record begins.
    stop : int
        Where the walk ended: at a record that is not whole, at none, or at the end of the window.
    """
    number = (len(data) - start) // STRETCH - 1
    if number < _FEW:
        return _walk_plainly(data, start, len(data), records)
    heads = records.guess(data, start, number)
    heads = np.concatenate([[start], heads[heads > start]])
    if len(heads) < _FEW:
        return _walk_plainly(data, start, len(data), records)
    return _link(data, heads, *_walk_in_step(data, heads, records), records)


def _walk_plainly(data: Bytes, start: int, limit: int, records: Records) -> tuple[Int64, int]:
    """Walk record by record until one begins at or behind `limit`."""
    view = data.data
    starts: list[int] = []
    at, last, length_of = start, min(limit - 1, len(data) - records.header), records.length
    while at <= last:
        length = length_of(view, at)
        if not length or at + length > len(data):
            break
        starts.append(at)
        at += length
    return np.array(starts, np.int64), at


def _walk_in_step(data: Bytes, heads: Int64, records: Records) -> tuple[list[Int64], Int64]:
    """Walk from each head towards the next one, all at once.

    Returns
    -------
    starts : list of (N_k,) int64
        For each head, the records found from there.
    stops : (K,) int64
        Where each walk ended.
    """
    lengths, last = records.lengths_in(data), len(data) - records.header
    limits = np.minimum(np.append(heads[1:], len(data)), last + 1)
    at, steps = heads, [heads]
    while True:
        length = lengths(np.minimum(at, last))
        following = at + length
        going = (length > 0) & (at < limits) & (following <= len(data))
        # Stragglers (tiny records, or few guesses) are cheaper to finish plainly.
        if np.count_nonzero(going) < _FEW // 2:
            break
        at = np.where(going, following, at)
        steps.append(at)
    table = np.array(steps, np.int64)
    counts = np.count_nonzero(table[1:] != table[:-1], axis=0)
    return [row[:count] for row, count in zip(table.T, counts.tolist(), strict=True)], at


def _link(
    data: Bytes, heads: Int64, starts: list[Int64], stops: Int64, records: Records
) -> tuple[Int64, int]:
    """Follow the one true walk through the stretches, from the first head to its end."""
    found, lane, heads_after = [starts[0]], 0, np.append(heads[1:], len(data))
    at = int(stops[0])
    while True:
        while at != heads_after[lane]:
            limit = int(heads_after[lane])
            more, at = _walk_plainly(data, at, limit, records)
            found.append(more)
            if at < limit or at >= len(data):
                return np.concatenate(found), at
            # What begins at or behind the limit may be behind further heads, too.
            lane = max(int(np.searchsorted(heads_after, at)), lane)
        lane += 1
        if lane == len(heads):
            return np.concatenate(found), at
        found.append(starts[lane])
        at = int(stops[lane])

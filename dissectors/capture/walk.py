"""The walk along the records of a capture file: each record's length leads to the next one.

Nothing but the record before tells where a record begins, so the plain walk is one Python step per
packet. :func:`walk` takes a faster way: it guesses a record's beginning in each of many stretches
of the window, walks from all of them in step, a few numpy operations per step, and then checks that
each walk ended exactly where the next one began. A wrong guess costs time, never truth: what does
not meet is walked plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dissectors.capture.batch import Bytes, Int64

_WALKS = 512
"""Walks in step that are aimed at: enough to be worth a numpy operation for each step."""

_SHORTEST_STRETCH = 8 << 10
"""Least bytes between guessed beginnings: a guess must cost less than the walk that it saves."""

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

    def guess(self, data: Bytes, start: int, stretch: int, number: int) -> Int64:
        """Guess where records begin, given that one begins at `start`.

        Parameters
        ----------
        data : (B,) uint8
            The window.
        start : int
            Where a record begins.
        stretch : int
            Bytes between the places where to look, a multiple of 4.
        number : int
            Of how many places: ``start + stretch``, ``start + 2 * stretch``, …; the last of them
            is at least a stretch away from the end of the window.

        Returns
        -------
        (M,) int64
            Where records seem to begin, ascending, one at most behind each of these places.
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
    stretch = max((len(data) - start) // _WALKS & ~3, _SHORTEST_STRETCH)
    number = (len(data) - start) // stretch - 1
    if number < _FEW:
        return _walk_plainly(data, start, len(data), records)
    heads = records.guess(data, start, stretch, number)
    if len(heads) < _FEW:
        return _walk_plainly(data, start, len(data), records)
    return _link(data, _walk_in_step(data, np.append(start, heads), records), records)


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


@dataclass(slots=True)
class _Walks:
    """K walks, each from where a record seems to begin towards where the next walk began."""

    heads: Int64  # (K,) where each began
    stops: Int64  # (K,) where each ended
    starts: Int64  # (N,) the records that they found, walk by walk
    ends: Int64  # (K,) where the records of each end in `starts`


def _walk_in_step(data: Bytes, heads: Int64, records: Records) -> _Walks:
    """Walk from each head towards the next one, all at once."""
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
    moved = table[1:] != table[:-1]
    starts = table[:-1].T[moved.T]
    return _Walks(heads, at, starts, np.cumsum(np.count_nonzero(moved, axis=0)))


def _link(data: Bytes, walks: _Walks, records: Records) -> tuple[Int64, int]:
    """Follow the one true walk through all of them, from the first head to its end."""
    goals = np.append(walks.heads[1:], len(data))
    missed = np.flatnonzero(walks.stops != goals)
    found, first = [], 0
    while first < len(goals):
        # All walks up to the next one that missed its goal continue each other.
        miss = int(np.searchsorted(missed, first))
        last = int(missed[miss]) if miss < len(missed) else len(goals) - 1
        found.append(walks.starts[walks.ends[first - 1] if first else 0 : walks.ends[last]])
        at = int(walks.stops[last])
        while at != goals[last]:
            limit = int(goals[last])
            more, at = _walk_plainly(data, at, limit, records)
            found.append(more)
            if at < limit or at >= len(data):
                return np.concatenate(found), at
            # A record may reach beyond the goal, and beyond further ones.
            last = int(np.searchsorted(goals, at))
        first = last + 1
    return np.concatenate(found), at

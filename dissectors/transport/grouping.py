"""Which packets talk to each other: rows of a batch grouped by their unordered 5-tuple.

Nothing here is done packet by packet. A symmetric hash points every row at the first row that fell
into the same slot, and an exact comparison says whether the two belong to one conversation; the few
that do not try again with another part of the hash. Rows that still collide were made to do so, and
are sorted by their whole key: exact again, and no slower than a sort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64
from dissectors.transport.layers import Layers

Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_U = np.uint64
_ODD = (
    _U(0x9E3779B97F4A7C15),
    _U(0xC2B2AE3D27D4EB4F),
    _U(0x165667B19E3779F9),
    _U(0xD6E8FEB86659FD93),
)
"""Odd multipliers: each permutes the 64-bit words, so mixing loses nothing."""

_HASH_ROUNDS = 4
"""Slots tried per row before the exact sort. Honest rows need two."""


class FlowGroups(NamedTuple):
    """R rows of a batch, grouped into G conversations."""

    rows: Int64
    """(R,) int64: rows of the `Layers` that belong to the partition, ascending."""
    group: Int64
    """(R,) int64: group of each row; groups are numbered in the order of their first rows."""
    forward: Bools
    """(R,) bool: the row's sender is the sender of the group's first row."""
    first: Int64
    """(G,) int64: position in `rows` of each group's first row."""
    key: list[bytes]
    """G keys: addresses, ports, protocol and IP version, equal for both directions."""
    first_is_low: Bools
    """(G,) bool: the first row's sender stands first in the key."""


class _Ends(NamedTuple):
    """One side, source or destination, of every row, as words that together are exact."""

    words: tuple[Words, ...]
    mixed: Words


def stable_order(keys: Int64) -> Int64:
    """Sort small numbers, keeping the order of equals.

    Parameters
    ----------
    keys : (N,) int64
        Not negative and below 2**32.

    Returns
    -------
    (N,) int64
        The permutation that sorts. Numpy has a radix sort for 16 bits only: one or two passes.
    """
    order: Int64 = np.argsort(keys.astype(np.uint16), kind="stable")
    if len(keys) and int(keys.max()) >> 16:
        high = (keys >> 16).astype(np.uint16)
        order = order[np.argsort(high[order], kind="stable")]
    return order


def group_by_flow(layers: Layers, partition: tuple[int, int] = (0, 1)) -> FlowGroups:
    """Group the rows of `layers` by conversation.

    Parameters
    ----------
    layers : Layers
        N rows.
    partition : (int, int)
        ``(i, n)``: keep the conversations whose hash is `i` modulo `n`. The hash depends on nothing
        but the 5-tuple, so that every process draws the same lines.

    Returns
    -------
    FlowGroups
        Exact whatever the addresses: a collision of hashes costs time, never correctness.
    """
    source, target = _ends(layers)
    mixed = _finish_hash(source.mixed + target.mixed)
    index, count = partition
    rows = np.arange(len(layers), dtype=np.int64)
    if count > 1:
        rows = np.flatnonzero((mixed >> _U(20)) % _U(count) == _U(index))
        source, target, mixed = _take(source, rows), _take(target, rows), mixed[rows]
    owner, forward = _find_owners(source, target, mixed)
    is_first = np.zeros(len(rows), np.bool_)
    is_first[owner] = True
    first = np.flatnonzero(is_first)
    group = (np.cumsum(is_first) - 1)[owner]
    key, first_is_low = _keys(layers, rows[first])
    return FlowGroups(rows, group, forward, first, key, first_is_low)


def _take(ends: _Ends, rows: Int64) -> _Ends:
    return _Ends(tuple(word[rows] for word in ends.words), ends.mixed[rows])


def _ends(layers: Layers) -> tuple[_Ends, _Ends]:
    wide = bool((layers.ip_version == 6).any())
    tag = _tag(layers.protocol, layers.ip_version)
    source = _one_end(layers.src_high, layers.src_low, layers.src_port, tag, wide)
    return source, _one_end(layers.dst_high, layers.dst_low, layers.dst_port, tag, wide)


def _tag(protocol: Bytes, ip_version: Bytes) -> Words:
    tag: Words = ip_version.astype(np.uint64)
    tag <<= _U(8)
    tag |= protocol
    tag <<= _U(48)
    return tag


def _one_end(
    high: Words, low: Words, port: npt.NDArray[np.uint16], tag: Words, wide: bool
) -> _Ends:
    """Address, port, protocol and version in one word for IPv4 (exact), in three for IPv6.

    An IPv4 row hashes alike in a batch with IPv6 and in one without, as its upper bits are zero.
    """
    word = low << _U(16)
    word |= port
    word ^= tag
    mixed = word * _ODD[0]
    if wide:
        mixed += (low >> _U(48)) * _ODD[1]
        mixed += high * _ODD[2]
    mixed ^= mixed >> _U(32)
    mixed *= _ODD[3]
    return _Ends((word, low, high) if wide else (word,), mixed)


def _finish_hash(mixed: Words) -> Words:
    mixed ^= mixed >> _U(29)
    mixed *= _ODD[1]
    mixed ^= mixed >> _U(32)
    return mixed


def _find_owners(source: _Ends, target: _Ends, mixed: Words) -> tuple[Int64, Bools]:
    """For each row, the first row of its conversation, and whether both were sent by one side."""
    total = len(mixed)
    owner = np.arange(total, dtype=np.int64)
    forward = np.ones(total, np.bool_)
    left = owner.copy()
    for _ in range(_HASH_ROUNDS):
        if not len(left):
            return owner, forward
        found = _slot_owner(mixed)
        same, swapped = _compare(source, target, found)
        matched = same | swapped
        owner[left], forward[left] = left[found], same
        missed = np.flatnonzero(~matched)
        left, mixed = left[missed], mixed[missed] * _ODD[2]
        source, target = _take(source, missed), _take(target, missed)
    if len(left):
        found, same = _sort_owners(source, target)
        owner[left], forward[left] = left[found], same
    return owner, forward


def _slot_owner(mixed: Words) -> Int64:
    """Point each row at the first row in its slot."""
    bits = min(max(len(mixed).bit_length() + 1, 10), 20)
    slot = (mixed >> _U(64 - bits)).astype(np.int64)
    table = np.empty(1 << bits, np.int64)
    # Where indices repeat numpy keeps the last assignment: written backwards, the first row stays.
    table[slot[::-1]] = np.arange(len(mixed) - 1, -1, -1, dtype=np.int64)
    owner: Int64 = table[slot]
    return owner


def _compare(source: _Ends, target: _Ends, other: Int64) -> tuple[Bools, Bools]:
    same = np.ones(len(other), np.bool_)
    swapped = same.copy()
    for here, there in zip(source.words, target.words, strict=True):
        other_here, other_there = here[other], there[other]
        same &= (here == other_here) & (there == other_there)
        swapped &= (here == other_there) & (there == other_here)
    return same, swapped


def _sort_owners(source: _Ends, target: _Ends) -> tuple[Int64, Bools]:
    low_first = _is_low(source.words, target.words)
    columns = _canonical(source.words, target.words, low_first)
    order = np.lexsort(columns)
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.logical_or.reduce([np.diff(column[order]) != 0 for column in columns])
    # lexsort is stable: the first of each run is the first row of its conversation.
    owner = np.empty(len(order), np.int64)
    owner[order] = order[np.flatnonzero(begins)][np.cumsum(begins) - 1]
    return owner, low_first == low_first[owner]


def _is_low(here: tuple[Words, ...], there: tuple[Words, ...]) -> Bools:
    """Say where `here` sorts before `there`, or equals it."""
    low = np.ones(len(here[0]), np.bool_)
    for mine, other in zip(reversed(here), reversed(there), strict=True):
        low = (mine < other) | ((mine == other) & low)
    return low


def _canonical(
    source: tuple[Words, ...], target: tuple[Words, ...], low_first: Bools
) -> list[Words]:
    """Columns of the lower endpoint, then of the higher: equal for both directions."""
    pairs = list(zip(source, target, strict=True))
    low = [np.where(low_first, a, b) for a, b in pairs]
    return low + [np.where(low_first, b, a) for a, b in pairs]


def _keys(layers: Layers, rows: Int64) -> tuple[list[bytes], Bools]:
    """Exact keys of `rows` as bytes: Python hashes bytes with a secret, integers without one."""
    tag = _tag(layers.protocol[rows], layers.ip_version[rows])
    high, low = layers.src_high[rows], layers.src_low[rows]
    source = _one_end(high, low, layers.src_port[rows], tag, True).words
    high, low = layers.dst_high[rows], layers.dst_low[rows]
    target = _one_end(high, low, layers.dst_port[rows], tag, True).words
    low_first = _is_low(source, target)
    columns = _canonical(source, target, low_first)
    packed = np.ascontiguousarray(np.stack(columns, axis=1))
    return packed.view("V48").ravel().tolist(), low_first

"""Gathering, picking and joining columns."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.columns import BE16, BE32, Bytes, ColumnLog, gather, interleave, join, pick, windows
from dissectors.errors import Fault

HEADER = np.dtype([("kind", "u1"), ("length", ">u2"), ("value", ">u8")])


@dataclass(slots=True)
class Pair:
    left: Bytes
    right: Bytes


@given(st.binary(min_size=11, max_size=60), st.data())
def test_gather_reads_what_struct_reads(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.lists(st.integers(0, len(data) - 11)))
    buffer = np.frombuffer(data, np.uint8)
    headers = gather(buffer, np.array(at, np.int64), HEADER)
    expected = [struct.unpack_from(">BHQ", data, place) for place in at]
    assert headers.tolist() == expected
    words = gather(buffer, np.array(at, np.int64), BE32)
    assert words.tolist() == [struct.unpack_from(">I", data, place)[0] for place in at]


def test_gather_never_reads_outside() -> None:
    buffer = np.zeros(10, np.uint8)
    for at in (9, 10, -10):
        with pytest.raises(IndexError):
            gather(buffer, np.array([at]), BE16)
    assert len(gather(buffer[:1], np.empty(0, np.int64), BE16)) == 0


def test_gather_copies() -> None:
    buffer = np.arange(10, dtype=np.uint8)
    gathered = gather(buffer, np.array([1]), np.dtype("u1"))
    gathered[0] = 99
    assert buffer[1] == 1


def test_windows_of_a_short_buffer() -> None:
    assert len(windows(np.zeros(3, np.uint8), BE32)) == 0
    assert windows(np.array([1, 2, 3], np.uint8), BE16).tolist() == [0x0102, 0x0203]


def test_pick_and_join() -> None:
    left = np.arange(4, dtype=np.uint8)
    pair = Pair(left, left + 10)
    assert pick(pair, left > 1).right.tolist() == [12, 13]
    assert pick(pair, np.array([3, 0])).left.tolist() == [3, 0]
    assert join([pair, pair]).right.tolist() == [10, 11, 12, 13] * 2
    assert join([pair]) is pair


@dataclass(slots=True)
class Numbered:
    row: np.ndarray
    value: np.ndarray


@given(st.lists(st.sets(st.integers(0, 60)), min_size=1, max_size=4))
def test_interleave_is_a_stable_sort(rows: list[set[int]]) -> None:
    pieces = [
        Numbered(np.array(sorted(piece), np.int64), np.full(len(piece), number))
        for number, piece in enumerate(rows)
    ]
    merged = interleave(pieces)
    expected = sorted((row, number) for number, piece in enumerate(rows) for row in piece)
    assert list(zip(merged.row.tolist(), merged.value.tolist(), strict=True)) == expected
    assert merged.value.dtype == pieces[0].value.dtype


def test_the_log() -> None:
    log = ColumnLog()
    log.fault(np.empty(0, np.int64), Fault.SNAPPED)
    log.fault(np.array([4, 2]), Fault.LINK_UNKNOWN)
    assert log.fault_bits == [Fault.LINK_UNKNOWN]
    log.count("arp", 0)
    log.count_each(np.array([1, 2, 1, 9], np.uint8), {1: "icmp", 2: "igmp"}, "ip protocol {}")
    assert log.others == {"icmp": 2, "igmp": 1, "ip protocol 9": 1}

"""snoop files, as RFC 1761 has them and as others write them."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.capture.snoop import SnoopReader
from dissectors.errors import Truncated
from tests.capture.files import SECOND, Read, read_in_windows, read_whole, told


def header(link_type: int = 4, version: int = 2) -> bytes:
    return b"snoop\0\0\0" + struct.pack(">II", version, link_type)


def record(
    data: bytes, *, seconds: int = SECOND, fraction: int = 0, original: int = 0, padding: int = -1
) -> bytes:
    padding = -len(data) % 4 if padding < 0 else padding
    numbers = (original or len(data), len(data), 24 + len(data) + padding, 0, seconds, fraction)
    return struct.pack(">6I", *numbers) + data + bytes(padding)


def read(*parts: bytes) -> Read:
    return read_whole(SnoopReader(), b"".join(parts))


FILE = header() + b"".join(record(b"p" * n, fraction=n, original=n + 9) for n in range(1, 9))


def test_records() -> None:
    seen, problems = read(header(), record(b"abc", fraction=7, original=60), record(b"d"))
    assert seen == [
        (1, SECOND * 10**9 + 7000, 1, 60, b"abc"),
        (2, SECOND * 10**9, 1, 1, b"d"),
    ]
    assert not problems


@pytest.mark.parametrize(("number", "link_type"), [(0, 1), (4, 1), (8, 10), (14, 0), (99, 0xFFFF)])
def test_link_types(number: int, link_type: int) -> None:
    seen, problems = read(header(number), record(b"x"))
    assert seen[0][2] == link_type
    assert bool(problems) == (link_type == 0xFFFF)


def test_surveyor_has_numbers_of_its_own() -> None:
    assert read(header(12), record(b"abcd", padding=16))[0][0][2] == 1
    assert read(header(12), record(b"abcd"))[0][0][2] == 0xFFFF


def test_cut_anywhere() -> None:
    whole, _ = read(FILE)
    for length in range(len(FILE)):
        seen, problems = read(FILE[:length])
        assert seen == whole[: len(seen)]
        assert sum(isinstance(problem, Truncated) for problem in problems) <= 1


@given(st.lists(st.integers(1, 90), min_size=1, max_size=20))
def test_windows_of_any_size(sizes: list[int]) -> None:
    in_windows = read_in_windows(SnoopReader(), FILE, itertools.cycle(sizes))
    assert in_windows[0] == read(FILE)[0]


def test_many_records_are_walked_in_step() -> None:
    data = header() + b"".join(
        record(bytes(20 + n % 50), seconds=SECOND + n // 100) for n in range(30_000)
    )
    seen, problems = read(data)
    assert [len(packet[-1]) for packet in seen] == [20 + n % 50 for n in range(30_000)]
    assert not problems


def test_garbage_between_records() -> None:
    seen, problems = read(FILE, b"\xee" * 77, record(b"b"), record(b"c"))
    assert [packet[-1] for packet in seen[-2:]] == [b"b", b"c"]
    assert len(seen) == 10
    assert len(problems) == 1


@pytest.mark.parametrize("length", [0, 23, 0xFFFFFFFF])
def test_a_record_length_that_lies(length: int) -> None:
    liar = bytearray(record(b"liar"))
    struct.pack_into(">I", liar, 8, length)
    seen, problems = read(header(), record(b"a"), bytes(liar), record(b"b"), record(b"c"))
    assert [packet[-1] for packet in seen] == [b"a", b"b", b"c"]
    assert len(problems) == 1


def test_an_odd_version_is_told() -> None:
    assert told(read(header(version=9), record(b"a"))[1]) == ["snoop version 9 is read as 2"]


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    read(header() + data)
    read(data)

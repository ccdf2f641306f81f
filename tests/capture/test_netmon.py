"""Network Monitor files: versions, holes, lies, and what tshark says of them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.capture.netmon import NetmonReader, is_netmon
from dissectors.errors import DissectError, LimitExceeded
from tests.capture.files import packets
from tests.conftest import Tshark

START = (2015, 3, 0, 15, 9, 0, 0, 250)
START_NS = 1_426_410_000_250_000_000
FILETIME = 130_708_836_000_000_000 + 1234567
MAGICS = {1: b"RTSS", 2: b"GMBU"}

Packet = tuple[int, int, int, int, bytes]


def frame(
    data: bytes,
    delta: int = 0,
    *,
    version: tuple[int, int] = (2, 0),
    media: int = 1,
    original: int | None = None,
    captured: int | None = None,
) -> bytes:
    original = len(data) if original is None else original
    captured = len(data) if captured is None else captured
    if version[0] == 1:
        return struct.pack("<IHH", delta, original, captured) + data
    trailer = [b"", struct.pack("<H", media), struct.pack("<HI", media, 7)]
    trailer.append(struct.pack("<HIQB", media, 7, FILETIME + delta * 10, 3))
    head = struct.pack("<QII", delta & (1 << 64) - 1, original, captured)
    return head + data + trailer[min(version[1], 3)]


def capture(
    frames: list[bytes],
    *,
    version: tuple[int, int] = (2, 0),
    media: int = 1,
    hole: bytes = b"",
    order: list[int] | None = None,
    table: bytes | None = None,
    start: tuple[int, ...] = START,
) -> bytes:
    body, offsets = b"", []
    for one in frames:
        offsets.append(128 + len(body))
        body += one + hole
    entries = struct.pack(f"<{len(offsets)}I", *(offsets[i] for i in order or range(len(offsets))))
    entries = entries if table is None else table
    head = struct.pack(
        "<4sBBH8HII", MAGICS[version[0]], version[1], version[0], media, *start,
        128 + len(body), len(entries),
    )  # fmt: skip
    return head.ljust(128, b"\0") + body + entries


def read(data: bytes) -> tuple[list[Packet], list[DissectError]]:
    reader = NetmonReader()
    found = reader.batches(np.frombuffer(data, np.uint8))
    return [packet for batch, _ in found for packet in packets(batch)], reader.problems


ETHERNET = bytes(12) + b"\x08\x00" + b"\x45" + bytes(59)


def test_version_1_counts_milliseconds() -> None:
    frames = [frame(ETHERNET, 5, version=(1, 1), original=1500)]
    seen, problems = read(capture(frames, version=(1, 1)))
    assert seen == [(1, START_NS + 5_000_000, 1, 1500, ETHERNET)]
    assert [problem.severity for problem in problems] == ["warning"]
    assert "zone" in problems[0].summary


def test_version_2_counts_microseconds_backwards_too() -> None:
    seen, _ = read(capture([frame(b"a", 7), frame(b"b", -7)]))
    assert [packet[1] - START_NS for packet in seen] == [7000, -7000]


def test_version_2_3_knows_utc() -> None:
    data = capture([frame(b"a", 3, version=(2, 3))], version=(2, 3), start=(0,) * 8)
    seen, problems = read(data)
    assert seen[0][1] == 1_426_410_000_000_000_000 + 123_456_700 + 3000
    assert not problems


@pytest.mark.parametrize(
    ("media", "link_type"),
    [(0, 1), (1, 1), (2, 6), (9, 101), (0xE071, 113), (0xE000, 0), (0xFFE0, 0xFFFF), (4, 0xFFFF)],
)
@pytest.mark.parametrize("minor", [1, 2, 3])
def test_each_frame_has_its_media_type(minor: int, media: int, link_type: int) -> None:
    frames = [frame(b"abc", version=(2, minor), media=media)]
    seen, _ = read(capture(frames, version=(2, minor)))
    assert (seen[0][2], seen[0][-1]) == (link_type, b"abc")


def test_802_11_loses_its_metadata() -> None:
    meta = b"\2" + struct.pack("<H", 32) + bytes(29)
    frames = [frame(meta + b"wlan", version=(2, 2), media=6)]
    assert read(capture(frames, version=(2, 2)))[0][0][2:] == (105, 4, b"wlan")


def test_what_is_no_frame_is_not_counted() -> None:
    frames = [
        frame(bytes([number]), version=(2, 2), media=media)
        for number, media in enumerate((1, 0xFFFD, 0xFFFC, 1, 0xFFFE, 1))
    ]
    seen, _ = read(capture(frames, version=(2, 2)))
    assert [(packet[0], packet[-1]) for packet in seen] == [(1, b"\0"), (2, b"\3"), (3, b"\5")]


def test_the_table_tells_order_and_place() -> None:
    frames = [frame(b"third"), frame(b"first"), frame(b"second")]
    seen, problems = read(capture(frames, hole=b"\xff" * 9, order=[1, 2, 0]))
    assert [packet[-1] for packet in seen] == [b"first", b"second", b"third"]
    assert len(problems) == 1


def test_without_table_frames_are_read_one_after_another() -> None:
    data = capture([frame(b"one"), frame(b"two")])
    seen, problems = read(data[:-1])
    assert [packet[-1] for packet in seen] == [b"one", b"two"]
    assert "no whole frame table" in problems[1].summary


@pytest.mark.parametrize("version", [(1, 1), (2, 0), (2, 1), (2, 3)])
def test_cut_anywhere(version: tuple[int, int]) -> None:
    frames = [frame(bytes([65 + n]) * (n + 1), n, version=version) for n in range(5)]
    data = capture(frames, version=version)
    whole, _ = read(data)
    for length in range(len(data)):
        seen, problems = read(data[:length])
        assert seen == whole[: len(seen)]
        assert problems
        assert len(seen) >= sum(128 + len(b"".join(frames[: n + 1])) <= length for n in range(5))


def test_a_frame_that_lies() -> None:
    frames = [frame(b"a"), frame(b"liar", captured=1 << 31), frame(b"b")]
    seen, problems = read(capture(frames))
    assert [(packet[0], packet[-1]) for packet in seen] == [(1, b"a"), (3, b"b")]
    assert (problems[-1].frame_number, problems[-1].offset) == (2, 128 + 17)


def test_a_table_that_repeats_one_frame_is_bounded() -> None:
    table = struct.pack("<I", 128) * 200_000
    seen, problems = read(capture([frame(b"x" * 1000)], table=table))
    assert len(seen) < 200_000
    assert isinstance(problems[-1], LimitExceeded)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([(1, 1), (2, 0), (2, 2), (2, 3)]))
def test_any_bytes_behind_a_magic(data: bytes, version: tuple[int, int]) -> None:
    head = MAGICS[version[0]] + bytes((version[1], version[0]))
    assert is_netmon(head)
    for tail in (data, data.rjust(300, b"\0")):
        read(head + tail)


@settings(max_examples=60)
@given(st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    broken = bytearray(
        capture([frame(b"abcd", n, version=(2, 2)) for n in range(4)], version=(2, 2))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(4, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    seen, problems = read(bytes(broken))
    assert len(seen) <= 4
    assert all(problem.offset is not None for problem in problems)


@pytest.mark.oracle
@pytest.mark.parametrize("version", [(1, 1), (2, 0), (2, 1), (2, 2), (2, 3)])
def test_as_in_wireshark(version: tuple[int, int], tmp_path: Path, tshark: Tshark) -> None:
    frames = [frame(ETHERNET, n * 1001, version=version, original=90 + n) for n in range(6)]
    data = capture(frames, version=version, hole=b"\0\1\2", order=[2, 0, 1, 5, 4, 3])
    path = tmp_path / "netmon.cap"
    path.write_bytes(data)
    rows = tshark.fields(path, "frame.time_epoch", "frame.len", display_filter="frame")
    seen = [(int(row["frame.time_epoch"].replace(".", "")), int(row["frame.len"])) for row in rows]
    assert [(packet[1], packet[3]) for packet in read(data)[0]] == seen
    assert len(seen) == 6

"""The walk in step finds what the plain walk finds, whatever it guesses."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from dissectors.capture import walk as walk_module
from dissectors.capture.batch import Bytes, Int64
from dissectors.capture.blocks import BlockRecords
from dissectors.capture.pcap import PcapReader, PcapRecords
from dissectors.capture.pcapng import PcapngReader
from dissectors.capture.walk import Records, walk
from tests.capture.files import (
    MICROSECOND,
    SECOND,
    enhanced,
    interface,
    pcap_header,
    read_whole,
    record,
    section,
    simple,
)

STRETCH = walk_module._SHORTEST_STRETCH

SIZES = {
    "small": lambda rng: rng.randrange(40, 120),
    "voice": lambda rng: rng.choice((214, 214, 214, 74)),
    "full": lambda rng: rng.choice((1514, 66)),
    "offloaded": lambda rng: rng.choice((60, 65_000)),
    "tiny and huge": lambda rng: 200_000 if rng.random() < 0.002 else 1,
}


def _bodies(kind: str, size: int, seed: int = 7) -> list[bytes]:
    rng = random.Random(seed)
    bodies, total = [], 0
    while total < size:
        bodies.append(rng.randbytes(SIZES[kind](rng)))
        total += len(bodies[-1]) + 16
    return bodies


def _pcap(bodies: list[bytes], order: str = "<") -> bytes:
    return b"".join(
        record(body, seconds=SECOND + index // 500, fraction=index % 500, order=order)
        for index, body in enumerate(bodies)
    )


def _plainly(data: Bytes, records: Records) -> tuple[Int64, int]:
    return walk_module._walk_plainly(data, 0, len(data), records)


def _same(data: bytes, records: Records) -> None:
    window = np.frombuffer(data, np.uint8)
    starts, stop = walk(window, 0, records)
    plain, plain_stop = _plainly(window, records)
    assert stop == plain_stop
    assert np.array_equal(starts, plain)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", SIZES)
def test_pcap(kind: str, order: str) -> None:
    _same(_pcap(_bodies(kind, 80 * STRETCH), order), PcapRecords(order, 16, 10**6))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", SIZES)
def test_pcapng(kind: str, order: str) -> None:
    blocks = [
        simple(body, order=order) if index % 7 == 0 else enhanced(body, order=order)
        for index, body in enumerate(_bodies(kind, 80 * STRETCH))
    ]
    _same(b"".join(blocks), BlockRecords(order))


def test_a_cut_or_a_fault_ends_both_walks_at_the_same_place() -> None:
    data = _pcap(_bodies("voice", 80 * STRETCH))
    records = PcapRecords("<", 16, 10**6)
    starts, _ = _plainly(np.frombuffer(data, np.uint8), records)
    for index in (0, 1, 2000, len(starts) - 1):
        broken = bytearray(data)
        struct.pack_into("<I", broken, int(starts[index]) + 8, 2**31)
        _same(bytes(broken), records)
        _same(data[: int(starts[index]) + 20], records)


class Liar(PcapRecords):
    """Guesses beginnings at random."""

    def guess(self, data: Bytes, start: int, stretch: int, number: int) -> Int64:
        rng = np.random.default_rng(len(data))
        places = start + stretch * np.arange(1, number + 1)
        return places + rng.integers(0, 2000, number)


def test_wrong_guesses_cost_no_packet() -> None:
    _same(_pcap(_bodies("voice", 80 * STRETCH)), Liar("<", 16, 10**6))
    _same(_pcap(_bodies("offloaded", 80 * STRETCH)), Liar("<", 16, 10**6))


def test_a_payload_full_of_records_is_one_packet() -> None:
    """Each stretch begins inside a packet that carries a capture file of its own."""
    inner = _pcap([b"x" * 100] * 1000)
    bodies = [inner] * 60
    _same(_pcap(bodies), PcapRecords("<", 16, 10**6))


def test_the_walk_in_step_is_what_is_used() -> None:
    """Else the tests above would compare the plain walk with itself."""
    window = np.frombuffer(_pcap(_bodies("voice", 80 * STRETCH)), np.uint8)
    records = PcapRecords("<", 16, 10**6)
    heads = records.guess(window, 0, STRETCH, 70)
    assert len(heads) == 70
    starts, _ = _plainly(window, records)
    assert np.isin(heads, starts).all()


@pytest.mark.parametrize("readers", ["pcap", "pcapng"])
def test_broken_large_files(readers: str) -> None:
    """Resynchronisation in a window that is walked in step."""
    bodies = _bodies("voice", 80 * STRETCH)
    if readers == "pcap":
        parts = [record(body, seconds=SECOND) for body in bodies]
        bad, head = struct.pack("<IIII", SECOND, 0, 2**31, 0), pcap_header()
        reader = PcapReader()
    else:
        parts = [enhanced(body, MICROSECOND) for body in bodies]
        bad, head = struct.pack("<II", 6, 2**31), section() + interface()
        reader = PcapngReader()
    for index in (100, 101, 1500, 2900):
        parts[index] = bad + b"\xee" * 50
    read, problems = read_whole(reader, head + b"".join(parts))
    good = [body for index, body in enumerate(bodies) if index not in (100, 101, 1500, 2900)]
    assert [packet[-1] for packet in read] == good
    assert len(problems) == 3


@pytest.mark.parametrize("order", ["<", ">"])
def test_sections_in_a_large_file(order: str) -> None:
    """The walk in step runs over them, as it does not look at types; reading must not."""
    bodies = _bodies("voice", 80 * STRETCH)
    parts = [section(), interface(), *(enhanced(body) for body in bodies[:1500])]
    parts += [section(order), interface(101, order=order)]
    parts += [enhanced(body, order=order) for body in bodies[1500:]]
    read, problems = read_whole(PcapngReader(), b"".join(parts))
    assert [packet[-1] for packet in read] == bodies
    assert [packet[2] for packet in read] == [1] * 1500 + [101] * (len(bodies) - 1500)
    assert not problems

"""The pcap reader, against files made here, by dpkt, and cut or broken everywhere."""

from __future__ import annotations

import io
import itertools
import random
import struct

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.capture.pcap import MAX_PACKET, PcapReader, is_pcap
from dissectors.errors import Malformed, Truncated, Unsupported
from tests.capture.files import (
    SECOND,
    packets,
    pcap_header,
    read_in_windows,
    read_whole,
    record,
    told,
)

DATA = [b"first packet", b"", b"third" * 40, b"x"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_byte_orders_and_resolutions(order: str, magic: int, unit: int) -> None:
    file = pcap_header(magic, order, link_type=113)
    file += record(b"abc", original=90, fraction=999_999, order=order)
    read, problems = read_whole(PcapReader(), file)
    assert read == [(1, SECOND * 10**9 + 999_999 * unit, 113, 90, b"abc")]
    assert not problems


def test_the_latest_time_that_fits_the_file() -> None:
    file = pcap_header(0xA1B23C4D) + record(b"x", seconds=2**32 - 1, fraction=999_999_999)
    ((_, time_ns, *_),), _ = read_whole(PcapReader(), file)
    assert time_ns == (2**32 - 1) * 10**9 + 999_999_999


def test_the_longer_records_of_1999() -> None:
    extra = struct.pack("<IHBB", 2, 0x0800, 0, 0)
    file = pcap_header(0xA1B2CD34) + record(b"abc", extra=extra) + record(b"de", extra=extra)
    read, _ = read_whole(PcapReader(), file)
    assert [packet[-1] for packet in read] == [b"abc", b"de"]


def test_what_dpkt_writes() -> None:
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file, nano=True)
    for number, data in enumerate(DATA):
        writer.writepkt(data or b"-", ts=SECOND + number)
    read, problems = read_whole(PcapReader(), file.getvalue())
    assert [packet[-1] for packet in read] == [data or b"-" for data in DATA]
    assert [packet[0] for packet in read] == [1, 2, 3, 4]
    assert not problems


def test_the_link_type_shares_its_field() -> None:
    reader = PcapReader()
    read, _ = read_whole(reader, pcap_header(link_type=0x1400_0001) + record(b"x"))
    assert read[0][2] == 1
    assert reader.interfaces[0].link_type == 1


def test_an_empty_packet_is_a_packet() -> None:
    read, problems = read_whole(PcapReader(), pcap_header() + record(b"") + record(b"x"))
    assert [packet[-1] for packet in read] == [b"", b"x"]
    assert not problems


def test_the_window_becomes_the_data() -> None:
    window = memoryview(pcap_header() + record(b"x"))
    batch, used = PcapReader().read(window, final=True)
    assert used == len(window)
    assert batch.data.base is not None
    assert batch.data.nbytes == len(window)


def test_cut_anywhere() -> None:
    file = pcap_header() + b"".join(record(data or b"-") for data in DATA)
    whole, _ = read_whole(PcapReader(), file)
    ends = list(itertools.accumulate(16 + len(data or b"-") for data in DATA))
    for length in range(len(file)):
        read, problems = read_whole(PcapReader(), file[:length])
        number = sum(24 + end <= length for end in ends)
        assert read == whole[:number]
        clean = length in (0, 24, *(24 + end for end in ends))
        assert [type(problem) for problem in problems] == [] if clean else [Truncated]
        if not clean:
            assert problems[0].offset == max(
                [0] + [e for e in (24, *(24 + x for x in ends)) if e < length]
            )


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=12), st.lists(st.integers(1, 200)))
def test_windows_of_any_size(data: list[bytes], sizes: list[int]) -> None:
    file = pcap_header() + b"".join(map(record, data))
    windows = itertools.cycle(sizes or [50])
    assert read_in_windows(PcapReader(), file, windows) == read_whole(PcapReader(), file)


def test_byte_by_byte_asks_for_what_it_needs() -> None:
    file = pcap_header() + b"".join(record(data or b"-") for data in DATA)
    read, problems = read_in_windows(PcapReader(), file, itertools.repeat(1))
    assert (read, problems) == read_whole(PcapReader(), file)


@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header(data: bytes) -> None:
    read_whole(PcapReader(), pcap_header() + data)


@given(st.binary(max_size=100))
def test_any_bytes_at_all(data: bytes) -> None:
    read, problems = read_whole(PcapReader(), data)
    assert problems or read or len(data) in (0, 24)
    assert is_pcap(data) or not read


def _file(number: int, seed: int = 1) -> tuple[bytes, list[int]]:
    """Return a file of packets of random bytes, and where its records begin."""
    rng = random.Random(seed)
    out, starts = bytearray(pcap_header()), []
    for index in range(number):
        starts.append(len(out))
        data = rng.randbytes(rng.randrange(60, 400))
        out += record(data, seconds=SECOND + index // 100, fraction=index % 100)
    return bytes(out), starts


@pytest.mark.parametrize("length", [MAX_PACKET + 1, 2**32 - 1])
def test_an_absurd_length_costs_one_packet(length: int) -> None:
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    broken = bytearray(file)
    struct.pack_into("<I", broken, starts[20] + 8, length)
    read, problems = read_whole(PcapReader(), bytes(broken))
    assert [packet[1:] for packet in read] == [packet[1:] for packet in whole[:20] + whole[21:]]
    assert told(problems) == [
        f"a packet of {length} bytes at byte {starts[20]}: reading goes on at byte {starts[21]}, "
        f"{starts[21] - starts[20]} bytes are lost"
    ]
    assert problems[0].offset == starts[20]
    assert problems[0].frame_number == 20


def test_a_length_that_is_too_long_hides_no_packet() -> None:
    """It leads into the middle of a later packet; the records that it jumped over are found."""
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    broken = bytearray(file)
    length = starts[23] + 40 - starts[20] - 16
    struct.pack_into("<II", broken, starts[20] + 8, length, length)
    read, problems = read_whole(PcapReader(), bytes(broken))
    assert [packet[-1] for packet in read] == [packet[-1] for packet in whole]
    assert told(problems)[0].endswith(f"goes on at byte {starts[21]}, inside the packet before it")
    assert len(problems) == 1


def test_a_length_that_is_too_short_loses_one_packet_at_most() -> None:
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    broken = bytearray(file)
    struct.pack_into("<I", broken, starts[20] + 8, 33)
    read, problems = read_whole(PcapReader(), bytes(broken))
    assert [packet[-1] for packet in read[21:]] == [packet[-1] for packet in whole[21:]]
    assert len(problems) == 1


def test_a_length_beyond_the_end_of_the_file() -> None:
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    broken = bytearray(file)
    struct.pack_into("<II", broken, starts[40] + 8, 200_000, 200_000)
    read, problems = read_whole(PcapReader(), bytes(broken))
    assert [packet[-1] for packet in read] == [packet[-1] for packet in whole[:40] + whole[41:]]
    assert len(problems) == 1


def test_bytes_that_are_missing_or_too_many() -> None:
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    for broken in (
        file[: starts[10] + 30] + file[starts[10] + 47 :],
        file[: starts[10]] + b"\xee" * 5000 + file[starts[10] :],
    ):
        read, problems = read_whole(PcapReader(), broken)
        assert [packet[-1] for packet in read[-39:]] == [packet[-1] for packet in whole[-39:]]
        assert len(problems) == 1


def test_a_hole_of_zeros() -> None:
    file, starts = _file(50)
    whole, _ = read_whole(PcapReader(), file)
    broken = file[: starts[10]] + bytes(starts[30] - starts[10]) + file[starts[30] :]
    read, problems = read_whole(PcapReader(), broken)
    assert [packet[-1] for packet in read] == [packet[-1] for packet in whole[:10] + whole[30:]]
    assert len(problems) == 1
    assert "zeros" in problems[0].summary


@pytest.mark.parametrize("windows", [70, 1000, 100_000])
def test_a_tail_of_zeros(windows: int) -> None:
    file, _ = _file(5)
    read, problems = read_in_windows(PcapReader(), file + bytes(4_000), itertools.repeat(windows))
    assert len(read) == 5
    assert told(problems) == [
        f"zeros for a packet at byte {len(file)}: no packet in the rest of the file"
    ]


@pytest.mark.parametrize("windows", [100, 1000, 5000])
def test_broken_in_windows_of_any_size(windows: int) -> None:
    file, starts = _file(50)
    broken = bytearray(file)
    struct.pack_into("<I", broken, starts[20] + 8, 2**31)
    read, problems = read_in_windows(PcapReader(), bytes(broken), itertools.repeat(windows))
    assert len(read) == 49
    assert len(problems) == 1


def test_a_pcap_file_inside_a_packet_is_no_record() -> None:
    """Behind a broken record the search must not fall into a file that a packet carries."""
    inner, _ = _file(8, seed=2)
    before, _ = _file(5, seed=3)
    after = record(b"after", seconds=SECOND + 1) + record(b"the end", seconds=SECOND + 1)
    bad = record(b"bad", captured=2**30)
    file = before + record(inner) + bad + after
    read, problems = read_whole(PcapReader(), file)
    assert read[5][-1] == inner
    assert [packet[-1] for packet in read[6:]] == [b"after", b"the end"]
    assert len(problems) == 1


def test_more_captured_than_there_was_is_told_once() -> None:
    file = pcap_header() + record(b"abcdef", original=3) * 3
    read, problems = read_whole(PcapReader(), file)
    assert [(packet[3], packet[-1]) for packet in read] == [(6, b"abcdef")] * 3
    assert [(type(problem), problem.severity) for problem in problems] == [(Malformed, "warning")]


def test_another_version_is_told() -> None:
    read, problems = read_whole(PcapReader(), pcap_header(version=(2, 3)) + record(b"x"))
    assert len(read) == 1
    assert [type(problem) for problem in problems] == [Unsupported]


def test_a_thousand_problems_are_enough() -> None:
    good = record(b"good one", seconds=SECOND) * 2
    file = pcap_header() + (good + record(b"bad", captured=2**31)) * 2000
    read, problems = read_whole(PcapReader(), file)
    assert len(read) >= 3_990
    assert len(problems) == 1000
    assert "no more are told" in problems[-1].summary


@settings(max_examples=30)
@given(st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    file, _ = _file(20)
    broken = bytearray(file)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(file) - 1))] ^= data.draw(st.integers(1, 255))
    batch, used = PcapReader().read(bytes(broken), final=True)
    assert used == len(broken)
    assert all(len(packet[-1]) <= MAX_PACKET for packet in packets(batch))
    assert (batch.start + batch.captured_length <= used).all()

"""The pcapng reader: sections, interfaces, clocks, all kinds of blocks; cut and broken anywhere."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import PcapNgWriter

from dissectors.capture.pcapng import MAX_INTERFACES, PcapngReader, is_pcapng
from dissectors.errors import LimitExceeded, Malformed, Truncated, Unsupported
from tests.capture.files import (
    MICROSECOND,
    SECOND,
    Read,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    packets,
    read_in_windows,
    read_whole,
    section,
    simple,
    told,
)
from tests.conftest import Tshark

NS = SECOND * 10**9
START = section() + interface()
LAST_NS = 9_223_372_035 * 10**9  # the end of what 63 bits of nanoseconds hold, in seconds


def read(*blocks: bytes) -> Read:
    return read_whole(PcapngReader(), b"".join(blocks))


@pytest.mark.parametrize("order", ["<", ">"])
def test_packets_of_all_kinds(order: str) -> None:
    file = section(order) + interface(113, order=order)
    file += enhanced(b"enhanced", MICROSECOND, original=99, order=order)
    file += obsolete(b"obsolete", MICROSECOND + 1, order=order)
    file += simple(b"simple", order=order)
    seen, problems = read(file)
    assert seen == [
        (1, NS, 113, 99, b"enhanced"),
        (2, NS + 1000, 113, 8, b"obsolete"),
        (3, NS + 1000, 113, 6, b"simple"),
    ]
    assert told(problems) == [
        "simple packets have no time (told once): each gets that of the packet before it"
    ]


def test_a_simple_packet_is_cut_by_the_snapshot_length() -> None:
    seen, _ = read(section(), interface(snaplen=5), simple(b"12345", original=80))
    assert seen == [(1, 0, 1, 80, b"12345")]


@pytest.mark.parametrize(
    ("resolution", "ticks", "time_ns"),
    [
        (0, SECOND, NS),
        (3, SECOND * 1000 + 45, NS + 45_000_000),
        (6, MICROSECOND + 1, NS + 1000),
        (9, NS + 1, NS + 1),
        (10, SECOND * 10**10 + 12345, NS + 1234),
        (12, 1_600_000 * 10**12 + 12_345, 1_600_000 * 10**9 + 12),
        (19, 12_345_678_901, 1),
        (60, 2**63, 0),
        (127, 2**64 - 1, 0),
        (0x80, SECOND, NS),
        (0x80 | 10, (SECOND << 10) + 1, NS + 976_562),
        (0x80 | 20, (SECOND << 20) + 7, NS + 6675),
        (0x80 | 33, (SECOND << 33) + 777, NS + 90),
        (0x80 | 40, (1_600_000 << 40) + 2**39, 1_600_000 * 10**9 + 500_000_000),
        (0x80 | 64, 2**63, 500_000_000),
        (0x80 | 127, 2**64 - 1, 0),
        (0, 2**64 - 1, LAST_NS),
        (9, 2**64 - 1, LAST_NS + 709_551_615),
    ],
)
def test_resolutions(resolution: int, ticks: int, time_ns: int) -> None:
    clock = option(9, bytes([resolution])) + option(0, b"")
    seen, _ = read(section(), interface(options=clock), enhanced(b"x", ticks))
    assert seen[0][1] == time_ns


@pytest.mark.parametrize(
    ("offset_s", "time_ns"),
    [(1000, NS + 1000 * 10**9), (-SECOND, 0), (2**63 - 1, LAST_NS), (-(2**63), NS - LAST_NS)],
)
def test_offsets(offset_s: int, time_ns: int) -> None:
    clock = option(14, struct.pack("<q", offset_s))
    assert read(section(), interface(options=clock), enhanced(b"x"))[0][0][1] == time_ns


def test_each_interface_has_its_own_clock_and_link() -> None:
    ns = interface(101, options=option(2, b"eth1\0") + option(9, b"\x09"))
    shifted = interface(0, options=option(14, struct.pack("<q", 1)))
    reader = PcapngReader()
    file = START + ns + enhanced(b"a", NS, 1) + enhanced(b"b", MICROSECOND, 0)
    file += shifted + enhanced(b"c", MICROSECOND, 2) + enhanced(b"d", NS + 5, 1)
    seen, problems = read_whole(reader, file)
    assert [packet[:3] for packet in seen] == [
        (1, NS, 101),
        (2, NS, 1),
        (3, NS + 10**9, 0),
        (4, NS + 5, 101),
    ]
    assert [(i.number, i.link_type, i.name) for i in reader.interfaces] == [
        (0, 1, ""),
        (1, 101, "eth1"),
        (2, 0, ""),
    ]
    assert not problems


def test_sections_have_their_own_interfaces_and_byte_order() -> None:
    other = section(">") + interface(101, order=">") + enhanced(b"b", order=">")
    reader = PcapngReader()
    seen, problems = read_whole(reader, START + enhanced(b"a") + other + START + enhanced(b"c"))
    assert [(packet[0], packet[2], packet[-1]) for packet in seen] == [
        (1, 1, b"a"),
        (2, 101, b"b"),
        (3, 1, b"c"),
    ]
    assert [i.section for i in reader.interfaces] == [0, 1, 2]
    assert not problems


def test_a_section_header_whose_length_reads_both_ways() -> None:
    """0x00000100 bytes in one byte order is 0x00010000 in the other."""
    header = block(0x0A0D0D0A, section(">")[8:-4] + option(4, b"x" * 224, ">"), ">")
    assert len(header) == 0x100
    file = START + enhanced(b"a") + header + interface(order=">") + enhanced(b"b", order=">")
    seen, problems = read(file)
    assert [packet[-1] for packet in seen] == [b"a", b"b"]
    assert not problems


def test_an_interface_counts_only_for_what_follows_it() -> None:
    seen, problems = read(section(), enhanced(b"early"), interface(), enhanced(b"late"))
    assert seen == [(2, NS, 1, 4, b"late")]
    assert told(problems) == ["a packet is of an interface that is not declared: it is not read"]
    assert problems[0].frame_number == 1
    assert problems[0].offset == 28


def test_packets_of_undeclared_interfaces_keep_their_frame_numbers() -> None:
    bad = enhanced(b"bad", number=7)
    seen, problems = read(START, enhanced(b"a"), bad, bad, enhanced(b"b"))
    assert [packet[0] for packet in seen] == [1, 4]
    assert told(problems) == [
        "a packet is of an interface that is not declared: it is not read, "
        "nor are 1 others up to here"
    ]


def test_an_interface_that_cannot_be_read_takes_its_number() -> None:
    short = block(1, struct.pack("<HH", 1, 0))
    seen, problems = read(section(), short, interface(101), enhanced(b"x", number=1))
    assert seen[0][2] == 101
    assert [type(problem) for problem in problems] == [Truncated]


def test_secrets_and_names_are_handed_on() -> None:
    log = b"CLIENT_RANDOM aa bb\n"
    secrets = block(10, struct.pack("<II", 0x544C534B, len(log)) + log)
    v4 = bytes([192, 0, 2, 1]) + b"fe01.contoso.com\0fe01\0"
    v6 = bytes([0x20, 1, 0xD, 0xB8]) + bytes(11) + b"\1edge.contoso.com\0"
    names = block(4, option(1, v4) + option(2, v6) + option(0, b""))
    reader = PcapngReader()
    _, problems = read_whole(reader, START + secrets + names + names + secrets)
    assert reader.secrets == [log, log]
    assert reader.names == {
        "192.0.2.1": ["fe01.contoso.com", "fe01"],
        "2001:db8::1": ["edge.contoso.com"],
    }
    assert not problems


def test_secrets_of_another_kind_or_too_long() -> None:
    wireguard = block(10, struct.pack("<II", 0x57474B4C, 3) + b"abc")
    long = block(10, struct.pack("<II", 0x544C534B, 300) + b"cut ")
    reader = PcapngReader()
    _, problems = read_whole(reader, START + wireguard * 3 + long)
    assert reader.secrets == [b"cut "]
    assert [type(problem) for problem in problems] == [Unsupported, Truncated]


def test_a_block_that_lies_about_its_packet() -> None:
    seen, problems = read(START, enhanced(b"abcdefgh", captured=4000), enhanced(b"b"))
    assert [packet[-1] for packet in seen] == [b"abcdefgh", b"b"]
    assert told(problems) == ["a packet is longer than its block: it is cut"]


def test_a_packet_block_without_room_for_its_fields() -> None:
    seen, problems = read(START, block(6, b"short"), block(3, b""), enhanced(b"b"))
    assert [(packet[0], packet[-1]) for packet in seen] == [(3, b"b")]
    assert len(problems) == 1


def test_options_behind_a_packet_are_no_packet() -> None:
    head = struct.pack("<IIIII", 0, MICROSECOND >> 32, MICROSECOND & 0xFFFFFFFF, 3, 3)
    seen, _ = read(START, block(6, head + b"abc\0" + option(2, b"\0\0\0\1") + option(0, b"")))
    assert seen[0][-1] == b"abc"


BAD_END = enhanced(b"bad end", again=77)
UNKNOWN = block(0x0BADBEEF, b"whatever this is")


def test_only_the_length_at_the_end_is_wrong() -> None:
    seen, problems = read(START, enhanced(b"a"), BAD_END, enhanced(b"b"))
    assert [packet[-1] for packet in seen] == [b"a", b"bad end", b"b"]
    assert told(problems) == ["block with two different lengths: the first one counts"]


@pytest.mark.parametrize("length", [0, 8, 13, 84, 1 << 24, 2**32 - 4])
def test_the_length_at_the_beginning_is_wrong(length: int) -> None:
    broken = bytearray(enhanced(b"broken"))
    struct.pack_into("<I", broken, 4, length)
    file = START + enhanced(b"a") + bytes(broken) + UNKNOWN + enhanced(b"b") + enhanced(b"c")
    seen, problems = read(file)
    assert [packet[-1] for packet in seen] == [b"a", b"b", b"c"]
    assert len(problems) == 1
    assert problems[0].offset == len(START + enhanced(b"a"))


def test_garbage_between_blocks() -> None:
    for garbage in (b"\xee" * 3, bytes(4), bytes(5001), b"\xee" * 100_000):
        seen, problems = read(START, enhanced(b"a"), garbage, enhanced(b"b"), START, enhanced(b"c"))
        assert [packet[-1] for packet in seen] == [b"a", b"b", b"c"]
        assert len(problems) == 1


def test_without_section_header_the_next_one_is_searched() -> None:
    seen, problems = read(interface() + enhanced(b"lost"), START, enhanced(b"a"))
    assert [packet[-1] for packet in seen] == [b"a"]
    assert told(problems)[0].startswith("no section header at byte 0: reading goes on")


def test_too_many_interfaces() -> None:
    reader = PcapngReader()
    file = section() + interface() * (MAX_INTERFACES + 5) + enhanced(b"x")
    seen, problems = read_whole(reader, file)
    assert len(reader.interfaces) == MAX_INTERFACES
    assert len(seen) == 1
    assert [type(problem) for problem in problems] == [LimitExceeded]


def test_a_newer_version_is_told() -> None:
    _, problems = read(section(version=2) + interface())
    assert [type(problem) for problem in problems] == [Unsupported]


EVERYTHING = (
    START
    + enhanced(b"one")
    + simple(b"two!")
    + UNKNOWN
    + block(10, struct.pack("<II", 0x544C534B, 4) + b"key\n")
    + section(">")
    + interface(101, order=">")
    + enhanced(b"three", order=">")
    + obsolete(b"four", order=">")
)


def test_cut_anywhere() -> None:
    whole, _ = read(EVERYTHING)
    for length in range(len(EVERYTHING)):
        seen, problems = read(EVERYTHING[:length])
        assert seen == whole[: len(seen)]
        assert sum(isinstance(problem, Truncated) for problem in problems) <= 1
        assert [p for p in problems if not isinstance(p, Truncated | Malformed)] == []


@given(st.lists(st.integers(1, 90), min_size=1, max_size=20))
def test_windows_of_any_size(sizes: list[int]) -> None:
    in_windows = read_in_windows(PcapngReader(), EVERYTHING, itertools.cycle(sizes))
    whole = read(EVERYTHING)
    assert (in_windows[0], told(in_windows[1])) == (whole[0], told(whole[1]))


@given(st.binary(max_size=300))
def test_any_bytes_behind_an_interface(data: bytes) -> None:
    read(START, data)


@given(st.binary(max_size=100))
def test_any_bytes_at_all(data: bytes) -> None:
    seen, problems = read(data)
    assert not seen
    assert problems or not data


@settings(max_examples=50)
@given(st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    broken = bytearray(EVERYTHING * 2)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    batch, used = PcapngReader().read(bytes(broken), final=True)
    assert used == len(broken)
    assert (batch.captured_length >= 0).all()
    assert (batch.start + batch.captured_length <= used).all()


def test_what_scapy_writes(tmp_path: Path) -> None:
    path = tmp_path / "scapy.pcapng"
    with PcapNgWriter(str(path)) as writer:
        for data in (b"abc", b"defg"):
            writer.write(data)
    seen, problems = read(path.read_bytes())
    assert [packet[-1] for packet in seen] == [b"abc", b"defg"]
    assert not problems


JOURNAL = block(9, b"__REALTIME_TIMESTAMP=1404101101501874\nMESSAGE=x\n")
CUSTOM = block(0x0BAD, struct.pack("<I", 32473) + b"abcd")
PRIVATE = block(0x40000BAD, struct.pack("<I", 32473) + b"abcd")
SYSDIG = block(0x204, struct.pack("<HQQIH", 0, NS, 1, 26, 1) + bytes(8))


@pytest.mark.oracle
def test_frames_count_as_in_wireshark(tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "frames.pcapng"
    between = [JOURNAL, CUSTOM, PRIVATE, SYSDIG, UNKNOWN, simple(b"s" * 40), b""]
    blocks = [block + enhanced(b"p" * 60, MICROSECOND + 7) for block in between]
    path.write_bytes(START + b"".join(blocks))
    rows = tshark.fields(path, "frame.number", "frame.cap_len", display_filter="frame.len==60")
    seen, _ = read(path.read_bytes())
    assert [str(packet[0]) for packet in seen if packet[3] == 60] == [
        row["frame.number"] for row in rows
    ]
    assert len(rows) == len(between)


@pytest.mark.oracle
def test_clocks_as_in_wireshark(tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "clocks.pcapng"
    resolutions = [3, 6, 7, 9, 0x80 | 20, 0x80 | 32]
    out = section()
    for number, resolution in enumerate(resolutions):
        clock = option(9, bytes([resolution])) + option(14, struct.pack("<q", number))
        units = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        out += interface(options=clock) + enhanced(
            b"x" * 60, SECOND * units + 12_345 % units, number
        )
    path.write_bytes(out)
    rows = tshark.fields(path, "frame.time_epoch", display_filter="frame")
    theirs = [int(row["frame.time_epoch"].replace(".", "")) for row in rows]
    assert [packet[1] for packet in read(out)[0]] == theirs


def test_the_magic() -> None:
    assert is_pcapng(section())
    assert is_pcapng(section(">"))
    assert not is_pcapng(section()[:11])
    assert not is_pcapng(b"\n\r\r\n" + bytes(20))
    batch, _ = PcapngReader().read(b"", final=True)
    assert packets(batch) == []

"""The rare kinds of pcap: Ixia's, and records whose length of header only the content tells."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dissectors.capture.pcap import PcapReader
from tests.capture.files import pcap_header, read_whole, record
from tests.conftest import Tshark

STANDARD, MODIFIED = 0xA1B2C3D4, 0xA1B2CD34
PACKET = bytes(12) + b"\x08\x00" + b"\x45" + bytes(59)


def ixia(magic: int) -> bytes:
    records = b"".join(record(PACKET, fraction=n * 1001) for n in range(3))
    return pcap_header(magic) + struct.pack("<I", len(records)) + records


@pytest.mark.oracle
@pytest.mark.parametrize("magic", [0x1C0001AC, 0x1C0001AB])
def test_ixia_as_in_wireshark(magic: int, tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "ixia.pcap"
    path.write_bytes(ixia(magic))
    rows = tshark.fields(path, "frame.time_epoch", display_filter="frame")
    seen, problems = read_whole(PcapReader(), ixia(magic))
    assert [packet[1] for packet in seen] == [
        int(row["frame.time_epoch"].replace(".", "")) for row in rows
    ]
    assert len(seen) == 3
    assert not problems


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "extra"), [(STANDARD, 0), (STANDARD, 8), (STANDARD, 4), (MODIFIED, 8), (MODIFIED, 12)]
)
def test_the_content_tells_the_header(magic: int, extra: int, order: str) -> None:
    records = [record(PACKET[: 40 + n], order=order, extra=b"\xab" * extra) for n in range(9)]
    seen, problems = read_whole(PcapReader(), pcap_header(magic, order) + b"".join(records))
    assert [packet[-1] for packet in seen] == [PACKET[: 40 + n] for n in range(9)]
    assert not problems


@pytest.mark.parametrize("number", [0, 1, 2])
def test_few_records_are_taken_for_the_usual_kind(number: int) -> None:
    data = pcap_header() + record(PACKET) * number
    assert len(read_whole(PcapReader(), data)[0]) == number


def test_a_false_record_misleads_only_once() -> None:
    """What is taken for a record among garbage may tell a time of another century."""
    pair = record(b"abcd" * 4) * 2
    data = pcap_header() + record(b"x" * 60) * 40 + (pair + b"\xee" * 5) * 50
    seen, problems = read_whole(PcapReader(), data)
    assert len(seen) > 85
    assert len(problems) >= 10

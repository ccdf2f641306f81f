"""What a file is told to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.capture.format import describe_format, detect_format, make_reader
from dissectors.capture.pcap import PcapReader
from dissectors.capture.pcapng import PcapngReader
from tests.capture.files import pcap_header, section

ETL = (0x10000).to_bytes(4, "little") + bytes(68) + b"\x02\x00\x02\xc0" + bytes(100)


@pytest.mark.parametrize("order", ["<", ">"])
def test_captures(order: str) -> None:
    for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
        assert detect_format(pcap_header(magic, order)) == "pcap"
    assert detect_format(section(order)) == "pcapng"
    assert detect_format(b"GMBU\0\2") == detect_format(b"RTSS\1\1") == "netmon"
    assert detect_format(b"snoop\0\0\0\0\0\0\2") == "snoop"
    assert isinstance(make_reader("pcap"), PcapReader)
    assert isinstance(make_reader("pcapng"), PcapngReader)


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"", "empty"),
        (bytes(4096), "zeros"),
        (ETL, "etl2pcapng"),
        (b"TRSNIFF data    \x1a", "editcap"),
        (bytes(257) + b"ustar\0", "tar -xf"),
        (b"\1\0NetScaler V20 Performance Data", "editcap"),
        (b"XCP\0" + b"002.001", "editcap"),
        (b"0000  16 03 01 00 aa 01 00 00\n", "text2pcap"),
        (b"MSCF\0\0\0\0", "cabextract"),
        ("TL_INFO(TF_PROTOCOL) [0]0E2C.1B4C".encode("utf-16"), "UTF-16"),
        (b"# Wireshark key log\nCLIENT_RANDOM", "text"),
        ("Gespräch".encode()[:6], "text"),
        (b"\x7fELF\x02\x01\x01", "no format"),
        (pcap_header(), "is a pcap capture"),
    ],
)
def test_other_things_are_named(head: bytes, word: str) -> None:
    assert word in describe_format(head)
    if word != "is a pcap capture":
        assert detect_format(head) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_described(head: bytes) -> None:
    assert describe_format(head).startswith(("is ", "holds "))
    assert detect_format(head) in (None, "pcap", "pcapng", "snoop", "netmon")

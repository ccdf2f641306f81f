"""The tags of exported PDUs: as Wireshark writes them, cut, and mutated."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, Truncated
from dissectors.link.exported_pdu import (
    DISSECTOR_NAME,
    HEURISTIC_NAME,
    PORT_TCP,
    TABLE_NAME,
    decode_exported_pdu,
)

MESSAGE = b"OPTIONS sip:a@example.com SIP/2.0\r\n\r\n"


def tag(kind: int, value: bytes = b"") -> bytes:
    return struct.pack(">HH", kind, len(value)) + value


def number(kind: int, value: int) -> bytes:
    return tag(kind, struct.pack(">I", value))


# As tshark -U writes it, byte by byte.
HEAD = bytes.fromhex(
    "000c00087369702e74637000"  # 12: sip.tcp, filled up to a multiple of four
    "00140004c0a81433"  # 20: 192.168.20.51
    "00150004c0a80a0b"  # 21: 192.168.10.11
    "0018000400000002"  # 24: TCP
    "001900040000c3cb"  # 25: 50123
    "001a0004000013c5"  # 26: 5061
    "001e000400000056"  # 30: frame 86
    "00000000"
)


def test_wiresharks_tags() -> None:
    pdu = decode_exported_pdu(HEAD + MESSAGE)
    assert (pdu.name, pdu.named_by) == ("sip.tcp", DISSECTOR_NAME)
    assert (pdu.src, pdu.dst) == (bytes([192, 168, 20, 51]), bytes([192, 168, 10, 11]))
    assert (pdu.port_type, pdu.src_port, pdu.dst_port) == (PORT_TCP, 50123, 5061)
    assert pdu.original_frame == 86
    assert pdu.payload == MESSAGE


def test_the_first_name_counts_and_unknown_tags_are_passed_over() -> None:
    names = tag(HEURISTIC_NAME, b"sip_udp") + tag(DISSECTOR_NAME, b"http")
    pdu = decode_exported_pdu(tag(34, bytes(19)) + names + tag(77, b"?") + tag(0) + MESSAGE)
    assert (pdu.name, pdu.named_by, pdu.payload) == ("sip_udp", HEURISTIC_NAME, MESSAGE)
    assert decode_exported_pdu(tag(TABLE_NAME, b"x") + tag(0)).named_by == TABLE_NAME


def test_the_end_tag_may_have_a_value() -> None:
    assert decode_exported_pdu(tag(0, b"1234") + MESSAGE).payload == MESSAGE


def test_what_is_missing_or_of_a_wrong_length_is_missing() -> None:
    pdu = decode_exported_pdu(tag(20, b"\1\2\3") + tag(21, bytes(4)) + tag(25, b"\1\2") + tag(0))
    assert (pdu.name, pdu.named_by, pdu.src, pdu.dst) == ("", 0, b"", b"")
    assert (pdu.port_type, pdu.src_port, pdu.original_frame) == (0, None, None)
    assert decode_exported_pdu(number(25, 70_000) + tag(0)).src_port is None


@pytest.mark.parametrize("length", range(len(HEAD)))
def test_cut_in_its_tags(length: int) -> None:
    with pytest.raises(Truncated):
        decode_exported_pdu(HEAD[:length])


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, len(HEAD)))
def test_any_bytes_are_a_pdu_or_an_error(rubbish: bytes, at: int) -> None:
    for frame in (rubbish, HEAD[:at] + rubbish + HEAD[at:] + MESSAGE):
        try:
            pdu = decode_exported_pdu(frame)
        except DissectError:
            continue
        assert len(pdu.src) == len(pdu.dst) in (0, 4, 16)
        assert frame.endswith(pdu.payload)

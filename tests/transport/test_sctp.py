"""SCTP's headers and chunks, judged by scapy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkIData, SCTPChunkInit, SCTPChunkSACK
from scapy.packet import Raw

from dissectors.errors import DissectError, Fault
from dissectors.transport.layers import SCTP as PROTOCOL
from dissectors.transport.sctp import DataChunk, decode_chunks
from tests.link.frames import decode, faults

SACK = SCTPChunkSACK(cumul_tsn_ack=1, a_rwnd=9)


def data(tsn: int, payload: bytes, *, begin: int = 1, end: int = 1) -> SCTPChunkData:
    return SCTPChunkData(
        tsn=tsn, stream_id=3, stream_seq=4, proto_id=0, beginning=begin, ending=end, data=payload
    )


def test_the_common_header() -> None:
    packet = IP(src="10.0.0.1", dst="10.0.0.2") / SCTP(sport=7, dport=8, tag=0xDEADBEEF) / SACK
    layers = decode(packet, link_type=101).layers
    assert layers.protocol.tolist() == [PROTOCOL]
    assert (layers.src_port[0], layers.dst_port[0]) == (7, 8)
    assert layers.seq.tolist() == [0xDEADBEEF]
    assert layers.payload_length.tolist() == [len(SACK)]


def test_headers_that_are_cut() -> None:
    packet = IP(src="10.0.0.1", dst="10.0.0.2") / SCTP() / SACK
    assert faults(decode(packet, link_type=101, cut=len(SACK) + 1)) == [
        (1, Fault.SNAPPED),
        (1, Fault.TRANSPORT_TRUNCATED),
    ]
    short = IP(proto=PROTOCOL) / Raw(b"11 bytes is")
    assert faults(decode(short, link_type=101)) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_chunks_of_one_packet() -> None:
    packet = b"".join(map(bytes, (SACK, data(5, b"odd"), data(6, b"even", begin=0), data(7, b""))))
    assert list(decode_chunks(packet, 0)) == [
        DataChunk(5, 3, True, True, 4, 5, b"odd", 0),
        DataChunk(6, 3, False, True, 4, 6, b"even", 0),
        DataChunk(7, 3, True, True, 4, 7, b"", 0),
    ]


def test_interleaved_data() -> None:
    first = SCTPChunkIData(
        tsn=9, stream_id=1, message_id=2, ppid_fsn=51, beginning=1, ending=0, data=b"ab"
    )
    second = SCTPChunkIData(
        tsn=11, stream_id=1, message_id=2, ppid_fsn=1, beginning=0, ending=1, data=b"cd"
    )
    assert list(decode_chunks(bytes(first) + bytes(second), 0)) == [
        DataChunk(9, 1, True, False, 2, 0, b"ab", 0, interleaved=True),
        DataChunk(11, 1, False, True, 2, 1, b"cd", 0, interleaved=True),
    ]


def test_an_association_that_begins_anew_is_told() -> None:
    assert list(decode_chunks(bytes(SCTPChunkInit(init_tag=1)), 0)) == [None]


def test_a_cut_chunk_says_what_is_missing() -> None:
    whole = bytes(data(5, b"0123456789"))
    (chunk,) = decode_chunks(whole[:-6], 6)
    assert isinstance(chunk, DataChunk)
    assert (chunk.data, chunk.missing) == (b"012345", 4)
    (fault,) = decode_chunks(whole[:-6], 0)
    assert isinstance(fault, DissectError)


@pytest.mark.parametrize(
    "chunk", [b"\0\0\0\0", b"\0\3\0\x03", b"\0\3\0\x08\0\0\0\0", b"\0\3\0\xff"]
)
def test_chunks_that_contradict_themselves(chunk: bytes) -> None:
    (fault,) = decode_chunks(chunk, 0)
    assert isinstance(fault, DissectError)


@settings(max_examples=150)
@given(st.binary(max_size=80), st.integers(0, 100))
def test_any_bytes_give_chunks_or_faults(payload: bytes, missing: int) -> None:
    assert len(list(decode_chunks(payload, missing))) <= len(payload) // 4

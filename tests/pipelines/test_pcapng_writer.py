"""What is written as pcapng, as dpkt and scapy read it."""

from __future__ import annotations

import io

import dpkt
import numpy as np
from scapy.utils import RawPcapNgReader

from dissectors.capture.batch import PacketBatch
from dissectors.capture.pcapng import PcapngReader
from pipelines.pcapng_writer import (
    SECRETS_AT_ONCE,
    interface_description,
    packet_blocks,
    secrets_blocks,
    section_header,
)

TIMES = [0, 1_700_000_000_123_456_789, (1 << 62) + 1]
PACKETS = [b"", b"abc", b"x" * 1000]


def batch() -> PacketBatch:
    length = np.array([len(packet) for packet in PACKETS], np.int64)
    return PacketBatch(
        data=np.frombuffer(b"?".join(PACKETS), np.uint8),
        start=np.cumsum(length + 1) - length - 1,
        captured_length=length,
        wire_length=length + 7,
        time_ns=np.array(TIMES, np.int64),
        link_type=np.ones(3, np.int64),
        interface=np.zeros(3, np.int64),
        frame_number=np.arange(1, 4),
    )


def written(*secrets: bytes) -> bytes:
    interfaces = interface_description(1, 96, "eth0 ä") + interface_description(252, 0, "")
    return b"".join(
        (
            section_header(),
            *secrets_blocks(secrets),
            interfaces,
            packet_blocks(batch(), np.array([0, 1, 0])),
        )
    )


def test_dpkt_reads_it() -> None:
    reader = dpkt.pcapng.Reader(io.BytesIO(written()))
    assert reader.datalink() == 1
    assert [data for _, data in reader] == PACKETS


def test_scapy_reads_it() -> None:
    packets = list(RawPcapNgReader(io.BytesIO(written())))  # type: ignore[no-untyped-call]
    assert [data for data, _ in packets] == PACKETS
    assert [meta.linktype for _, meta in packets] == [1, 252, 1]
    assert [meta.wirelen for _, meta in packets] == [7, 10, 1007]
    assert [(meta.tshigh << 32) + meta.tslow for _, meta in packets] == TIMES
    assert {meta.tsresol for _, meta in packets} == {10**9}


def test_our_own_reader_reads_it() -> None:
    reader = PcapngReader()
    found, used = reader.read(data := written(b"one\n", b"two\n"), final=True)
    assert used == len(data)
    assert found.time_ns.tolist() == TIMES
    assert found.wire_length.tolist() == [7, 10, 1007]
    assert [(one.name, one.snaplen) for one in reader.interfaces] == [("eth0 ä", 96), ("", 0)]
    assert reader.secrets == [b"one\ntwo\n"]
    assert reader.problems == []


def test_long_key_logs_make_several_blocks() -> None:
    line = b"x" * 99 + b"\n"
    blocks = list(secrets_blocks([line] * (SECRETS_AT_ONCE // 50), ">"))
    assert len(blocks) == 2
    assert max(map(len, blocks)) < 16 << 20
    assert list(secrets_blocks([])) == []

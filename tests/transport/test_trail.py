"""One packet's way up: it ends where the columns end, and leaves out no byte between."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from dissectors.capture.batch import PacketBatch
from dissectors.link.link_layer import link_types
from dissectors.link.rare_links import rare_links
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.layers import decode_layers
from dissectors.transport.trail import Trail, one_packet
from pipelines.ingest import CaptureFile

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURES = [
    path
    for folder in ("links", "transports", "damaged", "exported_pdu")
    for path in sorted((FIXTURES / folder).glob("*.pcap*"))
]


def batch_of(data: bytes, link_type: int = 1) -> PacketBatch:
    def column(value: int) -> np.ndarray:
        return np.array([value], np.int64)

    buffer = np.frombuffer(data, np.uint8)
    length = column(len(data))
    return PacketBatch(
        buffer, column(0), length, length, column(0), column(link_type), column(0), column(1)
    )


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_packet_ends_where_the_columns_end(path: Path) -> None:
    for batch in CaptureFile(str(path)).batches():
        for row in range(min(len(batch), 60)):
            packet = one_packet(batch, row)
            trail = Trail(packet)
            layers = decode_layers(packet, SlowRoad()).layers
            assert len(layers) == (trail.payload is not None)
            if trail.payload is None:
                continue
            start, length, sent = trail.payload
            assert start == layers.payload_start[0]
            assert (length, sent) == (layers.payload_length[0], layers.segment_length[0])
            for step, following in pairwise(trail.steps):
                assert step.start <= step.end <= following.start


def test_every_header_is_passed_once() -> None:
    sent = bytes(Ether() / Dot1Q(vlan=5) / IP() / IPv6() / TCP() / Raw(b"x"))
    trail = Trail(batch_of(sent))
    assert [(step.kind, step.number) for step in trail.steps] == [
        ("link", 1),
        ("shim", 0x8100),
        ("ip", 4),
        ("ip", 6),
        ("transport", 6),
    ]
    assert [step.end - step.start for step in trail.steps] == [14, 4, 20, 40, 20]
    assert trail.payload == (98, 1, 1)
    assert trail.problems() == []


def test_a_fragment_stays_one() -> None:
    trail = Trail(batch_of(bytes(Ether() / IP(flags="MF") / Raw(b"x" * 16))))
    assert trail.fragment is not None
    assert trail.payload is None
    assert [fault.layer for fault in trail.problems()] == ["ip"]


@settings(max_examples=150)
@given(
    st.binary(max_size=80),
    st.sampled_from([b"", bytes(Ether() / IP() / TCP()), bytes(Ether() / IPv6(nh=44))]),
    st.sampled_from([*link_types, *rare_links, 54321]),
)
def test_any_bytes_have_a_trail(data: bytes, head: bytes, link_type: int) -> None:
    for sent in (head + data, data):
        trail = Trail(batch_of(sent, link_type))
        assert all(step.end <= len(trail.data) for step in trail.steps)
        trail.problems()


def test_every_length_of_a_packet_has_a_trail() -> None:
    sent = bytes(Ether() / Dot1Q() / IP() / TCP() / Raw(b"x"))
    for length in range(len(sent) + 1):
        trail = Trail(batch_of(sent[:length]))
        assert (trail.payload is not None) == (length >= 58)

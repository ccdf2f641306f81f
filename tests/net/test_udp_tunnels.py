"""Tunnels in UDP: found where they are, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet, Raw

from dissectors.net.slow_road import SlowRoad
from dissectors.net.udp_tunnels import udp_tunnels
from dissectors.transport.layers import decode_layers
from fixtures.links.wrappings import tunnels
from fixtures.workshop.expected import read
from pipelines import read_capture
from tests.link.frames import PAYLOAD, Row, accounted, batch, decode, rows, seen

FIXTURE = Path(__file__).parents[2] / "fixtures" / "links"
WRAPPED = tunnels(PAYLOAD, 40000)
IN_UDP = {
    name: frame
    for name, frame in WRAPPED.items()
    if UDP in frame and frame[UDP].dport in udp_tunnels
}
OUTER = IP(src="10.0.0.1", dst="10.0.0.2")
PORTS = sorted(udp_tunnels)


@pytest.mark.parametrize("name", WRAPPED)
def test_every_wrapping_is_opened(name: str) -> None:
    (row,) = seen(WRAPPED[name])
    assert (row.src_port, row.dst_port, row.payload) == (40000, 5060, PAYLOAD)


def test_flows_keep_the_outermost_addresses() -> None:
    """Of each wrapping of the fixture, told by the port of the flow inside."""
    flows = read_capture(FIXTURE / "tunnels.pcapng", workers=1).flows
    truth = read(FIXTURE, "truth")["captures"]["tunnels.pcapng"]["outer"]
    found = {
        str(port): [None if value != value else value for value in outer]
        for port, *outer in flows[["client_port", "outer_src_ip", "outer_dst_ip"]].itertuples(
            index=False
        )
    }
    assert found == {port: row[1:] for port, row in truth.items()}


@pytest.mark.parametrize("port", PORTS)
def test_teredo_answers_and_only_teredo(port: int) -> None:
    """Teredo servers and relays send from their port to any; of others the target's port counts."""
    frame = WRAPPED["teredo"].copy()
    frame[UDP].sport, frame[UDP].dport = port, 50000
    assert len(seen(frame)[0].payload) == (len(PAYLOAD) if port == 3544 else len(PAYLOAD) + 48)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "payload",
    [b"", b"\0" * 60, b"\xff" * 60, b"\x80\x60" + bytes(170), b"\x08" + bytes(60), PAYLOAD * 3],
)
def test_what_only_has_the_port_stays_a_datagram(port: int, payload: bytes) -> None:
    packet = OUTER / UDP(sport=5, dport=port) / Raw(payload)
    assert seen(packet, link_type=101) == [Row(1, "10.0.0.1", 5, "10.0.0.2", port, payload)]


def _mutated(packet: bytes, changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(packet)
    for place, value in changes:
        data[34 + place % (len(data) - 34)] = value
    return bytes(data)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(IN_UDP)),
    st.lists(st.tuples(st.integers(8, 120), st.integers(0, 255)), max_size=4),
    st.integers(0, 60),
)
def test_any_change_gives_a_packet_or_a_reason(
    name: str, changes: list[tuple[int, int]], cut: int
) -> None:
    frame = _mutated(bytes(IN_UDP[name]), changes)
    decoded = decode_layers(batch(frame, cut=cut), SlowRoad())
    assert accounted(decoded, 1)
    assert (decoded.layers.payload_length <= len(frame)).all()


@settings(max_examples=60)
@given(st.sampled_from(PORTS), st.binary(max_size=120), st.booleans())
def test_any_payload_gives_a_packet_or_a_reason(port: int, payload: bytes, source: bool) -> None:
    ports = {"sport": port, "dport": 9} if source else {"sport": 9, "dport": port}
    assert accounted(decode(OUTER / UDP(**ports) / Raw(payload), link_type=101), 1)


@pytest.mark.parametrize("name", IN_UDP)
def test_cut_anywhere(name: str) -> None:
    """Of a cut packet the outside is read or the inside, and nothing is read beyond the cut."""
    frame: Packet = IN_UDP[name]
    for cut in range(1, len(frame) - 42):
        found = rows(decode(frame, cut=cut).layers)
        assert all(len(row.payload) <= len(frame) - cut for row in found)
        assert accounted(decode(frame, cut=cut), 1)


def test_tunnels_and_others_side_by_side_keep_their_order() -> None:
    frames = [WRAPPED[name] for name in ("vxlan", "qinq", "gtp_u", "teredo", "gre", "geneve")]
    layers = decode(*frames, *frames).layers
    assert layers.frame_number.tolist() == list(range(1, 13))
    assert layers.outside is not None
    assert layers.outside.frame_number.tolist() == [1, 3, 4, 5, 6, 7, 9, 10, 11, 12]
    assert (np.diff(layers.outside.frame_number) > 0).all()
    assert layers.outside.find(2) is None

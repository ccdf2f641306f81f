"""All layers at once: every capture at hand against tshark and dpkt, whole and cut."""

from __future__ import annotations

import random
from ipaddress import ip_address
from pathlib import Path

import dpkt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, CookedLinux, Dot1Q

from dissectors.capture.format import detect_format, make_reader
from dissectors.errors import FAULTS, Fault
from dissectors.link.link_layer import link_types
from dissectors.link.rare_links import rare_links
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.layers import (
    SCTP,
    TCP,
    TUNNELS,
    UDP,
    DecodedBatch,
    Layers,
    decode_layers,
)
from tests.conftest import CHECKOUT, CORPUS, Tshark
from tests.link.frames import (
    ETHER,
    UDP6_ROW,
    UDP_ROW,
    accounted,
    address,
    batch,
    decode,
    faults,
    payload,
    rows,
    tcp,
    udp,
    udp6,
)

WITHOUT_PACKETS = {"exported_pdu"}
OURS = sorted(
    path
    for path in CHECKOUT.glob("fixtures/**/*.pcap*")
    if path.suffix in (".pcap", ".pcapng") and path.parent.name not in WITHOUT_PACKETS
)
THEIRS = sorted(CORPUS.glob("*/*.pcap*"))
UNKNOWN_TO_TSHARK = {"links_unknown_to_tshark"}
CAPTURES = [
    *(pytest.param(path, id=path.stem) for path in OURS),
    *(pytest.param(path, id=path.stem, marks=pytest.mark.corpus) for path in THEIRS),
]
SMALL = [p for p in CAPTURES if p.values[0].stat().st_size < 8000]


def _decoded(data: bytes) -> tuple[DecodedBatch, int]:
    """Return what a whole capture decodes to, and how many packets it has."""
    name = detect_format(data)
    if name is None:
        return decode(), 0
    packets, _ = make_reader(name).read(data, final=True)
    return decode_layers(packets, SlowRoad()), len(packets)


Line = tuple[int, int, str, str, int, int, int, int]


def _lines(layers: Layers) -> list[Line]:
    """Return frame, time, addresses, protocol, ports and payload length of each row."""
    return [
        (
            int(layers.frame_number[i]),
            int(layers.time_ns[i]),
            address(layers, "src", i),
            address(layers, "dst", i),
            int(layers.protocol[i]),
            int(layers.src_port[i]),
            int(layers.dst_port[i]),
            int(layers.segment_length[i]),
        )
        for i in range(len(layers))
    ]


_FIELDS = (
    *("frame.number", "frame.time_epoch", "frame.protocols"),
    *("ip.src", "ip.dst", "ipv6.src", "ipv6.dst"),
    *("tcp.srcport", "tcp.dstport", "tcp.len", "udp.srcport", "udp.dstport", "udp.length"),
)


def _line_of_tshark(row: dict[str, str]) -> Line:
    """Return what tshark says of the innermost packet: of several values the last."""
    row = {name: value.split("|")[-1] for name, value in row.items()}
    layers = row["frame.protocols"].split(":")
    is_tcp = bool(row["tcp.len"])
    version = [name for name in layers if name in ("ip", "ipv6")][-1]
    protocol = "tcp" if is_tcp else "udp"
    return (
        int(row["frame.number"]),
        int(row["frame.time_epoch"].replace(".", "")),
        row[f"{version}.src"],
        row[f"{version}.dst"],
        6 if is_tcp else 17,
        int(row[f"{protocol}.srcport"]),
        int(row[f"{protocol}.dstport"]),
        int(row["tcp.len"]) if is_tcp else int(row["udp.length"]) - 8,
    )


@pytest.mark.oracle
@pytest.mark.parametrize("path", [p for p in CAPTURES if p.id not in UNKNOWN_TO_TSHARK])
def test_headers_as_in_wireshark(path: Path, tshark: Tshark) -> None:
    found = tshark.fields(path, *_FIELDS, display_filter="(tcp or udp) and not icmp and not icmpv6")
    decoded, _ = _decoded(path.read_bytes())
    ours = [line for line in _lines(decoded.layers) if line[4] != SCTP]
    assert ours == [_line_of_tshark(row) for row in found if "sctp" not in row["frame.protocols"]]


@pytest.mark.parametrize("path", CAPTURES)
def test_every_packet_is_accounted_for(path: Path) -> None:
    decoded, number = _decoded(path.read_bytes())
    assert number
    assert accounted(decoded, number)


@pytest.mark.parametrize("path", SMALL)
def test_cut_anywhere(path: Path) -> None:
    data = path.read_bytes()
    whole, _ = _decoded(data)
    lines = _lines(whole.layers)
    for length in range(0, len(data), 1 + len(data) // 100):
        cut, _ = _decoded(data[:length])
        assert _lines(cut.layers) == lines[: len(cut.layers)]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_windows_do_not_matter(path: Path) -> None:
    """Batches as small as one packet give the same rows as one batch of all."""
    data = path.read_bytes()
    whole, _ = _decoded(data)
    reader, slow_road = make_reader(detect_format(data) or ""), SlowRoad()
    lines, at, window = [], 0, 2000
    while at < len(data):
        final = at + window >= len(data)
        packets, used = reader.read(data[at : at + window], final=final)
        lines += _lines(decode_layers(packets, slow_road).layers)
        at, window = at + used, max(2000, reader.needs)
    assert lines == _lines(whole.layers)


def test_ours_and_dpkt_read_the_same_payload() -> None:
    rng = random.Random(9)
    makers = [tcp, udp, udp6]
    frames = [
        bytes(ETHER / rng.choice(makers)(rng.randbytes(rng.randrange(1, 1400)))) for _ in range(200)
    ]
    decoded = decode(*frames)
    theirs = [dpkt.ethernet.Ethernet(frame).data for frame in frames]
    assert [payload(decoded.layers, i) for i in range(200)] == [
        bytes(ip.data.data) for ip in theirs
    ]
    assert [address(decoded.layers, "src", i) for i in range(200)] == [
        str(ip_address(ip.src)) for ip in theirs
    ]


def test_no_packets() -> None:
    decoded = decode()
    assert len(decoded.layers) == len(decoded.fault_bits) == len(decoded.others) == 0
    assert decoded.layers.src_low.dtype == np.uint64


def test_column_types() -> None:
    names = [name for name in Layers.__slots__ if name != "outside"]
    one = {name: getattr(decode(udp(), link_type=101).layers, name) for name in names}
    mixed = decode(tcp(), udp6(), ARP(), link_type=[101, 101, 1]).layers
    none = decode().layers
    types = {name: column.dtype for name, column in one.items()}
    assert types["src_port"] == np.uint16
    assert types["seq"] == np.uint32
    assert types["payload_start"] == np.int64
    for layers in (mixed, none):
        assert {name: getattr(layers, name).dtype for name in names} == types


def test_mixed_link_types_and_protocols_stay_in_frame_order() -> None:
    packets = [
        (ETHER / udp(), 1),
        (udp6(), 101),
        (CookedLinux() / udp(), 113),
        (ETHER / ARP(), 1),
        (ETHER / Dot1Q() / udp6(), 1),
        (IP() / ICMP(), 12),
        (b"?", 147),
        (ETHER / udp(), 1),
    ]
    decoded = decode(*(frame for frame, _ in packets), link_type=[number for _, number in packets])
    assert rows(decoded.layers) == [
        UDP_ROW,
        UDP6_ROW._replace(frame=2),
        UDP_ROW._replace(frame=3),
        UDP6_ROW._replace(frame=5),
        UDP_ROW._replace(frame=8),
    ]
    assert decoded.others == {"arp": 1, "icmp": 1, "link type 147 (USER0)": 1}
    assert faults(decoded) == [(7, Fault.LINK_UNKNOWN)]


def test_the_data_is_not_copied_without_need() -> None:
    packets = batch(ETHER / udp())
    assert decode_layers(packets, SlowRoad()).layers.data is packets.data


def test_every_fault_is_described() -> None:
    assert set(FAULTS) == set(Fault) - {Fault.NONE}


_LINKS = sorted(set(link_types) | set(rare_links) | {147})


@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from(_LINKS)), max_size=6))
def test_any_bytes_on_any_link(packets: list[tuple[bytes, int]]) -> None:
    decoded = decode(*(data for data, _ in packets), link_type=[link for _, link in packets])
    assert accounted(decoded, len(packets))
    _check(decoded)


_SAMPLES = [bytes(ETHER / inside) for inside in (udp(), udp6(), tcp(), Dot1Q() / udp())]


@settings(max_examples=200)
@given(st.data())
def test_any_damage_to_a_frame(data: st.DataObject) -> None:
    frames = []
    for _ in range(4):
        frame = bytearray(data.draw(st.sampled_from(_SAMPLES)))
        for _ in range(data.draw(st.integers(0, 3))):
            frame[data.draw(st.integers(12, 60))] = data.draw(st.integers(0, 255))
        frames.append(bytes(frame))
    decoded = decode(*frames, cut=data.draw(st.integers(0, 60)))
    assert accounted(decoded, 4)
    _check(decoded)


def _check(decoded: DecodedBatch) -> None:
    layers = decoded.layers
    assert (layers.payload_length >= 0).all()
    assert (layers.payload_length <= layers.segment_length).all()
    assert (layers.payload_start + layers.payload_length <= len(layers.data)).all()
    assert (layers.frame_number[1:] >= layers.frame_number[:-1]).all()
    assert (layers.tunnel < len(TUNNELS)).all()
    assert np.isin(layers.protocol, (TCP, UDP, SCTP)).all()

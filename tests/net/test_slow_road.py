"""Fragments and rare links on their way through the whole of the decoding."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dot11 import Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import GRE, LLC, SNAP
from scapy.packet import Packet, Raw

from dissectors.errors import Fault, LimitExceeded, Lost
from dissectors.net.defragment import Defragmenter
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.layers import decode_layers
from tests.link.frames import (
    ETHER,
    NS,
    UDP6_ROW,
    UDP_ROW,
    accounted,
    batch,
    decode,
    faults,
    payload,
    rows,
    seen,
    udp,
    udp6,
)

BIG = random.Random(3).randbytes(4000)


def _v4(identification: int = 7, size: int = 1400) -> list[Packet]:
    packet = udp(BIG)
    packet[IP].id = identification
    return [ETHER / part for part in fragment(packet, fragsize=size)]


def _v6(size: int = 1400) -> list[Packet]:
    head = IPv6(src="2001:db8::1", dst="2001:db8::5")
    packet = head / IPv6ExtHdrFragment(id=77) / UDP(sport=40000, dport=5060) / Raw(BIG)
    return [ETHER / part for part in fragment6(packet, size)]


@pytest.mark.parametrize(("frames", "row"), [(_v4(), UDP_ROW), (_v6(), UDP6_ROW)])
def test_fragments(frames: list[Packet], row: tuple) -> None:
    for order in (frames, frames[::-1], frames[1:] + frames[:1]):
        decoded = decode(*order)
        assert rows(decoded.layers) == [row._replace(frame=len(frames), payload=BIG)]
        assert decoded.layers.wire_length.tolist() == [sum(map(len, frames))]
        assert decoded.layers.time_ns.tolist() == [NS + len(frames) - 1]
        assert decoded.layers.segment_length.tolist() == [len(BIG)]
        pending = [(frame, Fault.IP_FRAGMENT_PENDING) for frame in range(1, len(frames))]
        assert faults(decoded) == pending


def test_whole_packets_keep_their_place_between_fragments() -> None:
    v4, v6 = _v4(), _v6()
    mixed = [frame for pair in zip(v4, v6, strict=False) for frame in (*pair, ETHER / udp())]
    decoded = decode(*mixed, *v6[len(v4) :], ETHER / udp6())
    frames = [row.frame for row in rows(decoded.layers)]
    assert frames == sorted(frames)
    assert [len(row.payload) for row in rows(decoded.layers)].count(4000) == 2


def test_fragments_in_several_batches() -> None:
    frames, slow_road = _v4(), SlowRoad()
    found = []
    for number, frame in enumerate(frames, 1):
        found += rows(decode_layers(batch(frame, first=number), slow_road).layers)
    slow_road.finish()
    assert found == [UDP_ROW._replace(frame=len(frames), payload=BIG)]
    assert not slow_road.problems


def test_tcp_in_fragments_and_many_datagrams_at_once() -> None:
    frames = [frame for number in range(50) for frame in _v4(number)]
    random.Random(1).shuffle(frames)
    decoded = decode(*frames)
    assert len(decoded.layers) == 50
    assert all(payload(decoded.layers, i) == BIG for i in range(50))
    assert (decoded.layers.frame_number[1:] > decoded.layers.frame_number[:-1]).all()


def test_same_identification_of_other_hosts_and_protocols() -> None:
    other = udp(b"o" * 4000)
    other[IP].id, other[IP].src = 7, "192.0.2.99"
    frames = [ETHER / part for part in fragment(other, 1400)]
    assert len(seen(*(frame for pair in zip(_v4(), frames, strict=True) for frame in pair))) == 2


def test_fragments_inside_a_tunnel_and_a_tunnel_in_fragments() -> None:
    outer = IP(src="10.0.0.1", dst="10.0.0.2", id=3)
    inside = [frame.payload for frame in _v4(size=1000)]
    assert seen(*(ETHER / outer / GRE() / part for part in inside))[0].tunnel == "gre"
    whole = outer / GRE() / udp(BIG)
    around = [ETHER / part for part in fragment(whole, 1400)]
    assert seen(*around) == [UDP_ROW._replace(frame=len(around), payload=BIG, tunnel="gre")]


def test_fragments_of_fragments() -> None:
    outer = IP(src="10.0.0.1", dst="10.0.0.2")
    frames = []
    for number, part in enumerate(_v4(size=1400)):
        packet = outer / part.payload
        packet.id = number
        frames += [ETHER / piece for piece in fragment(packet, 800)]
    expected = UDP_ROW._replace(frame=len(frames), payload=BIG, tunnel="ipip")
    assert seen(*frames) == [expected]


@pytest.mark.parametrize(("depth", "found"), [(4, 1), (7, 0)])
def test_fragments_nested_deeply(depth: int, found: int) -> None:
    """Each of the fragments goes into a tunnel, and is cut there again."""
    packets = [udp(bytes(800))]
    for level in range(depth):
        outer = IP(src="10.0.0.1", dst="10.0.0.2")
        tunnelled = [outer / packet if level else packet for packet in packets]
        for number, packet in enumerate(tunnelled):
            packet.id = 1000 * level + number
        packets = [part for packet in tunnelled for part in _halves(packet)]
    decoded = decode(*packets, link_type=101)
    assert len(decoded.layers) == found
    assert accounted(decoded, len(packets))
    assert (Fault.TUNNEL_UNKNOWN in {fault for _, fault in faults(decoded)}) != bool(found)


def _halves(packet: Packet) -> list[Packet]:
    half = (len(packet) - 20) // 16 * 8
    return [IP(bytes(part)) for part in fragment(IP(bytes(packet)), half + 8)]


def test_other_extension_headers_before_the_fragment_header() -> None:
    head = IPv6(src="2001:db8::1", dst="2001:db8::5") / IPv6ExtHdrDestOpt()
    packet = head / IPv6ExtHdrFragment(id=77) / UDP(sport=40000, dport=5060) / Raw(BIG)
    frames = [ETHER / part for part in fragment6(packet, 1280)]
    assert seen(*frames) == [UDP6_ROW._replace(frame=len(frames), payload=BIG)]


def test_padding_of_a_short_last_fragment_is_cut_off() -> None:
    frames = [bytes(frame).ljust(60, b"\xee") for frame in _v4(size=3992)]
    assert seen(*frames) == [UDP_ROW._replace(frame=2, payload=BIG)]


def test_a_last_fragment_cut_by_the_snapshot_length() -> None:
    frames = _v4()
    whole = batch(*frames)
    captured = whole.captured_length.copy()
    captured[-1] -= 100
    cut = type(whole)(
        **{name: getattr(whole, name) for name in whole.__slots__} | {"captured_length": captured}
    )
    decoded = decode_layers(cut, SlowRoad())
    assert payload(decoded.layers, 0) == BIG[:-100]
    assert decoded.layers.segment_length[0] == len(BIG)


def test_missing_fragments_are_told() -> None:
    slow_road = SlowRoad()
    decoded = decode_layers(batch(*_v4()[:-1]), slow_road)
    assert len(decoded.layers) == 0
    decode_layers(batch(ETHER / udp(), first=9, time_ns=[NS + 40 * 10**9]), slow_road)
    assert [type(problem) for problem in slow_road.problems] == [Lost]
    assert slow_road.problems[0].frame_number == 1


def test_bounds_are_told() -> None:
    slow_road = SlowRoad(Defragmenter(max_datagrams=2))
    decode_layers(batch(*(_v4(number)[0] for number in range(5))), slow_road)
    assert [type(problem) for problem in slow_road.problems] == [LimitExceeded] * 3


# --- rare links ---------------------------------------------------------------------------------

WIFI = Dot11(
    type=2, addr1="00:00:00:00:00:01", addr2="00:00:00:00:00:02", addr3="00:00:00:00:00:03"
)
IN_WIFI = LLC() / SNAP(code=0x0800) / udp()


@pytest.mark.parametrize("ds", range(4))
def test_wifi(ds: int) -> None:
    head = WIFI.copy()
    head.FCfield = ds
    if ds == 3:  # to and from the distribution system
        head.addr4 = "00:00:00:00:00:04"
    quality = head.copy()
    quality.subtype = 8
    frames = [head / IN_WIFI, quality / Dot11QoS() / IN_WIFI]
    expected = [UDP_ROW, UDP_ROW._replace(frame=2)]
    assert seen(*frames, link_type=105) == expected
    assert seen(*(RadioTap() / frame for frame in frames), link_type=127) == expected
    with_fcs = RadioTap(present="Flags", Flags="FCS") / Raw(bytes(frames[0]) + b"\1\2\3\4")
    assert seen(with_fcs, link_type=127) == expected[:1]


def test_wifi_without_packets_is_counted() -> None:
    encrypted = WIFI.copy()
    encrypted.FCfield = 0x40
    frames = [
        Dot11(type=0, subtype=8) / Dot11Beacon(),
        encrypted / Raw(bytes(40)),
        Dot11(type=1, subtype=13),
        Dot11(type=2, subtype=4),
    ]
    decoded = decode(*frames, link_type=105)
    assert decoded.others == {
        "802.11 management": 1,
        "802.11 encrypted": 1,
        "802.11 control": 1,
        "802.11 no data": 1,
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_nflog(order: str) -> None:
    def attribute(kind: int, value: bytes) -> bytes:
        head = struct.pack(f"{order}HH", len(value) + 4, kind)
        return head + value + b"\0" * (-len(value) % 4)

    head = attribute(1, b"\0\0\0\0") + attribute(10, b"prefix\0")
    frames = [
        b"\2\0\0\1" + head + attribute(9, bytes(udp())),
        b"\n\0\0\1" + head + attribute(9, bytes(udp6())),
        b"\2\0\0\1" + head,
    ]
    decoded = decode(*frames, link_type=239)
    assert rows(decoded.layers) == [UDP_ROW, UDP6_ROW._replace(frame=2)]
    assert decoded.others == {"nflog without packet": 1}


def test_a_rare_link_among_others_in_frame_order() -> None:
    frames = [WIFI / IN_WIFI, ETHER / udp(), WIFI / IN_WIFI, udp()]
    assert [row.frame for row in seen(*frames, link_type=[105, 1, 105, 101])] == [1, 2, 3, 4]


@pytest.mark.parametrize("link_type", [105, 127, 239])
@given(st.binary(max_size=120))
def test_any_bytes_on_a_rare_link(link_type: int, data: bytes) -> None:
    decoded = decode(data, link_type=link_type)
    assert len(decoded.layers) + len(faults(decoded)) + sum(decoded.others.values()) >= 1


@pytest.mark.parametrize("link_type", [105, 127])
def test_wifi_cut_anywhere(link_type: int) -> None:
    frame = WIFI / IN_WIFI if link_type == 105 else RadioTap() / WIFI / IN_WIFI
    for cut in range(1, len(frame)):
        decoded = decode(frame, link_type=link_type, cut=cut)
        assert len(faults(decoded)) >= 1
        assert len(decoded.layers) + len(faults(decoded)) >= 2 or decoded.others

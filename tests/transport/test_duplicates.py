"""Second copies are left out, and nothing else is."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.capture.batch import PacketBatch
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.duplicates import DuplicateFilter
from dissectors.transport.layers import TCP, UDP, decode_layers
from pipelines import read_capture
from pipelines.ingest import CaptureFile
from pipelines.trace import Trace
from tests.transport.packets import MS, START_NS

FIXTURES = Path(__file__).parents[2] / "fixtures"
RAW_IP = 101


@dataclass(frozen=True)
class Sent:
    """An IP packet; by default a TCP segment of a sender that numbers its packets."""

    ms: float
    identification: int = 0
    data: bytes = b"INVITE sip:bob@contoso.com SIP/2.0\r\n"
    protocol: int = TCP
    seq: int = 1000
    flags: int = dpkt.tcp.TH_ACK
    version: int = 4
    ttl: int = 64
    source: int = 1
    options: bytes = b""

    def to_bytes(self) -> bytes:
        upper: Any = dpkt.udp.UDP(sport=5060, dport=5060, data=self.data)
        if self.protocol == TCP:
            fields = {"seq": self.seq, "ack": 7, "flags": self.flags, "opts": self.options}
            upper = dpkt.tcp.TCP(sport=50000, dport=5061, data=self.data, **fields)
            upper.off = 5 + len(self.options) // 4
        else:
            upper.ulen = len(upper)
        ends = [bytes([10, 0, 0, self.source]), bytes([10, 0, 0, 9])]
        if self.version == 6:
            src, dst = (bytes([0x20]) + bytes(11) + end for end in ends)
            packet: Any = dpkt.ip6.IP6(src=src, dst=dst, nxt=self.protocol, hlim=self.ttl)
            packet.data, packet.plen, packet.extension_hdrs = upper, len(upper), {}
            return bytes(packet)
        packet = dpkt.ip.IP(src=ends[0], dst=ends[1], p=self.protocol, ttl=self.ttl, data=upper)
        packet.id, packet.len = self.identification, 20 + len(upper)
        return bytes(packet)


def batch_of(*packets: Sent) -> PacketBatch:
    pieces = [packet.to_bytes() for packet in packets]
    length = np.array([len(piece) for piece in pieces], np.int64)
    zeros = np.zeros(len(pieces), np.int64)
    return PacketBatch(
        data=np.frombuffer(b"".join(pieces), np.uint8),
        start=np.cumsum(length) - length,
        captured_length=length,
        wire_length=length,
        time_ns=np.array([START_NS + round(packet.ms * MS) for packet in packets], np.int64),
        link_type=zeros + RAW_IP,
        interface=zeros,
        frame_number=np.arange(1, len(pieces) + 1),
    )


def copies(*packets: Sent, cuts: tuple[int, ...] = ()) -> list[int]:
    """Return the frames that are left out, of a capture in batches that end at `cuts`."""
    batch, seen, found, kept = batch_of(*packets), DuplicateFilter(), [], []
    edges = [0, *cuts, len(packets)]
    for begin, end in itertools.pairwise(edges):
        rows = np.arange(begin, end)
        columns = {
            name: getattr(batch, name)[rows]
            for name in PacketBatch.__dataclass_fields__
            if name != "data"
        }
        layers = decode_layers(replace(batch, **columns), SlowRoad()).layers
        others, frames = seen.push(layers)
        found += frames.tolist()
        kept += others.frame_number.tolist()
    assert sorted(found + kept) == list(range(1, len(packets) + 1))
    return found


NUMBERED = Sent(900, 4711, b"before", seq=500)
"""Another packet of the sender, which shows that he numbers them."""


@pytest.mark.parametrize(
    "second",
    [
        Sent(1000.02, 77),
        Sent(1000.02, 77, ttl=63),  # routed in between
        Sent(1099, 77),
    ],
)
def test_the_identification_tells_a_copy(second: Sent) -> None:
    assert copies(NUMBERED, Sent(1000, 77), second) == [3]


@pytest.mark.parametrize(
    "second",
    [
        Sent(1000.02, 78),  # sent again
        Sent(1000.02, 77, seq=1001),
        Sent(1000.02, 77, flags=dpkt.tcp.TH_ACK | dpkt.tcp.TH_PUSH),
        Sent(1000.02, 77, data=b"INVITE sip:eve@contoso.com SIP/2.0\r\n"),  # a lie
        Sent(1000.02, 77, data=b"INVITE"),
        Sent(1000.02, 77, source=2),
        Sent(1100, 77),
        Sent(900, 77),  # written down after, but sent long before
    ],
)
def test_what_differs_is_no_copy(second: Sent) -> None:
    assert copies(NUMBERED, Sent(1000, 77), second) == []


@pytest.mark.parametrize("number", [0, 0x1234])
@pytest.mark.parametrize("version", [4, 6])
def test_without_an_identification_only_what_is_near_and_says_something(
    number: int, version: int
) -> None:
    first = Sent(1000, number, version=version)
    stamped = replace(first, options=bytes.fromhex("0101080a0000000100000002"))
    later = replace(stamped, ms=1000.02, options=bytes.fromhex("0101080a0000000200000002"))
    assert copies(first, replace(first, ms=1000.05)) == [2]
    assert copies(first, replace(first, ms=1002)) == []  # a fast retransmission
    assert copies(stamped, later) == []
    assert copies(stamped, replace(stamped, ms=1000.02)) == [2]


def test_a_receiver_may_repeat_its_acknowledgment() -> None:
    bare = Sent(1000, data=b"")
    assert copies(bare, replace(bare, ms=1000.02)) == []
    fin = replace(bare, flags=dpkt.tcp.TH_ACK | dpkt.tcp.TH_FIN)
    assert copies(fin, replace(fin, ms=1000.02)) == [2]
    numbered = replace(bare, identification=77)
    assert copies(NUMBERED, numbered, replace(numbered, ms=1000.02)) == [3]
    assert copies(NUMBERED, numbered, replace(numbered, ms=1000.02, identification=78)) == []


@pytest.mark.parametrize("number", [0, 77])
@pytest.mark.parametrize("version", [4, 6])
def test_datagrams(number: int, version: int) -> None:
    first = Sent(1000, number, protocol=UDP, version=version)
    assert copies(first, replace(first, ms=1050)) == [2]
    assert copies(first, replace(first, ms=1500)) == []  # T1
    assert copies(first, replace(first, ms=1000.02, data=b"INVITE sip:eve")) == []
    if version == 4:
        assert copies(first, replace(first, ms=1000.02, identification=78)) == []


def test_three_copies_and_others_between_them() -> None:
    first, other = Sent(1000, 77), Sent(1000.01, 78, seq=2000)
    again = [replace(first, ms=1000.02), replace(other, ms=1000.03), replace(first, ms=1000.04)]
    assert copies(NUMBERED, first, other, *again) == [4, 5, 6]


def test_batches_do_not_matter() -> None:
    sent = [Sent(1000 + n, 100 + n, bytes([n]) * n, seq=n * 9) for n in range(30)]
    packets = sorted(
        sent + [replace(one, ms=one.ms + 2.5, ttl=63) for one in sent], key=lambda one: one.ms
    )
    whole = copies(NUMBERED, *packets)
    assert len(whole) == 30
    for cut in range(2, len(packets)):
        assert copies(NUMBERED, *packets, cuts=(cut,)) == whole
    assert copies(NUMBERED, *packets, cuts=tuple(range(2, len(packets)))) == whole


_PACKETS = st.builds(
    Sent,
    ms=st.sampled_from([0, 0.01, 0.5, 50, 99, 300]),
    identification=st.integers(0, 3),
    data=st.sampled_from([b"", b"one", b"two", b"INVITE sip:bob@contoso.com"]),
    protocol=st.sampled_from([TCP, UDP]),
    seq=st.sampled_from([1, 2]),
    version=st.sampled_from([4, 6]),
    source=st.sampled_from([1, 2]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_PACKETS, max_size=25))
def test_only_copies_are_left_out(packets: list[Sent]) -> None:
    """Of each packet that is left out, an equal one is less than 0.1 s away, and is kept or not."""
    for frame in copies(*packets) if packets else ():
        one = packets[frame - 1]
        alike = [
            other
            for place, other in enumerate(packets, 1)
            if place != frame and replace(other, ms=one.ms).to_bytes() == one.to_bytes()
        ]
        assert any(abs(other.ms - one.ms) < 100 for other in alike)


# --- whole captures, doubled by others -----------------------------------------------------------

CASES = [
    ("skype_ringback/skype_ringback.pcapng", "skype_ringback/sslkeys.log"),
    ("push_missed/push_missed.pcapng", "push_missed/sslkeys.log"),
    ("sipp_tls/one_connection.pcapng", "sipp_tls/one_connection.keys.log"),
    ("sipp_tls/udp_lossy.pcapng", None),
    ("transports/tcp_ipv6_raw.pcap", None),
    ("damaged/retransmitted.pcap", None),
    ("damaged/reordered.pcap", None),
    ("damaged/ip_fragments.pcap", None),
    ("damaged/lost_body.pcap", None),
    ("links/sctp.pcapng", None),
    ("links/tunnels.pcapng", None),
]


@pytest.mark.skipif(not shutil.which("mergecap"), reason="editcap and mergecap are not installed")
@pytest.mark.parametrize(("capture", "keys"), CASES)
def test_a_capture_doubled_by_mergecap(capture: str, keys: str | None, tmp_path: Path) -> None:
    path, shifted, doubled = FIXTURES / capture, tmp_path / "later", tmp_path / "doubled.pcapng"
    subprocess.run(["editcap", "-t", "0.00005", path, shifted], check=True)
    subprocess.run(["mergecap", "-w", doubled, path, shifted], check=True)
    key_files = [str(FIXTURES / keys)] if keys else []
    _assert_alike(read_capture(path, keys=key_files), read_capture(doubled, keys=key_files))


def test_a_mirror_port_between_two_vlans(tmp_path: Path) -> None:
    """Each packet comes in from one VLAN and goes out, routed, to another."""
    folder, mirrored = FIXTURES / "skype_views", tmp_path / "mirrored.pcap"
    with mirrored.open("wb") as file:
        writer = dpkt.pcap.Writer(file, nano=True)
        for time_ns, frame in _frames(folder / "edge.pcapng"):
            for vlan, ttl, delay_ns in ((10, 64, 0), (20, 63, 30_000)):
                tagged = frame[:12] + bytes([0x81, 0, 0, vlan]) + frame[12:22] + bytes([ttl])
                writer.writepkt(tagged + frame[23:], Decimal(time_ns + delay_ns).scaleb(-9))
    keys = folder / "edge.keys.log"
    _assert_alike(
        read_capture(folder / "edge.pcapng", keys=keys), read_capture(mirrored, keys=keys)
    )


def _frames(path: Path) -> list[tuple[int, bytes]]:
    return [
        (int(time_ns), batch.data[start : start + length].tobytes())
        for batch in CaptureFile(str(path)).batches()
        for time_ns, start, length in zip(
            batch.time_ns, batch.start, batch.captured_length, strict=True
        )
    ]


def _assert_alike(once: Trace, twice: Trace) -> None:
    assert 0 < twice.captures["duplicate_packets"].sum() <= once.captures["packets"].sum()
    names = ["time", "src_ip", "src_port", "method", "status_code", "call_id", "cseq", "via_branch"]
    for name in names:
        pd.testing.assert_series_equal(
            once.messages[name].astype(object), twice.messages[name].astype(object)
        )
    for name in ("call_id", "outcome", "ringback_delay_s", "setup_delay_s", "duration_s"):
        pd.testing.assert_series_equal(
            once.calls[name].astype(object), twice.calls[name].astype(object)
        )
    assert once.messages["retransmission_of"].isna().sum() == (
        twice.messages["retransmission_of"].isna().sum()
    )
    for name in ("retransmitted_segments", "out_of_order_segments", "lost_bytes", "client_bytes"):
        assert once.flows[name].tolist() == twice.flows[name].tolist()
    told = twice.expert[twice.expert["summary"].str.contains("twice")]
    assert told["count"].sum() == twice.captures["duplicate_packets"].sum()


def test_a_capture_without_copies_says_none() -> None:
    trace = read_capture(FIXTURES / "damaged" / "retransmitted.pcap")
    assert trace.captures["duplicate_packets"].tolist() == [0]
    assert not trace.expert["summary"].str.contains("twice").any()

"""Where the layers meet: what a connection carries is told by its content, or by the user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from dissectors.errors import Malformed
from dissectors.stack import UNDECIDED_LIMIT, DecodeAs
from pipelines import read_capture
from pipelines.trace import Trace

MESSAGE = (
    b"MESSAGE sip:bob@contoso.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK%d\r\n"
    b"From: <sip:alice@contoso.com>;tag=a\r\nTo: <sip:bob@contoso.com>\r\nCall-ID: c%d\r\n"
    b"CSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
)


def sip(number: int) -> bytes:
    return MESSAGE % (number, number)


def tcp_trace(path: Path, segments: Iterable[bytes], port: int = 40000, syn: bool = True) -> Trace:
    """Write one direction of a TCP connection and read it."""
    head = Ether() / IP(src="10.0.0.1", dst="10.0.0.2")
    packets, seq = [], 1000
    if syn:
        packets.append(head / TCP(sport=50000, dport=port, seq=seq - 1, flags="S"))
    for segment in segments:
        packets.append(head / TCP(sport=50000, dport=port, seq=seq, flags="PA") / Raw(segment))
        seq += len(segment)
    for number, packet in enumerate(packets):
        packet.time = 1_400_000_000 + number
    wrpcap(str(path / "made.pcap"), packets)
    return read_capture(path / "made.pcap", workers=1)


def call_ids(trace: Trace) -> list[str]:
    return list(trace.messages["call_id"])


@pytest.mark.parametrize("port", [5060, 40000, 80, 443])
def test_sip_is_found_on_any_port(port: int, tmp_path: Path) -> None:
    trace = tcp_trace(tmp_path, [sip(1), sip(2)], port)
    assert call_ids(trace) == ["c1", "c2"]
    assert list(trace.flows["application"]) == ["sip"]


@pytest.mark.parametrize("cut", [1, 5, 15, 16, 40])
def test_sip_is_found_however_its_beginning_is_cut(cut: int, tmp_path: Path) -> None:
    first = sip(1)
    trace = tcp_trace(tmp_path, [first[:cut], first[cut:], sip(2)])
    assert call_ids(trace) == ["c1", "c2"]


def test_sip_is_found_behind_its_beginning(tmp_path: Path) -> None:
    """The capture begins in the middle of a message."""
    trace = tcp_trace(tmp_path, [sip(1)[200:], sip(2)], syn=False)
    assert call_ids(trace) == ["c2"]
    assert trace.expert["summary"].str.contains("skipped").any()


def test_keep_alives_alone_are_no_sip(tmp_path: Path) -> None:
    trace = tcp_trace(tmp_path, [b"\r\n\r\n"] * 5)
    assert trace.messages.empty
    assert trace.expert.empty


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"NOTIFY * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        bytes(range(256)) * 20,
        b"SSH-2.0-OpenSSH_9.0\r\n",
    ],
)
def test_what_is_neither_tls_nor_sip_gives_no_message(content: bytes, tmp_path: Path) -> None:
    trace = tcp_trace(tmp_path, [content, content])
    assert trace.messages.empty
    assert trace.tls_sessions.empty
    assert trace.flows["application"].isna().all()
    assert trace.flows["client_bytes"].iloc[0] == 2 * len(content)


def test_a_connection_is_given_up_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.ingest.WINDOW", 70_000)
    junk = b"\x07" * 60_000
    trace = tcp_trace(tmp_path, [junk] * (UNDECIDED_LIMIT // 60_000 + 2) + [sip(1)])
    assert trace.messages.empty
    trace = tcp_trace(tmp_path, [junk] * (UNDECIDED_LIMIT // 60_000 - 1) + [sip(1)])
    assert call_ids(trace) == ["c1"]


def test_rules_force_what_content_does_not_tell(tmp_path: Path) -> None:
    odd = b"X-ODD:" + sip(1)
    head = Ether() / IP(src="10.0.0.1", dst="10.0.0.2")
    packet = head / UDP(sport=5070, dport=5071) / Raw(odd)
    packet.time = 1_400_000_000
    wrpcap(str(tmp_path / "udp.pcap"), [packet])
    assert read_capture(tmp_path / "udp.pcap").expert.empty
    told = read_capture(tmp_path / "udp.pcap", decode_as="udp.port==5071,sip").expert
    assert list(told["layer"]) == ["sip"]
    assert isinstance(told, pd.DataFrame)


@pytest.mark.parametrize(
    "rule", ["", "tcp.port=5061,tls", "tcp.port==x,tls", "sctp.port==1,sip", "udp.port==1,tls",
             "tcp.port==70000,sip", "tcp.port==5061,rtp"],
)  # fmt: skip
def test_a_bad_rule_is_refused(rule: str) -> None:
    with pytest.raises(Malformed):
        DecodeAs.from_rules([rule])

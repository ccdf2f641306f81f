"""SIP as a Scapy layer: read by Scapy, built to the same bytes, with the project's own bodies."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Padding, Raw
from scapy.sendrecv import sniff
from scapy.sessions import TCPSession
from scapy.utils import rdpcap, wrpcap

from dissectors import scapy_layers
from dissectors.bodies.multipart import Multipart
from dissectors.bodies.sdp import SessionDescription
from dissectors.errors import DissectError
from dissectors.scapy_layers import SIP
from fixtures.workshop import plain_sip
from pipelines import read_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
HEAD = b"MESSAGE sip:kim@litwareinc.com SIP/2.0\r\nCSeq:  1 MESSAGE\r\nl: 2\r\n\r\n"


def test_the_examples_hold() -> None:
    results = doctest.testmod(scapy_layers)
    assert (results.failed, results.attempted > 4) == (0, True)


@pytest.mark.parametrize("name", ["udp_linux_sll.pcap", "tcp_null.pcap", "tcp_ipv6_raw.pcap"])
def test_scapy_sees_what_the_project_sees(name: str) -> None:
    path = FIXTURES / "transports" / name
    trace = read_capture(path)
    seen = sniff(offline=str(path), session=TCPSession, quiet=True)
    messages = [packet[SIP] for packet in seen if SIP in packet]
    assert [one.get("call-id") for one in messages] == list(trace.messages["call_id"])
    assert [len(one.body) for one in messages] == list(trace.messages["body_length"])
    assert not any(one.missing_length for one in messages)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("damaged/*.pcap")), ids=lambda p: p.name)
def test_what_was_read_is_built_to_the_same_bytes(path: Path, tmp_path: Path) -> None:
    packets = rdpcap(str(path))
    wrpcap(str(tmp_path / "again.pcap"), packets)
    again = rdpcap(str(tmp_path / "again.pcap"))
    assert [bytes(packet) for packet in again] == [packet.original for packet in packets]


def test_a_message_is_built_as_it_was_scripted() -> None:
    sent = plain_sip.message(1, 300).to_bytes()
    layer = SIP(sent)
    made = SIP(start_line=layer.start_line, headers=layer.headers, body=layer.body)
    assert bytes(made) == sent


def test_a_changed_message_is_written_anew() -> None:
    layer = SIP(HEAD + b"hi")
    layer.start_line = "SIP/2.0 200 OK"
    assert bytes(layer) == b"SIP/2.0 200 OK\r\nCSeq: 1 MESSAGE\r\nl: 2\r\n\r\nhi"
    layer = SIP(HEAD + b"hi")
    layer.headers.append(("Subject", "in place"))
    assert b"Subject: in place\r\n\r\nhi" in bytes(layer)


def test_content_length_is_filled_in() -> None:
    layer = SIP(headers={"c": "text/plain", "l": None}, body=b"four")
    assert b"\r\nc: text/plain\r\nl: 4\r\n\r\nfour" in bytes(layer)


def test_headers_are_had_by_full_name() -> None:
    layer = SIP(b"BYE sip:a SIP/2.0\r\nf: <sip:b>;tag=1\r\n ;epid=2\r\nl:0\r\n\r\n")
    assert layer.get("From") == "<sip:b>;tag=1 ;epid=2"
    assert layer.get("to") is None
    assert layer.sent_length() == 0
    assert layer.message.method == "BYE"
    assert layer.mysummary() == "SIP BYE sip:a SIP/2.0"


def test_bytes_that_are_no_text_come_back() -> None:
    sent = b"BYE sip:\xe4 SIP/2.0\r\nSubject: \xff\xfe\r\n\r\n"
    layer = SIP(sent)
    assert bytes(SIP(start_line=layer.start_line, headers=layer.headers)) == sent


# --- bodies -------------------------------------------------------------------------------------


def test_a_body_has_its_value() -> None:
    layer = SIP(headers={"Content-Type": "application/sdp", "l": None}, body=SDP)
    value = SIP(bytes(layer)).body_value
    assert isinstance(value, SessionDescription)
    assert value.media[0].port == 4000


def test_the_parts_of_a_multipart_body_have_theirs() -> None:
    body = b"--x\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--x--\r\n"
    layer = SIP(headers={"Content-Type": "multipart/mixed;boundary=x", "l": None}, body=body)
    (_, whole), (part, value) = layer.body_parts
    assert isinstance(whole, Multipart)
    assert part.media_type == "application/sdp"
    assert isinstance(value, SessionDescription)


def test_a_broken_body_says_why() -> None:
    layer = SIP(headers={"Content-Type": "application/sdp", "l": None}, body=b"not SDP")
    with pytest.raises(DissectError):
        _ = layer.body_value
    assert SIP().body_value is None


# --- framing ------------------------------------------------------------------------------------


def test_two_messages_of_one_segment() -> None:
    segment = TCP(sport=5060, dport=40000) / Raw(HEAD + b"hi" + HEAD + b"ho")
    layer = TCP(bytes(segment))
    assert layer[SIP].body == b"hi"
    assert layer[SIP].payload.body == b"ho"
    assert layer[SIP].body_parts[0][0].data == b"hi"


def test_bytes_behind_a_datagrams_message_are_padding() -> None:
    layer = UDP(bytes(UDP(sport=5060, dport=5060) / Raw(HEAD + b"hi" + HEAD)))
    assert layer[SIP].payload.__class__ is Padding  # RFC 3261 §18.3


@pytest.mark.parametrize("payload", [b"\r\n\r\n", b"\x16\x03\x01\0\x05hello", b"half a line"])
def test_what_is_no_sip_is_raw(payload: bytes) -> None:
    layer = TCP(bytes(TCP(sport=5061, dport=40000) / Raw(payload)))
    assert SIP not in layer
    assert layer[Raw].load == payload


@pytest.mark.parametrize("cut", [10, 50, len(HEAD), len(HEAD) + 1])
def test_a_message_in_two_segments_is_put_together(cut: int, tmp_path: Path) -> None:
    ends = {"sport": 40000, "dport": 5060, "flags": "A"}
    whole = HEAD + b"hi" + HEAD + b"ho"
    segments = [
        Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(seq=at, **ends) / Raw(piece)
        for at, piece in ((1, whole[:cut]), (1 + cut, whole[cut:]))
    ]
    wrpcap(str(tmp_path / "cut.pcap"), segments)
    seen = sniff(offline=str(tmp_path / "cut.pcap"), session=TCPSession, quiet=True)
    messages = [packet[SIP] for packet in seen if SIP in packet]
    assert messages[0].body == b"hi"
    assert messages[0].payload.body == b"ho"


def test_a_cut_body_tells_what_is_missing() -> None:
    assert SIP(HEAD + b"h").missing_length == 1
    assert SIP(HEAD).missing_length == 2


@settings(max_examples=60)
@given(st.binary(max_size=200), st.sampled_from([b"", HEAD, b"SIP/2.0 200 OK\r\n", HEAD[:-2]]))
def test_any_bytes_come_back(data: bytes, head: bytes) -> None:
    layer = SIP(head + data)
    assert bytes(layer) == head + data
    if SIP in layer:
        assert layer[SIP].show(dump=True)

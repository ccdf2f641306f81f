"""What carries SIP beside UDP, TCP and TLS, on its way through the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import GRE, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from dissectors import carriers
from fixtures.links import hep
from fixtures.links.websocket import WebSocketTalk
from pipelines import read_capture
from pipelines.trace import Trace
from tests.test_stack import call_ids, sip, tcp_trace

FIXTURE = Path(__file__).parents[1] / "fixtures" / "links"
HEAD = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2")
SEEN = 1_390_000_000_000_000_000


def trace_of(path: Path, packets: list[Packet]) -> Trace:
    for number, packet in enumerate(packets):
        packet.time = 1_400_000_000 + number
    wrpcap(str(path / "made.pcap"), packets)
    return read_capture(path / "made.pcap", workers=1)


@pytest.mark.parametrize("path", sorted(FIXTURE.glob("*.pcapng")), ids=lambda path: path.stem)
def test_shares_of_the_work_make_the_same_tables(path: Path) -> None:
    keys = sorted(FIXTURE.glob(f"{path.stem}.keys.log"))
    one, two = (read_capture(path, keys=keys, workers=workers) for workers in (1, 2))
    for table in ("messages", "flows", "expert"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table))


def test_a_transport_has_its_name() -> None:
    names = {
        "sctp.pcapng": ("sctp", "sip"),
        "websocket.pcapng": ("ws", "ws"),
        "websocket_deflate.pcapng": ("ws", "ws"),
        "websocket_tls.pcapng": ("wss", "wss"),
    }
    for name, (transport, application) in names.items():
        keys = sorted(FIXTURE.glob(f"{Path(name).stem}.keys.log"))
        trace = read_capture(FIXTURE / name, keys=keys, workers=1)
        assert set(trace.messages["transport"]) == {transport}
        assert set(trace.flows["application"]) == {application}


# --- WebSocket


@pytest.mark.parametrize("size", [1, 30, 5000])
def test_a_websocket_however_it_is_cut(size: int, tmp_path: Path) -> None:
    talk = WebSocketTalk()
    (_, request), _ = talk.handshake()
    stream = request + b"".join(talk.message(0, sip(1))[0] for _ in range(2))
    segments = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert call_ids(tcp_trace(tmp_path, segments)) == ["c1", "c1"]


def test_a_websocket_without_its_handshake(tmp_path: Path) -> None:
    talk = WebSocketTalk()
    talk.handshake()
    segments = [talk.message(0, sip(number))[0] for number in (1, 2)]
    trace = tcp_trace(tmp_path, segments, syn=False)
    assert call_ids(trace) == ["c1", "c2"]
    assert list(trace.messages["transport"]) == ["ws", "ws"]


def test_a_websocket_with_something_else_is_ignored(tmp_path: Path) -> None:
    talk = WebSocketTalk()
    (_, request), _ = talk.handshake()
    segments = [request, *(talk.message(0, b'{"chat": 1}')[0] for _ in range(200))]
    trace = tcp_trace(tmp_path, segments)
    assert len(trace.messages) == 0
    assert trace.flows["application"].isna().all()
    assert len(trace.expert) == 0


# --- SCTP


def _sctp(payload: bytes, tsn: int) -> Packet:
    chunk = SCTPChunkData(
        tsn=tsn, stream_id=0, stream_seq=tsn, proto_id=0, beginning=1, ending=1, data=payload
    )
    return HEAD / SCTP(sport=40000, dport=50000, tag=1) / chunk


def test_sip_over_sctp_is_found_on_any_port_and_diameter_is_ignored(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, [_sctp(sip(n), n) for n in (1, 2)])
    assert call_ids(trace) == ["c1", "c2"]
    other = trace_of(tmp_path, [_sctp(b"\x01\0\0\x14" + bytes(16), n) for n in range(99)])
    assert len(other.messages) == len(other.expert) == 0
    assert list(other.flows["protocol"]) == ["sctp"]


def test_what_is_missing_of_a_message_over_sctp_is_told(tmp_path: Path) -> None:
    head = _sctp(sip(1), 1)
    lost = _sctp(sip(2)[:50], 2)
    lost[SCTPChunkData].ending = 0
    trace = trace_of(tmp_path, [head, lost])
    assert call_ids(trace) == ["c1"]
    assert "50 bytes of it were captured, without its end" in trace.expert["summary"].iloc[0]


# --- agents


def _export(data: bytes, port: int = 9060) -> Packet:
    return HEAD / UDP(sport=40000, dport=port) / Raw(data)


def _of_protocol(write: Callable[[bytes, int], bytes], payload: bytes, protocol: int) -> bytes:
    data = write(payload, SEEN)
    chunk = b"\0\0\0\x02\0\x07"
    return data.replace(chunk + b"\x11", chunk + bytes([protocol]))


@pytest.mark.parametrize("port", [9060, 5060, 12345])
@pytest.mark.parametrize("write", hep.WRITERS)
def test_hep_is_found_on_any_port(
    write: Callable[[bytes, int], bytes], port: int, tmp_path: Path
) -> None:
    trace = trace_of(tmp_path, [_export(write(sip(1), SEEN), port)])
    assert call_ids(trace) == ["c1"]
    row = trace.messages.iloc[0]
    assert (row["src_ip"], row["src_port"]) in {("192.0.2.10", 5070), ("2001:db8::10", 5070)}
    flow = trace.flows[trace.flows["flow_id"] == row["flow_id"]].iloc[0]
    assert (flow["tunnel"], flow["outer_src_ip"]) == ("hep", "10.0.0.1")


@pytest.mark.parametrize(("protocol", "transport"), [(6, "tcp"), (22, "tls"), (50, "wss")])
def test_hep_tells_the_transport(protocol: int, transport: str, tmp_path: Path) -> None:
    payload = sip(1) + sip(2) if transport != "wss" else sip(1)
    data = _of_protocol(hep.version_3, payload, protocol)
    trace = trace_of(tmp_path, [_export(data)])
    assert call_ids(trace) == ["c1", "c2"][: 1 if transport == "wss" else 2]
    assert set(trace.messages["transport"]) == {transport}
    assert trace.messages["message_id"].is_unique


def test_what_hep_carries_beside_sip_is_told(tmp_path: Path) -> None:
    data = hep.version_3(b'{"rtcp": 1}', SEEN)
    rtcp = data.replace(b"\0\0\0\x0b\0\x07\x01", b"\0\0\0\x0b\0\x07\x05")
    trace = trace_of(tmp_path, [_export(rtcp), _export(hep.version_3(sip(1), SEEN))])
    assert call_ids(trace) == ["c1"]
    assert list(trace.expert["summary"]) == [
        "HEP packet of RTCP over IP protocol 17: only SIP is read"
    ]


def test_a_secret_of_an_agent_is_told_nowhere(tmp_path: Path) -> None:
    data = hep.version_3_compressed(sip(1), SEEN)
    assert b"not a secret" in data
    trace = trace_of(tmp_path, [_export(data), _export(data[:-1] + b"?")])
    for table in ("messages", "flows", "expert", "bodies"):
        assert "not a secret" not in getattr(trace, table).to_csv()


def test_conversations_of_an_agent_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "EXPORTED_LIMIT", 3)
    packets = []
    for number in range(10):
        monkeypatch.setattr(hep, "PORTS", (6000 + number, 5060))
        packets.append(_export(hep.version_3(sip(number), SEEN + number)))
    trace = trace_of(tmp_path, packets)
    assert len(trace.messages) == 10
    assert len(trace.flows) == 11
    assert trace.flows["flow_id"].is_unique


def test_an_agent_over_tcp_in_small_segments(tmp_path: Path) -> None:
    stream = b"".join(hep.version_3(sip(number), SEEN + number) for number in range(5))
    segments = [stream[at : at + 11] for at in range(0, len(stream), 11)]
    trace = tcp_trace(tmp_path, segments)
    assert call_ids(trace) == [f"c{number}" for number in range(5)]
    assert trace.messages["frame_number"].is_monotonic_increasing


def test_requests_before_the_handshake(tmp_path: Path) -> None:
    talk = WebSocketTalk()
    (_, request), _ = talk.handshake()
    first = b"GET /page HTTP/1.1\r\nHost: door\r\n\r\n"
    segments = [first, b"POST /form HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789", request]
    trace = tcp_trace(tmp_path, [*segments, talk.message(0, sip(1))[0]])
    assert call_ids(trace) == ["c1"]


def test_the_same_words_inside_a_tunnel_and_outside(tmp_path: Path) -> None:
    """TCP seen on both sides of a tunnel's end is one flow; of UDP each copy is told as one."""
    bare = HEAD / UDP(sport=5060, dport=5060) / Raw(sip(1))
    outer = Ether(src=HEAD.src, dst=HEAD.dst) / IP(src="203.0.113.1", dst="203.0.113.2")
    trace = trace_of(tmp_path, [bare, outer / GRE() / bare[IP]])
    assert call_ids(trace) == ["c1", "c1"]
    assert trace.messages["retransmission_of"].tolist()[1] == trace.messages["message_id"][0]
    plain = HEAD / TCP(sport=40000, dport=5060, seq=1, flags="PA")
    segments = [plain / Raw(sip(2)), outer / GRE() / (plain / Raw(sip(2)))[IP]]
    assert call_ids(trace_of(tmp_path, segments)) == ["c2"]

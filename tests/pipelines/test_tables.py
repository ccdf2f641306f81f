"""Values → rows: every row fits its schema, and the headers' values are right."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dissectors.errors import DissectError
from dissectors.sip.framing import decode_datagram
from dissectors.sip.message import SipMessage
from pipelines.arrow_rows import arrow_table
from pipelines.message_columns import party, route_marks
from pipelines.schema import TABLES
from pipelines.tables import EXPERT_ROWS_PER_KIND, Tabulator
from tests.pipelines.values import some_flow

INVITE = (
    b"INVITE sip:bob@fabrikam.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS 10.0.0.1:5061;branch=z9hG4bK1\r\n"
    b"Via: SIP/2.0/TLS 10.0.0.9:50000;ms-received-port=50000\r\n"
    b'FROM: "Alice" <sip:alice@contoso.com>;tag=a1;epid=0123456789\r\n'
    b"To: <sip:bob@fabrikam.com>\r\n"
    b"CALL-ID: c1\r\nCSEQ: 7 INVITE\r\nContent-Length: 0\r\n"
)


def message_of(head: bytes, body: bytes = b"") -> SipMessage:
    message = decode_datagram(head + b"\r\n" + body, 5, 1_000_000_000, 0)[0]
    assert not isinstance(message, DissectError)
    return message


def test_a_row_has_a_value_for_every_column() -> None:
    tabulator = Tabulator(1, "a.pcap")
    tabulator.add_message(some_flow(), "udp", message_of(INVITE))
    row = tabulator.drain()["messages"].to_pylist()[0]
    wanted = {
        "message_id": "1-5-1", "capture": "a.pcap", "frame_number": 5, "flow_id": "1-3",
        "transport": "udp", "src_ip": "10.0.0.1", "src_port": 5060, "dst_ip": "10.0.0.2",
        "dst_port": 5061, "is_request": True, "method": "INVITE", "call_id": "c1", "cseq": 7,
        "request_uri": "sip:bob@fabrikam.com", "status_code": None, "reason_phrase": None,
        "from_uri": "sip:alice@contoso.com", "from_tag": "a1", "from_epid": "0123456789",
        "to_uri": "sip:bob@fabrikam.com", "to_tag": None, "to_epid": None,
        "via_branch": "z9hG4bK1", "user_agent": None, "content_type": None, "content_length": 0,
        "diagnostics_code": None, "retransmission_of": None, "recording": "a.pcap",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_has_its_columns(name: str) -> None:
    empty = arrow_table(TABLES[name], [])
    assert empty.schema == TABLES[name].plain
    assert len(empty) == 0


def test_messages_of_one_frame_are_numbered() -> None:
    tabulator = Tabulator(2, "a.pcap")
    for _ in range(3):
        tabulator.add_message(some_flow(), "tcp", message_of(INVITE))
    ids = tabulator.drain()["messages"]["message_id"].to_pylist()
    assert ids == ["2-5-1", "2-5-2", "2-5-3"]


def test_a_retransmission_names_its_first_copy() -> None:
    tabulator = Tabulator(1, "a.pcap")
    again = INVITE.replace(b"CSEQ: 7", b"CSEQ: 8")
    for frame, head in enumerate((INVITE, INVITE, again, INVITE), 5):
        message = message_of(head)
        message.frames = (frame,)
        tabulator.add_message(some_flow(), "udp", message)
    first = tabulator.drain()["messages"]["retransmission_of"].to_pylist()
    assert first == [None, "1-5-1", None, "1-5-1"]


@pytest.mark.parametrize(
    ("header", "marks"),
    [
        (b"To: <tel:+15551234>", "phone"),
        (b"To: <sip:+15551234@contoso.com;user=phone>", "phone"),
        (b"To: <sip:o@contoso.com;gruu;opaque=app:conf:audio-video:id:X1>", "conf:audio-video"),
        (b"To: <sip:o@contoso.com;gruu;opaque=app:conf:focus:id:X1>", "conf:focus"),
        (
            b"ms-edge-proxy-message-trust: ms-source-type=DirectPartner;"
            b"ms-ep-fqdn=edge.contoso.com;ms-source-network=federation",
            "network:federation source:directpartner",
        ),
        (b"ms-split-domain-info: ms-traffic-type=SplitIntra", "split:splitintra"),
        (b"Record-Route: <sip:sipfed1.online.lync.com:5061;lr>", "host:lync.com"),
        (
            b"Record-Route: <sip:federation.messenger.msn.com:5061;lr>",
            "host:federation.messenger.msn.com",
        ),
        (b"User-Agent: RTCC/5.0.0.0 MediationServer", "mediation"),
        (b"X-Nothing: 1", None),
    ],
)
def test_route_marks(header: bytes, marks: str | None) -> None:
    head = INVITE
    if header.startswith(b"To:"):
        head = head.replace(b"To: <sip:bob@fabrikam.com>\r\n", b"")
    assert route_marks(message_of(head + header + b"\r\n")) == marks


def test_party_of_what_is_no_address() -> None:
    assert party(None) == (None, None, None)
    assert party("") == (None, None, None)


def test_a_flood_of_equal_faults_is_counted() -> None:
    tabulator = Tabulator(1, "a.pcap")
    for _ in range(EXPERT_ROWS_PER_KIND + 5):
        tabulator.add_fault(DissectError("odd", layer="sip", severity="note"))
    tabulator.add_untold()
    counts = tabulator.drain()["expert"]["count"].to_pylist()
    assert counts == [1] * EXPERT_ROWS_PER_KIND + [5]


def test_numbers_that_are_none_are_missing() -> None:
    head = INVITE.replace(b"Content-Length: 0", b"Content-Length: many") + b"Expires: -1\r\n"
    tabulator = Tabulator(1, "a.pcap")
    tabulator.add_message(some_flow(), "udp", message_of(head))
    row = tabulator.drain()["messages"].to_pylist()[0]
    assert (row["content_length"], row["expires_s"]) == (None, None)


def test_times_are_utc_nanoseconds() -> None:
    assert TABLES["messages"].plain.field("time").type == pa.timestamp("ns", tz="UTC")

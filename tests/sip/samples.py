"""Messages in Lync's manner, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable

from dissectors.errors import DissectError
from dissectors.sip.message import SipMessage, SipRequest, SipResponse
from dissectors.transport.stream import StreamChunk

Event = SipRequest | SipResponse | DissectError

LYNC_HEADERS = (
    ("Record-Route", "<sip:pool01.contoso.test:5061;transport=tls;ms-fe=fe01.contoso.test;lr>"),
    (
        "Via",
        'SIP/2.0/TLS 10.0.0.9:50061;branch=z9hG4bK37.FE58;branched=FALSE;ms-internal-info="d-x"',
    ),
    (
        "Authentication-Info",
        'TLS-DSK qop="auth", opaque="1A", srand="2B", snum="7", targetname="a"',
    ),
    ("Max-Forwards", "69"),
    ("Content-Length", "{length}"),
    ("Via", "SIP/2.0/TLS 10.0.0.5:64100;ms-received-port=64100;ms-received-cid=A58B700"),
    ("FROM", '"Alice, A."<sip:alice@contoso.test>;epid=732E4388A6;tag=3337a42636'),
    ("To", "<sip:bob@contoso.test>"),
    ("CSEQ", "{cseq}"),
    ("CALL-ID", "{call_id}"),
    ("CONTACT", "<sip:alice@contoso.test;opaque=user:epid:6AbhXg;gruu>"),
    ("User-Agent", "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)"),
    ("Supported", "ms-dialog-route-set-update"),
    ("Supported", "timer"),
    ("Supported", "histinfo"),
    ("Supported", "ms-early-media"),
    ("Ms-Conversation-ID", "Ac+gThVJ5aRq"),
    ("ms-keep-alive", "UAC;hop-hop=yes"),
    ("Allow", "INVITE, BYE, ACK, CANCEL, INFO, UPDATE, REFER, NOTIFY, BENOTIFY, OPTIONS"),
    ("ms-subnet", "10.0.0.0"),
    ("Session-Expires", "1800"),
    ("CONTENT-TYPE", "application/sdp"),
)


def lync_request(method: str = "INVITE", call_id: str = "55e99a32b7", body: bytes = b"") -> bytes:
    """Return a request with 22 headers, Content-Length among them but not last."""
    values = {"length": len(body), "cseq": f"1 {method}", "call_id": call_id}
    lines = [f"{name}: {value.format(**values)}" for name, value in LYNC_HEADERS]
    start = f"{method} sip:bob@contoso.test SIP/2.0"
    return "\r\n".join([start, *lines, "", ""]).encode() + body


def lync_response(code: int = 200, call_id: str = "55e99a32b7", body: bytes = b"") -> bytes:
    """Return a short response to :func:`lync_request`."""
    lines = (
        f"SIP/2.0 {code} Whatever",
        "ms-user-logon-data: RemoteUser",
        "Via: SIP/2.0/TLS 10.0.0.5:64100;ms-received-cid=A58B700",
        f"Content-Length: {len(body)}",
        "FROM: <sip:alice@contoso.test>;tag=3337a42636;epid=732E4388A6",
        "TO: <sip:bob@contoso.test>;tag=AC5C0080",
        f"CALL-ID: {call_id}",
        "CSEQ: 1 INVITE",
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunk(data: bytes, *cuts: int, first_frame: int = 1, gap: int = 0) -> StreamChunk:
    """Return `data` in one chunk whose pieces end at `cuts`; frame n has the time n * 1000."""
    ends = [*cuts, len(data)]
    frames = range(first_frame, first_frame + len(ends))
    times = [frame * 1000 for frame in frames]
    return StreamChunk(
        direction=0,
        data=data,
        ends=ends,
        frames=[(frame,) for frame in frames],
        time_ns=times,
        first_time_ns=[time - 1 for time in times],
        gap_before=gap,
        gap_reason="never captured" if gap else "",
    )


def messages_of(events: Iterable[Event]) -> list[SipRequest | SipResponse]:
    """Return the messages among `events`."""
    return [event for event in events if isinstance(event, SipMessage)]


def errors_of(events: Iterable[Event]) -> list[DissectError]:
    """Return the errors among `events`."""
    return [event for event in events if isinstance(event, DissectError)]


def told(events: Iterable[Event]) -> str:
    """Return the summaries of the errors among `events`, one a line."""
    return "\n".join(error.summary for error in errors_of(events))

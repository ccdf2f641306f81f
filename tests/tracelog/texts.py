"""Records as servers and clients write them, for the tests."""

from __future__ import annotations

from dissectors.tracelog.reader import TraceLogReader
from dissectors.tracelog.record import LogDiagnostic, Logged, LoggedMessage

HEAD = "TL_INFO(TF_PROTOCOL) [0]06E4.0EB4::01/18/2012-05:00:43.101.00005386 "
WHERE = "(SIPStack,SIPAdminLog::TraceProtocolRecord:SIPAdminLog.cpp(125))"
FIELDS = (
    "Trace-Correlation-Id: 2003888399\n"
    "Instance-Id: 0000C23F\n"
    'Direction: incoming;source="internal edge";destination="external edge"\n'
    "Peer: fe01.contoso.com:61182\n"
    "Message-Type: request\n"
)
SIP_HEADERS = (
    "To: <sip:bob@fabrikam.com>\n"
    'From: "Alice"<sip:alice@contoso.com>;tag=11;epid=22\n'
    "CSeq: {cseq} {method}\n"
    "Call-ID: {call_id}\n"
    "Via: SIP/2.0/TLS 10.10.10.10:61182;branch=z9hG4bK6de49c9a\n"
)


def record(
    call_id: str = "c1",
    *,
    cseq: int = 1,
    method: str = "OPTIONS",
    headers: str = "Content-Length: 0\n",
    body: str = "-",
    head: str = HEAD + WHERE + "$$begin_record\n",
    fields: str = FIELDS,
    end: str = "$$end_record\n",
) -> str:
    """Return one record of OCSLogger."""
    sip = SIP_HEADERS.format(cseq=cseq, method=method, call_id=call_id)
    start = f"Start-Line: {method} sip:bob@fabrikam.com SIP/2.0\n"
    return f"{head}{fields}{start}{sip}{headers}Message-Body: {body}\n{end}"


DIAGNOSTIC = (
    "TL_ERROR(TF_DIAG) [0]06E4.0EB4::01/18/2012-05:00:44.000.00005387 "
    "(SIPStack,SIPAdminLog::WriteDiagnosticEvent:SIPAdminLog.cpp(830))$$begin_record\n"
    "LogType: diagnostic\nSeverity: error\nText: No route to the domain\n"
    "Result-Code: 0xc3e93d6f SIPPROXY_E_EPROUTING_MSG_ALLOWED_DOMAIN_NO_SRV_MATCH\n"
    "SIP-Start-Line: INVITE sip:bob@fabrikam.com SIP/2.0\n"
    "SIP-Call-ID: c1\nSIP-CSeq: 7 INVITE\nPeer: 192.0.2.7:5061\n"
    'Data: domain="fabrikam.com";fqdn1="sip.fabrikam.com:5061"\n'
    "$$end_record\n"
)

NOISE = (
    "TL_INFO(TF_COMPONENT) [1]06E4.0C48::01/18/2012-05:00:43.017.00005300 "
    "(SIPStack,CSIPTransport::OnTimer:SIPTransport.cpp(88))( 0000000002B1D770 ) Enter\n"
)


def read(data: str | bytes, *cuts: int) -> TraceLogReader:
    """Return a reader that has read `data`, given in pieces that end at `cuts`."""
    data = data.encode() if isinstance(data, str) else data
    reader = TraceLogReader()
    ends = [*cuts, len(data)]
    for start, end in zip([0, *cuts], ends, strict=True):
        reader.read(data[start:end], final=end == ends[-1] and start == ([0, *cuts])[-1])
    return reader


def only_message(data: str | bytes) -> LoggedMessage:
    """Return the one message in `data`."""
    (found,) = read(data).logged
    assert isinstance(found, LoggedMessage)
    return found


def only_diagnostic(data: str | bytes) -> LogDiagnostic:
    """Return the one diagnostic in `data`."""
    (found,) = read(data).logged
    assert isinstance(found, LogDiagnostic)
    return found


def call_ids(logged: list[Logged], *, whole: bool = True) -> list[str | None]:
    """Return the Call-IDs of the messages, of whole ones only."""
    return [
        one.message.get("call-id")
        for one in logged
        if isinstance(one, LoggedMessage) and (not whole or not one.message.truncated)
    ]

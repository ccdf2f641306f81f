"""A trace record that holds a SIP message as it was on the wire, without fields around it.

UCMA's own stack traces so: a line that names the way, the connection and both ends, the message,
and a line that says that it ends::

    >>>>>>>>>>>>Outgoing SipMessage c=[<SipTlsConnection_…>], 10.0.0.2:50123->10.0.0.1:5061
    INVITE sip:bob@fabrikam.com SIP/2.0
    …
    ------------EndOfOutgoing SipMessage

Only the message is relied upon; the lines around it are read where they are there.
"""

from __future__ import annotations

import re

from dissectors.errors import DissectError
from dissectors.sip.framing import decode_datagram
from dissectors.sip.message import SipMessage
from dissectors.tracelog.record import Direction, LoggedMessage, TraceContext, shown_body

_START = re.compile(
    rb"^(?:SIP/2\.0 [1-6][0-9]{2}(?: [^\r\n]*)?|[A-Z]{3,20} [^ \r\n]{1,2048} SIP/2\.0)[ \t]*\r?\n",
    re.MULTILINE,
)
_END = re.compile(rb"^-{4,}[ \t]*End ?Of", re.MULTILINE)
_WAY = re.compile(rb"(Incoming|Outgoing) SipMessage[^\r\n]{0,600}")
_ENDS = re.compile(rb"([^\s,<>]{1,256}:\d{1,5})[ \t]*(?:->|<-)[ \t]*([^\s,<>]{1,256}:\d{1,5})")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_DIRECTIONS: dict[bytes, Direction] = {b"Incoming": "incoming", b"Outgoing": "outgoing"}


def decode_raw_message(text: bytes, context: TraceContext) -> LoggedMessage | None:
    """Decode the message in the text of a record.

    Parameters
    ----------
    text : bytes
        What stands behind the record's head.
    context : TraceContext
        What the head says; direction, peer and own address are added.

    Returns
    -------
    LoggedMessage or None
        None when there is none.
    """
    start = _START.search(text) if b"SIP/2.0" in text else None
    if start is None:
        return None
    _add_ends(text[: start.start()], context)
    end = _END.search(text, start.end())
    content = _BARE_LF.sub(b"\r\n", text[start.start() : end.start() if end else len(text)])
    direction = 1 if context.direction == "incoming" else 0
    message, *faults = decode_datagram(content, context.line_number, 0, direction)
    if not isinstance(message, SipMessage):
        return None
    told = [fault for fault in faults if isinstance(fault, DissectError)]
    return LoggedMessage(context, message, shown_body(message), told)


def _add_ends(before: bytes, context: TraceContext) -> None:
    way = _WAY.search(before)
    if way is None:
        return
    context.direction = _DIRECTIONS[way[1]]
    ends = _ENDS.search(way[0])
    if ends is not None:
        context.local, context.peer = (end.decode("utf-8", "replace") for end in ends.groups())

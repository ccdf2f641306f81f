r"""A packet in a client's log (``.uccapilog``) → the SIP messages in it.

::

    01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: Data Received - 10.0.0.1:5061 \
            (To Local Address: 10.0.0.2:50123) 1234 bytes:                      (one line)
    01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: SIP/2.0 200 OK
    …the message…
    01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: End of Data Received - 10.0.0.1:5061 …

The message stands as it is, or each of its lines behind a stamp. Phones write the same packets as
``Sending Packet :to dest=…`` and ``Data Received :from src=…``.
"""

from __future__ import annotations

import re

from dissectors.errors import DissectError
from dissectors.sip.framing import SipFramer
from dissectors.sip.message import SipMessage
from dissectors.tracelog.encoding import to_utf8
from dissectors.tracelog.record import (
    Direction,
    LoggedMessage,
    TraceContext,
    local_time_ns,
    shown_body,
)
from dissectors.tracelog.split import RawRecord
from dissectors.transport.stream import Frames, StreamChunk

_STAMP = (
    rb"(\d\d/\d\d/\d{4})\|(\d\d:\d\d:\d\d\.\d{3})[ \t]+"
    rb"([0-9A-Fa-f]{1,8}):([0-9A-Fa-f]{1,8})[ \t]+([A-Z]+)[ \t]*::[ \t]?"
)
_STAMPED = re.compile(_STAMP)
_STAMPED_LINE = re.compile(rb"^" + _STAMP + rb"([^\r\n]*(?:\r?\n)?)", re.MULTILINE)
_PACKET = re.compile(
    rb"(Data Received|Sending Packet)[ \t]*(?:-|:|\xe2\x80\x93)[ \t]*"
    rb"(?:from src=|to dest=)?[ \t]*([^\s,()]{1,256})"
    rb"(?:[ \t]*\((?:To|From) Local Address:[ \t]*([^)\r\n]{0,256})\))?"
    rb"[^\r\n]*?(\d{1,9})[ \t]*bytes"
)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_DIRECTIONS: dict[bytes, Direction] = {b"Data Received": "incoming", b"Sending Packet": "outgoing"}


def decode_packet_record(raw: RawRecord) -> tuple[list[LoggedMessage], list[DissectError]]:
    """Decode a packet of a client's log.

    Parameters
    ----------
    raw : RawRecord
        Of the kind ``packet``.

    Returns
    -------
    list of LoggedMessage
        The messages in it: none in a keep-alive.
    list of DissectError
        What was wrong with the packet; a log may lack a part of it.
    """
    data = to_utf8(raw.data)
    packet = _PACKET.search(data)
    if packet is None:
        return [], []
    context = _context(data, packet, raw.line_number)
    start = data.find(b"\n", packet.end()) + 1 or len(data)
    content = _content(data[start:], context, int(packet[4]))
    found: list[LoggedMessage] = []
    faults: list[DissectError] = []
    for value in _messages(content, context):
        if isinstance(value, DissectError):
            value.time_ns = None
            (found[-1].faults if found else faults).append(value)
        else:
            found.append(LoggedMessage(context, value, shown_body(value)))
    return found, faults


def _context(data: bytes, packet: re.Match[bytes], line_number: int) -> TraceContext:
    what, peer, local, _ = packet.groups()
    context = TraceContext(
        line_number,
        direction=_DIRECTIONS[what],
        peer=peer.rstrip(b":").decode("utf-8", "replace"),
        local=local.strip().decode("utf-8", "replace") if local else None,
    )
    stamp = _STAMPED.search(data, 0, packet.start())
    if stamp is not None:
        date, time, process, thread, level = stamp.groups()
        context.local_time_ns = local_time_ns(date, time)
        context.process, context.thread = process.decode(), thread.decode()
        context.level = level.decode()
    return context


def _content(data: bytes, context: TraceContext, length: int) -> bytes:
    """Return what was sent: without stamps, lines of other threads and changed line ends."""
    if _STAMPED_LINE.search(data):
        thread = (context.thread or "").encode()
        data = _STAMPED_LINE.sub(lambda line: line[6] if line[4] == thread else b"", data)
    if len(data) != length and data.count(b"\r\n") != data.count(b"\n"):
        data = _BARE_LF.sub(b"\r\n", data)
    # The line end before the mark belongs to the log.
    return data[:length] if not data[length:].strip() else data


def _messages(content: bytes, context: TraceContext) -> list[SipMessage | DissectError]:
    if not content.strip():
        return []
    direction = 1 if context.direction == "incoming" else 0
    frames: list[Frames] = [(context.line_number,)]
    chunk = StreamChunk(direction, content, [len(content)], frames, [0], [0])
    framer = SipFramer()
    return [*framer.push(chunk), *framer.finish()]

"""SIP in exported PDUs: messages that another program took out of their packets.

Wireshark exports what is one message to it, and of a segment with two messages the whole segment
twice. SIP over TLS it exports twice as well: the plaintext as TLS hands it on, in pieces that need
not end where a message does (and those that do not a second time, with what completes them), and
then the messages. Each message counts once here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from dissectors.errors import DissectError
from dissectors.sip.framing import SipFramer, decode_datagram, looks_like_sip
from dissectors.sip.message import SipMessage
from dissectors.transport.stream import StreamChunk

REMEMBERED = 64
"""Messages of one direction that are remembered, to be recognised when they are exported again."""

Found = Iterator[SipMessage | DissectError]


class PduReader:
    """Reads the PDUs of one flow.

    Parameters
    ----------
    is_tcp : bool
        Whether the PDUs were taken out of a TCP stream.
    """

    def __init__(self, is_tcp: bool) -> None:
        self._is_tcp = is_tcp
        self._framers = [SipFramer(), SipFramer()]
        self._last = [(0, b""), (0, b"")]
        self._seen: tuple[OrderedDict[int, None], OrderedDict[int, None]]
        self._seen = OrderedDict(), OrderedDict()

    def push(self, payload: bytes, frame: int, time_ns: int, direction: int, whole: bool) -> Found:
        """Read one PDU.

        Parameters
        ----------
        payload : bytes
            The PDU.
        frame : int
            Its frame number.
        time_ns : int
            That frame's time, nanoseconds since 1970 UTC.
        direction : int
            0: sent by the flow's initiator; 1: by its responder.
        whole : bool
            Whether it holds whole messages; else it is a piece of a stream.
        """
        if not self._is_tcp:
            yield from decode_datagram(payload, frame, time_ns, direction)
            return
        chunk = StreamChunk(direction, payload, [len(payload)], [(frame,)], [time_ns], [time_ns])
        if not whole:
            yield from self._push_stream(chunk)
        elif self._last[direction] != (time_ns, payload):
            self._last[direction] = time_ns, payload
            yield from self._read_whole(chunk)

    def finish(self) -> Found:
        """End the flow: take what is unfinished."""
        for framer in self._framers:
            yield from framer.finish()

    def _push_stream(self, chunk: StreamChunk) -> Found:
        seen = self._seen[chunk.direction]
        if looks_like_sip(chunk.data):
            yield from self._begin_again(chunk)
        for value in self._framers[chunk.direction].push(chunk):
            if isinstance(value, SipMessage):
                seen[_identity(value)] = None
                if len(seen) > REMEMBERED:
                    seen.popitem(last=False)
            yield value

    def _begin_again(self, chunk: StreamChunk) -> Found:
        """Give up the message that is not whole, unless it comes once more, from its beginning."""
        framer = self._framers[chunk.direction]
        unfinished = framer.unfinished
        if not unfinished:
            return
        if not chunk.data.startswith(unfinished):
            yield from framer.finish()
        self._framers[chunk.direction] = SipFramer()

    def _read_whole(self, chunk: StreamChunk) -> Found:
        framer, seen = SipFramer(), self._seen[chunk.direction]
        repeated = False
        for value in (*framer.push(chunk), *framer.finish()):
            if isinstance(value, SipMessage):
                identity = _identity(value)
                repeated = identity in seen
                seen.pop(identity, None)
            # What is wrong with a message follows it.
            if not repeated:
                yield value


def _identity(message: SipMessage) -> int:
    return hash((message.time_ns, bytes(message.head), message.body))

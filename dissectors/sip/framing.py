"""Where one SIP message ends and the next begins.

On a stream, Content-Length frames (RFC 3261 §18.3) and CRLFs between messages keep the connection
alive (§7.5, RFC 5626 §3.5.1); Lync's clients and servers send them all day ([MS-CONMGMT] §3.1). A
datagram is one message. :class:`SipFramer` is the former, :func:`decode_datagram` the latter, and
:func:`looks_like_sip` tells from the first bytes whether to try either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import chain

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated
from dissectors.sip.abnf import BLANK_LINES, SIP_VERSION, START_LINE, TOKEN
from dissectors.sip.conformance import check_message
from dissectors.sip.message import (
    METHODS,
    SipMessage,
    SipRequest,
    SipResponse,
    content_length,
    decode_head,
)
from dissectors.transport.stream import Frames, StreamChunk

MAX_START_LINE = 16 * 1024
"""Longest start line that is looked for, bytes."""
MAX_HEAD = 64 * 1024
"""Longest start line and headers together, bytes."""
MAX_BODY = 16 * 1024 * 1024
"""Longest body, bytes. Lync's own limit for a message is far below."""

_HEAD_END = re.compile(rb"\n\r?\n")  # CRLF CRLF; LF LF where the sender does not know better

_NO_MESSAGE = SipResponse([], b"", (), 0, 0, 0, {})


class SipFramer:
    """Stream decoder: the bytes of one direction → its SIP messages.

    Messages do not depend on how the bytes were cut into chunks. What is wrong is yielded as a
    :class:`DissectError` after the message that it concerns; what cannot be a message is skipped up
    to the next start line and told with its length.

    Notes
    -----
    At any time the framer holds at most one unfinished message, that is less than
    :data:`MAX_HEAD` + :data:`MAX_BODY` bytes beside the chunk in hand. Its iterators work while
    they are iterated: go through each to its end.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._base = 0  # offset in the stream of the buffer's first byte
        self._at = 0  # in the buffer: where what is being read begins
        self._scan = 0  # in the buffer: up to where it was searched without a find
        self._head_scan = 0  # the same for the empty line behind a head
        self._step: Callable[[SipFramer], bool] = SipFramer._read_start
        self._pieces = _Pieces()
        self._direction = 0
        self._blank_lines = 0  # in the present run
        self._keepalives = 0  # in runs before
        self._after_gap = False
        self._message: SipRequest | SipResponse = _NO_MESSAGE  # its head is whole, its body not
        self._faults: list[DissectError] = []
        self._body_at = 0
        self._body_length = 0
        self._skip_left = 0  # bytes of a broken message's body that are still to come
        self._skipped = 0  # bytes skipped in search of a start line
        self._why: DissectError | None = None  # why they are skipped
        self._ready: list[SipRequest | SipResponse | DissectError] = []
        self.stops = False
        """Whether to stop, instead of skipping, at what begins no message; see `stopped`."""
        self.stopped = False
        """True when it stopped: :meth:`surrender` then hands the bytes out."""

    @property
    def skipping(self) -> bool:
        """True while bytes are skipped in search of a start line."""
        return self._step is SipFramer._read_garbage

    @property
    def unsure(self) -> bool:
        """True while bytes are skipped, or held that may have to be."""
        begins = self._step is SipFramer._read_start and self._at < len(self._buffer)
        return begins or self.skipping

    @property
    def keepalives(self) -> int:
        """Keep-alives seen between messages: double CRLFs (pings) and single ones (pongs)."""
        return self._keepalives + (self._blank_lines + 1) // 2

    @property
    def unfinished(self) -> bytes:
        """The bytes of the message that is not whole yet, or of what may become one."""
        return bytes(self._buffer[self._at :])

    def push(self, chunk: StreamChunk) -> Iterator[SipRequest | SipResponse | DissectError]:
        """Take the next bytes; yield the messages that they complete.

        Parameters
        ----------
        chunk : StreamChunk
            Bytes of one direction, in order.

        Yields
        ------
        SipRequest or SipResponse
            A message. With `truncated` set it lacks the end of its body.
        DissectError
            What is wrong, with the frame that carries it.
        """
        self._direction = chunk.direction
        if chunk.gap_before:
            self._interrupt(chunk)
            yield from self._take_ready()
        self._pieces.append(chunk, self._base + len(self._buffer))
        self._buffer += chunk.data
        while self._step(self):
            if self._ready:
                yield from self._take_ready()
        yield from self._take_ready()
        self._trim()

    def finish(self) -> Iterator[SipRequest | SipResponse | DissectError]:
        """Yield what the end of the stream leaves unfinished: a cut message, and why it is cut."""
        self._end(Truncated, "the stream ends")
        yield from self._take_ready()
        self._at = len(self._buffer)
        self._trim()
        self._expect_start()

    def surrender(self) -> StreamChunk:
        """Hand out the bytes that begin no message, as if they had not been pushed."""
        self.stopped = False
        chunk = self._pieces.chunk(self._base, self._direction, self.unfinished)
        self._at = len(self._buffer)
        self._trim()
        return chunk

    def _take_ready(self) -> list[SipRequest | SipResponse | DissectError]:
        ready, self._ready = self._ready, []
        return ready

    def _trim(self) -> None:
        """Let go of the bytes and pieces before the present message."""
        used = self._at
        if used:
            del self._buffer[:used]
            self._base += used
            self._scan -= used
            self._head_scan -= used
            self._body_at -= used
            self._at = 0
            self._pieces.drop_before(self._base)

    # Steps: each reads one thing at `_at` and returns True, or returns False for want of bytes.

    def _read_start(self) -> bool:
        """Skip the blank lines between messages and see whether a start line follows."""
        buffer, at = self._buffer, self._at
        if at < len(buffer) and buffer[at] in b"\r\n":
            at = self._skip_blank_lines()
        line_end = buffer.find(b"\n", max(at, self._scan), at + MAX_START_LINE)
        if line_end < 0:
            self._scan = len(buffer)
            if len(buffer) - at < MAX_START_LINE:
                return False
            return self._lose()
        match = START_LINE.match(buffer, at)
        if match is None or (self._after_gap and match[4] is not None and not _known(match[4])):
            return self._lose()
        self._after_gap = False
        self._keepalives = self.keepalives
        self._blank_lines = 0
        # Never back to what was searched before: a head may begin within one that has no end.
        self._head_scan = max(self._head_scan, line_end)
        self._step = SipFramer._read_head
        return True

    def _lose(self) -> bool:
        """Skip what begins no message, or leave it to who can read it."""
        if self.stops:
            self.stopped = True
            return False
        return self._seek(self._not_a_start(), self._at)

    def _skip_blank_lines(self) -> int:
        match = BLANK_LINES.match(self._buffer, self._at)
        end = self._at if match is None else match.end()
        self._blank_lines += self._buffer.count(b"\n", self._at, end)
        self._at = end
        return end

    def _not_a_start(self) -> DissectError:
        if self._after_gap:
            return self._at_offset(Lost("after a gap, the rest of a message", layer="sip"))
        spec = "RFC 3261 §7.1"
        return self._at_offset(Malformed("bytes that begin no SIP message", layer="sip", spec=spec))

    def _read_head(self) -> bool:
        """Find the empty line that ends the headers, and decode them."""
        limit = self._at + MAX_HEAD
        match = _HEAD_END.search(self._buffer, self._head_scan, limit)
        if match is not None:
            self._head_scan = match.start()
            return self._decode_head(self._at, match.end())
        self._head_scan = max(self._head_scan, min(len(self._buffer), limit) - 2)
        if len(self._buffer) < limit:
            return False
        next_start = _start_within(self._buffer, self._at, limit)
        if next_start:
            return self._close_endless_head(next_start)
        spec = "RFC 3261 §7"
        error = LimitExceeded(f"head is longer than {MAX_HEAD} bytes", layer="sip", spec=spec)
        return self._seek(self._at_offset(error), self._buffer.find(b"\n", self._at) + 1)

    def _decode_head(self, at: int, end: int) -> bool:
        next_start = _start_within(self._buffer, at, end)
        if next_start:
            return self._close_endless_head(next_start)
        faults: list[DissectError] = []
        message = decode_head(self._buffer[at:end], faults)
        check_message(message, faults)
        length = content_length(message, faults)
        self._message, self._faults, self._body_at = message, faults, end
        if length is None:
            self._scan = end
            self._step = SipFramer._read_unsized_body
        elif length <= MAX_BODY:
            self._body_length = length
            self._step = SipFramer._read_body
        else:
            return self._refuse_body(f"Content-Length {length} is above the limit of {MAX_BODY}")
        return True

    def _close_endless_head(self, next_start: int) -> bool:
        """Deliver a head that runs into the next start line without an empty line between."""
        faults: list[DissectError] = []
        message = decode_head(self._buffer[self._at : next_start], faults)
        check_message(message, faults)
        summary = "no empty line between the headers and the next start line"
        faults.append(Malformed(summary, layer="sip", spec="RFC 3261 §7"))
        message.truncated = True
        self._message, self._faults = message, faults
        self._body_at = next_start
        return self._deliver(next_start)

    def _read_body(self) -> bool:
        end = self._body_at + self._body_length
        return len(self._buffer) >= end and self._deliver(end)

    def _read_unsized_body(self) -> bool:
        """Without Content-Length, the body reaches to the next start line."""
        start = self._find_start_line()
        if (self._scan if start < 0 else start) - self._body_at > MAX_BODY:
            return self._refuse_body(f"a body without Content-Length is above {MAX_BODY} bytes")
        if start < 0:
            return False
        self._faults.append(_missing_length())
        return self._deliver(self._unsized_end(start))

    def _unsized_end(self, end: int) -> int:
        """Return where a body without length ends: keep-alives alone are no body."""
        match = BLANK_LINES.match(self._buffer, self._body_at, end)
        return self._body_at if match is None or match.end() == end else end

    def _refuse_body(self, summary: str) -> bool:
        """Deliver the head of a message whose body is above the limit, and skip the body."""
        self._message.truncated = True
        self._deliver(self._body_at)
        error = LimitExceeded(summary, layer="sip", spec="RFC 3261 §20.14")
        return self._seek(self._at_offset(error, self._at - 1), self._at)

    def _deliver(self, end: int) -> bool:
        """Complete the message with its body, frames and times, and expect the next one."""
        message = self._message
        if end > self._body_at:
            message.body = bytes(self._buffer[self._body_at : end])
        message.direction = self._direction
        self._pieces.stamp(message, self._base + self._at, self._base + end)
        self._ready.append(message)
        if self._faults:
            self._ready += _of_message(self._faults, message)
        self._at = end
        self._expect_start()
        return True

    def _expect_start(self) -> None:
        self._message = _NO_MESSAGE
        self._step = SipFramer._read_start

    # Skipping what is no message.

    def _seek(self, why: DissectError, scan: int) -> bool:
        """Go over to searching for a start line, from `scan` on."""
        self._why = why
        self._skipped = 0
        self._scan = scan
        self._keepalives, self._blank_lines = self.keepalives, 0
        self._step = SipFramer._read_garbage
        return True

    def _read_garbage(self) -> bool:
        start = self._find_start_line()
        # The byte before `_scan` stays: it tells whether a line begins there.
        end = max(self._at, self._scan - 1) if start < 0 else start
        self._skipped += end - self._at
        self._at = end
        if start < 0:
            return False
        self._tell_skipped()
        return True

    def _tell_skipped(self) -> None:
        """Say how many bytes were skipped and why, and expect a message again."""
        if self._why is not None:
            self._why.summary += f": {self._skipped} bytes skipped"
            self._why.args = (self._why.summary,)
            self._ready.append(self._why)
        self._why = None
        self._after_gap = False
        self._expect_start()

    def _find_start_line(self) -> int:
        """Return where the next start line from `_scan` on begins; -1 when none is whole yet.

        `_scan` is moved on to what may yet turn out to be one, so that no byte is searched twice
        but for the length of a start line.
        """
        buffer = self._buffer
        while True:
            hit = buffer.find(_VERSION, self._scan)
            last = max(0, len(buffer) - len(_VERSION)) if hit < 0 else hit
            line = buffer.rfind(b"\n", self._scan, last) + 1
            begin = max(self._scan, line, last + len(_VERSION) + 1 - MAX_START_LINE)
            end = -1 if hit < 0 else buffer.find(b"\n", hit, hit + MAX_START_LINE)
            if end < 0 and (hit < 0 or len(buffer) < hit + MAX_START_LINE):
                self._scan = begin
                return -1
            start = -1 if end < 0 else self._start_in_line(begin, hit)
            if start >= 0:
                return start
            self._scan = hit + len(_VERSION)

    def _start_in_line(self, begin: int, hit: int) -> int:
        """Return where the start line begins whose version stands at `hit`; -1 when there is none.

        It need not begin the line: a body often ends without a line end, and when its message is
        broken nobody knows where that is.
        """
        is_line = begin > self._at and self._buffer[begin - 1] == _LF
        if is_line and START_LINE.match(self._buffer, begin):
            return begin
        if _STATUS_BEHIND_BODY.match(self._buffer, hit):
            return hit
        return _request_behind_body(self._buffer, begin, hit)

    def _read_skip(self) -> bool:
        """Skip the rest of a body whose middle a gap took."""
        step = min(self._skip_left, len(self._buffer) - self._at)
        self._at += step
        self._skip_left -= step
        if self._skip_left:
            return False
        self._expect_start()
        return True

    # Gaps and the end.

    def _interrupt(self, chunk: StreamChunk) -> None:
        """Close what a gap interrupts and decide where to go on."""
        gap = chunk.gap_before
        missing = self._missing()
        lost = f"{gap} bytes are missing" if gap > 0 else "an unknown number of bytes is missing"
        reason = f" ({chunk.gap_reason})" if chunk.gap_reason else ""
        if not self._end(Lost, f"{lost}{reason}"):
            where = "inside a message that was told before" if missing else "between messages"
            error = Lost(f"{lost} {where}{reason}", layer="sip")
            error.frame_number, error.time_ns = chunk.frames[0][-1], chunk.time_ns[0]
            self._ready.append(error)
        self._at = len(self._buffer)
        self._trim()
        self._expect_start()
        # Within a body of known length the end is known too, if it lies behind the gap.
        self._skip_left = max(0, missing - gap) if gap > 0 else 0
        if missing and 0 < gap <= missing:
            self._step = SipFramer._read_skip
        else:
            self._after_gap = True

    def _missing(self) -> int:
        """Return how many bytes of a body of known length are still to come."""
        if self._step is SipFramer._read_body:
            return self._body_at + self._body_length - len(self._buffer)
        return self._skip_left if self._step is SipFramer._read_skip else 0

    def _end(self, error: type[DissectError], cause: str) -> bool:
        """Close what is unfinished; return whether a message was hurt, and `cause` told."""
        left = len(self._buffer) - self._at
        if self._message is not _NO_MESSAGE:
            return self._end_in_body(error, cause)
        if self._step is SipFramer._read_start and left and not _may_begin(self._buffer):
            self._seek(self._not_a_start(), self._at)
        if self._step is SipFramer._read_garbage:
            self._skipped += left
            self._tell_skipped()
        elif left:
            summary = f"{cause} inside the head of a message, {left} bytes after its beginning"
            self._ready.append(self._at_offset(error(summary, layer="sip", spec="RFC 3261 §7")))
            return True
        return False

    def _end_in_body(self, error: type[DissectError], cause: str) -> bool:
        """Deliver the message with as much of its body as there is; return whether it is hurt."""
        message = self._message
        end, have = len(self._buffer), len(self._buffer) - self._body_at
        if self._step is SipFramer._read_body:
            summary = f"{cause} after {have} of {self._body_length} bytes of a body"
            self._faults.append(error(summary, layer="sip", spec="RFC 3261 §18.3"))
            message.truncated = True
        else:
            end = self._unsized_end(end)
            self._faults.append(_missing_length())
            # Nothing says whether there was more; but without Content-Type there is no body.
            if error is Lost and (end > self._body_at or message.get("content-type")):
                summary = f"{cause} in or after a body without Content-Length"
                self._faults.append(error(summary, layer="sip", spec="RFC 3261 §18.3"))
                message.truncated = True
        self._deliver(end)
        return message.truncated

    def _at_offset(self, error: DissectError, position: int | None = None) -> DissectError:
        """Give `error` the frame of the byte at `position` of the buffer, by default `_at`."""
        where = self._base + (self._at if position is None else position)
        error.frame_number, error.time_ns = self._pieces.at(where)
        return error


class _Pieces:
    """Which frames brought which bytes of a stream: the pieces of its chunks, offsets in a row."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._frames: list[Frames] = []
        self._time_ns: list[int] = []
        self._first_time_ns: list[int] = []
        self._low = 0  # pieces before this one end before the present message

    def append(self, chunk: StreamChunk, offset: int) -> None:
        """Add the pieces of `chunk`, whose first byte has `offset` in the stream."""
        self._ends += [offset + end for end in chunk.ends]
        self._frames += chunk.frames
        self._time_ns += chunk.time_ns
        self._first_time_ns += chunk.first_time_ns

    def drop_before(self, offset: int) -> None:
        """Forget the pieces that end at or before `offset`, which is not before the last stamp."""
        used = bisect_right(self._ends, offset, self._low)
        for column in (self._ends, self._frames, self._time_ns, self._first_time_ns):
            del column[:used]
        self._low = 0

    def stamp(self, message: SipMessage, begin: int, end: int) -> None:
        """Fill in frames and times of a message that takes the bytes from `begin` up to `end`."""
        ends = self._ends
        first = last = bisect_right(ends, begin, self._low)
        self._low = first
        if ends[first] >= end:
            message.frames = self._frames[first]
        else:
            last = bisect_right(ends, end - 1, first)
            union = set(chain.from_iterable(self._frames[first : last + 1]))
            message.frames = tuple(sorted(union))
        message.time_ns = self._time_ns[last]
        message.first_time_ns = self._first_time_ns[first]

    def chunk(self, base: int, direction: int, data: bytes) -> StreamChunk:
        """Return all pieces as a chunk; its first byte has offset `base` in the stream."""
        first = bisect_right(self._ends, base, self._low)
        ends = [end - base for end in self._ends[first:]]
        times = self._time_ns[first:], self._first_time_ns[first:]
        return StreamChunk(direction, data, ends, self._frames[first:], *times)

    def at(self, offset: int) -> tuple[int, int]:
        """Return frame number and time of the byte at `offset`."""
        piece = bisect_right(self._ends, offset, self._low)
        return self._frames[piece][-1], self._time_ns[piece]


def _known(method: bytes) -> bool:
    """Tell whether a method is known: right behind a gap, ``VITE`` is the end of ``INVITE``."""
    return method.decode("ascii") in METHODS


def _may_begin(data: bytearray) -> bool:
    """Tell whether `data`, which ends here, may be the beginning of a start line."""
    words = (b"SIP/2.0 ", *(f"{method} ".encode() for method in METHODS))
    return looks_like_sip(data) or any(word.startswith(data) for word in words)


# In a head, SIP/2.0 before a space or line end is in start lines only: in a Via a slash follows.
_OF_START_LINE = re.compile(rb"SIP/2\.0(?: |\r?\n)")


def _start_within(data: bytearray, begin: int, end: int) -> int:
    """Return where a second start line stands in a head from `begin` to `end`; 0 without one."""
    first_line = data.find(b"\n", begin)
    for hit in _OF_START_LINE.finditer(data, first_line, end):
        line = hit.start()
        if data[hit.end() - 1] == _LF:
            line = data.rfind(b"\n", begin, line) + 1
        if data[line - 1] == _LF and START_LINE.match(data, line, end):
            return line
    return 0


_LF = 0x0A
_VERSION = b"SIP/2.0"

# A start line that follows the last byte of a body.
_STATUS_BEHIND_BODY = re.compile(rb"SIP/2\.0 [1-6][0-9]{2}(?: [^\r\n]{0,256})?\r?\n")
_VERSION_END = re.compile(rb"SIP/2\.0[ ]*\r?\n")
_URI_BEHIND_BODY = re.compile(rb"(?:sips?|tel|im|pres):[^\s\"<>]*[ ]\Z")
_METHODS = sorted((method.encode() for method in METHODS), key=len, reverse=True)


def _request_behind_body(data: bytes | bytearray, begin: int, hit: int) -> int:
    """Return where a request line begins whose version stands at `hit`; -1 when there is none.

    Its method and scheme must be known, since what stands before the method belongs to the body.
    """
    space = data.rfind(b" ", begin, max(begin, hit - 1))
    if space < 0 or not _VERSION_END.match(data, hit):
        return -1
    if not _URI_BEHIND_BODY.match(data[space + 1 : hit]):
        return -1
    # The longest method counts: BENOTIFY ends in NOTIFY. What a gap left of one, ENOTIFY, does not.
    for method in _METHODS:
        start = space - len(method)
        if start >= begin and data.endswith(method, begin, space):
            cut = start > begin and data[start - 1 : start].isupper()
            return -1 if cut else start
    return -1


def _missing_length() -> DissectError:
    summary = "no usable Content-Length on a stream; the body was taken up to the next start line"
    return Malformed(summary, layer="sip", severity="warning", spec="RFC 3261 §18.3")


def _of_message(faults: list[DissectError], message: SipMessage) -> list[DissectError]:
    """Give the faults the frame and time of the message that they concern."""
    for fault in faults:
        fault.frame_number, fault.time_ns = message.frames[-1], message.time_ns
    return faults


def decode_datagram(
    data: bytes, frame: int, time_ns: int, direction: int
) -> list[SipRequest | SipResponse | DissectError]:
    """Decode the payload of a UDP datagram, which is one message.

    Parameters
    ----------
    data : bytes
        The payload.
    frame : int
        Frame number of the datagram (of its last fragment).
    time_ns : int
        That frame's time, nanoseconds since 1970 UTC.
    direction : int
        0: sent by the flow's initiator; 1: by its responder.

    Returns
    -------
    list of SipRequest, SipResponse or DissectError
        The message, then what is wrong with it; nothing for a keep-alive.

    References
    ----------
    RFC 3261 §18.3: without Content-Length the body reaches to the end of the datagram; bytes beyond
    Content-Length are discarded, fewer are an error.
    """
    # Keep-alives are CRLFs (RFC 5626 §3.5.1), and from some phones NULs.
    content = data.lstrip(b"\r\n\0")
    if not content:
        return []
    faults: list[DissectError] = []
    head, body, whole = _split_datagram(content, faults)
    try:
        message = decode_head(head, faults)
    except DissectError as error:
        error.frame_number, error.time_ns = frame, time_ns
        return [error]
    message.frames, message.time_ns, message.first_time_ns = (frame,), time_ns, time_ns
    message.direction = direction
    message.truncated = not whole
    check_message(message, faults)
    _bound_body(message, body, faults)
    return [message, *_of_message(faults, message)]


def _split_datagram(data: bytes, faults: list[DissectError]) -> tuple[bytes, bytes, bool]:
    """Split at the empty line; without one, at the last line end: the line behind may be cut."""
    match = _HEAD_END.search(data)
    if match is not None:
        return data[: match.end()], data[match.end() :], True
    end = data.rfind(b"\n") + 1
    lost = f"; its last line is cut: {data[end : end + 40]!r}" if 0 < end < len(data) else ""
    summary = f"datagram ends without an empty line after the headers{lost}"
    faults.append(Truncated(summary, layer="sip", spec="RFC 3261 §7"))
    return data[:end] or data, b"", False


def _bound_body(message: SipRequest | SipResponse, body: bytes, faults: list[DissectError]) -> None:
    """Take as much of the bytes after the head as Content-Length says."""
    length = content_length(message, faults)
    if length is None:
        message.body = body if body.strip(b"\0") else b""
        return
    message.body = body[:length]
    if length > len(body):
        message.truncated = True
        summary = f"datagram holds {len(body)} of {length} bytes of its body"
        faults.append(Truncated(summary, layer="sip", spec="RFC 3261 §18.3"))
    elif body[length:].strip(b"\0\r\n"):
        summary = f"{len(body) - length} bytes beyond Content-Length were discarded"
        faults.append(Malformed(summary, layer="sip", severity="note", spec="RFC 3261 §18.3"))


_PEEK = 4096
_CUT_LINE = re.compile(
    rf"(?:{SIP_VERSION}(?:[ \t]+[0-9]{{0,3}}(?:[ \t].*)?)?|({TOKEN})[ \t]+<?[ \t]*(.*))\Z".encode(),
    re.DOTALL,
)
_SCHEMES = (b"sip:", b"sips:", b"tel:", b"im:", b"pres:", b"urn:")


def contains_start_line(data: bytes) -> bool:
    """Tell whether a whole start line stands anywhere in `data`, be it right behind a body.

    This finds SIP in a connection whose beginning was not captured.
    """
    searched, hit = 0, data.find(_VERSION)
    while hit >= 0:
        line = data.rfind(b"\n", searched, hit) + 1
        begin = max(searched, line, hit - MAX_START_LINE)
        if line == begin and START_LINE.match(data, line):
            return True
        if _STATUS_BEHIND_BODY.match(data, hit) or _request_behind_body(data, begin, hit) >= 0:
            return True
        searched = hit + len(_VERSION)
        hit = data.find(_VERSION, searched)
    return False


def looks_like_sip(data: bytes | bytearray) -> bool:
    """Tell from the first bytes of a stream or datagram whether it is SIP.

    Keep-alives before the start line are passed over. Where the start line is cut, the little that
    there is must fit: a status line's version, or a method followed by a URI of a scheme that SIP
    uses. HTTP, RTSP and SSDP have the same shape of start line, but neither version nor scheme.

    Parameters
    ----------
    data : bytes
        As many of the first bytes as there are; some 20 are enough.
    """
    data = data[:_PEEK].lstrip(b"\r\n\0")
    if b"\n" in data:
        return START_LINE.match(data) is not None
    match = _CUT_LINE.match(data)
    if match is None:
        return False
    method, uri = match.groups()
    if method is None:
        return True
    scheme = uri[:5].lower()
    if scheme.startswith(_SCHEMES):
        return True
    return _known(method) and bool(scheme) and any(full.startswith(scheme) for full in _SCHEMES)

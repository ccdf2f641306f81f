"""SIP over WebSocket: the opening handshake, frames, and messages that may be compressed.

A stream decoder: the chunks of a TCP connection (or what TLS brought to light of one) go in, whole
messages come out. A connection whose handshake was not captured is read all the same, when its
first bytes are a frame with SIP in it.

References
----------
RFC 6455 §4 (handshake), §5 (frames); RFC 7118 §4 and §5 (SIP); RFC 7692 §7 (permessage-deflate).
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated, Unsupported
from dissectors.transport.stream import Frames, StreamChunk
from dissectors.transport.unit import Unit

MAX_MESSAGE = 1 << 20
"""Bytes that a message may have, compressed or not."""
MAX_HEAD = 64 << 10
"""Bytes that an HTTP head of the handshake may have."""

_CONTINUATION, _TEXT, _BINARY, _CONTROL = 0, 1, 2, 8
_TAIL = b"\x00\x00\xff\xff"  # what a sender cuts off each message (RFC 7692 §7.2.1)
_UPGRADE = re.compile(rb"^upgrade[ \t]*:[^\r\n]*websocket", re.IGNORECASE | re.MULTILINE)
_EXTENSIONS = re.compile(
    rb"^sec-websocket-extensions[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)
_FIRST_BYTES = (b"GET ", b"HTTP/1.1 101")
_RESPONSE = re.compile(rb"^HTTP/1", re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")

Judge = Callable[[bytes], bool]
"""Tells from the first bytes of a message whether it is what the caller reads."""


def looks_like_upgrade(data: bytes) -> bool:
    """Tell whether `data` begins with an HTTP request or response that opens a WebSocket."""
    # Nearly all that is asked about is something else, so its first bytes have to answer.
    if not data.startswith(_FIRST_BYTES):
        return False
    return _UPGRADE.search(data, 0, MAX_HEAD) is not None


def looks_like_frame(data: bytes, judge: Judge) -> bool:
    """Tell whether `data` begins with a frame that begins a message to the taste of `judge`.

    A port and a guess prove nothing, so the payload, unmasked, has to.
    """
    head = _frame_head(data)
    if head is None or data[0] & 0xBF not in (0x81, 0x82, 0x01, 0x02) or data[0] & 0x40:
        return False
    size, length, mask = head
    return length > 0 and judge(_unmask(data[size : size + min(length, 4096)], mask))


def _frame_head(data: bytes | bytearray) -> tuple[int, int, bytes] | None:
    """Return a frame's header size, payload length and mask; None while the header is cut."""
    if len(data) < 2:
        return None
    length, size = data[1] & 0x7F, 2
    if length > 125:
        size += 2 if length == 126 else 8
        if len(data) < size:
            return None
        length = int.from_bytes(data[2:size], "big")
    if data[1] & 0x80:
        size += 4
        if len(data) < size:
            return None
        return size, length, bytes(data[size - 4 : size])
    return size, length, b""


def _unmask(data: bytes, mask: bytes) -> bytes:
    """Undo the masking of RFC 6455 §5.3, all bytes at once."""
    if not mask or not data:
        return data
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    number = int.from_bytes(data, "little") ^ int.from_bytes(key, "little")
    return number.to_bytes(len(data), "little")


class WebSocketSession:
    """Both directions of one WebSocket.

    Parameters
    ----------
    judge : callable
        Tells whether a message is what the caller reads; it finds the next frame after a loss.
    opened : bool
        Whether the handshake is over already, that is: was not captured.
    """

    def __init__(self, judge: Judge, *, opened: bool = False) -> None:
        self._halves = tuple(_Half(direction, judge, opened) for direction in (0, 1))

    def push(self, chunk: StreamChunk) -> Iterator[Unit | DissectError]:
        """Take the next bytes of either direction; yield the messages that they made whole."""
        half = self._halves[chunk.direction]
        yield from half.push(chunk)
        if half.negotiated:  # one side says in its response what holds for both
            for each in self._halves:
                each.agree(half.negotiated)
            half.negotiated = b""

    def finish(self) -> Iterator[DissectError]:
        """End the connection: yield an error for each direction that stops inside a message."""
        for half in self._halves:
            yield from half.finish()


class _Half:
    """What one side sent."""

    def __init__(self, direction: int, judge: Judge, opened: bool) -> None:
        self._direction = direction
        self._judge = judge
        self._in_head = not opened
        self._is_open = opened
        self._lost = False
        self._data = bytearray()
        self._base = 0  # where `_data` begins in the stream
        self._pieces: deque[tuple[int, Frames, int, int]] = deque()  # end in the stream, …, times
        self._searched = 0
        self._skip = 0
        self._passed = 0
        self._last: tuple[int | None, int | None] = None, None
        self._message = _Message()
        self._inflater = _Inflater()
        self.negotiated = b""

    def agree(self, extensions: bytes) -> None:
        """Take over what the server's response said of compression."""
        client = b"client_no_context_takeover" in extensions
        server = b"server_no_context_takeover" in extensions
        self._inflater.takes_over = not (client, server)[self._direction]
        self._is_open = True

    def push(self, chunk: StreamChunk) -> Iterator[Unit | DissectError]:
        if chunk.gap_before:
            yield from self._lose(chunk.gap_before)
        self._append(chunk)
        if self._in_head and self._is_open and not self._may_be_head():
            self._in_head, self._lost = False, True
        if self._lost:
            yield from self._resume(chunk)
        if self._in_head:
            yield from self._take_head()
        if not self._in_head and not self._lost:
            yield from self._take_frames()

    def finish(self) -> Iterator[DissectError]:
        yield from self._tell_passed()
        if not self._in_head and not self._lost and (self._data or self._message.parts):
            held = len(self._data) + self._message.size
            yield self._fault(Truncated, f"WebSocket message ends after {held} bytes")

    # --- the handshake

    def _may_be_head(self) -> bool:
        """Tell whether HTTP begins here; where it does not, and the peer agreed, it was lost."""
        begun = bytes(self._data[:4])
        return any(word.startswith(begun) for word in (b"GET ", b"HTTP"))

    def _take_head(self) -> Iterator[DissectError]:
        """Read HTTP heads up to the one that opens the WebSocket; what is before it goes by."""
        while match := _HEAD_END.search(self._data, self._searched):
            head = bytes(self._data[: match.end()])
            self._drop(match.end())
            self._searched = 0
            if _UPGRADE.search(head):
                self._in_head = False
                if _RESPONSE.search(head):
                    self.negotiated = b",".join(_EXTENSIONS.findall(head)).lower() or b"-"
                return
        self._searched = max(len(self._data) - 3, 0)
        if len(self._data) > MAX_HEAD:
            self._in_head, self._lost = False, True
            self._drop(len(self._data))
            yield self._fault(LimitExceeded, f"HTTP head longer than {MAX_HEAD} bytes")

    # --- frames

    def _take_frames(self) -> Iterator[Unit | DissectError]:
        while True:
            head = _frame_head(self._data)
            if head is None:
                return
            size, length, mask = head
            fault = _wrong(self._data[0], length, self._message)
            if fault is not None:
                yield self._give_up(fault)
                return
            if len(self._data) < size + length:
                return
            first, payload = self._data[0], bytes(self._data[size : size + length])
            where = self._first(size + length)
            self._drop(size + length)
            if first & 0x0F < _CONTROL:
                yield from self._take_payload(first, _unmask(payload, mask), where)

    def _take_payload(
        self, first: int, payload: bytes, where: tuple[Frames, int, int]
    ) -> Iterator[Unit | DissectError]:
        message = self._message
        message.add(first, payload, where)
        if not first & 0x80:
            return
        self._message = _Message()
        data = b"".join(message.parts)
        try:
            if message.compressed:
                data = self._inflater.inflate(data)
        except DissectError as error:
            error.frame_number, error.time_ns = message.frames[-1], message.time_ns
            yield error
            return
        frames = tuple(sorted(set(message.frames)))
        yield Unit(self._direction, data, frames, message.time_ns, message.first_time_ns)

    def _give_up(self, fault: DissectError) -> DissectError:
        fault.frame_number = self._pieces[-1][1][-1] if self._pieces else None
        fault.time_ns = self._pieces[-1][3] if self._pieces else None
        self._lost, self._skip = True, 0
        self._message = _Message()
        self._inflater.break_off()
        self._drop(len(self._data))
        return fault

    # --- losses

    def _lose(self, gap: int) -> Iterator[DissectError]:
        """Bytes are missing: the frame they were in is lost, and often the place of the next."""
        if self._lost:
            return
        if self._in_head:  # the rest of it tells nothing: frames are looked for
            self._in_head, self._lost = False, True
            self._drop(len(self._data))
            return
        if 0 < gap <= self._skip:
            self._skip -= gap
            return
        head = _frame_head(self._data)
        rest = head[0] + head[1] - len(self._data) if head else -1
        held = len(self._data) + self._message.size
        fault = self._fault(Lost, f"WebSocket message is lost: {held} bytes of it were captured")
        if 0 < gap <= rest and self._data[0] & 0x8F in (0x81, 0x82, 0x80):
            # The header is known, and the gap lies within its frame: the next one is in sight.
            self._skip = rest - gap
            self._message = _Message()
            self._inflater.break_off()
            self._drop(len(self._data))
        else:
            fault = self._give_up(fault)
        yield fault

    def _resume(self, chunk: StreamChunk) -> Iterator[DissectError]:
        """Look for a frame with a fitting message at the beginning of each piece."""
        start = len(self._data) - len(chunk.data)
        for begin in [0, *chunk.ends[:64]]:
            if looks_like_frame(chunk.data[begin : begin + 4110], self._judge):
                self._passed += start + begin
                yield from self._tell_passed()
                self._drop(start + begin)
                self._lost = False
                return
        self._passed += len(self._data)
        self._last = chunk.frames[-1][-1], chunk.time_ns[-1]
        self._drop(len(self._data))

    def _tell_passed(self) -> Iterator[DissectError]:
        if self._passed:
            text = f"{self._passed} bytes behind a loss were passed over: no frame could be found"
            yield self._fault(Lost, text)
            self._passed = 0

    # --- bytes and where they came from

    def _append(self, chunk: StreamChunk) -> None:
        base = self._base + len(self._data)
        self._data += chunk.data
        columns = zip(chunk.ends, chunk.frames, chunk.first_time_ns, chunk.time_ns, strict=True)
        for end, frames, first_time_ns, time_ns in columns:
            self._pieces.append((base + end, frames, first_time_ns, time_ns))
        skipped = min(self._skip, len(self._data))
        if skipped:
            self._skip -= skipped
            self._drop(skipped)

    def _drop(self, number: int) -> None:
        del self._data[:number]
        self._base += number
        while self._pieces and self._pieces[0][0] <= self._base:
            self._pieces.popleft()

    def _first(self, number: int) -> tuple[Frames, int, int]:
        """Return frames, time of the first, and time of the last of the next `number` bytes."""
        frames: list[int] = []
        last = 0
        for end, piece_frames, _, time_ns in self._pieces:
            frames += piece_frames
            last = time_ns
            if end >= self._base + number:
                break
        return tuple(frames), self._pieces[0][2], last

    def _fault(self, kind: type[DissectError], summary: str) -> DissectError:
        frame, time_ns = self._last
        if self._pieces:
            _, frames, _, time_ns = self._pieces[-1]
            frame = frames[-1]
        elif self._message.frames:
            frame, time_ns = self._message.frames[-1], self._message.time_ns
        return kind(
            summary, layer="websocket", spec="RFC 6455 §5", frame_number=frame, time_ns=time_ns
        )


class _Message:
    """The frames of a message so far."""

    __slots__ = ("compressed", "first_time_ns", "frames", "parts", "size", "time_ns")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.compressed = False
        self.frames: list[int] = []
        self.time_ns = self.first_time_ns = 0

    def add(self, first: int, payload: bytes, where: tuple[Frames, int, int]) -> None:
        """Add a frame, whose first byte tells whether it is the first one."""
        frames, first_time_ns, self.time_ns = where
        if not self.parts:
            self.first_time_ns = first_time_ns
            self.compressed = bool(first & 0x40)
        self.frames += frames
        self.parts.append(payload)
        self.size += len(payload) + 64  # a frame without payload costs memory too


def _wrong(first: int, length: int, message: _Message) -> DissectError | None:
    """Say what is wrong with a frame header, or return None."""
    kind = first & 0x0F
    if length + message.size > MAX_MESSAGE:
        return LimitExceeded(
            f"WebSocket message longer than {MAX_MESSAGE} bytes", layer="websocket"
        )
    if first & 0x30:
        return Unsupported("WebSocket frame with reserved bits", layer="websocket")
    known = kind in (_CONTINUATION, _TEXT, _BINARY, 8, 9, 10)
    in_place = kind >= _CONTROL or (kind == _CONTINUATION) == bool(message.parts)
    if not known or not in_place or (kind >= _CONTROL and length > 125):
        return Malformed(
            f"WebSocket frame with opcode {kind} that cannot stand here: what follows is lost",
            layer="websocket",
            spec="RFC 6455 §5.2",
        )
    return None


class _Inflater:
    """Opens the compressed messages of one direction."""

    def __init__(self) -> None:
        self.takes_over = True
        self._stream = zlib.decompressobj(-15)
        self._broken = False

    def break_off(self) -> None:
        """Note that a message was lost, and with it the context of those behind."""
        self._broken = self.takes_over

    def inflate(self, data: bytes) -> bytes:
        """Open one message.

        Raises
        ------
        DissectError
            When it cannot be opened, or would become too large.
        """
        if self._broken:
            raise Lost(
                "WebSocket message needs those before it to be decompressed",
                layer="websocket",
                spec="RFC 7692 §7.1.1",
            )
        if not self.takes_over:
            self._stream = zlib.decompressobj(-15)
        try:
            opened = self._stream.decompress(data + _TAIL, MAX_MESSAGE + 1)
        except zlib.error:
            self.break_off()
            raise Malformed(
                "WebSocket message cannot be decompressed",
                layer="websocket",
                spec="RFC 7692 §7.2.2",
            ) from None
        if len(opened) > MAX_MESSAGE:
            self.break_off()
            raise LimitExceeded(
                f"WebSocket message longer than {MAX_MESSAGE} bytes", layer="websocket"
            )
        if self._stream.eof:  # a final block ends the stream (RFC 7692 §7.2.3.4)
            self._stream = zlib.decompressobj(-15)
        return opened

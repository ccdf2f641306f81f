"""SIP whose messages may be compressed ([MS-SIPCOMP]): one direction of a connection.

::

    StreamChunk ─┬─ clear ───────────────────────────▶ SipFramer ─▶ SipMessage
                 └─ packets ─▶ unpacked StreamChunk ─▶ the same

A client sends NEGOTIATE with ``Compression: LZ77-8K`` as the first request of a connection; a 200
with the same header agrees, and from then on both directions are packets. The bytes themselves
decide, though: NEGOTIATE may not have been captured, and may be read after what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from dissectors.errors import DissectError, Truncated, Unsupported
from dissectors.sip.abnf import BLANK_LINES
from dissectors.sip.framing import SipFramer
from dissectors.sip.held import Held, as_one_piece
from dissectors.sip.message import SipMessage, SipRequest, SipResponse
from dissectors.sip.mppc import SIZES, History
from dissectors.sip.packets import (
    AT_FRONT,
    COMPRESSED,
    FLUSHED,
    MAX_HEADER,
    MAX_PACKET,
    VISIBLE_LENGTH,
    VISIBLE_START,
    Clear,
    Guess,
    Guesses,
    Packet,
    Way,
    guess_first,
    read_clear,
    size_shows,
    unpack,
)
from dissectors.transport.stream import StreamChunk

WORK_LIMIT = 512 << 10
"""Bytes of one direction that are unpacked in search of a layout before it is given up."""
_TRIES = 256
"""Start lines of one direction that are looked at for the same."""
_SHORTEST_START = 7  # bytes of a start line that show it: ACK im:
_RETRIES = 16  # of a packet whose end is not known, before it has to grow by more
_SHOWN = 16  # bytes of what could not be unpacked that are shown
_STALE = "they refer to packets that were not read, up to the next one that begins anew"
_SPEC = "[MS-SIPCOMP] §3.2.5"
_CAPITAL = re.compile(rb"[A-Z]")

Values = Generator["SipMessage | DissectError", None, bool]
"""What a step yields; it returns whether to go on."""


@dataclass
class Negotiation:
    """What both directions of a connection know of its compression."""

    offered: str | None = None
    """Algorithm that the client's NEGOTIATE named."""
    agreed: str | None = None
    """Algorithm that the answer named."""
    found: str | None = None
    """Algorithm that packets were unpacked with."""

    @property
    def algorithm(self) -> str | None:
        """LZ77-8K or LZ77-64K, as found or agreed; None without compression."""
        return self.found or self.agreed

    def note(self, message: SipMessage) -> None:
        """Take what a message with a Compression header says."""
        name = (message.get("compression") or "").strip().upper()
        algorithm = name if name in SIZES else None
        if isinstance(message, SipRequest):
            if message.method == "NEGOTIATE":
                self.offered = algorithm
        elif isinstance(message, SipResponse) and "NEGOTIATE" in (message.get("cseq") or ""):
            self.agreed = algorithm if message.status_code == 200 else None


class SipStream:
    """Stream decoder: the bytes of one direction, compressed or not → its SIP messages.

    Parameters
    ----------
    negotiation : Negotiation
        That of the connection; both directions share it.

    Notes
    -----
    Without compression a chunk goes straight to the framer. What the framer cannot read is searched
    for packets whose payload begins a message; where there are none the framer skips it, as always.
    At most some 128 KiB are held beside what the framer holds.
    """

    def __init__(self, negotiation: Negotiation) -> None:
        self._negotiation = negotiation
        self._framer = SipFramer()
        self._framer.stops = True
        self._in_step = False  # whether what follows the last message is where it should be
        self._held = Held()
        self._step: Callable[[SipStream, bool], Values] | None = None  # None: all is clear
        self._exact = False  # whether a packet begins at the first byte that is held
        self._start = 0  # where a start line shows that the guesses are about
        self._guesses = Guesses([])
        self._guess = Guess([], 0)  # how packets are read, once it proved right
        self._known: list[Way] = []
        self._stale = False  # whether the history lacks something
        self._try_at = self._retries = 0  # for a packet whose end is not known
        self._work = 0
        self._tries = 0
        self._dropped = _Dropped()

    def push(self, chunk: StreamChunk) -> Iterator[SipMessage | DissectError]:
        """Take the next bytes; yield the messages that they complete, and what is wrong."""
        if self._step is not None and chunk.gap_before:
            yield from self._interrupt("bytes of it are missing")
        if self._step is None:
            yield from self._read_clear(chunk)
        else:
            self._held.append(chunk)
        while self._step is not None and (yield from self._step(self, False)):
            pass

    def finish(self) -> Iterator[SipMessage | DissectError]:
        """End the stream: yield what is unfinished."""
        while self._step is not None and (yield from self._step(self, True)):
            pass
        if self._step is not None:
            yield from self._interrupt("the stream ends inside it")
        yield from self._framer.finish()

    def _read_clear(self, chunk: StreamChunk) -> Iterator[SipMessage | DissectError]:
        """Read what is not compressed, as far as it is SIP."""
        if chunk.gap_before:
            self._in_step = False
        framer = self._framer
        for value in framer.push(chunk):
            if not isinstance(value, DissectError):
                self._in_step = True
                if "compression" in value.first_values:
                    self._negotiation.note(value)
            yield value
        if framer.stopped:
            self._held = Held()
            self._held.append(framer.surrender())
            self._search_from(exact=self._in_step)

    # Searching: bytes that begin no message are held until they do, or can be no packets.

    @property
    def _certain(self) -> bool:
        """Whether there is compression for sure."""
        return self._negotiation.agreed is not None or bool(self._known)

    def _search_from(self, *, exact: bool) -> None:
        self._framer.stops = False
        self._step, self._exact, self._guesses = SipStream._search, exact, Guesses([])

    def _search(self, final: bool) -> Values:
        """Look for a start line before which a header stands; return whether to go on."""
        if not self._guesses.over:
            return (yield from self._go_on_guessing(final))
        hit = VISIBLE_START.search(self._held.data)
        if hit is not None and self._tries < _TRIES and self._work < WORK_LIMIT:
            self._start = hit.start()
            clear = read_clear(self._held.data, self._start)
            if not size_shows(self._held.data, self._start, clear):
                return (yield from self._reject(clear))
            self._guesses = guess_first(
                self._start,
                exact=self._exact and self._start <= MAX_HEADER,
                algorithm=self._negotiation.agreed or self._negotiation.offered,
                known=self._known,
            )
            return (yield from self._go_on_guessing(final))
        if hit is not None:
            return (yield from self._give_up(hit.end(), clear=True))
        kept = 0 if final else MAX_HEADER + VISIBLE_LENGTH
        if len(self._held.data) <= kept:
            return False
        self._exact = False
        return (yield from self._give_up(len(self._held.data) - kept, clear=False))

    def _go_on_guessing(self, final: bool) -> Values:
        guesses, data = self._guesses, self._held.data
        if not guesses.due(len(data)) and not final:
            return False
        clear = read_clear(data, self._start)
        guess = guesses.grow(data, clear)
        if guess is not None:
            self._work += guesses.spent
            yield from self._adopt(guess)
            return True
        late = final or len(data) - self._start > 2 * MAX_PACKET
        if not guesses.over and not late and self._work + guesses.spent < WORK_LIMIT:
            return False
        self._work += guesses.spent
        self._tries += 1
        return (yield from self._reject(clear))

    def _reject(self, clear: Clear) -> Values:
        """Give up a start line before which no header stands."""
        self._guesses = Guesses([])
        if self._certain and clear.text and self._start:
            return (yield from self._give_up(self._start, clear=False))
        return (yield from self._give_up(self._start + _SHORTEST_START, clear=clear.text))

    def _give_up(self, size: int, *, clear: bool) -> Values:
        """Let the framer skip the first bytes, or drop them where they are compressed for sure."""
        self._exact = False
        chunk = self._held.take(size)
        line_begun = self._framer.unsure and not self._framer.skipping
        if self._certain and not clear and not line_begun:
            self._drop(chunk)
            return bool(self._held.data)
        yield from self._frame(chunk)
        if not self._framer.unsure:
            yield from self._resume()
        return bool(self._held.data)

    def _resume(self) -> Iterator[SipMessage | DissectError]:
        """Go on with clear SIP."""
        self._step, self._framer.stops = None, True
        self._guesses = Guesses([])
        self._in_step = True
        if self._held.data:
            yield from self._read_clear(self._held.take(len(self._held.data)))

    # Packets.

    def _adopt(self, guess: Guess) -> Iterator[SipMessage | DissectError]:
        """Take a guess that proved right, and what its packets say."""
        self._guesses = Guesses([])
        if guess.begin:
            yield from self._frame_or_drop(self._held.take(guess.begin))
        done = guess.begin
        for said in guess.said:
            yield from self._say(said.end - done, said.data)
            done = said.end
        self._guess = Guess(guess.ways, 0, guess.history)
        self._step = SipStream._read_packet
        if guess.history is not None:
            self._stale = False
            self._known = guess.ways
            self._negotiation.found = guess.ways[0][1]

    def _read_packet(self, final: bool) -> Values:
        """Read one packet; return whether to go on."""
        data, guess = self._held.data, self._guess
        layout = guess.ways[0][0]
        if not data:
            return False
        if data[0] in b"\r\n" and layout.size_at and (len(data) > 1 or final):
            blank = BLANK_LINES.match(data)
            if blank is not None and blank.end():
                yield from self._frame(self._held.take(blank.end()))
                return True
        if VISIBLE_START.match(data):
            yield from self._resume()
            return True
        if len(data) < (VISIBLE_LENGTH if _CAPITAL.match(data) and not final else layout.header):
            return False
        readings = guess.split(data)
        if len(readings) == 1 and guess.history is not None:
            [((packet, algorithm), guess.ways)] = readings.items()
            return (yield from self._read_certain(packet, algorithm))
        return (yield from self._read_doubtful(guess, final))

    def _read_doubtful(self, guess: Guess, final: bool) -> Values:
        """Read a packet that the layouts which came to the same so far read differently."""
        data, header = self._held.data, guess.ways[0][0].header
        if self._guesses.over:
            prefix = self._framer.unfinished
            self._guesses = Guesses([Guess(guess.ways, 0, guess.history, prefix)])
        elif not self._guesses.due(len(data)) and not final:
            return False
        clear = read_clear(data, header) if VISIBLE_START.match(data, header) else None
        found = self._guesses.grow(data, clear)
        if found is not None:
            self._work += self._guesses.spent
            yield from self._adopt(found)
            return True
        if self._guesses.over or len(data) > 2 * MAX_PACKET:
            self._search_from(exact=True)
            return True
        return False

    def _read_certain(self, packet: Packet, algorithm: str) -> Values:
        """Read a packet that can be read in one way only."""
        data, guess = self._held.data, self._guess
        compressed = packet.flags & COMPRESSED
        if len(data) < max(packet.end, self._try_at):
            return False
        if self._stale and compressed and not packet.flags & AT_FRONT:
            return self._skip(packet, _STALE)
        try:
            said, end, guess.history = unpack(packet, data, guess.history, algorithm)
        except Truncated as error:
            if not packet.end and len(data) < MAX_PACKET:
                self._retries += 1
                self._try_at = len(data) + (len(data) // 8 if self._retries > _RETRIES else 1)
                return False
            return self._skip(packet, error.summary)
        except DissectError as error:
            return self._skip(packet, error.summary)
        self._stale = self._stale and not packet.flags & (AT_FRONT | FLUSHED)
        yield from self._say(end, said)
        return True

    def _skip(self, packet: Packet, why: str) -> bool:
        """Drop a packet that cannot be read; those behind it refer to it, up to a new beginning."""
        self._guess.history = History(SIZES[self._guess.ways[0][1]])
        self._stale = True
        if not packet.end:
            self._search_from(exact=False)
        else:
            self._dropped.add(self._held.take(packet.end), why)
        return True

    def _say(self, size: int, data: bytes) -> Iterator[SipMessage | DissectError]:
        """Hand on what a packet of `size` bytes says."""
        self._try_at = self._retries = 0
        chunk = self._held.take(size)
        if data:
            yield from self._frame(as_one_piece(chunk, data))

    def _frame(self, chunk: StreamChunk) -> Iterator[SipMessage | DissectError]:
        if self._dropped.size:
            yield self._dropped.tell(self._negotiation)
            if self._framer.unfinished:
                chunk = replace(chunk, gap_before=-1, gap_reason="they could not be unpacked")
        yield from self._framer.push(chunk)

    def _frame_or_drop(self, chunk: StreamChunk) -> Iterator[SipMessage | DissectError]:
        if self._certain:
            self._drop(chunk)
        else:
            yield from self._frame(chunk)

    def _drop(self, chunk: StreamChunk) -> None:
        why = "no reading of them as packets gives SIP"
        if self._known:
            why = _STALE
        self._dropped.add(chunk, why)

    def _interrupt(self, why: str) -> Iterator[SipMessage | DissectError]:
        """Close what a gap or the end interrupts; what follows is looked at anew."""
        searching = self._step is SipStream._search
        if self._held.data:
            chunk = self._held.take(len(self._held.data))
            if searching and not self._certain:
                yield from self._frame(chunk)
            else:
                self._dropped.add(chunk, f"a packet is cut: {why}")
        if self._dropped.size:
            yield self._dropped.tell(self._negotiation)
        self._step, self._guesses = None, Guesses([])
        self._framer.stops = True


class _Dropped:
    """Bytes that were not read, until they are told."""

    def __init__(self) -> None:
        self.size = 0
        self._first = b""
        self._frame = 0
        self._time_ns = 0
        self._why = ""

    def add(self, chunk: StreamChunk, why: str) -> None:
        """Count the bytes of `chunk`."""
        if not self.size:
            self._first, self._why = chunk.data[:_SHOWN], why
            self._frame, self._time_ns = chunk.frames[0][-1], chunk.time_ns[0]
        elif len(self._first) < _SHOWN:
            self._first += chunk.data[: _SHOWN - len(self._first)]
        self.size += len(chunk.data)

    def tell(self, negotiation: Negotiation) -> DissectError:
        """Return what to say of them; forget them."""
        name = negotiation.algorithm
        agreed = f"NEGOTIATE agreed on {name}" if negotiation.agreed else f"{name} by its packets"
        error = Unsupported(
            f"{self.size} bytes of compressed SIP ({agreed}) could not be unpacked: {self._why}; "
            f"they begin with {self._first.hex(' ')}",
            layer="sip",
            spec=_SPEC,
            frame_number=self._frame,
            time_ns=self._time_ns,
        )
        self.size, self._first = 0, b""
        return error

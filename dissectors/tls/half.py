"""One direction of a TLS connection: where it stands, its keys, its next sequence number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dissectors.errors import DissectError
from dissectors.tls.agreement import APPLICATION, EARLY, HANDSHAKE_KEYS, Agreement, Candidate
from dissectors.tls.handshake import HandshakeReader
from dissectors.tls.record import Found, RecordFramer, TlsRecord
from dissectors.transport.stream import Frames, StreamChunk

Out = list[StreamChunk | DissectError]
"""Plaintext and faults, on their way out."""

SEARCH_LIMIT = 4096
"""Sequence numbers that are tried, at most, to find the one of a record after lost bytes."""

_SMALLEST_RECORD = 14
"""Bytes of a protected record without content: header, type and tag of CCM_8 in TLS 1.3."""


class Plaintext:
    """Joins the plaintext of consecutive records into one chunk."""

    def __init__(self, direction: int) -> None:
        self._direction = direction
        self._gap_reason = ""
        self._begin()

    def _begin(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0
        self._ends: list[int] = []
        self._frames: list[Frames] = []
        self._time_ns: list[int] = []
        self._first_time_ns: list[int] = []

    def add(self, record: TlsRecord, plain: bytes) -> None:
        """Append the plaintext of one record."""
        if plain:
            self._parts.append(plain)
            self._length += len(plain)
            self._ends.append(self._length)
            self._frames.append(record.frames)
            self._time_ns.append(record.time_ns)
            self._first_time_ns.append(record.first_time_ns)

    def mark_gap(self, reason: str, out: Out) -> None:
        """Say that plaintext is missing before what is added next."""
        self.flush(out)
        self._gap_reason = reason

    def flush(self, out: Out) -> None:
        """Hand over what was added."""
        if self._parts:
            chunk = StreamChunk(
                self._direction,
                b"".join(self._parts),
                self._ends,
                self._frames,
                self._time_ns,
                self._first_time_ns,
                -1 if self._gap_reason else 0,
                self._gap_reason,
            )
            out.append(chunk)
            self._gap_reason = ""
            self._begin()


class Half:
    """One direction of a TLS connection."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.framer = RecordFramer()
        self.reader = HandshakeReader()
        self.plain = Plaintext(direction)
        self.agreement = Agreement()
        """What the handshake that this half is in agrees on; shared with the other half."""
        self.handshakes = 0
        """Hellos that this half has sent."""
        self.switch_pending = False
        """True after a ChangeCipherSpec, until the new keys are found."""
        self.switched = False
        """True once a ChangeCipherSpec was seen."""
        self.finished = False
        """True once the Finished of the first handshake was seen."""
        self.encrypted = False
        """True while records are protected, and the keys looked up."""
        self.next_epochs: tuple[int, ...] = (EARLY, HANDSHAKE_KEYS, APPLICATION)
        """TLS 1.3: epochs of the keys that the next protected record may be written with."""
        self.current: Candidate | None = None
        """The keys that opened the last record; None until a record of new keys was opened."""
        self.candidates: list[Candidate] = []
        """The keys to try while `current` is None."""
        self.sequence = 0
        """Number of the next record, if none is missing before it."""
        self.slack = 0
        """So many records may be missing before the next one."""
        self.doubtful = ""
        """Why records may be missing before the next one; empty when none can."""
        self.failures = 0
        """Records in a row that did not open."""
        self.gaps = 0
        """Gaps so far."""
        self.lost_bytes = 0
        """Bytes lost in them, as far as their number is known."""
        self.closed = False
        """True when no more of this half can be opened."""
        self.held: Found = []
        """Records that wait for the other half's hello."""
        self.held_size = 0
        """What they take in memory, bytes."""
        self.waits_since = 0
        """The connection's `progress` when they began to wait."""
        self._nonce_lead = 0
        self._switched_in: Agreement | None = None

    def lose(self, record: TlsRecord) -> None:
        """Take note, once, of the bytes that were lost before `record`."""
        lost, record.gap_before = record.gap_before, 0
        self.doubt(record.gap_reason, lost // _SMALLEST_RECORD + 1 if lost > 0 else SEARCH_LIMIT)
        self.gaps += 1
        self.lost_bytes += max(lost, 0)
        self.reader.reset()
        for candidate in self._in_use():
            candidate.opener.lose(lost, record.tail_before)

    def doubt(self, reason: str, count: int) -> None:
        """Take note that up to `count` more records may have gone by unopened."""
        self.slack = min(self.slack + count, SEARCH_LIMIT)
        self.doubtful = self.doubtful or reason

    def pass_over(self, record: TlsRecord) -> None:
        """Tell the openers of a record that they did not open."""
        for candidate in self._in_use():
            candidate.opener.pass_over(record)

    def _in_use(self) -> list[Candidate]:
        """Return the keys that records may be written with."""
        return self.candidates if self.current is None else [self.current]

    def switch(self) -> None:
        """Take a ChangeCipherSpec: what comes next is written with new keys."""
        self.switch_pending = self.switched = True
        self._switched_in = self.agreement
        self.slack, self.doubtful = 0, ""

    def switched_in(self, agreement: Agreement) -> bool:
        """Tell whether this half's ChangeCipherSpec of a handshake was the last one seen."""
        return self._switched_in is agreement

    def begin(self, candidates: list[Candidate]) -> None:
        """Take new keys into use; which of the candidates they are, the next record tells."""
        self.encrypted = True
        self.current, self.candidates = None, candidates
        self.sequence, self.failures, self._nonce_lead = 0, 0, 0

    def expect(self, *epochs: int) -> None:
        """Leave the keys in use (TLS 1.3); the next protected record asks for those of `epochs`."""
        self.encrypted = False
        self.current, self.candidates = None, []
        self.next_epochs = epochs

    def close(self) -> None:
        """Open no more."""
        self.closed = True
        self.current, self.candidates = None, []

    def trials(
        self, record: TlsRecord, following: Callable[[Half], list[Candidate]]
    ) -> Iterator[tuple[Candidate, int]]:
        """Yield the keys and sequence numbers that may be those of `record`, likely ones first.

        Parameters
        ----------
        record : TlsRecord
            The record to be opened.
        following : callable
            Returns the keys that may have replaced the current ones unseen; asked last.
        """
        for candidate in self._in_use():
            for sequence in self._sequences(candidate, record, self.sequence):
                yield candidate, sequence
        for candidate in following(self):
            for sequence in self._sequences(candidate, record, 0):
                yield candidate, sequence

    def _sequences(self, candidate: Candidate, record: TlsRecord, first: int) -> Iterator[int]:
        nonce = candidate.opener.explicit_nonce(record) if self.slack else None
        if nonce is not None and first <= nonce - self._nonce_lead < 1 << 64:
            # The nonce counts along with the records: it tells the number however many were lost.
            yield nonce - self._nonce_lead
        yield from range(first, first + self.slack + 1)

    def adopt(self, candidate: Candidate, record: TlsRecord, sequence: int) -> bool:
        """Keep what opened `record`; return whether records before it are missing."""
        before = self.current
        if before is None or candidate is before:
            missing = sequence > self.sequence
        else:
            # What changed the keys was lost: but for a Finished, nobody can tell what else was.
            missing = sequence > 0 or before.epoch >= APPLICATION
        self.current, self.candidates = candidate, []
        self.slack, self.failures = 0, 0
        self.advance(candidate, record, sequence + 1)
        return missing

    def advance(self, current: Candidate, record: TlsRecord, sequence: int) -> None:
        """Go on to the record numbered `sequence`; `record` is the one before it."""
        self.sequence = sequence
        nonce = current.opener.explicit_nonce(record)
        self._nonce_lead = 0 if nonce is None else nonce - (sequence - 1)

"""TLS sessions: records of both directions in, plaintext of both directions out.

::

    StreamChunk ─▶ RecordFramer ─▶ TlsRecord ─┬─ plain ──▶ HandshakeReader ─▶ keys
                                              └─ opaque ─▶ Opener ─▶ StreamChunk

The two directions of a connection are two halves with much the same life: hello, change of keys,
application data. What one half needs of the other (the other's hello) may come later, because whole
batches are pushed one direction after the other; until then its records wait.

References
----------
RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2), RFC 4346 (TLS 1.1), RFC 2246 (TLS 1.0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Unsupported
from dissectors.tls import handshake as hs
from dissectors.tls.cipher_suites import CipherSuite, cipher_suite
from dissectors.tls.keys import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_TRAFFIC,
    MASTER_SECRET,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
    KeyRing,
)
from dissectors.tls.protection import Opener, is_supported, opener_13, openers
from dissectors.tls.record import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEARTBEAT,
    RecordFramer,
    TlsRecord,
)
from dissectors.tls.schedule import HASH_LENGTHS, TLS13, next_traffic_secret
from dissectors.transport.stream import Frames, StreamChunk

SEARCH_LIMIT = 4096
"""Sequence numbers that are tried, at most, to find the one of a record after lost bytes."""

HELD_LIMIT = 16 << 20
"""Bytes of records that one half may hold back until the other half has shown its hello."""

_SMALLEST_RECORD = 22
"""Bytes of a protected record without content: header and, at least, 17 bytes of TLS 1.3."""

_HELD_OVERHEAD = 256
"""What a held record takes in memory beside its fragment, about."""

_ALLOWANCE, _ALLOWANCE_RATE = 16 << 20, 64
"""Bytes that may go into trials of sequence numbers, to begin with and for each byte pushed."""

_TRIAL_OVERHEAD = 512
"""What a trial costs beside its record's bytes, in bytes."""

_HANDSHAKE_LIMIT = 64
"""Handshakes (renegotiations) of one connection."""

_WRONG_KEY_FAILURES = 3
"""Records that fail before a key is found not to fit; the first may be a damaged one."""

_CLOSED_KEY_FAILURES = 64
"""Records that may go by unopened where the key log lacks the secrets of the handshake."""

_FAILURES = 16
"""Records in a row that fail before a half, opened so far, is given up."""

_EARLY, _HANDSHAKE_KEYS, _APPLICATION = -2, -1, 0
"""Epochs of TLS 1.3; each KeyUpdate adds one. Earlier versions know but one, 0."""

_VERSIONS = {0x0300: "SSL 3.0"} | {0x0301 + n: f"TLS 1.{n}" for n in range(4)}

_KEY_LOG, _RESUMPTION = "key log", "resumption"

_NO_HANDSHAKE = (
    "the capture begins after the TLS handshake: begin it before the connection is made, or make"
    " the client connect anew"
)
_NO_KEY = (
    "no key for this session in the key log: let the client or server write one (SSLKEYLOGFILE)"
    " from before the connection is made"
)
_NO_ORIGINAL = (
    "resumed from a session that is not in the capture, and the key log has no key for it: let the"
    " capture and the key log begin before the client first connects"
)
_WRONG_KEY = "the key log's key does not fit this session"


@dataclass(slots=True)
class TlsInfo:
    """What is known of one TLS connection."""

    version: str | None = None
    """Negotiated version: ``TLS 1.2``; None before the ServerHello is seen."""
    cipher_suite: str | None = None
    """Negotiated suite by its IANA name; a code that IANA does not know is written ``0xABCD``."""
    server_name: str | None = None
    """Host that the client asked for (RFC 6066 §3)."""
    alpn: str | None = None
    """Protocol agreed by ALPN (RFC 7301)."""
    resumed: bool | None = None
    """Whether the handshake resumed an earlier session; None while unknown."""
    extended_master_secret: bool | None = None
    """RFC 7627; None in TLS 1.3, which always does what it stands for, and while unknown."""
    encrypt_then_mac: bool | None = None
    """RFC 7366; None in TLS 1.3 and while unknown."""
    server_certificate: str | None = None
    """Subject of the server's certificate, RFC 4514; in TLS 1.3 known only when opened."""
    first_time_ns: int | None = None
    """Time of the first record, nanoseconds since 1970 UTC."""
    handshake_ns: int | None = None
    """Nanoseconds from the ClientHello to the last Finished of the first handshake."""
    alert: str | None = None
    """First fatal alert, sender and description: ``server: handshake_failure``."""
    records: int = 0
    """Application-data records seen; in TLS 1.3, while closed, other records cannot be told."""
    decrypted_records: int = 0
    """Of these, decrypted."""
    opened: bool = False
    """Whether application data was decrypted."""
    opened_by: str | None = None
    """What opened it: ``key log``, or ``resumption`` of a session that was opened."""
    reason: str | None = None
    """Why it was not opened, or only in part, and what to do; None when all is open."""


class _Candidate:
    """Keys that may be the ones; a plain class, so that nothing prints its secret."""

    __slots__ = ("epoch", "opener", "origin", "secret")

    def __init__(self, opener: Opener, epoch: int, secret: bytes, origin: str) -> None:
        self.opener = opener
        self.epoch = epoch
        self.secret = secret
        self.origin = origin


class _Handshake:
    """What one handshake agrees on; a connection has one more with each renegotiation."""

    def __init__(self) -> None:
        self.client_hello: hs.ClientHello | None = None
        self.server_hello: hs.ServerHello | None = None
        self.version: int | None = None
        self.suite: CipherSuite | None = None
        self.full = False
        self.ticket = b""
        self.resumed = False
        self.early_data_accepted: bool | None = None
        self.master_secret: bytes | None = None
        self.pairs: list[tuple[_Candidate, _Candidate]] = []

    @property
    def session_id_resumed(self) -> bool:
        """Whether the server took up the session id that the client sent (RFC 5246 §7.4.1.3)."""
        if self.client_hello is None or self.server_hello is None:
            return False
        return self.client_hello.session_id == self.server_hello.session_id != b""

    def remember(self, keys: KeyRing) -> None:
        """Leave the master secret, once it is proven, to sessions that resume this one."""
        session_id = self.server_hello.session_id if self.server_hello else b""
        for resumable in (session_id, self.ticket):
            if self.master_secret is not None and resumable:
                keys.remember(resumable, self.master_secret)


class _Plaintext:
    """Joins the plaintext of consecutive records into one chunk."""

    def __init__(self, direction: int) -> None:
        self._direction = direction
        self._gap_reason = ""
        self._begin()

    def _begin(self) -> None:
        self.parts: list[bytes] = []
        self.ends: list[int] = []
        self.frames: list[Frames] = []
        self.time_ns: list[int] = []
        self.first_time_ns: list[int] = []
        self.length = 0

    def add(self, record: TlsRecord, plain: bytes) -> None:
        """Append the plaintext of one record."""
        if plain:
            self.parts.append(plain)
            self.length += len(plain)
            self.ends.append(self.length)
            self.frames.append(record.frames)
            self.time_ns.append(record.time_ns)
            self.first_time_ns.append(record.first_time_ns)

    def mark_gap(self, reason: str, out: list[StreamChunk | DissectError]) -> None:
        """Say that plaintext is missing before what is added next."""
        self.flush(out)
        self._gap_reason = reason

    def flush(self, out: list[StreamChunk | DissectError]) -> None:
        """Hand over what was added."""
        if not self.parts:
            return
        chunk = StreamChunk(
            self._direction,
            b"".join(self.parts),
            self.ends,
            self.frames,
            self.time_ns,
            self.first_time_ns,
            -1 if self._gap_reason else 0,
            self._gap_reason,
        )
        out.append(chunk)
        self._gap_reason = ""
        self._begin()


class _Half:
    """One direction: where it stands in its handshake, its keys, its next sequence number."""

    def __init__(self, direction: int) -> None:
        self.framer = RecordFramer()
        self.reader = hs.HandshakeReader()
        self.plain = _Plaintext(direction)
        self.direction = direction
        self.handshake_number = -1
        self.switch_pending = False
        self.switched = False
        self.finished = False
        self.encrypted = False
        self.current: _Candidate | None = None
        self.candidates: list[_Candidate] = []
        self.sequence = 0
        self.slack = 0
        self.unsure = False
        self.shift = 0
        self.failures = 0
        self.gap_reason = ""
        self.gaps = 0
        self.lost_bytes = 0
        self.closed = False
        self.held: list[TlsRecord | DissectError] = []
        self.held_size = 0
        self.waits_since = -1

    def lose(self, record: TlsRecord) -> None:
        """Take note of the bytes that were lost before `record`."""
        unknown = record.gap_before < 0
        self.doubt(
            record.gap_reason,
            SEARCH_LIMIT if unknown else record.gap_before // _SMALLEST_RECORD + 1,
        )
        self.gaps += 1
        self.lost_bytes += max(record.gap_before, 0)
        self.reader.reset()
        self.pass_over(None)
        record.gap_before = 0

    def doubt(self, reason: str, count: int) -> None:
        """Take note that up to `count` more records may have gone by unopened."""
        self.slack = min(self.slack + count, SEARCH_LIMIT)
        self.unsure = True
        self.gap_reason = self.gap_reason or reason

    def switch(self) -> None:
        """Take a ChangeCipherSpec: what comes next is written with new keys."""
        self.switch_pending = self.switched = True
        self.slack, self.unsure, self.gap_reason = 0, False, ""

    def pass_over(self, record: TlsRecord | None) -> None:
        """Tell the openers of a record (None: of some) that they did not open."""
        for candidate in [self.current, *self.candidates]:
            if candidate is not None:
                candidate.opener.pass_over(record)

    def begin(self, candidates: list[_Candidate]) -> None:
        """Take new keys into use; which of the candidates they are, the next record tells."""
        self.encrypted = True
        self.switch_pending = False
        self.current, self.candidates = None, candidates
        self.sequence, self.shift, self.failures = 0, 0, 0

    def note_nonce(self, record: TlsRecord, sequence: int) -> None:
        """Remember by how much the nonces of this half run before its sequence numbers."""
        assert self.current is not None
        nonce = self.current.opener.explicit_nonce(record)
        self.shift = 0 if nonce is None else nonce - sequence

    def trials(
        self, record: TlsRecord, following: Sequence[_Candidate]
    ) -> Iterator[tuple[_Candidate, int]]:
        """Yield the keys and sequence numbers that may be those of `record`, likely ones first."""
        known = self.candidates if self.current is None else [self.current]
        for candidate in known:
            for sequence in self._sequences(candidate, record, self.sequence):
                yield candidate, sequence
        for candidate in following:
            for sequence in self._sequences(candidate, record, 0):
                yield candidate, sequence

    def _sequences(self, candidate: _Candidate, record: TlsRecord, first: int) -> Iterator[int]:
        nonce = candidate.opener.explicit_nonce(record) if self.slack else None
        if nonce is not None and first <= nonce - self.shift < 1 << 64:
            # The nonce counts along with the records: it tells the number however many were lost.
            yield nonce - self.shift
        yield from range(first, first + self.slack + 1)

    def adopt(self, candidate: _Candidate, sequence: int) -> bool:
        """Keep what opened a record; return whether the record before it was lost."""
        before = self.current
        skipped = sequence != (self.sequence if candidate is before or before is None else 0)
        updated = before is not None and candidate.epoch > max(before.epoch, 0)
        self.current, self.candidates = candidate, []
        self.sequence, self.slack, self.unsure, self.failures = sequence + 1, 0, False, 0
        return skipped or updated


class TlsSession:
    """Decrypts one TLS connection.

    Parameters
    ----------
    keys : KeyRing
        Keys, shared by all connections; may grow until a connection needs its own.
    """

    def __init__(self, keys: KeyRing) -> None:
        self.info = TlsInfo()
        """What is known so far; complete after :meth:`finish`."""
        self.client_direction: int | None = None
        """Direction of the chunks that the client sent; None before a hello is seen."""
        self._keys = keys
        self._halves = (_Half(0), _Half(1))
        self._handshakes: list[_Handshake] = []
        self._reasons: list[str] = []
        self._hello_ns: int | None = None
        self._finished_ns: int | None = None
        self._progress = 0
        self._trial_bytes = 0
        self._allowance = _ALLOWANCE

    @property
    def hopeless(self) -> bool:
        """True when nothing more can be decrypted, whatever is pushed."""
        return self._halves[0].closed and self._halves[1].closed

    def push(self, chunk: StreamChunk) -> Iterator[StreamChunk | DissectError]:
        """Take bytes of either direction; return plaintext of either direction, and faults."""
        out: list[StreamChunk | DissectError] = []
        half, other = self._halves[chunk.direction], self._halves[1 - chunk.direction]
        self._allowance += _ALLOWANCE_RATE * len(chunk.data)
        self._consume(half, half.framer.push(chunk), out)
        self._resume(other, out)
        # Early data waits for the server, whose own records may have waited for the client.
        self._resume(half, out)
        return iter(out)

    def finish(self) -> Iterator[StreamChunk | DissectError]:
        """Say that no more comes; return what was left, and why."""
        out: list[StreamChunk | DissectError] = []
        for half in self._halves:
            self._consume(half, half.framer.finish(), out)
        for handshake in self._handshakes:
            # Nobody saw the server refuse: what the client sent early is worth showing.
            handshake.early_data_accepted = handshake.early_data_accepted is not False
        self._progress += 1
        for half in self._halves:
            self._resume(half, out)
            self._abandon(half, out)
        self._explain()
        return iter(out)

    # Records: held back, in a run, or one by one

    def _consume(
        self,
        half: _Half,
        items: Sequence[TlsRecord | DissectError],
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Take the records of one half, as far as they can be taken now."""
        if half.held:
            self._hold(half, items, out)
            return
        index = 0
        while index < len(items):
            index = self._open_run(half, items, index)
            if index == len(items):
                break
            item = items[index]
            if isinstance(item, DissectError):
                out.append(item)
            elif not self._take(half, item, out):
                self._hold(half, items[index:], out)
                break
            index += 1
        half.plain.flush(out)

    def _resume(self, half: _Half, out: list[StreamChunk | DissectError]) -> None:
        """Take the records that were held back, when something happened since."""
        if half.held and half.waits_since != self._progress:
            items, half.held = half.held, []
            self._keys.release(half.held_size)
            half.held_size = 0
            self._consume(half, items, out)

    def _hold(
        self,
        half: _Half,
        items: Sequence[TlsRecord | DissectError],
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Hold records back until the other half has shown what they need."""
        half.waits_since = self._progress
        size = sum(
            len(item.fragment) + _HELD_OVERHEAD for item in items if isinstance(item, TlsRecord)
        )
        if half.held_size + size <= HELD_LIMIT and self._keys.hold(size):
            half.held.extend(items)
            half.held_size += size
            return
        summary = "too many TLS records wait for the other direction's handshake; they are dropped"
        out.append(LimitExceeded(summary, layer="tls"))
        half.held.extend(items)
        self._abandon(half, out)
        self._close(half, "the other direction's handshake is not in the capture")

    def _abandon(self, half: _Half, out: list[StreamChunk | DissectError]) -> None:
        """Drop the records that were held back, and tell."""
        self._keys.release(half.held_size)
        held, half.held, half.held_size = half.held, [], 0
        records = [item for item in held if isinstance(item, TlsRecord)]
        self.info.records += sum(record.content_type == APPLICATION_DATA for record in records)
        out.extend(item for item in held if isinstance(item, DissectError))
        if records:
            summary = f"{len(records)} TLS records could not be opened: the hello of the other side"
            fault = Lost(f"{summary} is not in the capture", layer="tls")
            out.append(_at(fault, records[0]))

    def _open_run(self, half: _Half, items: Sequence[TlsRecord | DissectError], index: int) -> int:
        """Open application data for as long as nothing is unusual; return where that ends."""
        current = half.current
        if current is None or half.unsure or half.switch_pending or current.epoch == _EARLY:
            return index
        open_record, add = current.opener.open, half.plain.add
        first = sequence = half.sequence
        for item in items[index:] if index else items:
            if (
                not isinstance(item, TlsRecord)
                or item.content_type != APPLICATION_DATA
                or item.gap_before
            ):
                break
            try:
                kind, plain = open_record(item, sequence)
            except InvalidTag:
                break
            if kind != APPLICATION_DATA:
                break
            add(item, plain)
            last = item
            sequence += 1
        if sequence > first:
            half.sequence = sequence
            half.note_nonce(last, sequence - 1)
            self._count_opened(half, sequence - first)
        return index + sequence - first

    def _count_opened(self, half: _Half, count: int) -> None:
        """Count application data that was opened."""
        assert half.current is not None
        self.info.opened = True
        self.info.opened_by = self.info.opened_by or half.current.origin
        self.info.records += count
        self.info.decrypted_records += count

    def _take(self, half: _Half, record: TlsRecord, out: list[StreamChunk | DissectError]) -> bool:
        """Take one record of any kind; return False when it must wait for the other half."""
        if record.gap_before:
            half.lose(record)
        if self.info.first_time_ns is None or record.first_time_ns < self.info.first_time_ns:
            self.info.first_time_ns = record.first_time_ns
        if half.switch_pending and not half.closed and not self._switch(half):
            return False
        if half.closed:
            self._pass_closed(half, record)
        elif half.encrypted:
            self._take_protected(half, record, out)
        elif record.content_type == APPLICATION_DATA:
            return self._take_unannounced(half, record, out)
        else:
            self._take_plain(half, record, out)
        return True

    def _take_plain(
        self, half: _Half, record: TlsRecord, out: list[StreamChunk | DissectError]
    ) -> None:
        """Take a record that is not protected."""
        if record.content_type == CHANGE_CIPHER_SPEC:
            half.switch()
        else:
            self._take_content(half, record, record.content_type, record.fragment, out)

    def _take_unannounced(
        self, half: _Half, record: TlsRecord, out: list[StreamChunk | DissectError]
    ) -> bool:
        """Take application data that no ChangeCipherSpec announced.

        So it is in TLS 1.3, where that message means nothing; else it was lost.
        """
        handshake = self._handshake_of(half)
        if handshake is not None and not self._may_begin(half, handshake):
            return False
        if handshake is not None and handshake.version != TLS13:
            half.doubt("the ChangeCipherSpec was lost", _FAILURES)
        self._begin(half, handshake)
        if half.closed:
            self._pass_closed(half, record)
        else:
            self._take_protected(half, record, out)
        return True

    def _pass_closed(self, half: _Half, record: TlsRecord) -> None:
        """Learn from a record that is not opened what its header tells."""
        if record.content_type == APPLICATION_DATA:
            self.info.records += 1
        elif record.content_type == HANDSHAKE and half.switched:
            self._note_finished(half, record)
        elif record.content_type == ALERT and len(record.fragment) == 2:
            self._note_alert(half, record.fragment)

    def _take_protected(
        self, half: _Half, record: TlsRecord, out: list[StreamChunk | DissectError]
    ) -> None:
        """Open one record and take what is in it."""
        handshake = self._handshake_of(half)
        assert handshake is not None
        if handshake.version == TLS13 and _is_plain_13(record):
            if record.content_type != CHANGE_CIPHER_SPEC:
                self._take_content(half, record, record.content_type, record.fragment, out)
            return
        opened = self._open(half, record, out)
        if opened is None:
            self._fail(half, handshake, record, out)
            return
        kind, plain = opened
        if kind == APPLICATION_DATA:
            self._deliver(half, handshake, record, plain, out)
        elif kind == CHANGE_CIPHER_SPEC and handshake.version != TLS13:
            half.switch()
        else:
            self._take_content(half, record, kind, plain, out)

    def _open(
        self, half: _Half, record: TlsRecord, out: list[StreamChunk | DissectError]
    ) -> tuple[int, bytes] | None:
        """Open a record, trying what keys and sequence numbers it may have; None when none fit."""
        cost = len(record.fragment) + _TRIAL_OVERHEAD
        for candidate, sequence in half.trials(record, self._following(half)):
            try:
                opened = candidate.opener.open(record, sequence)
            except InvalidTag:
                self._trial_bytes += cost
                if self._trial_bytes > self._allowance:
                    return None
                continue
            lost = half.adopt(candidate, sequence)
            half.note_nonce(record, sequence)
            if half.gap_reason and lost:
                half.plain.mark_gap(half.gap_reason, out)
            half.gap_reason = ""
            self._prove(half, candidate)
            return opened
        return None

    def _prove(self, half: _Half, candidate: _Candidate) -> None:
        """Keep a master secret that opened a record; for resumptions of the session as well."""
        handshake = self._handshake_of(half)
        assert handshake is not None
        if handshake.version != TLS13 and handshake.master_secret is None:
            handshake.master_secret = candidate.secret
            handshake.remember(self._keys)

    def _deliver(
        self,
        half: _Half,
        handshake: _Handshake,
        record: TlsRecord,
        plain: bytes,
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Pass on application data, but early data that the server did not take."""
        assert half.current is not None
        self._count_opened(half, 1)
        if half.current.epoch != _EARLY or handshake.early_data_accepted:
            half.plain.add(record, plain)
            return
        summary = "early data that the server refused; the client sends it again"
        fault = DissectError(summary, layer="tls", severity="note", spec="RFC 8446 §4.2.10")
        out.append(_at(fault, record))

    def _fail(
        self,
        half: _Half,
        handshake: _Handshake,
        record: TlsRecord,
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Deal with a record that does not open."""
        self.info.records += record.content_type == APPLICATION_DATA
        half.failures += 1
        half.pass_over(record)
        if self._trial_bytes > self._allowance:
            summary = "the sequence number of a TLS record was searched for too long"
            out.append(_at(LimitExceeded(summary, layer="tls"), record))
            self._close(
                half, f"lost bytes: the {self._side(half)}'s records do not open after them"
            )
        elif _is_quiet(half, handshake):
            self._give_up_after(half, handshake, _CLOSED_KEY_FAILURES)
        else:
            half.doubt("a TLS record did not open", 1)
            summary = "a TLS record does not open: its integrity check fails"
            fault = Malformed(f"{summary} at sequence number {half.sequence}", layer="tls")
            fault.spec = "RFC 8446 §5.2" if handshake.version == TLS13 else "RFC 5246 §6.2.3"
            out.append(_at(fault, record))
            proven = half.current is not None
            self._give_up_after(half, handshake, _FAILURES if proven else _WRONG_KEY_FAILURES)

    def _give_up_after(self, half: _Half, handshake: _Handshake, limit: int) -> None:
        """Close a half, or where its keys never fitted the session, after `limit` failures."""
        if half.failures < limit:
            return
        if half.current is not None or handshake.master_secret is not None:
            self._close(half, f"the {self._side(half)}'s records no longer open")
        elif handshake.version == TLS13:
            self._close(half, f"{_WRONG_KEY} ({self._side(half)}'s secret)")
        elif any(candidate.origin == _KEY_LOG for candidate in half.candidates):
            self._give_up(_WRONG_KEY)
        else:
            self._give_up(_NO_ORIGINAL if handshake.resumed else _NO_KEY)

    # Keys

    def _switch(self, half: _Half) -> bool:
        """Take new keys into use after a ChangeCipherSpec; return False when they must wait."""
        handshake = self._handshake_of(half)
        if handshake is not None and not self._may_begin(half, handshake):
            return False
        half.switch_pending = False
        if handshake is None or handshake.version != TLS13:
            self._begin(half, handshake)
        return True

    def _may_begin(self, half: _Half, handshake: _Handshake) -> bool:
        """Tell whether all that a half's keys hang on was seen."""
        if handshake.version is None or handshake.client_hello is None:
            return False
        waits_for_server = (
            self._is_client(half)
            and handshake.version == TLS13
            and handshake.client_hello.early_data
            and handshake.early_data_accepted is None
            and not self._halves[1 - half.direction].closed
        )
        return not waits_for_server

    def _begin(self, half: _Half, handshake: _Handshake | None) -> None:
        """Find the keys that a half begins to write with, or say why there are none."""
        if handshake is None:
            self._give_up(self._missing_hello(half))
            return
        if handshake.version == TLS13:
            epochs = (_EARLY, _HANDSHAKE_KEYS, _APPLICATION)
            self._begin_13(half, self._candidates_13(half, handshake, epochs))
            return
        if not self._is_client(half) and not half.lost_bytes:
            handshake.resumed = not handshake.full
        self._note_resumed(handshake)
        pairs = handshake.pairs = handshake.pairs or self._candidate_pairs(handshake)
        if pairs:
            half.begin([pair[0 if self._is_client(half) else 1] for pair in pairs])
        else:
            self._give_up(_NO_ORIGINAL if handshake.resumed else _NO_KEY)

    def _begin_13(self, half: _Half, candidates: list[_Candidate]) -> None:
        """Begin with keys of TLS 1.3, or close the half where the key log has none."""
        handshake = self._handshake_of(half)
        assert handshake is not None and handshake.client_hello is not None
        if candidates:
            half.begin(candidates)
        elif handshake.client_hello.random in self._keys:
            side = self._side(half)
            other = "client" if side == "server" else "server"
            reason = f"the key log has only the {other}'s secret: what the {side} sent stays closed"
            self._close(half, reason)
        else:
            self._give_up(_NO_KEY)

    def _candidate_pairs(self, handshake: _Handshake) -> list[tuple[_Candidate, _Candidate]]:
        """Return the keys, of client and server, that each possible master secret gives."""
        client, server, suite = handshake.client_hello, handshake.server_hello, handshake.suite
        assert client and server and suite and handshake.version
        secrets = {secret: _KEY_LOG for secret in self._keys.secrets(MASTER_SECRET, client.random)}
        for resumable in (client.session_id, client.session_ticket):
            secret = self._keys.recall(resumable) if resumable else None
            if secret is not None:
                secrets.setdefault(secret, _RESUMPTION)
        pairs = []
        for secret, origin in secrets.items():
            both = openers(
                handshake.version,
                suite,
                secret,
                client.random,
                server.random,
                server.encrypt_then_mac,
            )
            one, two = (_Candidate(opener, _APPLICATION, secret, origin) for opener in both)
            pairs.append((one, two))
        return pairs

    def _candidates_13(
        self, half: _Half, handshake: _Handshake, epochs: Sequence[int]
    ) -> list[_Candidate]:
        """Return the keys of TLS 1.3 that the key log gives a half in certain epochs."""
        assert handshake.client_hello is not None and handshake.suite is not None
        suite, labels = handshake.suite, _LABELS[self._is_client(half)]
        length = HASH_LENGTHS[suite.prf_hash]
        return [
            _Candidate(opener_13(suite, secret), epoch, secret, _KEY_LOG)
            for epoch in epochs
            if epoch in labels
            for secret in self._keys.secrets(labels[epoch], handshake.client_hello.random)
            if len(secret) == length
        ]

    def _following(self, half: _Half) -> list[_Candidate]:
        """Return the keys that may follow the current ones where their change was not seen."""
        handshake, current = self._handshake_of(half), half.current
        if handshake is None or handshake.version != TLS13 or current is None:
            return []
        if current.epoch < _APPLICATION:
            epochs = range(current.epoch + 1, _APPLICATION + 1)
            return self._candidates_13(half, handshake, epochs)
        return [self._next_epoch(half)] if half.unsure else []

    def _next_epoch(self, half: _Half) -> _Candidate:
        """Return the keys after a KeyUpdate (RFC 8446 §7.2)."""
        handshake, current = self._handshake_of(half), half.current
        assert handshake is not None and handshake.suite is not None and current is not None
        secret = next_traffic_secret(handshake.suite.prf_hash, current.secret)
        opener = opener_13(handshake.suite, secret)
        return _Candidate(opener, current.epoch + 1, secret, current.origin)

    # Content that is not application data

    def _take_content(
        self,
        half: _Half,
        record: TlsRecord,
        kind: int,
        content: bytes,
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Take the content of a record, opened or plain, that is not application data."""
        if kind == HANDSHAKE:
            self._read_messages(half, record, content, out)
        elif kind == ALERT and len(content) == 2:
            self._note_alert(half, content)
        elif kind != HEARTBEAT:
            summary = f"a TLS record of type {kind} with {len(content)} bytes makes no sense here"
            fault = Malformed(summary, layer="tls", severity="warning", spec="RFC 8446 §5.1")
            out.append(_at(fault, record))

    def _read_messages(
        self,
        half: _Half,
        record: TlsRecord,
        fragment: bytes,
        out: list[StreamChunk | DissectError],
    ) -> None:
        """Read the handshake messages that a record completes."""
        begins = half.handshake_number < 0 and not half.reader.pending
        if begins and fragment[:1] not in _FIRST_MESSAGES:
            self._give_up(self._missing_hello(half))
            return
        for message in half.reader.push(fragment):
            try:
                if isinstance(message, DissectError):
                    raise message
                self._read_message(half, record, *message)
            except DissectError as fault:
                out.append(_at(fault, record))

    def _read_message(self, half: _Half, record: TlsRecord, kind: int, body: bytes) -> None:
        """Read one handshake message; most say nothing that matters here."""
        read = _READERS.get(kind)
        if read is not None:
            read(self, half, record, body)

    def _read_client_hello(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        self._take_role(half.direction)
        hello = hs.decode_client_hello(body)
        handshake = self._handshake_of(half)
        # After a HelloRetryRequest the client says hello again, with the same random (§4.1.2).
        known = handshake and handshake.client_hello
        if not known or known.random != hello.random:
            handshake = self._next_handshake(half)
        assert handshake is not None
        handshake.client_hello = hello
        self._progress += 1
        if half.handshake_number == 0 and self._hello_ns is None:
            self._hello_ns = record.first_time_ns
            self.info.server_name = hello.server_name
        if hello.fault:
            raise Malformed(
                f"ClientHello: {hello.fault}", layer="tls", severity="warning", spec="RFC 8446 §4.2"
            )

    def _read_server_hello(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        self._take_role(1 - half.direction)
        hello = hs.decode_server_hello(body)
        handshake = self._handshake_of(half)
        if handshake is None or handshake.server_hello is not None:
            handshake = self._next_handshake(half)
        handshake.version, handshake.suite = hello.version, cipher_suite(hello.cipher_suite)
        self._progress += 1
        if hello.retry:
            return
        handshake.server_hello = hello
        if half.handshake_number == 0:
            self._note_server_hello(hello, handshake.suite)
        self._check_supported(hello.version, handshake.suite)
        if hello.fault:
            raise Malformed(
                f"ServerHello: {hello.fault}", layer="tls", severity="warning", spec="RFC 8446 §4.2"
            )

    def _note_server_hello(self, hello: hs.ServerHello, suite: CipherSuite) -> None:
        info = self.info
        info.version = _VERSIONS.get(hello.version, f"0x{hello.version:04X}")
        info.cipher_suite, info.alpn = suite.name, hello.alpn
        if hello.version == TLS13:
            info.resumed = hello.pre_shared_key
        else:
            info.extended_master_secret = hello.extended_master_secret
            info.encrypt_then_mac = hello.encrypt_then_mac and suite.mode == "CBC"

    def _check_supported(self, version: int, suite: CipherSuite) -> None:
        if is_supported(version, suite):
            return
        name = _VERSIONS.get(version)
        if name is None or version < TLS13 - 3:
            reason = f"{name or f'TLS version 0x{version:04X}'} is not opened by this version"
        else:
            reason = f"cipher suite {suite.name} in {name} is not opened by this version"
        self._give_up(reason)
        raise Unsupported(reason, layer="tls", severity="warning")

    def _read_new_session_ticket(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        handshake = self._handshake_of(half)
        if handshake is not None and handshake.version != TLS13:
            handshake.ticket = hs.decode_new_session_ticket(body)
            handshake.remember(self._keys)

    def _read_encrypted_extensions(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        handshake = self._handshake_of(half)
        if handshake is None or half.current is None:
            return
        extensions = hs.decode_encrypted_extensions(body)
        self.info.alpn = extensions.alpn
        handshake.early_data_accepted = extensions.early_data
        self._progress += 1

    def _read_certificate(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        handshake = self._handshake_of(half)
        if handshake is None or self._is_client(half):
            return
        handshake.full = True
        if self.info.server_certificate is None:
            certificate = hs.decode_certificate(body, handshake.version == TLS13)
            self.info.server_certificate = certificate and hs.certificate_subject(certificate)

    def _read_full_handshake(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        handshake = self._handshake_of(half)
        if handshake is not None:
            handshake.full = True

    def _read_end_of_early_data(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        handshake = self._handshake_of(half)
        if handshake is not None and half.current is not None and half.current.epoch == _EARLY:
            epochs = (_HANDSHAKE_KEYS, _APPLICATION)
            self._begin_13(half, self._candidates_13(half, handshake, epochs))

    def _read_finished(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        self._note_finished(half, record)
        handshake = self._handshake_of(half)
        # A client that proves itself later sends another Finished (§4.6.2), which changes no key.
        if handshake is None or half.current is None or half.current.epoch >= _APPLICATION:
            return
        self._begin_13(half, self._candidates_13(half, handshake, (_APPLICATION,)))

    def _read_key_update(self, half: _Half, record: TlsRecord, body: bytes) -> None:
        if half.current is not None and half.current.epoch >= _APPLICATION:
            handshake = self._handshake_of(half)
            if handshake is not None and handshake.version == TLS13:
                half.begin([self._next_epoch(half)])

    # Roles, times and reasons

    def _take_role(self, client_direction: int) -> None:
        """Settle which direction is the client's; it is the ClientHello's sender, always."""
        if self.client_direction is None:
            self.client_direction = client_direction
        elif self.client_direction != client_direction:
            raise Malformed("client and server change roles", layer="tls", spec="RFC 8446 §4.1")

    def _is_client(self, half: _Half) -> bool:
        return half.direction == self.client_direction

    def _side(self, half: _Half) -> str:
        return "client" if half.direction == (self.client_direction or 0) else "server"

    def _handshake_of(self, half: _Half) -> _Handshake | None:
        """Return the handshake that a half is in, or had last; None before its hello."""
        return self._handshakes[half.handshake_number] if half.handshake_number >= 0 else None

    def _next_handshake(self, half: _Half) -> _Handshake:
        """Move a half on to its next handshake, which the other half may have entered already."""
        if half.handshake_number + 1 >= _HANDSHAKE_LIMIT:
            self._give_up(f"more than {_HANDSHAKE_LIMIT} handshakes on one connection")
            raise LimitExceeded(self._reasons[-1], layer="tls")
        half.handshake_number += 1
        if half.handshake_number == len(self._handshakes):
            self._handshakes.append(_Handshake())
        return self._handshakes[half.handshake_number]

    def _note_resumed(self, handshake: _Handshake) -> None:
        """Tell in `info` whether the first handshake resumed a session, TLS 1.2 and before."""
        handshake.resumed = handshake.resumed or handshake.session_id_resumed
        if handshake is self._handshakes[0]:
            self.info.resumed = handshake.resumed

    def _note_finished(self, half: _Half, record: TlsRecord) -> None:
        """Take the time of the first handshake's last Finished."""
        if half.handshake_number == 0 and not half.finished:
            half.finished = True
            self._finished_ns = max(self._finished_ns or 0, record.time_ns)
        if self._finished_ns is not None and self._hello_ns is not None:
            self.info.handshake_ns = self._finished_ns - self._hello_ns

    def _note_alert(self, half: _Half, content: bytes) -> None:
        """Keep the first fatal alert (RFC 8446 §6: the level counts for nothing in TLS 1.3)."""
        level, description = content
        handshake = self._handshake_of(half)
        tls13 = handshake is not None and handshake.version == TLS13
        fatal = description not in hs.CLOSURE_ALERTS if tls13 else level == 2
        if fatal and self.info.alert is None:
            name = hs.ALERTS.get(description, f"alert {description}")
            self.info.alert = f"{self._side(half)}: {name}"

    def _missing_hello(self, half: _Half) -> str:
        """Say why a half's hello was not seen."""
        if half.framer.ssl2_hello:
            return "the client begins in SSL 2.0's format, which is not opened by this version"
        if not half.gaps:
            return _NO_HANDSHAKE
        lost = f"{half.lost_bytes} bytes" if half.lost_bytes else "bytes"
        return f"{lost} lost inside the handshake, and a hello with them: the keys cannot be made"

    def _close(self, half: _Half, reason: str) -> None:
        """Open no more of one half."""
        half.closed = True
        half.current, half.candidates = None, []
        self._progress += 1
        if reason not in self._reasons:
            self._reasons.append(reason)
            self.info.reason = "; ".join(self._reasons)

    def _give_up(self, reason: str) -> None:
        """Open no more of either half."""
        for half in self._halves:
            self._close(half, reason)

    def _explain(self) -> None:
        """Find a reason where records stayed closed, or none came, and none was given."""
        info = self.info
        if self._reasons:
            return
        if info.records > info.decrypted_records:
            closed = info.records - info.decrypted_records
            info.reason = f"{closed} of {info.records} application-data records did not open"
        elif not info.opened:
            info.reason = self._silence()

    def _silence(self) -> str:
        """Say why a connection had no application data."""
        if self.info.alert is not None:
            return f"the handshake failed: {self.info.alert}"
        if not self._handshakes:
            return _NO_HANDSHAKE
        handshake = self._handshakes[0]
        if handshake.server_hello is None:
            return "the server's answer to the ClientHello is not in the capture"
        if handshake.client_hello is None:
            return "the ClientHello is not in the capture"
        return "no application data in the capture"


def _at(fault: DissectError, record: TlsRecord) -> DissectError:
    """Say at which frame a fault was found."""
    if fault.frame_number is None:
        fault.frame_number, fault.time_ns = record.frames[-1], record.time_ns
    return fault


def _is_plain_13(record: TlsRecord) -> bool:
    """Tell whether a TLS 1.3 record is one that is never protected (RFC 8446 §5, appendix D.4)."""
    kind = record.content_type
    return kind in (CHANGE_CIPHER_SPEC, HANDSHAKE) or (kind == ALERT and len(record.fragment) == 2)


def _is_quiet(half: _Half, handshake: _Handshake) -> bool:
    """Tell whether records may stay closed and be no fault: the log lacks just their secret."""
    if handshake.version != TLS13 or half.current is not None or handshake.client_hello is None:
        return False
    epochs = {candidate.epoch for candidate in half.candidates}
    lacks_early = handshake.client_hello.early_data and _EARLY not in epochs
    return _HANDSHAKE_KEYS not in epochs or lacks_early


_LABELS: dict[bool, dict[int, str]] = {
    True: {_EARLY: CLIENT_EARLY, _HANDSHAKE_KEYS: CLIENT_HANDSHAKE, _APPLICATION: CLIENT_TRAFFIC},
    False: {_HANDSHAKE_KEYS: SERVER_HANDSHAKE, _APPLICATION: SERVER_TRAFFIC},
}
"""By side (True: client) and epoch, the key log's label."""

_FIRST_MESSAGES = (b"\0", b"\1", b"\2")
"""Handshake types that a direction may begin with: HelloRequest, ClientHello, ServerHello."""

_READERS: dict[int, Callable[[TlsSession, _Half, TlsRecord, bytes], None]] = {
    hs.CLIENT_HELLO: TlsSession._read_client_hello,
    hs.SERVER_HELLO: TlsSession._read_server_hello,
    hs.NEW_SESSION_TICKET: TlsSession._read_new_session_ticket,
    hs.END_OF_EARLY_DATA: TlsSession._read_end_of_early_data,
    hs.ENCRYPTED_EXTENSIONS: TlsSession._read_encrypted_extensions,
    hs.CERTIFICATE: TlsSession._read_certificate,
    hs.SERVER_KEY_EXCHANGE: TlsSession._read_full_handshake,
    hs.SERVER_HELLO_DONE: TlsSession._read_full_handshake,
    hs.FINISHED: TlsSession._read_finished,
    hs.KEY_UPDATE: TlsSession._read_key_update,
}

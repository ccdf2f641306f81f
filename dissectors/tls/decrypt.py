"""TLS sessions: bytes of both directions in, plaintext of both directions out.

::

    StreamChunk ─▶ RecordFramer ─▶ TlsRecord ─┬─ in clear ──▶ HandshakeReader ─▶ keys
                                              └─ protected ─▶ Opener ─▶ StreamChunk

The two directions are two halves with much the same life: hello, change of keys, application data.
What one half needs of the other (its hello) may come later, because whole batches are pushed one
direction after the other; until then its records wait.

References
----------
RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2), RFC 4346 (TLS 1.1), RFC 2246 (TLS 1.0).
"""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed
from dissectors.tls.agreement import APPLICATION, EARLY, HANDSHAKE_KEYS, Candidate
from dissectors.tls.connection import Connection
from dissectors.tls.half import Half, Out
from dissectors.tls.info import TlsInfo
from dissectors.tls.keys import KeyRing
from dissectors.tls.reasons import WRONG_KEY, why_wrong
from dissectors.tls.record import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEARTBEAT,
    Found,
    TlsRecord,
)
from dissectors.transport.stream import StreamChunk

__all__ = ["TlsInfo", "TlsSession"]

HELD_LIMIT = 16 << 20
"""Bytes of records that one half may hold back until the other half has said hello."""

_HELD_OVERHEAD = 256
"""What a held record takes in memory beside its fragment, about."""

_TRIAL_ALLOWANCE, _TRIAL_RATE = 16 << 20, 64
"""Bytes that may go into trials of sequence numbers: to begin with, and for each byte pushed."""

_TRIAL_OVERHEAD = 512
"""What a trial costs beside its record's bytes, in bytes."""

_WRONG_KEY_FAILURES = 3
"""Records that fail before a key is found not to fit; the first may be a damaged one."""

_LACKING_KEY_FAILURES = 64
"""Records that may stay closed where the key log lacks the keys of a TLS 1.3 handshake."""

_FAILURES = 16
"""Records in a row that fail before a half that was opened so far is given up."""


class TlsSession:
    """Decrypts one TLS connection.

    Parameters
    ----------
    keys : KeyRing
        Keys, shared by all connections. A connection asks for its own when its first protected
        record comes.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._connection = Connection(keys)
        self._keys = keys
        self._info = self._connection.info
        self._halves = self._connection.halves
        self._trial_bytes = 0
        self._trial_allowance = _TRIAL_ALLOWANCE

    @property
    def info(self) -> TlsInfo:
        """What is known so far; complete after :meth:`finish`."""
        return self._info

    @property
    def client_direction(self) -> int | None:
        """Direction of the chunks that the client sent, whose hello says so; else None."""
        return self._connection.client_direction

    @property
    def hopeless(self) -> bool:
        """True when nothing more can be decrypted or learned, whatever is pushed."""
        closed = self._halves[0].closed and self._halves[1].closed
        return closed and self._connection.is_settled

    def push(self, chunk: StreamChunk) -> Iterator[StreamChunk | DissectError]:
        """Take bytes of either direction; return plaintext of either direction, and faults.

        The plaintext of consecutive records is one chunk with a piece for each record. Its
        direction is that of the bytes it came in. All is done when this returns, whether what is
        returned is read or not.
        """
        out: Out = []
        half, other = self._halves[chunk.direction], self._halves[1 - chunk.direction]
        self._trial_allowance += _TRIAL_RATE * len(chunk.data)
        for found in half.framer.push(chunk):
            self._consume(half, found, out)
        self._resume(other, out)
        # Early data waits for the server, whose own records may have waited for the client.
        self._resume(half, out)
        return iter(out)

    def finish(self) -> Iterator[StreamChunk | DissectError]:
        """Say that no more comes; return what was left, and why."""
        out: Out = []
        for half in self._halves:
            # Nobody misses the end of what was not opened, nor need it have been pushed.
            self._consume(half, [] if half.closed else half.framer.finish(), out)
        for agreement in self._connection.agreements:
            # Nobody saw the server refuse: what the client sent early is worth showing.
            agreement.early_data_accepted = agreement.early_data_accepted is not False
        self._connection.progress += 1
        self._connection.over = True
        for half in self._halves:
            self._resume(half, out)
            self._abandon(half, out, Lost, "the other side's hello is missing")
        self._connection.explain()
        return iter(out)

    def secrets(self) -> list[tuple[str, bytes, bytes]]:
        """Return what opens this connection, as a key log would have it; no other secrets.

        Returns
        -------
        list of (str, bytes, bytes)
            Label, client random and secret of each secret that opened a record: one master secret
            (``CLIENT_RANDOM``) for each handshake before TLS 1.3, however it was found; the traffic
            secrets in TLS 1.3. Empty when nothing was opened.
        """
        return [entry for agreement in self._connection.agreements for entry in agreement.proven()]

    # Records that must wait

    def _hold(self, half: Half, items: Found, out: Out) -> None:
        """Hold records back until the other half has shown what they need."""
        if not half.held:
            half.waits_since = self._connection.progress
        size = sum(_size(item) for item in items)
        half.held.extend(items)
        if half.held_size + size <= HELD_LIMIT and self._keys.hold(size):
            half.held_size += size
            return
        self._abandon(half, out, LimitExceeded, "more than may wait for the other side's hello")
        self._connection.close(half, "the other direction's handshake is not in the capture")

    def _resume(self, half: Half, out: Out) -> None:
        """Take the records that were held back, if something happened since."""
        if half.held and half.waits_since != self._connection.progress:
            self._keys.release(half.held_size)
            items, half.held, half.held_size = half.held, [], 0
            self._consume(half, items, out)

    def _abandon(self, half: Half, out: Out, kind: type[DissectError], why: str) -> None:
        """Drop the records that were held back, and tell."""
        self._keys.release(half.held_size)
        held, half.held, half.held_size = half.held, [], 0
        records = [item for item in held if isinstance(item, TlsRecord)]
        self._info.records += sum(item.content_type == APPLICATION_DATA for item in records)
        out.extend(item for item in held if isinstance(item, DissectError))
        if records:
            summary = f"{len(records)} TLS records stay closed: {why}"
            self._connection.tell(kind(summary, layer="tls"), records[0], out)

    # Records in a run, and one by one

    def _consume(self, half: Half, items: Found, out: Out) -> None:
        """Take what came of one half, as far as it can be taken now."""
        index = len(items) if half.held else 0
        if half.held:
            self._hold(half, items, out)
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

    def _open_run(self, half: Half, items: Found, index: int) -> int:
        """Open application data for as long as nothing is unusual; return where that ends."""
        current = half.current
        if current is None or half.doubtful or half.switch_pending or current.epoch == EARLY:
            return index
        open_record, add = current.opener.open, half.plain.add
        first = sequence = half.sequence
        for position in range(index, len(items)):
            item = items[position]
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
            half.advance(current, last, sequence)
            self._count(sequence - first, current.origin)
        return index + sequence - first

    def _count(self, records: int, origin: str) -> None:
        """Count application data that was opened."""
        info = self._info
        info.opened = True
        info.opened_by = info.opened_by or origin
        info.records += records
        info.decrypted_records += records

    def _take(self, half: Half, record: TlsRecord, out: Out) -> bool:
        """Take one record of any kind; return False when it must wait for the other half.

        A ChangeCipherSpec takes new keys into use, but in TLS 1.3, where it is but for show (RFC
        8446 appendix D.4) and the first protected record speaks for itself.
        """
        if record.gap_before:
            self._lose(half, record)
        if self._info.first_time_ns is None or record.first_time_ns < self._info.first_time_ns:
            self._info.first_time_ns = record.first_time_ns
        unannounced = _is_unannounced(half, record)
        if not half.closed and (half.switch_pending or unannounced):
            if not self._connection.may_begin(half):
                return False
            half.switch_pending = False
            if unannounced or not half.agreement.is_13:
                self._connection.begin(half)
        if half.closed:
            self._pass_closed(half, record, out)
        elif half.encrypted:
            self._take_protected(half, record, out)
        else:
            self._take_clear(half, record, out)
        return True

    def _lose(self, half: Half, record: TlsRecord) -> None:
        """Take note of bytes that were lost, and give up where the cipher cannot go on."""
        half.lose(record)
        if half.current is not None and half.current.opener.hopeless:
            reason = half.current.opener.hopeless
            side = self._connection.side(half)
            self._connection.close(half, f"what the {side} sent after lost bytes: {reason}")

    def _pass_closed(self, half: Half, record: TlsRecord, out: Out) -> None:
        """Learn from a record that stays closed what its header tells, and the rest in clear."""
        kind, connection = record.content_type, self._connection
        if kind == APPLICATION_DATA:
            self._info.records += 1
        elif kind == ALERT:
            clear = record.fragment if len(record.fragment) == 2 else None
            connection.note_alert(half, record, clear)
        elif half.agreement.is_13:
            return
        elif kind == CHANGE_CIPHER_SPEC:
            half.switched = True
        elif kind == HANDSHAKE and half.switched:
            connection.note_finished(half, record)
        elif kind == HANDSHAKE:
            connection.read_messages(half, record, record.fragment, out)

    def _take_clear(self, half: Half, record: TlsRecord, out: Out) -> None:
        """Take a record that is not protected."""
        if record.content_type != CHANGE_CIPHER_SPEC:
            self._take_content(half, record, record.content_type, record.fragment, out)
        elif not half.agreement.is_13:
            half.switch()

    def _take_protected(self, half: Half, record: TlsRecord, out: Out) -> None:
        """Open one record and take what is in it."""
        if half.agreement.is_13 and _is_clear_13(record):
            self._take_clear(half, record, out)
            return
        opened = self._open(half, record, out)
        if opened is None:
            self._fail(half, record, out)
            return
        candidate, kind, plain = opened
        if kind == APPLICATION_DATA:
            self._deliver(half, candidate, record, plain, out)
        elif kind == CHANGE_CIPHER_SPEC and not half.agreement.is_13:
            half.switch()
        else:
            self._take_content(half, record, kind, plain, out)

    def _deliver(
        self, half: Half, candidate: Candidate, record: TlsRecord, plain: bytes, out: Out
    ) -> None:
        """Pass on application data, but early data that the server did not take."""
        self._count(1, candidate.origin)
        if candidate.epoch != EARLY or half.agreement.early_data_accepted:
            half.plain.add(record, plain)
            return
        summary = "early data that the server refused; the client sends it again"
        fault = DissectError(summary, layer="tls", severity="note", spec="RFC 8446 §4.2.10")
        self._connection.tell(fault, record, out)

    def _take_content(
        self, half: Half, record: TlsRecord, kind: int, content: bytes, out: Out
    ) -> None:
        """Take content, opened or in clear, that is not application data."""
        if kind == HANDSHAKE:
            self._connection.read_messages(half, record, content, out)
        elif kind == ALERT and len(content) == 2:
            self._connection.note_alert(half, record, content)
        elif kind != HEARTBEAT:
            summary = f"a TLS record of type {kind} with {len(content)} bytes makes no sense here"
            fault = Malformed(summary, layer="tls", severity="warning", spec="RFC 8446 §5.1")
            self._connection.tell(fault, record, out)

    # Opening, where keys or sequence numbers are to be found out

    def _open(self, half: Half, record: TlsRecord, out: Out) -> tuple[Candidate, int, bytes] | None:
        """Open a record, trying what keys and numbers it may have; None when none of them fits."""
        cost = len(record.fragment) + _TRIAL_OVERHEAD
        for candidate, sequence in half.trials(record, self._connection.following):
            try:
                kind, plain = candidate.opener.open(record, sequence)
            except InvalidTag:
                self._trial_bytes += cost
                if self._trial_bytes > self._trial_allowance:
                    break
                continue
            if half.adopt(candidate, record, sequence) and half.doubtful:
                half.plain.mark_gap(half.doubtful, out)
            half.doubtful = ""
            candidate.agreement.prove(candidate, self._keys)
            return candidate, kind, plain
        return None

    def _fail(self, half: Half, record: TlsRecord, out: Out) -> None:
        """Deal with a record that does not open."""
        half.failures += 1
        if not _lacks_keys(half):
            self._info.records += record.content_type == APPLICATION_DATA
        half.pass_over(record)
        if self._trial_bytes > self._trial_allowance:
            summary = "the sequence number of a TLS record was searched for too long"
            self._connection.tell(LimitExceeded(summary, layer="tls"), record, out)
            side = self._connection.side(half)
            self._connection.close(half, f"the {side}'s records do not open after lost bytes")
        elif _lacks_keys(half):
            self._stop_after(_LACKING_KEY_FAILURES, half)
        else:
            half.doubt("a TLS record did not open", 1)
            summary = "a TLS record does not open: its integrity check fails"
            spec = "RFC 8446 §5.2" if half.agreement.is_13 else "RFC 5246 §6.2.3"
            fault = Malformed(f"{summary} at number {half.sequence}", layer="tls", spec=spec)
            self._connection.tell(fault, record, out)
            self._stop_after(_FAILURES if half.current else _WRONG_KEY_FAILURES, half)

    def _stop_after(self, limit: int, half: Half) -> None:
        """Close a half, or both where keys never fitted the session, after `limit` failures."""
        if half.failures < limit:
            return
        connection, agreement = self._connection, half.agreement
        if half.current is not None or agreement.is_proven:
            connection.close(half, f"the {connection.side(half)}'s records no longer open")
        elif agreement.is_13:
            connection.close(half, f"{WRONG_KEY} ({connection.side(half)}'s secret)")
        else:
            origins = {candidate.origin for candidate in half.candidates}
            connection.give_up(why_wrong(agreement, origins))


def _size(item: TlsRecord | DissectError) -> int:
    """Return about how many bytes an item takes while it is held."""
    return _HELD_OVERHEAD + (len(item.fragment) if isinstance(item, TlsRecord) else 0)


def _is_unannounced(half: Half, record: TlsRecord) -> bool:
    """Tell whether a record is protected though no ChangeCipherSpec came.

    So it is in TLS 1.3; before, the ChangeCipherSpec was lost.
    """
    return record.content_type == APPLICATION_DATA and not half.encrypted


def _is_clear_13(record: TlsRecord) -> bool:
    """Tell whether a TLS 1.3 record is one that is never protected (RFC 8446 §5, appendix D.4)."""
    kind = record.content_type
    return kind in (CHANGE_CIPHER_SPEC, HANDSHAKE) or (kind == ALERT and len(record.fragment) == 2)


def _lacks_keys(half: Half) -> bool:
    """Tell whether records stay closed without fault, as the key log lacks just their keys."""
    if not half.agreement.is_13 or half.current is not None or half.finished:
        return False
    epochs = {candidate.epoch for candidate in half.candidates}
    lacks_early = half.agreement.early_data and EARLY not in epochs
    return bool(epochs) and (epochs <= {APPLICATION} or (lacks_early and HANDSHAKE_KEYS in epochs))

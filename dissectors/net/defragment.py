"""IP fragments → whole datagrams, for IPv4 and IPv6.

References
----------
RFC 791 §3.2; RFC 8200 §4.5; RFC 5722 (overlapping IPv6 fragments are an attack); RFC 1858 and RFC
3128 (so are some IPv4 fragments).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed

MAX_PAYLOAD = 65535
"""Bytes that a datagram's payload can have at most (the total length has 16 bits)."""

_PIECE_COST = 160
"""Memory that a piece needs beside its bytes: the sender chooses how small pieces are."""

_ECHO_PIECES = 64
"""Datagrams of more pieces are not remembered once whole; at an MTU of 1,500 there are 45."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment of an IP datagram."""

    key: Hashable
    """What all fragments of a datagram share: IP version, addresses, identification and, for IPv4,
    protocol (RFC 791 §3.2, RFC 8200 §4.5)."""
    overlap_allowed: bool
    """True for IPv4, where the first copy of a byte wins; False for IPv6 (RFC 5722 §4)."""
    offset: int
    """Where its payload begins in the datagram's, bytes."""
    more: bool
    """Whether more fragments follow."""
    payload: bytes
    """Its payload, as far as it was captured."""
    missing: int
    """Bytes of its payload that were sent behind these but not captured."""
    header: bytes
    """The IP header that the datagram is to have, if this is its first fragment."""
    frame_number: int
    """Frame that carries it."""
    time_ns: int
    """That frame's time, nanoseconds since 1970 UTC."""
    wire_length: int
    """Bytes of that frame on the wire."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One reassembled datagram."""

    header: bytes
    """IP header of its first fragment."""
    payload: bytes
    """The payload of all fragments."""
    missing: int
    """Bytes that its last fragment had behind these, but that were not captured."""
    wire_length: int
    """Bytes of all its frames on the wire."""


Piece = tuple[int, int, bytes]  # begin, end, payload


@dataclass(slots=True)
class _Pending:
    """A datagram of which fragments are missing."""

    overlap_allowed: bool
    frame_number: int
    time_ns: int
    pieces: list[Piece] = field(default_factory=list)
    header: bytes = b""
    size: int = -1
    missing: int = 0
    held: int = 0
    cost: int = 0
    wire_length: int = 0
    dropped: bool = False
    echo: bool = True

    def is_whole(self) -> bool:
        """Whether no byte is missing: pieces never overlap, so their sum tells."""
        return not self.dropped and self.held == self.size


class Defragmenter:
    """Collects fragments until their datagram is whole.

    Fragments may come in any order and more than once. Where IPv4 fragments overlap, the first copy
    of a byte wins, as with Windows (RFC 791 §3.2 would have the last), and is told when another one
    differs; overlapping IPv6 fragments spoil their datagram (RFC 5722 §4). A datagram that is not
    whole after `timeout_s` of capture time, or for which there is no room, is given up and told.

    Parameters
    ----------
    timeout_s : int
        How long a datagram may stay incomplete, seconds of capture time (RFC 791 §3.2 proposes 15,
        RFC 8200 §4.5 wants 60).
    max_datagrams : int
        How many incomplete datagrams are kept.
    max_bytes : int
        How many bytes of memory they may hold in all.
    """

    def __init__(
        self, *, timeout_s: int = 30, max_datagrams: int = 4096, max_bytes: int = 32 << 20
    ) -> None:
        self._timeout_s = timeout_s
        self._max_datagrams = max_datagrams
        self._max_bytes = max_bytes
        self._pending: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._done: OrderedDict[Hashable, frozenset[int]] = OrderedDict()
        self._cost = 0
        self._now_ns = 0

    def __len__(self) -> int:
        return len(self._pending)

    def push(self, fragment: Fragment) -> Iterator[Datagram | DissectError]:
        """Add one fragment; yield its datagram when that is whole now, and what went wrong."""
        yield from self.expire(fragment.time_ns)
        pending = self._pending.get(fragment.key)
        if pending is None:
            pending = self._begin(fragment)
        pending.wire_length += fragment.wire_length
        error = self._add(pending, fragment)
        if error is not None:
            yield error
        if pending.is_whole():
            yield self._finish(fragment.key, pending)
        yield from self._make_room()

    def expire(self, now_ns: int) -> Iterator[DissectError]:
        """Give up what is older than the timeout at `now_ns`; yield one error for each."""
        self._now_ns = max(self._now_ns, now_ns)
        while self._pending:
            key, oldest = next(iter(self._pending.items()))
            if oldest.time_ns + self._timeout_s * 10**9 >= self._now_ns:
                return
            yield from self._give_up(key, f"after {self._timeout_s} s")

    def finish(self) -> Iterator[DissectError]:
        """Give up everything: the capture ends here."""
        for key in list(self._pending):
            yield from self._give_up(key, "at the end of the capture")

    def _begin(self, fragment: Fragment) -> _Pending:
        pending = _Pending(fragment.overlap_allowed, fragment.frame_number, fragment.time_ns)
        self._pending[fragment.key] = pending
        return pending

    def _add(self, pending: _Pending, fragment: Fragment) -> DissectError | None:
        if pending.dropped:
            return None
        fault = _contradiction(pending, fragment)
        if fault:
            return _malformed(fault, fragment)
        if 0 <= pending.size < fragment.offset + len(fragment.payload):
            return self._trim(pending, fragment)
        pending.echo = pending.echo and self._is_echo(fragment)
        if not fragment.more:
            pending.size = fragment.offset + len(fragment.payload)
            pending.missing = fragment.missing
        if fragment.offset == 0 and not pending.header:
            pending.header = fragment.header
        return self._insert(pending, fragment)

    def _trim(self, pending: _Pending, fragment: Fragment) -> DissectError:
        """Take what a fragment brings before the end of the datagram, as the receiver would."""
        inside = fragment.payload[: max(pending.size - fragment.offset, 0)]
        error = self._insert(pending, replace(fragment, payload=inside)) if inside else None
        return error or _malformed("IP fragment beyond the last one", fragment)

    def _insert(self, pending: _Pending, fragment: Fragment) -> DissectError | None:
        """Put the bytes that are new into their place."""
        begin, end = fragment.offset, fragment.offset + len(fragment.payload)
        first = bisect_left(pending.pieces, (begin,))
        if first and pending.pieces[first - 1][1] > begin:
            first -= 1
        last = bisect_left(pending.pieces, (max(end, begin + 1),))
        rivals = pending.pieces[first:last]
        new = _subtract((begin, end, fragment.payload), rivals)
        if rivals and not pending.overlap_allowed and rivals != [(begin, end, fragment.payload)]:
            return self._spoil(pending, fragment)
        pending.pieces[first:last] = sorted(rivals + new)
        pending.held += sum(len(piece[2]) for piece in new)
        self._charge(pending, sum(len(piece[2]) + _PIECE_COST for piece in new))
        if _differs((begin, end, fragment.payload), rivals):
            return _malformed(
                "overlapping IP fragments differ, of which the first counts", fragment
            )
        return None

    def _spoil(self, pending: _Pending, fragment: Fragment) -> DissectError:
        self._charge(pending, -pending.cost)
        pending.pieces.clear()
        pending.dropped = True
        return Malformed(
            "overlapping IPv6 fragments: their datagram is dropped",
            layer="ipv6",
            spec="RFC 5722 §4",
            frame_number=fragment.frame_number,
            time_ns=fragment.time_ns,
        )

    def _charge(self, pending: _Pending, cost: int) -> None:
        pending.cost += cost
        self._cost += cost

    def _finish(self, key: Hashable, pending: _Pending) -> Datagram:
        del self._pending[key]
        self._cost -= pending.cost
        self._remember(key, pending)
        payload = b"".join(piece[2] for piece in pending.pieces)
        return Datagram(pending.header, payload, pending.missing, pending.wire_length)

    def _remember(self, key: Hashable, pending: _Pending) -> None:
        if len(pending.pieces) <= _ECHO_PIECES:
            self._done[key] = frozenset(map(hash, pending.pieces))
        while len(self._done) > self._max_datagrams:
            self._done.popitem(last=False)

    def _is_echo(self, fragment: Fragment) -> bool:
        """Whether the fragment repeats one of a datagram that is already whole.

        A capture that holds each packet twice brings copies after the fact. Nothing is missing
        where they stay incomplete, so that is not told; where they become whole, they are
        delivered, as the copies of an unfragmented packet are.
        """
        done = self._done.get(fragment.key)
        end = fragment.offset + len(fragment.payload)
        return done is not None and hash((fragment.offset, end, fragment.payload)) in done

    def _make_room(self) -> Iterator[DissectError]:
        while len(self._pending) > self._max_datagrams or self._cost > self._max_bytes:
            yield from self._give_up(next(iter(self._pending)), "", LimitExceeded)

    def _give_up(
        self, key: Hashable, when: str, kind: type[DissectError] = Lost
    ) -> Iterator[DissectError]:
        pending = self._pending.pop(key)
        self._cost -= pending.cost
        if pending.dropped or pending.echo:
            return
        reason = f"given up {when}" if when else "given up: too many incomplete datagrams"
        size = "an unknown number of" if pending.size < 0 else str(pending.size)
        yield kind(
            f"fragmented IP datagram {reason}: {pending.held} of {size} bytes were captured",
            layer="ip",
            spec="RFC 791 §3.2",
            frame_number=pending.frame_number,
            time_ns=pending.time_ns,
        )


def _contradiction(pending: _Pending, fragment: Fragment) -> str:
    """Say what is wrong with a fragment among those that are there; empty when nothing is."""
    end = fragment.offset + len(fragment.payload)
    if end > MAX_PAYLOAD:
        return "IP fragment reaches beyond the largest datagram"
    if fragment.more and not fragment.payload:
        return "IP fragment without payload"
    if not fragment.more and pending.size not in (-1, end):
        return "IP fragment contradicts the datagram's length"
    if not fragment.more and pending.pieces and pending.pieces[-1][1] > end:
        return "last IP fragment ends before another one"
    return ""


def _malformed(summary: str, fragment: Fragment) -> Malformed:
    return Malformed(
        f"{summary}: what is wrong is ignored",
        layer="ip",
        severity="warning",
        spec="RFC 791 §3.2",
        frame_number=fragment.frame_number,
        time_ns=fragment.time_ns,
    )


def _differs(piece: Piece, others: list[Piece]) -> bool:
    """Tell whether a piece has other bytes than one of `others` at the same place."""
    begin, end, payload = piece
    for other_begin, other_end, other in others:
        low, high = max(begin, other_begin), min(end, other_end)
        if payload[low - begin : high - begin] != other[low - other_begin : high - other_begin]:
            return True
    return False


def _subtract(piece: Piece, taken: list[Piece]) -> list[Piece]:
    """Return what of `piece` none of `taken` covers; these ascend and do not overlap."""
    begin, end, payload = piece
    new, at = [], begin
    for other_begin, other_end, _ in taken:
        if at < other_begin:
            new.append((at, min(end, other_begin), payload[at - begin : other_begin - begin]))
        at = max(at, other_end)
    if at < end:
        new.append((at, end, payload[at - begin :]))
    return new

"""Packets that a capture shows twice: what mirror ports do, and captures on several interfaces.

A port that mirrors a VLAN in both directions copies a packet when it comes in and again when it
goes out, microseconds apart; so does a capture on all interfaces of a host that forwards. The
second copy is left out, by a rule that no retransmission meets. Both copies have the same
addresses, ports, protocol and content, TCP's sequence and acknowledgment numbers, flags, window and
length, and, as the case may be:

- UDP: the same identification, less than 0.1 s apart. SIP sends again after T1, 0.5 s (RFC 3261
  §17.1.1.1), and RTP and STUN send nothing twice: their sequence numbers and transactions differ.
- TCP and SCTP over IPv4 whose sender numbers its packets: the same identification, less than 0.1 s
  apart. Whoever sends a segment again gives it another number (RFC 6864 §4.3 knows exceptions, but
  none that every stack did not give up long ago).
- TCP and SCTP otherwise, that is over IPv6, and where the identification is 0 (RFC 6864 §4.1 allows
  it to packets that must not be fragmented) or is always the same, as some generators of packets
  leave it: the last 20 bytes of the header too, where the time stamps stand (RFC 7323 §3.2), within
  1 ms, and not without data, SYN, FIN or RST. Copies of bare acknowledgments stay there, as they
  cannot be told from those that a receiver repeats to ask for a segment (RFC 5681 §3.2).

TTL, hop limit, link layer, VLAN and tunnel may differ: a packet that was routed between the two
places is still one packet. A packet whose addresses were translated on the way is two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from dissectors.capture.batch import Int64
from dissectors.columns import Mask, gather, windows
from dissectors.link.link_layer import PDU_MESSAGE, PDU_STREAM
from dissectors.transport.grouping import Words
from dissectors.transport.layers import FIN, RST, SYN, UDP, Layers

NEAR_NS = 100_000_000
"""Copies are less than this apart."""
NEAR_UNNUMBERED_NS = 1_000_000
"""Copies of TCP segments are at most this far apart where no identification tells them."""
KEPT_ROWS = 4096
"""Last packets of a batch that the first of the next one are compared with."""

_TOLD_BY = 20
"""Bytes of the TCP header that are compared where no identification tells; each has as many."""
_IDENTIFICATION = np.dtype([("identification", ">u2")])
_EQUAL = (
    "protocol", "ip_version", "src_low", "dst_low", "src_high", "dst_high", "src_port", "dst_port",
    "seq", "ack", "flags", "window", "segment_length", "payload_length",
)  # fmt: skip
_BY_ROW = (
    "frame_number", "time_ns", *_EQUAL, "payload_start", "wire_length", "tunnel", "header_start",
)  # fmt: skip
_U = np.uint64
_ODD = _U(0x9E3779B97F4A7C15), _U(0xC2B2AE3D27D4EB4F), _U(0x165667B19E3779F9)


class _Pairs(NamedTuple):
    """P pairs of packets that may be copies: rows of an earlier and of a later one."""

    before: Layers
    first: Int64
    after: Layers
    second: Int64

    def pick(self, mask: Mask) -> _Pairs:
        """Return the pairs where `mask`."""
        return self._replace(first=self.first[mask], second=self.second[mask])


class DuplicateFilter:
    """Leaves out the second copies of packets, batch by batch.

    Memory is bounded: of a batch, the last `KEPT_ROWS` packets are kept for the next.
    """

    def __init__(self) -> None:
        self._last: Layers | None = None

    def push(self, layers: Layers) -> tuple[Layers, Int64]:
        """Leave out the copies among the next packets of a capture.

        Parameters
        ----------
        layers : Layers
            The next N rows of the capture, in frame order.

        Returns
        -------
        Layers
            The others; the same object where that is all of them.
        (M,) int64
            Frame numbers of the copies, ascending.
        """
        copy = np.zeros(len(layers), np.bool_)
        pairs = _pairs_within(layers)
        if len(pairs.first):
            copy[pairs.second[_are_copies(pairs)]] = True
        if self._last is not None and len(layers):
            pairs = _pairs_between(self._last, layers)
            if len(pairs.first):
                copy[pairs.second[_are_copies(pairs)]] = True
        if len(layers):
            self._last = _last_rows(_with_before(self._last, layers))
        if not copy.any():
            return layers, np.empty(0, np.int64)
        return _rows(layers, np.flatnonzero(~copy)), layers.frame_number[copy]


def _rows(layers: Layers, rows: Int64) -> Layers:
    columns = ((name, getattr(layers, name)) for name in _BY_ROW)
    picked: dict[str, Any] = {name: one[rows] for name, one in columns if one is not None}
    return replace(layers, **picked)


def _with_before(last: Layers | None, layers: Layers) -> Layers:
    """Put the rows that were kept before the rows of a batch that is too small to be kept alone."""
    if last is None or len(layers) >= KEPT_ROWS or _spans(layers) or last.header_start is None:
        return layers
    shift = {"payload_start": len(last.data), "header_start": len(last.data)}
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(last, name), getattr(layers, name) + shift.get(name, 0)])
        for name in _BY_ROW
    }
    return replace(layers, data=np.concatenate([last.data, layers.data]), **joined)


def _spans(layers: Layers) -> bool:
    """Tell whether a batch lasts so long that no copy of what came before it can follow it."""
    return bool(layers.time_ns[-1] - layers.time_ns[0] >= NEAR_NS)


def _last_rows(layers: Layers) -> Layers:
    """Return the last rows with a buffer of their own, so that the batch's can be given back."""
    late = layers.time_ns[-KEPT_ROWS:] > layers.time_ns[-1] - NEAR_NS
    kept = _rows(layers, np.flatnonzero(late) + len(layers) - len(late))
    header = kept.payload_start if kept.header_start is None else kept.header_start
    begin = max(int(np.minimum(header, kept.payload_start - _TOLD_BY).min(initial=1 << 62)), 0)
    end = int((kept.payload_start + kept.payload_length).max(initial=0))
    return replace(
        kept,
        data=layers.data[begin:end].copy(),
        payload_start=kept.payload_start - begin,
        header_start=None if kept.header_start is None else kept.header_start - begin,
        outside=None,
    )


# --- which may be copies ------------------------------------------------------------------------


def _pairs_within(layers: Layers) -> _Pairs:
    """Return pairs of rows with one hash, each row with the one before it."""
    mixed = _mixed(layers)
    rows = _not_alone(mixed)
    mixed = _with_identification(mixed[rows], layers, rows)
    again = _not_alone(mixed)  # in other slots: most had company by chance only
    rows, mixed = rows[again], mixed[again]
    order = np.argsort(mixed, kind="stable")
    alike = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
    return _Pairs(layers, rows[order[alike]], layers, rows[order[alike + 1]])


def _pairs_between(before: Layers, after: Layers) -> _Pairs:
    """Return pairs of the last rows of a batch and the first of the next with one hash."""
    first = np.arange(len(before))
    second = np.arange(min(len(after), KEPT_ROWS))
    known = _with_identification(_mixed(before), before, first)
    sought = _with_identification(_mixed(_rows(after, second)), after, second)
    order = np.argsort(known, kind="stable")
    at = np.searchsorted(known[order], sought, side="right") - 1
    found = at >= 0
    found[found] = known[order[at[found]]] == sought[found]
    return _Pairs(before, order[at[found]], after, second[found])


def _mixed(layers: Layers) -> Words:
    """Return a number for each row that copies have in common, and few others do.

    The first bytes of the payload tell the packets of RTP apart, the last of its header bare
    acknowledgments.
    """
    place = layers.payload_start + np.minimum(layers.payload_length, 8) - 8
    last = len(layers.data) - 8
    if last < 0:
        return np.zeros(len(layers), np.uint64)
    words = windows(layers.data, np.dtype(np.uint64))
    mixed: Words = words[np.clip(place, 0, last)] * _ODD[0]
    numbers = layers.seq.astype(np.uint64)
    numbers <<= _U(32)
    numbers |= layers.ack
    numbers += layers.src_low
    numbers *= _ODD[1]
    mixed ^= numbers
    mixed ^= mixed >> _U(29)
    mixed += layers.src_port
    mixed *= _ODD[2]
    return mixed


def _not_alone(mixed: Words) -> Int64:
    """Return, ascending, all rows whose number another row has, and few others.

    Each row is written to the slot that its number names: who does not find himself there again has
    company.
    """
    bits = min(max(len(mixed).bit_length() + 2, 10), 20)
    slot = (mixed >> _U(64 - bits)).astype(np.int64)
    place = np.arange(len(mixed), dtype=np.int32)
    table = np.empty(1 << bits, np.int32)
    table[slot] = place
    latest = table[slot]
    displaced = np.flatnonzero(latest != place)
    chosen = np.zeros(len(mixed), np.bool_)
    chosen[displaced] = chosen[latest[displaced]] = True
    rows: Int64 = np.flatnonzero(chosen)
    return rows


def _with_identification(mixed: Words, layers: Layers, rows: Int64) -> Words:
    number: Words = (mixed ^ _identification(layers, rows).astype(np.uint64)) * _ODD[0]
    return number


def _identification(layers: Layers, rows: Int64) -> Int64:
    """Return the identification of IPv4 packets (RFC 791 §3.1), 0 of others."""
    found = np.zeros(len(rows), np.int64)
    if layers.header_start is None:
        return found
    is_ipv4 = layers.ip_version[rows] == 4
    at = layers.header_start[rows[is_ipv4]] + 4
    found[is_ipv4] = gather(layers.data, at, _IDENTIFICATION)["identification"]
    return found


# --- which are copies ---------------------------------------------------------------------------


def _are_copies(pairs: _Pairs) -> Mask:
    alike = _headers_equal(pairs)
    if not alike.any():
        return alike
    chosen = pairs.pick(alike)
    numbered = _is_numbered(chosen)
    is_udp = chosen.after.protocol[chosen.second] == UDP
    apart = np.abs(chosen.after.time_ns[chosen.second] - chosen.before.time_ns[chosen.first])
    by_number = (is_udp | numbered) & (apart < NEAR_NS)
    by_content = ~is_udp & (apart <= NEAR_UNNUMBERED_NS) & _says_something(chosen)
    lead = np.where(by_number, 0, _TOLD_BY)
    near = np.flatnonzero(by_number | by_content)
    near = near[_contents_equal(chosen, near, lead)]
    copies = np.zeros(len(alike), np.bool_)
    copies[np.flatnonzero(alike)[near]] = True
    return copies


def _headers_equal(pairs: _Pairs) -> Mask:
    before, first, after, second = pairs
    equal: Mask = _identification(before, first) == _identification(after, second)
    for name in _EQUAL:
        equal &= getattr(before, name)[first] == getattr(after, name)[second]
    # An exported PDU is no packet: its addresses are what another program wrote down.
    tunnel = after.tunnel[second]
    equal &= (tunnel != PDU_MESSAGE) & (tunnel != PDU_STREAM)
    return equal


def _says_something(pairs: _Pairs) -> Mask:
    after, second = pairs.after, pairs.second
    carries = after.segment_length[second] > 0
    return carries | (after.flags[second] & (SYN | FIN | RST) > 0)


def _is_numbered(pairs: _Pairs) -> Mask:
    """Return of which pairs the sender gives each packet another identification.

    He does when two of his packets differ in it; that of other protocols' packets is not known.
    """
    after, second = pairs.after, pairs.second
    sources = [after] if pairs.before is after else [pairs.before, after]
    senders, of_pair = np.unique(after.src_low[second], return_inverse=True)
    lowest, highest = np.full(len(senders), 1 << 16), np.zeros(len(senders), np.int64)
    for layers in sources:
        rows = np.flatnonzero(np.isin(layers.src_low, senders))
        number = _identification(layers, rows)
        rows, number = rows[number > 0], number[number > 0]
        place = np.searchsorted(senders, layers.src_low[rows])
        np.minimum.at(lowest, place, number)
        np.maximum.at(highest, place, number)
    varies: Mask = (lowest < highest)[of_pair.reshape(-1)]
    return varies & (_identification(after, second) > 0)


def _contents_equal(pairs: _Pairs, chosen: Int64, lead: Int64) -> Mask:
    """Compare payloads, each with the `lead` bytes before it.

    One pair after the other, as lengths differ; only copies and forgeries come this far.
    """
    before, after = pairs.before.data.data, pairs.after.data.data
    first, second = pairs.first[chosen], pairs.second[chosen]
    lead = lead[chosen]
    columns = zip(
        np.maximum(pairs.before.payload_start[first] - lead, 0).tolist(),
        np.maximum(pairs.after.payload_start[second] - lead, 0).tolist(),
        (pairs.after.payload_length[second] + lead).tolist(),
        strict=True,
    )
    equal = [bytes(before[a : a + n]) == bytes(after[b : b + n]) for a, b, n in columns]
    return np.array(equal, np.bool_)

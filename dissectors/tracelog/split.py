"""Text of a trace log → its records; everything between them is passed over.

A record of the servers' loggers begins with a head (``TL_INFO(TF_PROTOCOL) [``) and ends with
``$$end_record``; one in a client's log stands between ``Data Received`` or ``Sending Packet`` and
``End of`` the same. What people paste into pages may lack the head, the end, or both: then the
record begins with the first of its fields, and ends where the next one begins.

The text is looked through for the few words that marks begin with; only these cost anything in
Python, so other components' lines pass at the speed of the search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dissectors.errors import DissectError, LimitExceeded, Truncated

Kind = Literal["trace", "packet", "fields"]

MAX_RECORD = 16 << 20
"""Longest record, bytes; Lync itself stops at far shorter messages."""

MAX_LINE = 1 << 20
"""Longest line that is waited for, bytes; a page may be one line."""

_REACH = 1024  # no mark is longer
_STEP = 1 << 20  # searched at once: hostile text may hold nothing but words that are no marks
_FIELDS_REACH = 2048
"""Bytes before ``Start-Line:`` in which the other fields of a record without head may stand."""

_END, _END_OF = b"$$end_record", b"End of "
_HEAD = re.compile(rb"TL_[A-Z]{3,10}\((TF_[A-Z_0-9]{1,40})\)[ \t]{0,8}\[")
_PACKET = re.compile(
    rb"(?:Data Received|Sending Packet)[ \t]*(?:-|:|\xe2\x80\x93)[^\r\n]{1,400}?bytes"
)
# One search for each word is many times faster than one expression for all of them.
_WORDS = (_END, b"TL_", b"Data Received", b"Sending Packet", b"Start-Line:")
_FIELD_LINE = re.compile(
    rb"[ \t>]*(?:(?:Trace-Correlation-Id|Instance-Id|Direction|Peer|Message-Type)[ \t]*:.*)?\r?\Z"
)
_BEGIN = b"$$begin_record"
_BLANK = b" \t\xc2\xa0"  # white space, the no-break space in UTF-8 included


@dataclass(slots=True)
class RawRecord:
    """The bytes of one record."""

    kind: Kind
    """``trace``: with a head; ``packet``: of a client's log; ``fields``: the head is missing."""
    data: bytes
    """From its first byte up to the mark that ends it."""
    line_number: int
    """Line on which it begins, from 1."""
    prefix: bytes
    """What stands before it on its line, as a rule nothing; in a quotation, before each line."""
    whole: bool
    """Whether its end was marked."""


@dataclass(slots=True)
class _Open:
    kind: Kind
    at: int
    prefix: bytes
    wanted: bool  # also without an end: it holds a protocol message, or said that it begins
    begun: bool = False  # it said so, and will say that it ends


class RecordSplitter:
    """Stream decoder: UTF-8 text of a log → its records.

    A record longer than :data:`MAX_RECORD` is told and skipped; that, a part of a chunk and the
    chunk itself is all that is held.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # marks before this were dealt with
        self._floor = 0  # where the last record ended
        self._line = 1
        self._counted = 0  # where line `_line` was counted up to
        self._open: _Open | None = None
        self._began = False  # a mark was seen: what an end without beginning is, is known

    def push(self, chunk: bytes) -> Iterator[RawRecord | DissectError]:
        """Take more text; yield the records that it completes and what is wrong with others."""
        self._buffer += chunk
        end = self._buffer.rfind(b"\n", self._searched) + 1
        if not end and len(self._buffer) - self._searched > MAX_LINE:
            end = len(self._buffer) - _REACH
        if end > self._searched:
            yield from self._search(end)
        yield from self._trim()

    def finish(self) -> Iterator[RawRecord | DissectError]:
        """End the text: yield the record that is left open, if any."""
        yield from self._search(len(self._buffer))
        if self._open is not None and self._open.wanted:
            record = self._close(self._open, len(self._buffer), whole=False)
            if self._open.begun:
                yield _fault(Truncated, "the log ends inside a record", record.line_number)
            yield record
        self._open = None
        self._buffer.clear()

    def _search(self, end: int) -> Iterator[RawRecord | DissectError]:
        while self._searched < end:
            step = min(end, self._searched + _STEP)
            yield from self._search_step(step)
            self._searched = step

    def _search_step(self, end: int) -> Iterator[RawRecord | DissectError]:
        # A mark that begins before `end` may end behind it, in a line that is not there whole yet.
        for at, word in self._words(end):
            if word == _END:
                yield from self._on_end(at)
            elif word == b"TL_":
                yield from self._on_head(at)
            elif word == b"Start-Line:":
                yield from self._on_start_line(at)
            elif self._open is not None and self._open.kind == "trace" and self._open.begun:
                continue  # somebody's text
            elif self._buffer.startswith(_END_OF, max(0, at - len(_END_OF))):
                yield from self._on_packet_end(at)
            else:
                yield from self._on_packet(at)

    def _words(self, end: int) -> list[tuple[int, bytes]]:
        """Return the words that may be marks and begin before `end`, in order."""
        found = []
        for word in _WORDS:
            reach = end + len(word) - 1
            at = self._buffer.find(word, self._searched, reach)
            while at >= 0:
                found.append((at, word))
                at = self._buffer.find(word, at + len(word), reach)
        found.sort()
        return found

    def _on_head(self, at: int) -> Iterator[RawRecord | DissectError]:
        head = _HEAD.match(self._buffer, at)
        prefix = self._prefix(at) if head else None
        if head is None or prefix is None:
            return
        protocol = head[1] == b"TF_PROTOCOL"
        del head  # as long as it is alive, the buffer cannot change its size
        yield from self._supersede(at - len(prefix))
        line = self._buffer.find(b"\n", at, at + _REACH)
        begins = self._buffer.find(_BEGIN, at, line if line >= 0 else at + _REACH) >= 0
        self._open = _Open("trace", at, prefix, protocol or begins, begins)

    def _on_end(self, at: int) -> Iterator[RawRecord | DissectError]:
        if self._open is not None and self._open.kind != "packet":
            yield self._close(self._open, at, whole=True)
        elif not self._began:
            yield _fault(Truncated, "the log begins inside a record", self._line_of(at))
        self._open, self._began, self._floor = None, True, at + len(_END)

    def _on_packet(self, at: int) -> Iterator[RawRecord | DissectError]:
        if not _PACKET.match(self._buffer, at):
            return
        line = self._buffer.rfind(b"\n", max(self._floor, at - _REACH), at) + 1
        start = line or max(self._floor, at - _REACH)
        yield from self._supersede(start)
        self._open = _Open("packet", start, b"", wanted=True, begun=True)

    def _on_packet_end(self, at: int) -> Iterator[RawRecord | DissectError]:
        if self._open is not None and self._open.kind == "packet":
            line = self._buffer.rfind(b"\n", self._open.at, at) + 1
            yield self._close(self._open, line or at, whole=True)
        elif not self._began:
            yield _fault(Truncated, "the log begins inside a packet", self._line_of(at))
        self._open, self._began, self._floor = None, True, at

    def _on_start_line(self, at: int) -> Iterator[RawRecord | DissectError]:
        """Begin a record without head, unless this is a field of one with a head."""
        if self._open is not None and self._open.kind != "fields" and self._open.wanted:
            return
        prefix = self._prefix(at)
        if prefix is None:
            return
        start = self._first_field(at - len(prefix))
        yield from self._supersede(start)
        self._open = _Open("fields", start, prefix, wanted=True)

    def _first_field(self, line: int) -> int:
        """Return where the fields that stand right before the line at `line` begin."""
        first, low = line, max(self._floor, line - _FIELDS_REACH)
        while line > low:
            above = self._buffer.rfind(b"\n", low, line - 1) + 1
            if above <= low and low > self._floor:
                break
            above = max(above, low)
            text = bytes(self._buffer[above : line - 1])
            if not _FIELD_LINE.match(text):
                break
            if text.strip(b" \t\r>"):
                first = above
            line = above
        return first

    def _prefix(self, at: int) -> bytes | None:
        """Return what stands before a mark on its line; None when the mark is part of a text."""
        low = max(self._floor, at - _REACH, 0)
        line = self._buffer.rfind(b"\n", low, at) + 1 or low
        before = bytes(self._buffer[line:at])
        outside = before.rstrip(_BLANK)
        if not outside.strip(b"> "):
            return before
        # Behind a tag or the end of the record before it, a record begins in the middle of a line.
        return before[len(outside) :] if outside.endswith((b">", b"_record", b"```")) else None

    def _supersede(self, at: int) -> Iterator[RawRecord | DissectError]:
        """Close what is open where another record begins."""
        self._began = True
        last, self._open = self._open, None
        if last is None or not last.wanted:
            return
        record = self._close(last, max(at, last.at), whole=False)
        if last.begun:
            summary = "record without its end before the next one begins"
            yield _fault(Truncated, summary, record.line_number, "warning")
        yield record

    def _close(self, record: _Open, end: int, *, whole: bool) -> RawRecord:
        line = self._line_of(record.at)
        self._floor = end
        data = bytes(self._buffer[record.at : end])
        return RawRecord(record.kind, data, line, record.prefix, whole)

    def _line_of(self, at: int) -> int:
        if at < self._counted:
            return self._line - self._buffer.count(b"\n", at, self._counted)
        self._line += self._buffer.count(b"\n", self._counted, at)
        self._counted = at
        return self._line

    def _trim(self) -> Iterator[DissectError]:
        """Forget what is done with; give up a record that grew too long."""
        is_open = self._open
        if is_open is not None and self._searched - is_open.at > MAX_RECORD:
            if is_open.wanted:
                summary = f"record longer than {MAX_RECORD >> 20} MiB was skipped"
                yield _fault(LimitExceeded, summary, self._line_of(is_open.at))
            self._open = is_open = None
            self._floor = self._searched
        keep = self._searched - _FIELDS_REACH if is_open is None else is_open.at - _REACH
        keep = min(keep, self._searched)
        if keep <= max(len(self._buffer) >> 1, 0):
            return
        self._line_of(keep)
        del self._buffer[:keep]
        self._searched -= keep
        self._floor = max(0, self._floor - keep)
        self._counted -= keep
        if is_open is not None:
            is_open.at -= keep


def _fault(
    kind: type[DissectError],
    summary: str,
    line: int,
    severity: Literal["warning", "error"] = "error",
) -> DissectError:
    return kind(summary, layer="log", severity=severity, frame_number=line)

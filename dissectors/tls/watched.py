"""A TLS session that tells of each record what became of it.

Where the tables want plaintext only, a person who looks at one frame wants the envelopes.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.tls.decrypt import TlsSession
from dissectors.tls.half import Half, Out, Plaintext
from dissectors.tls.keys import KeyRing
from dissectors.tls.record import APPLICATION_DATA, Found, TlsRecord


@dataclass(slots=True)
class WatchedRecord:
    """One record, and what was in it."""

    record: TlsRecord
    """The record as it was sent."""
    direction: int
    """Direction of the flow that it went in."""
    session: TlsSession
    """The session that it belongs to, whose `info` says why it stays closed."""
    content_type: int | None = None
    """What it held; None while it is closed."""
    content: bytes | None = None
    """Its plaintext; None while it is closed."""
    protected: bool = True
    """Whether it was protected: False for what was sent in clear."""


class WatchedSession(TlsSession):
    """Decrypts one TLS connection, and keeps the records that one frame had a part in.

    Parameters
    ----------
    keys : KeyRing
        Keys, shared by all connections.
    frame_number : int
        The frame.
    watched : list of WatchedRecord
        Its records are appended here; those of other connections may be there as well.
    """

    def __init__(self, keys: KeyRing, frame_number: int, watched: list[WatchedRecord]) -> None:
        super().__init__(keys)
        self._frame_number = frame_number
        self._watched = watched
        self._of_this: dict[int, WatchedRecord] = {}
        for half in self._halves:
            half.plain = _WatchedPlaintext(half.direction, self)

    def note(self, record: TlsRecord, kind: int, content: bytes, *, protected: bool) -> None:
        """Keep what was in a record, if it is one of those that are watched."""
        seen = self._of_this.get(id(record))
        if seen is not None and seen.content is None:
            seen.content_type, seen.content, seen.protected = kind, content, protected

    def _consume(self, half: Half, items: Found, out: Out) -> None:
        for item in items:
            if isinstance(item, TlsRecord) and self._frame_number in item.frames:
                self._watch(item, half)
        super()._consume(half, items, out)

    def _watch(self, record: TlsRecord, half: Half) -> None:
        """Keep a record; one that had to wait comes a second time."""
        if id(record) not in self._of_this:
            seen = WatchedRecord(record, half.direction, self)
            self._of_this[id(record)] = seen
            self._watched.append(seen)

    def _take_content(
        self, half: Half, record: TlsRecord, kind: int, content: bytes, out: Out
    ) -> None:
        protected = content is not record.fragment
        self.note(record, kind, content, protected=protected)
        super()._take_content(half, record, kind, content, out)

    def _take_clear(self, half: Half, record: TlsRecord, out: Out) -> None:
        self.note(record, record.content_type, record.fragment, protected=False)
        super()._take_clear(half, record, out)

    def _pass_closed(self, half: Half, record: TlsRecord, out: Out) -> None:
        in_clear = half.handshakes and not half.encrypted and not half.switched
        if in_clear and record.content_type != APPLICATION_DATA:
            self.note(record, record.content_type, record.fragment, protected=False)
        super()._pass_closed(half, record, out)


class _WatchedPlaintext(Plaintext):
    """Tells the session which record each piece of plaintext came from."""

    def __init__(self, direction: int, session: WatchedSession) -> None:
        super().__init__(direction)
        self._session = session

    def add(self, record: TlsRecord, plain: bytes) -> None:
        """Append the plaintext of one record."""
        self._session.note(record, APPLICATION_DATA, plain, protected=True)
        super().add(record, plain)

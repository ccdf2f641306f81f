"""Which captures continue each other: the files of a rotated set are one trace.

A recorder that begins a new file every hour cuts TCP streams and dialogs where it likes. Files of
the same format and link type whose times do not overlap are therefore read in order of time as if
they were one. Files that overlap in time were recorded at different places, where the same packet
is seen twice: each of them begins (or continues) a sequence of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, TypeVar

from pipelines.errors import UsageError
from pipelines.ingest import FirstPacket, can_read_twice, capture_name, first_packet

SLACK_NS = 1_000_000_000
"""How far a file may begin before the end of the one that it continues, nanoseconds: packets of
several interfaces are written a little out of order. At most a tenth of the latter's length."""


@dataclass(frozen=True, slots=True)
class Part:
    """One capture of a request."""

    ordinal: int
    """Its number among the captures of the request, from 1."""
    path: str
    """Where it is."""
    name: str
    """Name in the tables; unlike those of all others."""
    first: FirstPacket | None
    """Its first packet; None when it has none, or is not to be looked at beforehand."""


def parts_of(paths: list[str], *, each: bool = False) -> list[Part]:
    """Return the captures in order of time.

    Parameters
    ----------
    paths : list of str
    each : bool
        Leave them in the order given, and let none continue another.
    """
    names = unique_names(paths)
    look = len(paths) > 1 and not each
    parts = [
        Part(ordinal, path, name, _first(path) if look else None)
        for ordinal, (path, name) in enumerate(zip(paths, names, strict=True), 1)
    ]
    return sorted(parts, key=lambda part: part.first.time_ns if part.first else -(1 << 63))


def _first(path: str) -> FirstPacket | None:
    if not can_read_twice(path):
        return None
    try:
        return first_packet(path)
    except UsageError:  # told when it is read
        return None


def unique_names(paths: list[str]) -> list[str]:
    """Return each capture's name: that of its file, or its path where two files share a name.

    Examples
    --------
    >>> unique_names(["a/edge.pcap", "b/edge.pcap", "fe.pcap"])
    ['a/edge.pcap', 'b/edge.pcap', 'fe.pcap']
    """
    known = Counter(capture_name(path) for path in dict.fromkeys(paths))
    return [
        path if known[capture_name(path)] > 1 else capture_name(path) for path in map(str, paths)
    ]


R = TypeVar("R")


@dataclass(slots=True)
class _Entry(Generic[R]):
    run: R
    last: Part
    start_ns: int
    end_ns: int


class Runs(Generic[R]):
    """Runs through the stack that are still open, and which capture continues which."""

    def __init__(self) -> None:
        self._entries: list[_Entry[R]] = []
        self._finished: list[R] = []

    def continued_by(self, part: Part) -> R | None:
        """Return the run that `part` continues, or None.

        Of several, it is the one whose last file is named most alike, then the one that ended last.
        """
        fitting = [entry for entry in self._entries if _continues(part, entry)]
        best = max(fitting, key=lambda one: (_likeness(part, one.last), one.end_ns), default=None)
        return best.run if best else None

    def keep(self, run: R, part: Part, end_ns: int | None) -> None:
        """Note that `part` was read by `run`, whose latest packet is of `end_ns`."""
        for entry in self._entries:
            if entry.run is run:
                entry.last, entry.end_ns = part, end_ns or entry.end_ns
                return
        if part.first is None or end_ns is None:
            self._finished.append(run)
        else:
            self._entries.append(_Entry(run, part, part.first.time_ns, end_ns))

    def without_successor(self, rest: Iterable[Part]) -> list[R]:
        """Take out the runs that none of the captures in `rest` can continue."""
        kinds = {_kind(part.first) for part in rest if part.first}
        over = [entry for entry in self._entries if _kind(entry.last.first) not in kinds]
        self._entries = [entry for entry in self._entries if entry not in over]
        finished, self._finished = self._finished, []
        return [*finished, *(entry.run for entry in over)]


def _kind(first: FirstPacket | None) -> tuple[str, int] | None:
    return (first.format, first.link_type) if first else None


def _continues(part: Part, entry: _Entry[R]) -> bool:
    if part.first is None or _kind(part.first) != _kind(entry.last.first):
        return False
    slack = min(SLACK_NS, (entry.end_ns - entry.start_ns) // 10)
    return part.first.time_ns >= entry.end_ns - slack


def _likeness(part: Part, other: Part) -> int:
    """Return how many words and numbers two paths share: edge1_0002 is more like edge1_0001."""
    words, others = _words(part.path), _words(other.path)
    return sum(word == another for word, another in zip(words, others, strict=False))


def _words(path: str) -> list[str]:
    pure = PurePath(path)
    return [str(pure.parent), *re.findall(r"\d+|\D+", pure.name)]

"""What two views of one capture's SIP messages disagree on, frame by frame."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Seen(NamedTuple):
    """A SIP message as one of them sees it."""

    frame_number: int
    """Frame that completed it."""
    method: str | None
    """Method; of a response, that of its CSeq."""
    status_code: int | None
    """Status code of a response."""
    call_id: str | None
    """Call-ID."""
    cseq: int | None
    """Number of its CSeq."""

    @property
    def name(self) -> str:
        """The message in words, for people."""
        what = f"{self.status_code} to {self.method}" if self.status_code else f"{self.method}"
        cseq = f", CSeq {self.cseq}" if self.cseq is not None else ""
        return f"{what}, Call-ID {self.call_id or 'missing'}{cseq}"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One message that both do not see alike."""

    kind: Literal["missing", "extra", "different"]
    """``missing``: only we see it; ``extra``: only the other does; ``different``: each its own."""
    ours: Seen | None
    """As we see it."""
    theirs: Seen | None
    """As the other sees it."""

    @property
    def frame_number(self) -> int:
        """The frame it is about."""
        return (self.ours or self.theirs or _NOTHING).frame_number


_NOTHING = Seen(0, None, None, None, None)


def compare(ours: Iterable[Seen], theirs: Iterable[Seen]) -> tuple[int, list[Disagreement]]:
    """Compare two views.

    Messages are alike when all their fields are, and they stand in the same order within a frame.
    Of those that are not, two in one frame are each other's counterpart in the order in which they
    stand there; then two in different frames that are alike but for that.

    Returns
    -------
    int
        How many messages both see alike.
    list of Disagreement
        The others, in the order of their frames.
    """
    alike_ours, only_ours, alike_theirs, only_theirs = _divided(list(ours), list(theirs))
    here, there = _by_frame(alike_ours), _by_frame(alike_theirs)
    swapped = [pair for pair in zip(here, there, strict=True) if pair[0] != pair[1]]
    pairs, only_ours, only_theirs = _paired(only_ours, only_theirs, _frame)
    moved, only_ours, only_theirs = _paired(only_ours, only_theirs, _content)
    found = [Disagreement("different", *pair) for pair in (*swapped, *pairs, *moved)]
    found += [Disagreement("missing", one, None) for one in only_ours]
    found += [Disagreement("extra", None, one) for one in only_theirs]
    return len(here) - len(swapped), sorted(found, key=lambda one: one.frame_number)


def _divided(
    ours: list[Seen], theirs: list[Seen]
) -> tuple[list[Seen], list[Seen], list[Seen], list[Seen]]:
    """Return what each side has in common with the other, and what it has alone."""
    return (*_split(ours, Counter(theirs)), *_split(theirs, Counter(ours)))


def _split(rows: list[Seen], others: Counter[Seen]) -> tuple[list[Seen], list[Seen]]:
    """Divide `rows` into those that `others` has too, each as often as it has it, and the rest."""
    common: list[Seen] = []
    alone: list[Seen] = []
    for row in rows:
        (common if others[row] > 0 else alone).append(row)
        others[row] -= 1
    return common, alone


def _by_frame(rows: list[Seen]) -> list[Seen]:
    return sorted(rows, key=lambda row: row.frame_number)


def _frame(row: Seen) -> object:
    return row.frame_number


def _content(row: Seen) -> object:
    return row[1:]


def _paired(
    ours: list[Seen], theirs: list[Seen], key: Callable[[Seen], object]
) -> tuple[list[tuple[Seen, Seen]], list[Seen], list[Seen]]:
    """Pair rows of the same key, in order; also return the rows that are left on each side."""
    waiting: defaultdict[object, list[Seen]] = defaultdict(list)
    for row in reversed(theirs):
        waiting[key(row)].append(row)
    pairs, left = [], []
    for row in ours:
        rows = waiting.get(key(row))
        if rows:
            pairs.append((row, rows.pop()))
        else:
            left.append(row)
    return pairs, left, [row for rows in waiting.values() for row in reversed(rows)]

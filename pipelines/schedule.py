"""Which table is made when: several hands make the tables of one run side by side.

A table can be made as soon as those are there that it is made of. Of those that can, the one goes
first that begins the longest chain of efforts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

from pipelines.analysis import analyses
from pipelines.table_maker import sources_of

Maker = Callable[[str], object]
"""Makes the table of a name; returns when it is there."""


def make_tables(wanted: Collection[str], hands: Sequence[Maker]) -> None:
    """Make the tables that are wanted and those that they are made of, each once.

    Parameters
    ----------
    wanted : collection of str
        Names of tables.
    hands : sequence of callable
        Each makes one table at a time; the first in this thread, the others in threads that wait
        for other processes.

    Raises
    ------
    Exception
        What a hand raised that failed; no further table is begun then.
    """
    schedule = _Schedule(wanted)
    with ThreadPoolExecutor(len(hands)) as pool:
        others = [pool.submit(schedule.work, hand) for hand in hands[1:]]
        schedule.work(hands[0])
    for other in others:
        other.result()


class _Schedule:
    """What is still to be made, and by whom; for use from several threads."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._failed = False
        self._missing: dict[str, set[str]] = {}
        self._weights: dict[str, int] = {}
        self._changed = Condition()
        for name in wanted:
            self._enter(name, 0)

    def work(self, hand: Maker) -> None:
        """Make one table after the other, until nothing is left to be made."""
        while (name := self._take()) is not None:
            made = False
            try:
                hand(name)
                made = True
            finally:
                self._end(name, made=made)

    def _enter(self, name: str, after: int) -> None:
        """Enter a table, and its sources, on which chains of the length `after` wait."""
        weight = after + (analyses[name].effort if name in analyses else 1)
        if self._weights.get(name, 0) < weight:
            self._weights[name] = weight
            self._missing[name] = set(sources_of(name))
            for source in self._missing[name]:
                self._enter(source, weight)

    def _take(self) -> str | None:
        """Return what to make next; None when there is nothing more. Waits while others work."""
        with self._changed:
            while self._missing and not self._failed:
                ready = [name for name, sources in self._missing.items() if not sources]
                if ready:
                    name = max(ready, key=self._weights.__getitem__)
                    del self._missing[name]
                    return name
                self._changed.wait()
            return None

    def _end(self, name: str, *, made: bool) -> None:
        with self._changed:
            self._failed |= not made
            for sources in self._missing.values():
                sources.discard(name)
            self._changed.notify_all()

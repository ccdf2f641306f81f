"""Text that many rows repeat, and a bound for it."""

from __future__ import annotations

LONGEST_REPEATED = 1000
"""Characters of a text that :func:`short` leaves."""


def short(text: str | None) -> str | None:
    """Return a text that many rows repeat, cut where it is longer than any that makes sense.

    A body of some megabytes, one huge name and thousands of parts under it, would else fill the
    memory with copies of that name. The whole text is in `bodies`.
    """
    if text is None or len(text) <= LONGEST_REPEATED:
        return text
    return text[:LONGEST_REPEATED] + "…"

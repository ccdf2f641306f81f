"""Python's garbage collector, kept from looking through millions of objects that are no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 100_000
"""Objects, made and not yet gone, from which it is worth to look through them."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from running on its own.

    Hardly anything of what is made from a capture has cycles; what has is collected by
    :func:`collect_young` where little is alive.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_young() -> None:
    """Collect what was made since the last time and has cycles, if much is left of it."""
    if gc.get_count()[0] > _YOUNG:
        gc.collect(0)

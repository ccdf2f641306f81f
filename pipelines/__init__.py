"""From captures and keys to tables, findings and files.

>>> from pipelines import read_capture
>>> trace = read_capture("fixtures/skype_ringback/skype_ringback.pcapng",
...                      keys=["fixtures/skype_ringback/sslkeys.log"])
>>> len(trace.calls) > 0
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.trace import Trace, read_capture

__version__ = "0.1.0"

__all__ = ["Trace", "__version__", "read_capture"]


def __getattr__(name: str) -> object:
    # Imported on first use: a worker process starts before anything large is imported.
    if name in ("Trace", "read_capture"):
        from pipelines import trace

        return getattr(trace, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

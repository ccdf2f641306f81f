"""What a user should be warned of after a run: one line for each thing that went wrong."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from dissectors.tracelog.reader import LOG_FORMATS
from pipelines.request import Request
from pipelines.results import Tables

TOLD_KEY_PROBLEMS = 5
"""Problems with lines and files of keys that are told singly."""


def problems_of(tables: Tables, request: Request) -> list[str]:
    """Return one line for each file that could not be read whole and each key that was no use."""
    return [*tables.unreadable, *_cut_captures(tables), *_bad_keys(tables, request)]


def _cut_captures(tables: Tables) -> list[str]:
    captures = tables.arrow("captures").to_pylist()
    return [
        f"{row['capture']}: {row['problem']}; {_what_was_read(row)}"
        for row in captures
        if not row["complete"]
    ]


def _what_was_read(capture: dict[str, Any]) -> str:
    if capture["format"] in LOG_FORMATS:
        return f"{capture['packets']:,} records were read"
    return f"{capture['packets']:,} packets before it were read"


def _bad_keys(tables: Tables, request: Request) -> list[str]:
    expert = tables.arrow("expert")
    lines: list[str] = expert.filter(pc.equal(expert["layer"], "keys"))["summary"].to_pylist()
    if len(lines) > TOLD_KEY_PROBLEMS:
        more = len(lines) - TOLD_KEY_PROBLEMS
        lines[TOLD_KEY_PROBLEMS:] = [f"{more} more problems with keys: see the table expert"]
    sessions = tables.arrow("tls_sessions")
    if not request.keys:
        return lines
    names = ", ".join(request.keys)
    if not len(sessions):
        return [*lines, f"{names}: not needed: no TLS was found"]
    opened = pc.any(sessions["opened"]).as_py()
    if opened or any(tables.private_keys.values()):
        unmet = [name for name, met in tables.private_keys.items() if not met]
        lines += [f"{name}: fits no server certificate in the captures" for name in unmet]
    if not opened:
        what = "opens none" if any(tables.private_keys.values()) else "no key fits any"
        count = f"{len(sessions)} TLS session{'s' if len(sessions) > 1 else ''}"
        lines.append(f"{names}: {what} of the {count}; summarize says why for each")
    return lines

"""Captures of other projects: what lyncshark and tshark see of each, as a table.

::

    python -m tests.oracle.conformance > docs/conformance.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.workshop import tshark_view
from fixtures.workshop.expected import essence
from fixtures.workshop.tshark_view import View
from pipelines import read_capture
from pipelines.ingest import CaptureFile
from tests.conftest import CORPUS, TSHARK, Tshark

SUFFIXES = {".pcap", ".pcapng"}

INTRODUCTION = """\
# Conformance

What lyncshark and tshark {version} see in captures of other projects, which are not part of this
one. Frames agree when number, time and length of every frame are the same; SIP messages agree when
each has the same frame, time, method, status, Call-ID and CSeq. Made by
`python -m tests.oracle.conformance`; a test makes it again where tshark and the captures are.
"""


@dataclass(frozen=True)
class Comparison:
    """One capture as two programs see it."""

    name: str
    format: str
    link_types: str
    frames: list[tuple[int, int]]
    """Time in nanoseconds and length of every frame, by lyncshark."""
    tshark_frames: list[tuple[int, int]]
    messages: list[tuple[Any, ...]]
    """What identifies each SIP message, by lyncshark."""
    tshark_messages: list[tuple[Any, ...]]

    @property
    def agrees(self) -> bool:
        """Whether both see the same."""
        return self.frames == self.tshark_frames and self.messages == self.tshark_messages

    def row(self) -> str:
        """Return the row of the table."""
        cells = (
            self.name,
            self.format,
            self.link_types,
            len(self.frames),
            _verdict(self.frames, self.tshark_frames),
            len(self.messages),
            _verdict(self.messages, self.tshark_messages),
        )
        return f"| {' | '.join(map(str, cells))} |"


def captures() -> list[Path]:
    """Return the captures of other projects."""
    return sorted(path for path in CORPUS.rglob("*") if path.suffix in SUFFIXES)


def compare(capture: Path) -> Comparison:
    """Let both programs read a capture."""
    assert TSHARK
    keys = capture.with_suffix(".keys")
    view = View(capture, keys if keys.exists() else None)
    trace = read_capture(capture, keys=[keys] if keys.exists() else [], workers=1)
    rows = Tshark(TSHARK).fields(
        capture, "frame.time_epoch", "frame.len", display_filter="frame", keys=view.keys
    )
    return Comparison(
        name=str(capture.relative_to(CORPUS)),
        format=str(trace.captures["format"][0]),
        link_types=str(trace.captures["link_types"][0]),
        frames=_frames(capture),
        tshark_frames=[
            (int(row["frame.time_epoch"].replace(".", "")), int(row["frame.len"])) for row in rows
        ],
        messages=essence(_messages(trace)),
        tshark_messages=essence(tshark_view.sip_messages(view)),
    )


def _frames(capture: Path) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for batch in CaptureFile(str(capture)).batches():
        found += zip(batch.time_ns.tolist(), batch.wire_length.tolist(), strict=True)
        assert batch.frame_number[-1] == len(found)
    return found


def _messages(trace: Any) -> list[dict[str, Any]]:
    names = ["frame_number", "method", "status_code", "call_id", "cseq"]
    rows = trace.messages[names].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    times = trace.messages["time"].dt.as_unit("ns").astype("int64")
    return [row | {"time_ns": time} for row, time in zip(rows, times, strict=True)]


def _verdict(ours: list[Any], theirs: list[Any]) -> str:
    if ours == theirs:
        return "agree"
    return f"tshark: {len(theirs)}" if len(ours) != len(theirs) else "differ"


def page() -> Iterator[str]:
    """Yield the lines of docs/conformance.md."""
    yield from INTRODUCTION.format(version=tshark_view.version()).splitlines()
    yield ""
    yield "| capture | format | link types | frames | | SIP messages | |"
    yield "| --- | --- | --- | ---: | --- | ---: | --- |"
    for capture in captures():
        yield compare(capture).row()


if __name__ == "__main__":
    print(*page(), sep="\n")

"""Our own view of captures, for comparison: messages, what was lost around them, what they need.

tshark is not told what we found, but is given the same chance: the secrets that open the sessions,
and, for ports that it takes for something else, what they carry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.decrypted import TOLD, closed_sessions, in_order_of_time
from pipelines.disagreement import Disagreement, Seen
from pipelines.engine import run
from pipelines.ingest import capture_name
from pipelines.problems import problems_of
from pipelines.request import Request
from pipelines.section_copy import SectionCopy
from pipelines.session_secrets import SessionSecrets
from pipelines.whole_file import at_rest, create

RULES = 32
"""Most ports of one capture that tshark is told of: those with the most connections."""

_MESSAGE = ("message_id", "frame_number", "method", "status_code", "call_id", "cseq", "flow_id")
_LOSS = " missing before this segment, "
_LENGTHS = ("content_length", "body_length")


@dataclass(slots=True)
class View:
    """What we see in one capture."""

    name: str
    """The capture's name."""
    path: Path
    """A copy of it that holds the secrets of its sessions, private and for a short time only."""
    messages: list[Seen] = field(default_factory=list)
    """Its messages, in order."""
    decode_as: list[str] = field(default_factory=list)
    """What tshark cannot know: rules for ``-d``."""
    left_out: int = 0
    """Broken packets that the copy lacks: tshark numbers the frames behind them lower."""
    duplicates: int = 0
    """Second copies of packets, which are left out here: tshark knows them over TCP only."""
    _flows: dict[Seen, str] = field(default_factory=dict)
    _cut: dict[Seen, str] = field(default_factory=dict)
    _losses: dict[str, tuple[int, str]] = field(default_factory=dict)
    _midway: set[str] = field(default_factory=set)
    _faults: dict[int, str] = field(default_factory=dict)
    _first_frames: dict[tuple[object, ...], int] = field(default_factory=dict)

    def explain(self, one: Disagreement) -> str:
        """Say why the two disagree, where that is certain; else return an empty string."""
        if one.ours is None or one.kind == "different":
            fault = self._faults.get(one.frame_number)
            return f"here that frame is faulty: {fault}" if fault else self._explain_extra(one)
        flow = self._flows.get(one.ours, "")
        frame, loss = self._losses.get(flow, (one.ours.frame_number + 1, ""))
        if frame <= one.ours.frame_number:
            return (
                f"frame {frame} of this connection has {loss}: tshark waits for these to the end,"
                " and shows nothing that follows in that direction"
            )
        if flow in self._midway:
            return "the capture begins in the middle of this connection"
        return self._cut.get(one.ours, "")

    def _explain_extra(self, one: Disagreement) -> str:
        """Say that a message came in the copy of a packet, which only the other one took."""
        if one.theirs is None or not self.duplicates:
            return ""
        first = self._first_frames.get(one.theirs[1:], one.frame_number)
        if first >= one.frame_number:
            return ""
        return (
            f"frame {first} has the same: {self.duplicates} packets of this capture are there "
            "twice, and their second copies are left out here"
        )

    def add_message(self, row: dict[str, Any]) -> None:
        """Add a row of `messages`."""
        seen = Seen(*(row[name] for name in _MESSAGE[1:6]))
        self.messages.append(seen)
        self._flows.setdefault(seen, row["flow_id"])
        self._first_frames.setdefault(seen[1:], seen.frame_number)
        told, have = row["content_length"] or 0, row["body_length"] or 0
        if told > have:
            self._cut.setdefault(seen, f"the capture holds {have} of {told} bytes of its body")

    def add_flows(self, flows: list[dict[str, Any]]) -> None:
        """Add the rows of `flows`."""
        counts = Counter(
            (row["protocol"], row["application"], row["server_port"])
            for row in flows
            if row["application"] in ("sip", "sips") and row["tunnel"] != "exported pdu"
        )
        self._midway = {
            row["flow_id"]
            for row in flows
            if row["protocol"] == "tcp" and row["initiator"] != "syn"
        }
        secure = {port for _, application, port in counts if application == "sips"}
        for (protocol, application, port), _ in counts.most_common(RULES):
            if application == "sips" and port != 5061:
                self.decode_as += [f"tcp.port=={port},tls", f"tls.port=={port},sip"]
            elif application == "sip" and port != 5060 and port not in secure:
                self.decode_as.append(f"{protocol}.port=={port},sip")

    def add_fault(self, row: dict[str, Any]) -> None:
        """Add a row of `expert`."""
        frame, summary = row["frame_number"], row["summary"]
        if frame is None:
            return
        self._faults.setdefault(frame, summary)
        if row["layer"] == "tcp" and _LOSS in summary:
            loss = frame, summary.replace(_LOSS, " missing before it, ")
            self._losses[row["flow_id"]] = min(loss, self._losses.get(row["flow_id"], loss))


class OurSide:
    """Takes captures apart once, and gives the view of each.

    Parameters
    ----------
    request : Request
        Captures and keys.
    directory : Path
        Private directory for copies; the caller removes it.
    progress : callable
        Told how many more bytes of the captures are done.

    Raises
    ------
    UsageError
        When a key cannot be used, or no capture can be read.
    """

    def __init__(self, request: Request, directory: Path, progress: Callable[[int], None]) -> None:
        self._directory = directory
        self._secrets = SessionSecrets()
        # tshark sees each file alone, so that is what it is compared with.
        resting = replace(at_rest(request, directory), each=True)
        names = TOLD | {"messages", "flows"}
        self._tables = run(resting, progress=progress, observer=self._secrets, only=names)
        self.captures = in_order_of_time(resting.captures)
        """Number and path of each capture that could be read, in order of time."""
        self.problems = [*problems_of(self._tables, request), *closed_sessions(self._tables)]
        """One line for each thing that went wrong."""

    def view(self, number: int, path: str) -> View:
        """Return what we see in one capture of :attr:`captures`, and copy it for tshark."""
        copy = self._directory / f"{number}.pcapng"
        with create(copy, private=True) as file:
            section = SectionCopy(file, self._secrets.key_log())
            section.add(path, lambda done: None)
        view = View(capture_name(path), copy, left_out=section.left_out)
        view.duplicates = self._duplicates(view.name)
        for row in self._rows("messages", (*_MESSAGE, *_LENGTHS), f"{number}-"):
            view.add_message(row)
        flows = ("flow_id", "protocol", "application", "server_port", "initiator", "tunnel")
        view.add_flows(self._rows("flows", flows, f"{number}-"))
        expert = ("flow_id", "frame_number", "layer", "summary")
        for row in self._rows("expert", expert, f"{number}-"):
            view.add_fault(row)
        return view

    def _duplicates(self, name: str) -> int:
        rows = self._tables.arrow("captures").select(["capture", "duplicate_packets"]).to_pylist()
        return sum(row["duplicate_packets"] or 0 for row in rows if row["capture"] == name)

    def _rows(self, table: str, names: tuple[str, ...], prefix: str) -> list[dict[str, Any]]:
        """Return the rows of the capture whose flow ids begin with `prefix`."""
        rows = self._tables.arrow(table).select(list(names)).to_pylist()
        return [row for row in rows if (row["flow_id"] or "").startswith(prefix)]

"""A SIP message and its bodies, each as a floor.

Keys are taken out: of a body remains what its decoder or :mod:`pipelines.masking` leaves.

References
----------
RFC 3261 §7.
"""

from __future__ import annotations

from collections.abc import Iterator

from dissectors import bodies as _registered  # noqa: F401  (importing it fills the registry)
from dissectors.body import (
    Container,
    MediaPart,
    Plain,
    readable_text,
    to_plain,
    top_part,
    walk_parts,
)
from dissectors.errors import DissectError
from dissectors.sip.message import SipMessage, SipRequest, SipResponse
from pipelines.floor import Field, Floor
from pipelines.frame_watch import SeenMessage
from pipelines.masking import masked_body
from pipelines.sip_fields import header_fields, masked_head, uri_field

MOST_FIELDS = 5_000
"""Leaves and branches of one body that are shown."""

_CLASSES = ("", "provisional", "success", "redirection", "client error", "server error", "global")


def sip_floors(seen: SeenMessage, frame_number: int) -> list[Floor]:
    """Return the floors of a message: itself and each part of its body.

    A frame that only carries a part of the message gets one floor, which says so.
    """
    message = seen.message
    floor = Floor(f"SIP over {seen.transport}", "RFC 3261 §7")
    floor.fields = [_start_line(message)]
    _tell_frames(floor, seen, frame_number)
    if message.frames[-1] != frame_number:
        return [floor]
    floor.length = len(message.head) or None
    floor.fields += header_fields(message)
    if message.truncated:
        floor.notes.append("the capture lacks the end of the message")
    floor.data = masked_head(bytes(message.head))
    return [floor, *_body_floors(message)]


def _start_line(message: SipMessage) -> Field:
    if isinstance(message, SipRequest) and message.method:
        line = f"{message.method} {message.request_uri} SIP/2.0"
        told = (Field("method", message.method), uri_field("request_uri", message.request_uri))
        return Field("start_line", line, "request", 0, fields=told)
    if isinstance(message, SipResponse) and message.status_code:
        code = message.status_code
        kind = _CLASSES[code // 100] if 100 <= code < 700 else "of no known class"
        return Field(
            "start_line", f"SIP/2.0 {code} {message.reason_phrase}", f"response: {kind}", 0
        )
    return Field("start_line", "", "left out by the log")


def _tell_frames(floor: Floor, seen: SeenMessage, frame_number: int) -> None:
    frames = seen.message.frames
    floor.notes.append(f"message {seen.message_id}, {seen.way}")
    if seen.retransmission_of is not None:
        floor.notes.append(f"a retransmission of {seen.retransmission_of}")
    if frames[-1] != frame_number:
        floor.notes.append(f"this frame carries a part of it; frame {frames[-1]} completes it")
    elif seen.transport == "log":
        return
    elif len(frames) > 1:
        others = ", ".join(map(str, frames[:-1]))
        floor.notes.append(f"put together from {len(frames)} frames: {others} and this one")


# --- bodies -------------------------------------------------------------------------------------


def _body_floors(message: SipMessage) -> list[Floor]:
    if not message.body:
        return []
    floors = [_part_floor(part, value) for part, value in walk_parts(top_part(message))]
    floors[0].data = masked_body(message)
    return floors


def _part_floor(part: MediaPart, value: object) -> Floor:
    name = "body" if part.path == "1" else f"part {part.path}"
    floor = Floor(f"{name}: {part.media_type}", length=len(part.data))
    told = {"Content-ID": part.content_id, "Content-Disposition": part.disposition}
    floor.fields = [Field(name, text) for name, text in told.items() if text]
    if isinstance(value, DissectError):
        floor.notes.append(f"not decoded: {value.summary}")
    elif isinstance(value, Container):
        floor.notes.append(f"{len(value.parts)} parts")
        return floor
    elif value is not None:
        floor.notes += [f"problem: {text}" for text in getattr(value, "problems", ())]
        floor.fields += _tree(to_plain(value))
        return floor
    else:
        floor.notes.append("nobody decodes this media type")
    text = readable_text(part)
    if text:
        lines = text.splitlines()
        floor.fields += [
            Field(f"line {at}", line) for at, line in enumerate(lines[:MOST_FIELDS], 1)
        ]
        if len(lines) > MOST_FIELDS:
            floor.notes.append(f"{len(lines) - MOST_FIELDS} more lines")
    return floor


class _Budget:
    """How many more fields may be made of one body."""

    def __init__(self) -> None:
        self.left = MOST_FIELDS


def _tree(plain: Plain) -> list[Field]:
    """Return a value as fields; what says nothing (None, empty) is left out."""
    budget = _Budget()
    fields = list(_branches(plain, budget))
    if budget.left <= 0:
        fields.append(Field("…", "", f"more than {MOST_FIELDS} fields"))
    return fields


def _branches(plain: Plain, budget: _Budget) -> Iterator[Field]:
    for name, value in _items(plain):
        if value is None or value in ([], {}, ""):
            continue
        budget.left -= 1
        if budget.left <= 0:
            return
        if isinstance(value, dict) or (isinstance(value, list) and not _is_flat(value)):
            yield Field(name, "", fields=tuple(_branches(value, budget)))
        else:
            yield Field(name, _leaf(value))


def _items(plain: Plain) -> list[tuple[str, Plain]]:
    if isinstance(plain, dict):
        return [(name, value) for name, value in plain.items() if name != "problems"]
    if not isinstance(plain, list):
        return [("value", plain)]
    pairs = [(str(item[0]), item[1]) for item in plain if isinstance(item, list) and _is_pair(item)]
    if len(pairs) == len(plain):
        return pairs
    return [(f"[{at}]", value) for at, value in enumerate(plain)]


def _is_pair(items: list[Plain]) -> bool:
    """Tell whether a list is a name and a value, as of an SDP attribute."""
    return len(items) == 2 and isinstance(items[0], str)


def _is_flat(items: list[Plain]) -> bool:
    return not any(isinstance(item, (dict, list)) for item in items)


def _leaf(value: Plain) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

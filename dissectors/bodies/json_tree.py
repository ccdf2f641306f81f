"""``application/json``, and whatever ends in ``+json``: its tree as path → value.

SIP itself has no such body; servers that bridge to Skype for Business Online and to Teams send
some. Paths look like those of XML (:func:`dissectors.markup.flatten`): ``a/b``, ``a/b[2]``.

References
----------
RFC 8259; RFC 6839 §3.1 (``+json``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dissectors.body import MediaPart, bodies, redact_value
from dissectors.errors import LimitExceeded, Malformed
from dissectors.markup import decode_characters

MAX_SIZE = 1 << 20
"""Longest document that is read, bytes."""
MAX_DEPTH = 64
"""Deepest nesting that is read."""
MAX_PATHS = 16 << 20
"""Most characters of paths that are made."""

Scalar = str | float | bool | None
"""What a value is; whole numbers of up to 18 digits are int, longer ones stay text."""


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """A JSON document."""

    kind: str
    """What it is: object, array, string, number, boolean, null."""
    values: dict[str, Scalar]
    """Path → value; keys and passwords replaced. An empty object or array is ``{}`` or ``[]``."""
    problems: tuple[str, ...]
    """What was wrong with its characters; empty as a rule."""


@bodies.register("application/json", "*/*+json")
def decode_json_tree(part: MediaPart) -> JsonDocument:
    """Return the tree of a JSON document as path → value.

    Raises
    ------
    Malformed
        When it is no JSON.
    LimitExceeded
        Beyond :data:`MAX_SIZE`, :data:`MAX_DEPTH` or :data:`MAX_PATHS`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"JSON of {len(part.data)} bytes is not read", layer="json")
    # Only UTF-8 is allowed (RFC 8259 §8.1); a mark or a charset parameter that differs counts.
    text, problems = decode_characters(part.data.strip(b"\0"), part.parameters.get("charset", ""))
    root = _load(text)
    values: dict[str, Scalar] = {}
    for path, name, value in _leaves(root):
        values[path] = redact_value(name, value) if isinstance(value, str) else value
    # By its first character: a number may be told as text, where it is too long.
    return JsonDocument(_KINDS.get(text.lstrip()[0], "number"), values, problems)


_KINDS = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits  # int() of many digits takes long


def _decimal(digits: str) -> float | str:
    value = float(digits) if len(digits) <= 40 else float("inf")
    return value if abs(value) != float("inf") else digits


def _refuse(word: str) -> None:
    raise Malformed(f"no JSON: {word}", layer="json", spec="RFC 8259 §6")


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        what = f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise Malformed(what, layer="json", spec="RFC 8259 §2") from None
    except RecursionError:
        raise LimitExceeded("JSON nested too deeply", layer="json") from None


def _leaves(root: object) -> Iterator[tuple[str, str, Scalar]]:
    """Yield path, name and value of each leaf, in order."""
    pending: list[tuple[str, str, object, int]] = [("", "", root, 0)]
    size = 0
    while pending:
        path, name, value, depth = pending.pop()
        size += len(path) * (len(value) if isinstance(value, (dict, list)) else 1)
        if depth > MAX_DEPTH or size > MAX_PATHS:
            what = "nested too deeply" if depth > MAX_DEPTH else "with names too long to be shown"
            raise LimitExceeded(f"JSON {what}", layer="json")
        if isinstance(value, (dict, list)) and value:
            pending.extend(reversed(list(_children(path, name, value, depth + 1))))
        elif isinstance(value, (dict, list)):
            yield path, name, "{}" if isinstance(value, dict) else "[]"
        else:
            yield path, name, _writable(value)


def _children(
    path: str, name: str, value: dict[str, object] | list[object], depth: int
) -> Iterator[tuple[str, str, object, int]]:
    if isinstance(value, dict):
        for key, item in value.items():
            clean = _clean(key)
            yield f"{path}/{clean}" if path else clean, clean, item, depth
    else:
        for number, item in enumerate(value, 1):
            yield f"{path}[{number}]", name, item, depth


def _writable(value: object) -> Scalar:
    return _clean(value) if isinstance(value, str) else value  # type: ignore[return-value]


_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean(text: str) -> str:
    """Replace halves of surrogate pairs: JSON can spell them, UTF-8 cannot hold them."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)

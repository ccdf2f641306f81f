"""Floors as text for a terminal or a pipe, and as what JSON can hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from pipelines.floor import Field, Floor

_INDENT = "  "
_PLACE = 11
"""Columns that offset and length take."""
_LEAST = 20
"""Columns that are left for text however deep it stands."""


def render_floors(floors: list[Floor], width: int | None, *, hexdump: bool, bold: bool) -> str:
    """Return floors as lines of text.

    Before each field stand the byte at which it begins in its floor, and its length.

    Parameters
    ----------
    floors : list of Floor
        What is shown.
    width : int or None
        Columns to fold long lines to; None folds nothing.
    hexdump : bool
        Whether the bytes of each floor follow its fields.
    bold : bool
        Whether headings are printed bold, as a terminal understands it.
    """
    lines: list[str] = []
    for floor in floors:
        if lines:
            lines.append("")
        heading = _safe(_heading(floor))
        lines.append(f"\033[1m{heading}\033[0m" if bold else heading)
        for field in floor.fields:
            lines += _field_lines(field, 0, width)
        for note in floor.notes:
            lines += _folded(" " * _PLACE + "» ", note, width)
        if hexdump and floor.data:
            lines += _hexdump(floor.data)
    return "\n".join(lines)


def _heading(floor: Floor) -> str:
    where = []
    if floor.specification:
        where.append(floor.specification)
    if floor.offset is not None:
        where.append(f"byte {floor.offset}")
    if floor.length is not None:
        where.append(f"{floor.length} bytes")
    return floor.protocol + (f" ({', '.join(where)})" if where else "")


def _field_lines(field: Field, depth: int, width: int | None) -> Iterator[str]:
    offset = "" if field.offset is None else str(field.offset)
    length = "" if field.length is None else str(field.length)
    begin = f"{offset:>5} {length:>4} ".ljust(_PLACE) + _INDENT * depth
    meaning = f" ({field.meaning})" if field.meaning else ""
    value = f" {field.value}" if field.value else ""
    yield from _folded(begin, f"{field.name}:{value}{meaning}", width)
    for one in field.fields:
        yield from _field_lines(one, depth + 1, width)


def _folded(begin: str, text: str, width: int | None) -> list[str]:
    """Return a text behind what begins its first line, folded."""
    text = _safe(text)
    if width is None or len(begin) + len(text) <= width:
        return [begin + text]
    least = len(begin) + 2 + _LEAST
    wrapped = textwrap.wrap(
        text,
        max(width, least),
        initial_indent=begin,
        subsequent_indent=" " * (len(begin) + 2),
        break_on_hyphens=False,
    )
    return wrapped or [begin]


def _safe(text: str) -> str:
    """Return a stranger's text without what a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def _hexdump(data: bytes) -> Iterator[str]:
    for begin in range(0, len(data), 16):
        row = data[begin : begin + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{_INDENT}{begin:06x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}"


def plain_floors(floors: list[Floor], *, hexdump: bool) -> list[dict[str, Any]]:
    """Return floors as dicts, lists, text and numbers; what is not known is None.

    Parameters
    ----------
    floors : list of Floor
        What is shown.
    hexdump : bool
        Whether the bytes of each floor are told, as hexadecimal text.
    """
    return [_plain_floor(floor, hexdump) for floor in floors]


def _plain_floor(floor: Floor, hexdump: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "protocol": floor.protocol,
        "specification": floor.specification or None,
        "offset": floor.offset,
        "length": floor.length,
        "fields": [_plain_field(field) for field in floor.fields],
        "notes": floor.notes,
    }
    if hexdump:
        told["data"] = floor.data.hex() or None
    return told


def _plain_field(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": field.name,
        "value": field.value or None,
        "meaning": field.meaning or None,
        "offset": field.offset,
        "length": field.length,
    }
    if field.fields:
        told["fields"] = [_plain_field(one) for one in field.fields]
    return told

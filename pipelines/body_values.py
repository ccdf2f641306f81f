"""Decoded bodies for the analyses, whichever way `bodies` keeps them.

`bodies` holds a body as text, which is cheap, or decoded as JSON, where other tables need it at
once or its text may not be shown. An analysis that is asked for seldom decodes the texts
itself, here.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

import dissectors.bodies  # noqa: F401  (importing it fills the registry)
from dissectors.body import MediaPart, decode_part, to_plain
from dissectors.errors import DissectError
from pipelines.repeated_text import short

__all__ = ["BODY_COLUMNS", "body_values", "short"]

BODY_COLUMNS = ("media_type", "text", "value")
"""What :func:`body_values` reads of `bodies`."""


def body_values(bodies: pd.DataFrame) -> list[dict[str, Any] | None]:
    """Return the decoded value of each row of `bodies`, as :func:`dissectors.body.to_plain` says.

    Parameters
    ----------
    bodies : DataFrame
        Rows with :data:`BODY_COLUMNS`; best only those of the wanted media types.

    Returns
    -------
    list of dict or None
        One for each row, the same object for equal bodies; None where nothing could be decoded, as
        the row's ``problem`` then tells.
    """
    columns = [bodies[name].astype(object).tolist() for name in BODY_COLUMNS]
    made: dict[tuple[Any, ...], dict[str, Any] | None] = {}
    values: list[dict[str, Any] | None] = []
    for row in zip(*columns, strict=True):
        if row not in made:
            made[row] = _value(*row)
        values.append(made[row])
    return values


def _value(media_type: str, text: Any, value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        found: dict[str, Any] = json.loads(value)
        return found
    return _decode(media_type, text) if isinstance(text, str) else None


def _decode(media_type: str, text: str) -> dict[str, Any] | None:
    # The text is UTF-8 now, whatever charset the part was sent in.
    part = MediaPart("1", media_type, {}, None, None, text.encode("utf-8", "replace"))
    try:
        plain = to_plain(decode_part(part))
    except DissectError:
        return None
    return plain if isinstance(plain, dict) else None

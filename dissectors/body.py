"""The media-type table: a body's bytes → its value.

A decoder is one file in :mod:`dissectors.bodies` with one function, registered under its media
types by :data:`bodies`. It takes a :class:`MediaPart`, returns a frozen dataclass and raises
:class:`~dissectors.errors.DissectError`; it knows no other decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dissectors.registry import Registry


@dataclass(frozen=True, slots=True)
class MediaPart:
    """One body, or one part of a multipart body, not yet decoded."""

    path: str
    """Where it stands: ``1`` is the message's body, ``1.2`` the second part of a multipart body."""
    media_type: str
    """Lower-case ``type/subtype``; ``text/plain`` where a part names none (RFC 2046 §5.1)."""
    parameters: dict[str, str]
    """Parameters of the Content-Type, names in lower case, values unquoted."""
    content_id: str | None
    """Content-ID without angle brackets, or None."""
    disposition: str | None
    """Content-Disposition as sent, or None."""
    data: bytes
    """The part's bytes, Content-Transfer-Encoding undone."""


BodyDecoder = Callable[[MediaPart], object]

bodies: Registry[str, BodyDecoder] = Registry("body decoder")
"""Media type (``application/rlmi+xml``), or a wildcard (``multipart/*``), → its decoder."""

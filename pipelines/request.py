"""What a user asks for: which captures, with which keys, read how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be read, and how."""

    captures: list[str]
    """Paths of captures, in order; ``-`` is standard input."""
    keys: list[str]
    """Paths of key files."""
    decode_as: list[str]
    """Rules such as ``tcp.port==5061,tls``."""
    timezone: str | None = None
    """IANA name of the zone of trace logs' times; None: UTC is assumed."""

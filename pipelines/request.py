"""What a user asks for: which captures, with which keys, read how."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be read, and how."""

    captures: list[str]
    """Paths of captures, in order; ``-`` is standard input."""
    keys: list[str]
    """Paths of key files, and of folders of them."""
    decode_as: list[str]
    """Rules such as ``tcp.port==5061,tls``."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """Thresholds of findings, ``RULE.THRESHOLD``, and what they shall be."""
    passphrases: list[str] = field(default_factory=list, repr=False)
    """What to try on encrypted keys; one that is asked for, and fits, joins them."""
    key_log: str | None = None
    """Path of the key log that SSLKEYLOGFILE names; no harm is done when it is no use."""
    each: bool = False
    """Whether to treat each capture alone, although it may continue another."""
    timezone: str | None = None
    """IANA name of the zone of trace logs' times; None: UTC is assumed."""

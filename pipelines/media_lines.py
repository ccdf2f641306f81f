"""Session descriptions as `bodies` keeps them → what is told of each media line.

A description comes on every hop, and few columns need much of it: each distinct text is decoded
once, and of a media line only the values of columns are kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from dissectors.bodies.sdp import SessionDescription, decode_sdp
from dissectors.body import MediaPart
from dissectors.errors import DissectError
from dissectors.sdp_attributes import (
    Attribute,
    Candidate,
    candidates_of,
    codecs_of,
    crypto_suites_of,
    direction_of,
    has_chosen_candidates,
    value_of,
)
from pipelines.body_values import short


@dataclass(frozen=True, slots=True)
class MediaLine:
    """What is told of one media line."""

    media: str | None
    """Medium."""
    label: str | None
    """``label``."""
    protocol: str | None
    """Transport, such as RTP/SAVP."""
    port: int | None
    """Port; 0 refuses the stream."""
    ip: str | None
    """Address of the media, else of the session."""
    direction: str
    """Direction of the media, else of the session, else sendrecv."""
    codecs: str | None
    """Codecs in order, comma-separated; None where it is no RTP."""
    codec: str | None
    """First of them that carries media of its own."""
    crypto: str | None
    """SRTP suites, comma-separated."""
    encrypted: bool
    """Whether it names an SRTP suite, or a certificate for DTLS."""
    cryptoscale: bool
    """Whether one of its suites is Microsoft's ``cryptoscale``."""
    encryption: str | None
    """Microsoft's ``encryption``: required, optional, rejected."""
    ice_concluded: bool
    """Whether it names remote candidates."""
    bypass_id: str | None
    """``x-bypassid`` of the media, else of the session."""
    ice: str | None
    """Grammar of its candidates: rfc5245, draft-6, both; None without candidates."""
    candidates: tuple[int | None, ...]
    """Candidates of component 1: host, srflx, relay, then UDP, TCP; None where nothing tells."""


class Descriptions:
    """Decodes session descriptions, each distinct one once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, Any], tuple[MediaLine, ...] | None] = {}

    def lines(self, text: Any, value: Any) -> tuple[MediaLine, ...] | None:
        """Return the media lines of a description; None where it cannot be read.

        Parameters
        ----------
        text, value : str or missing
            As in `bodies`: one of them is there, or neither.
        """
        key = (text, value)
        if key not in self._known:
            self._known[key] = _decode(text, value)
        return self._known[key]


def _decode(text: Any, value: Any) -> tuple[MediaLine, ...] | None:
    if isinstance(value, str):
        # Fields of the same names as the decoded value has.
        return media_lines_of(json.loads(value, object_hook=lambda one: SimpleNamespace(**one)))
    if not isinstance(text, str):
        return None
    part = MediaPart("1", "application/sdp", {}, None, None, text.encode("utf-8", "replace"))
    try:
        session = decode_sdp(part)
    except DissectError:
        return None
    return media_lines_of(session) if isinstance(session, SessionDescription) else None


def media_lines_of(session: SessionDescription | SimpleNamespace) -> tuple[MediaLine, ...]:
    """Return what is told of each media line of a description."""
    bypass_id = short(value_of(session.attributes, "x-bypassid"))
    inherited: list[Attribute] = [(direction_of((), session.attributes), None)]
    return tuple(
        [_line(media, session.connection, inherited, bypass_id) for media in session.media]
    )


def _line(
    media: Any, connection: Any, inherited: list[Attribute], bypass_id: str | None
) -> MediaLine:
    by_name = _by_name(media.attributes)
    get = by_name.get
    codecs = codecs_of(media.fmt, get("rtpmap", ())) if "RTP" in media.proto.upper() else ()
    suites = crypto_suites_of([*get("cryptoscale", ()), *get("crypto", ())])
    dtls = "fingerprint" in by_name or "TLS" in media.proto.upper()
    ice, candidates = _candidates(
        candidates_of([*get("candidate", ()), *get("x-candidate-ipv6", ())])
    )
    return MediaLine(
        media.media or None,
        value_of(get("label", ()), "label"),
        media.proto or None,
        media.port,
        _address(media.connections, connection),
        direction_of(media.attributes, inherited),
        ",".join(map(str, codecs)) or None,
        next((str(codec) for codec in codecs if not codec.is_auxiliary), None),
        ",".join(dict.fromkeys(suite.suite for suite in suites)) or None,
        bool(suites) or dtls,
        any(suite.attribute == "cryptoscale" for suite in suites),
        value_of(get("encryption", ()), "encryption"),
        has_chosen_candidates(
            [*get("remote-candidates", ()), *get("remote-candidate", ())],
        ),
        value_of(get("x-bypassid", ()), "x-bypassid") or bypass_id,
        ice,
        candidates,
    )


def _by_name(attributes: Iterable[Attribute]) -> dict[str, list[Attribute]]:
    found: dict[str, list[Attribute]] = {}
    for attribute in attributes:
        found.setdefault(attribute[0], []).append(attribute)
    return found


def _address(connections: Any, connection: Any) -> str | None:
    one = connections[0] if connections else connection
    return short(one.connection_address.partition("/")[0]) if one else None


def _candidates(found: tuple[Candidate, ...]) -> tuple[str | None, tuple[int | None, ...]]:
    """Return the grammar of the candidates, and how many there are of each type."""
    if not found:
        return None, (0, 0, 0, 0, 0)
    first = [one for one in found if one.component == 1]
    grammars = {one.grammar for one in found}
    kinds = Counter([one.kind for one in first])
    told = [kinds[kind] if "rfc5245" in grammars else None for kind in ("host", "srflx", "relay")]
    udp = sum([one.transport == "udp" for one in first])
    grammar = "both" if len(grammars) == 2 else next(iter(grammars))
    return grammar, (*told, udp, len(first) - udp)

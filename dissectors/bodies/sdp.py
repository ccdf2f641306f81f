"""``application/sdp``: what media a side offers or accepts.

A line that cannot be read is kept in `problems`, as text; all others are in the value under RFC
8866's names. Attributes stay in order, as (name, value) pairs, Microsoft's included.

That a description was cut cannot be seen in it, since many leave out the last line end; the SIP
message tells.

Keys of SRTP never enter the value: of ``a=crypto`` and of Microsoft's ``a=cryptoscale`` the key is
replaced, MIKEY messages (``a=key-mgmt``, RFC 4567) and ``k=`` lines lose all but their method.

References
----------
RFC 8866 (SDP), RFC 4568 §6.1 (``inline:``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dissectors.body import REDACTED, MediaPart, bodies, redact_keys
from dissectors.errors import LimitExceeded, Malformed
from dissectors.markup import decode_characters

MAX_SIZE = 1 << 20
"""Largest description that is read, bytes."""
MAX_MEDIA = 1000
"""Most media descriptions that are read."""
_MAX_PROBLEMS = 32

Attribute = tuple[str, str | None]
"""Name and value of an ``a=`` line; the value of a property attribute (``a=recvonly``) is None."""


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the description (RFC 8866 §5.2)."""

    username: str
    """User's login, or ``-``."""
    sess_id: str
    """Number that identifies the session."""
    sess_version: str
    """Version of the description; grows with every change."""
    nettype: str
    """``IN``."""
    addrtype: str
    """``IP4`` or ``IP6``."""
    unicast_address: str
    """Address of the machine that made the description."""


@dataclass(frozen=True, slots=True)
class Connection:
    """``c=``: where media is to be sent (RFC 8866 §5.7)."""

    nettype: str
    """``IN``."""
    addrtype: str
    """``IP4`` or ``IP6``."""
    connection_address: str
    """Address, with a TTL or a count behind ``/`` for multicast."""


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """``b=``: proposed bandwidth (RFC 8866 §5.8)."""

    bwtype: str
    """``CT``, ``AS``, ``TIAS`` or another."""
    bandwidth: int
    """Kilobits per second, except for ``TIAS`` (RFC 3890): bits per second."""


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """``m=`` and the lines that belong to it (RFC 8866 §5.14)."""

    media: str
    """``audio``, ``video``, ``message``, ``applicationsharing``, ``data``, …"""
    port: int | None
    """Port that media is to be sent to; 0 refuses the stream; None where it is no number."""
    port_count: int
    """Number of ports, where the line says ``port/count``; else 1."""
    proto: str
    """Transport, such as ``RTP/SAVP`` or ``TCP/RTP/SAVP``."""
    fmt: tuple[str, ...]
    """Formats: payload types for RTP."""
    title: str | None
    """``i=`` of the media."""
    connections: tuple[Connection, ...]
    """``c=`` of the media; empty where that of the session holds."""
    bandwidths: tuple[Bandwidth, ...]
    """``b=`` of the media."""
    encryption_key: str | None
    """Method of the media's ``k=`` (obsolete, RFC 8866 §5.12); the key is left out."""
    attributes: tuple[Attribute, ...]
    """``a=`` of the media, in order, keys replaced."""


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A session description (RFC 8866 §5)."""

    version: str | None
    """``v=``: always 0."""
    origin: Origin | None
    """``o=``."""
    session_name: str | None
    """``s=``."""
    session_information: str | None
    """``i=``."""
    uri: str | None
    """``u=``."""
    emails: tuple[str, ...]
    """``e=``."""
    phones: tuple[str, ...]
    """``p=``."""
    connection: Connection | None
    """``c=`` of the session."""
    bandwidths: tuple[Bandwidth, ...]
    """``b=`` of the session."""
    times: tuple[str, ...]
    """``t=``, ``r=`` and ``z=`` lines as sent, ``t=0 0`` for a session without end (§5.9–5.11)."""
    encryption_key: str | None
    """Method of the session's ``k=``; the key is left out."""
    attributes: tuple[Attribute, ...]
    """``a=`` of the session, in order, keys replaced."""
    media: tuple[MediaDescription, ...]
    """Media descriptions, in order."""
    problems: tuple[str, ...]
    """Lines that could not be read, with the reason; empty as a rule."""


@bodies.register("application/sdp")
def decode_sdp(part: MediaPart) -> SessionDescription:
    """Return a session description.

    Raises
    ------
    Malformed
        When no line of it is SDP.
    LimitExceeded
        Beyond :data:`MAX_SIZE` or :data:`MAX_MEDIA`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"SDP of {len(part.data)} bytes is not read", layer="sdp")
    text, wrong = decode_characters(part.data)  # always UTF-8 (RFC 8866 §5)
    problems = _Problems(wrong)
    session, *media = _read_sections(redact_keys(text.rstrip("\0")), problems)
    if not (session.fields or session.attributes or media):
        raise Malformed("no line of it is SDP", layer="sdp", spec="RFC 8866 §5")
    return _session_description(session, media, problems)


# --- lines ---


class _Section:
    """The lines of the session, or of one media description."""

    __slots__ = ("attributes", "fields")

    def __init__(self) -> None:
        self.attributes: list[Attribute] = []
        self.fields: dict[str, list[str]] = {}

    def first(self, kind: str) -> str | None:
        values = self.fields.get(kind)
        return values[0] if values else None


# A key that a broken line leaves without its "inline:" is still base64.
_BASE64 = re.compile(r"[A-Za-z0-9+/]{20,}=*")


class _Problems(list[str]):
    """What could not be read, up to a bound."""

    def tell(self, line: str, why: str) -> None:
        if len(self) < _MAX_PROBLEMS:
            self.append(f"{_BASE64.sub(REDACTED, line[:200])!r}: {why}")
        elif len(self) == _MAX_PROBLEMS:
            self.append("more lines could not be read")


_SESSION_KINDS = frozenset("vosiuepcbktrz")
_MEDIA_KINDS = frozenset("micbk")


def _read_sections(text: str, problems: _Problems) -> list[_Section]:
    """Sort the lines into sections: that of the session, then one for each ``m=``."""
    section = _Section()
    sections = [section]
    attributes = section.attributes
    kinds = _SESSION_KINDS
    for line in _lines(text):
        head, colon, value = line.partition(":")
        name = _FREQUENT.get(head)
        if name:
            attributes.append((name, value if colon else None))
            continue
        if head[:2] == "a=":
            attributes.append(_attribute(head[2:], value if colon else None))
            continue
        kind = line[:1]
        if kind == "m" and line[1:2] == "=":
            if len(sections) > MAX_MEDIA:
                raise LimitExceeded(f"SDP with more than {MAX_MEDIA} media", layer="sdp")
            section = _Section()
            sections.append(section)
            attributes = section.attributes
            kinds = _MEDIA_KINDS
        if kind in kinds and line[1:2] == "=":
            if kind in "trz":  # their order counts: r= belongs to the t= before it
                section.fields.setdefault("t", []).append(line)
            else:
                section.fields.setdefault(kind, []).append(line[2:])
        elif line.strip("\0 \t"):
            problems.tell(line, "not a line of SDP" if line[1:2] != "=" else "has no place here")
    return sections


def _lines(text: str) -> list[str]:
    """Split at CRLF, at LF (which RFC 8866 §5 wants accepted), or at CR when there is no LF."""
    lines = text.split("\r\n")
    ends = text.count("\n")
    if ends == len(lines) - 1:
        return lines if ends else text.split("\r")
    return text.replace("\r\n", "\n").split("\n")


# Most lines of a description by far; to find one here is faster than to take it apart. No attribute
# that may hold a key is among them.
_FREQUENT_NAMES = """
    candidate encryption fmtp ice-pwd ice-ufrag label maxptime mid msid ptime recvonly
    remote-candidate remote-candidates rtcp rtcp-fb rtcp-mux rtcp-rsize rtpmap sendonly sendrecv
    setup ssrc x-bypassid x-candidate-ipv6 x-caps x-devicecaps x-mediabw x-source x-ssrc-range
"""
_FREQUENT = {f"a={name}": name for name in _FREQUENT_NAMES.split()}

_KEY_POSITION = {"crypto": 2, "cryptoscale": 3, "key-mgmt": 1}
"""Attribute that holds keys → the first of its words that is or follows one."""


def _attribute(name: str, value: str | None) -> Attribute:
    position = _KEY_POSITION.get(name.strip().lower())
    return name, _redact_attribute(value, position) if value and position else value


def _redact_attribute(value: str, position: int) -> str:
    if "inline:" in value.lower():  # its keys are out, but for one that has no "inline:" before it
        return _BASE64.sub(REDACTED, value)
    # RFC 4567 writes key-mgmt:mikey DATA. Other key methods than "inline" are not defined.
    words = value.split()
    return " ".join([*words[:position], REDACTED]) if len(words) > position else value


# --- values ---


def _session_description(
    session: _Section, media: list[_Section], problems: _Problems
) -> SessionDescription:
    fields = session.fields
    if "v" not in fields:
        problems.append("no v= line: this may be the rest of a description")
    for kind, values in fields.items():
        if len(values) > 1 and kind in "vosiuck":
            problems.tell(f"{kind}=", f"stands {len(values)} times; the first counts")
    connections = _connections(session, problems)
    return SessionDescription(
        session.first("v"),
        _origin(session.first("o"), problems),
        session.first("s"),
        session.first("i"),
        session.first("u"),
        tuple(fields.get("e", ())),
        tuple(fields.get("p", ())),
        connections[0] if connections else None,
        _bandwidths(session, problems),
        tuple(fields.get("t", ())),
        _key_method(session),
        tuple(session.attributes),
        tuple([_media_description(section, problems) for section in media]),
        tuple(problems),
    )


def _origin(value: str | None, problems: _Problems) -> Origin | None:
    if value is None:
        return None
    words = value.split()
    if len(words) == 6:
        return Origin(*words)
    if len(words) > 6:  # a user name with spaces, which the grammar forbids
        return Origin(" ".join(words[:-5]), *words[-5:])
    problems.tell(f"o={value}", "needs six fields")
    return None


def _connections(section: _Section, problems: _Problems) -> tuple[Connection, ...]:
    found = []
    for value in section.fields.get("c", ()):
        words = value.split()
        if len(words) == 3:
            found.append(Connection(*words))
        else:
            problems.tell(f"c={value}", "needs three fields")
    return tuple(found)


def _bandwidths(section: _Section, problems: _Problems) -> tuple[Bandwidth, ...]:
    found = []
    for value in section.fields.get("b", ()):
        bwtype, _, number = value.partition(":")
        bandwidth = _number(number)
        if bandwidth is None:
            problems.tell(f"b={value}", "bandwidth is no number")
        else:
            found.append(Bandwidth(bwtype, bandwidth))
    return tuple(found)


def _number(text: str) -> int | None:
    """Return a decimal number of sensible length, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _key_method(section: _Section) -> str | None:
    value = section.first("k")
    if value is None:
        return None
    method = value.partition(":")[0].strip()
    return method if method in ("clear", "base64", "uri", "prompt") else REDACTED


def _media_description(section: _Section, problems: _Problems) -> MediaDescription:
    line = section.fields["m"][0]
    words = line.split()
    media, port, proto = [*words, "", "", ""][:3]
    fmt = tuple(words[3:])
    port_number, port_count = _ports(port)
    if port_number is None or not fmt:
        problems.tell(f"m={line}", "needs a media type, a port, a transport and a format")
    return MediaDescription(
        media,
        port_number,
        port_count,
        proto,
        fmt,
        section.first("i"),
        _connections(section, problems),
        _bandwidths(section, problems),
        _key_method(section),
        tuple(section.attributes),
    )


def _ports(text: str) -> tuple[int | None, int]:
    port, slash, count = text.partition("/")
    return _number(port), (_number(count) or 1) if slash else 1

"""What the attributes of a session description say: ICE, SRTP, codecs, and Microsoft's own.

Each function takes attributes as :class:`dissectors.bodies.sdp.MediaDescription` holds them, or the
value of one, and tells what it says; a value that breaks its grammar is left out where a list is
made of several, and raises where it is asked for alone.

Lync speaks two ICEs. Draft 6, of Office Communications Server 2007, writes seven words and no type
of candidate; RFC 5245 came with Lync 2010, with upper-case transports and two more of them
(TCP-ACT, TCP-PASS). An offer to an unknown side carries both, the old one in a part of
``multipart/alternative`` whose disposition has ``ms-proxy-2007fallback``.

References
----------
RFC 5245 §15.1, §15.2 (candidate, remote-candidates), draft-ietf-mmusic-ice-06 §7, RFC 4568 §4
(crypto), RFC 3551 §6 (payload types), RFC 3264 §6.1, §8.4 (directions, hold); [MS-SDPEXT],
[MS-ICE], [MS-ICE2].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dissectors.errors import Malformed
from dissectors.xml_types import integer_of

Attribute = tuple[str, str | None]
"""Name and value of an ``a=`` line; None where it has no value."""

_CANDIDATES = ("candidate", "x-candidate-ipv6")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address where media may be sent to."""

    grammar: str
    """``rfc5245`` or ``draft-6``."""
    foundation: str
    """Foundation; of draft 6 the user fragment, equal for the components of a candidate."""
    component: int
    """1: RTP, 2: RTCP."""
    transport: str
    """Transport in lower case: udp, tcp, tcp-act, tcp-pass."""
    priority: float
    """Priority: a whole number by RFC 5245, between 0 and 1 by draft 6."""
    address: str
    """IP address, as sent."""
    port: int
    """Port."""
    kind: str | None
    """host, srflx, prflx or relay; None in draft 6, which does not tell."""
    related_address: str | None
    """``raddr``: the address behind it."""
    related_port: int | None
    """``rport``."""


# 1 2 TCP-PASS 6556158 203.0.113.20 52732 typ relay raddr 10.1.4.17 rport 21052
_RFC5245 = re.compile(
    r"(\S{1,64})[ ]+(\d{1,5})[ ]+(\S{1,32})[ ]+(\d{1,10})[ ]+(\S{1,255})[ ]+(\d{1,5})"
    r"[ ]+typ[ ]+(\S{1,32})(?:[ ]+raddr[ ]+(\S{1,255}))?(?:[ ]+rport[ ]+(\d{1,5}))?",
    re.IGNORECASE | re.ASCII,
)
# kq1TtHq3 1 0fZk1x2v UDP 0.830 10.1.4.17 21052
_DRAFT_6 = re.compile(
    r"(\S{1,255})[ ]+(\d{1,5})[ ]+\S{1,255}[ ]+(UDP|TCP)[ ]+(\d?\.\d{1,18}|[01])[ ]+(\S{1,255})"
    r"[ ]+(\d{1,5})[ ]*\Z",
    re.IGNORECASE | re.ASCII,
)


def decode_candidate(value: str) -> Candidate:
    """Return a candidate, in either grammar; the password of draft 6 is left out.

    Raises
    ------
    Malformed
        When it is of neither.

    Examples
    --------
    >>> decode_candidate("1 1 UDP 2130706431 10.1.4.17 28536 typ host ").kind
    'host'
    >>> decode_candidate("kq1TtHq3 1 0fZk1x2v UDP 0.830 10.1.4.17 21052").grammar
    'draft-6'
    """
    value = value.strip()
    found = _RFC5245.match(value)
    if found:
        foundation, component, transport, priority, address, port, kind, raddr, rport = (
            found.groups()
        )
        grammar, related_port = "rfc5245", int(rport) if rport else None
    else:
        found = _DRAFT_6.match(value)
        if found is None:
            what = "candidate of neither RFC 5245 nor draft 6"
            raise Malformed(what, layer="sdp", spec="RFC 5245 §15.1")
        foundation, component, transport, priority, address, port = found.groups()
        grammar, kind, raddr, related_port = "draft-6", None, None, None
    return Candidate(
        grammar,
        foundation,
        int(component),
        transport.lower(),
        float(priority),
        address,
        int(port),
        kind.lower() if kind else None,
        raddr,
        related_port,
    )


def candidates_of(attributes: Iterable[Attribute]) -> tuple[Candidate, ...]:
    """Return the candidates that can be read, Microsoft's for IPv6 included, in order."""
    found = []
    for name, value in attributes:
        if name in _CANDIDATES and value:
            try:
                found.append(decode_candidate(value))
            except Malformed:
                continue
    return tuple(found)


def has_chosen_candidates(attributes: Iterable[Attribute]) -> bool:
    """Return whether ICE came to its end before this description was sent.

    ``remote-candidates`` (of draft 6: ``remote-candidate``) stands in the offer by which the
    controlling side names the pair it chose, and in the answer to it (RFC 5245 §9.1.2.2).
    """
    return any(name in ("remote-candidates", "remote-candidate") for name, _ in attributes)


# --- SRTP -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CryptoSuite:
    """One offer or choice of SRTP keys, without them."""

    attribute: str
    """``crypto`` (RFC 4568) or Microsoft's ``cryptoscale`` (one key for many receivers)."""
    tag: str
    """Number that the answer repeats."""
    suite: str
    """Crypto suite, such as AES_CM_128_HMAC_SHA1_80."""
    role: str | None
    """Of ``cryptoscale``: client or server; else None."""


def crypto_suites_of(attributes: Iterable[Attribute]) -> tuple[CryptoSuite, ...]:
    """Return what SRTP key descriptions name, in order."""
    found = []
    for name, value in attributes:
        words = (value or "").split()
        if name == "crypto" and len(words) >= 2:
            found.append(CryptoSuite(name, words[0], words[1], None))
        elif name == "cryptoscale" and len(words) >= 3:
            found.append(CryptoSuite(name, words[0], words[2], words[1]))
    return tuple(found)


# --- codecs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of a media line."""

    fmt: str
    """Format as the media line names it: for RTP the payload type."""
    name: str | None
    """Encoding name as sent, or RFC 3551's for a static payload type; None when nothing tells."""
    clock_rate: int | None
    """Clock rate, hertz."""
    channels: int | None
    """Channels, where ``rtpmap`` tells them."""

    @property
    def is_auxiliary(self) -> bool:
        """Whether it carries no medium of its own: comfort noise, tones, redundancy, FEC."""
        return (self.name or "").lower() in _AUXILIARY

    def __str__(self) -> str:
        rate = f"/{self.clock_rate}" if self.clock_rate else ""
        return f"{self.name}{rate}" if self.name else self.fmt


_AUXILIARY = frozenset(
    ("cn", "telephone-event", "tone", "red", "rtx", "ulpfec", "parityfec", "flexfec", "x-ulpfecuc")
)

_STATIC = {
    "0": ("PCMU", 8000), "3": ("GSM", 8000), "4": ("G723", 8000), "5": ("DVI4", 8000),
    "6": ("DVI4", 16000), "7": ("LPC", 8000), "8": ("PCMA", 8000), "9": ("G722", 8000),
    "10": ("L16", 44100), "11": ("L16", 44100), "12": ("QCELP", 8000), "13": ("CN", 8000),
    "14": ("MPA", 90000), "15": ("G728", 8000), "16": ("DVI4", 11025), "17": ("DVI4", 22050),
    "18": ("G729", 8000), "25": ("CelB", 90000), "26": ("JPEG", 90000), "28": ("nv", 90000),
    "31": ("H261", 90000), "32": ("MPV", 90000), "33": ("MP2T", 90000), "34": ("H263", 90000),
}  # fmt: skip


def codecs_of(fmt: Sequence[str], attributes: Iterable[Attribute]) -> tuple[Codec, ...]:
    """Return the formats of a media line with what ``rtpmap`` says of them, in order of preference.

    Parameters
    ----------
    fmt : sequence of str
        Formats of the media line.
    attributes : iterable of (name, value)
        Its attributes.
    """
    named: dict[str, str] = {}
    for name, value in attributes:
        if name == "rtpmap" and value:
            payload_type, _, encoding = value.strip().partition(" ")
            named.setdefault(payload_type, encoding.strip())
    return tuple([_codec(one, named.get(one)) for one in fmt])


def _codec(fmt: str, encoding: str | None) -> Codec:
    # A handful of codecs comes back all the time; long names are not worth to be remembered.
    return (_known_codec if len(fmt) + len(encoding or "") < 80 else _new_codec)(fmt, encoding)


def _new_codec(fmt: str, encoding: str | None) -> Codec:
    if not encoding:
        static, clock_rate = _STATIC.get(fmt, (None, None))
        return Codec(fmt, static, clock_rate, None)
    name, rate, channels = [*encoding.split("/"), "", ""][:3]
    return Codec(fmt, name or None, integer_of(rate), integer_of(channels))


_known_codec = lru_cache(4096)(_new_codec)


# --- directions and Microsoft's words -------------------------------------------------------------


def direction_of(media: Iterable[Attribute], session: Iterable[Attribute] = ()) -> str:
    """Return sendrecv, sendonly, recvonly or inactive: of the media, else of the session.

    Where neither says anything it is sendrecv (RFC 8866 §6.7).
    """
    for attributes in (media, session):
        for name, _ in attributes:
            if name in _DIRECTIONS:
                return name
    return "sendrecv"


def value_of(attributes: Iterable[Attribute], name: str) -> str | None:
    """Return the stripped value of the first attribute `name`, or None."""
    found = next((value for key, value in attributes if key == name), None)
    return (found or "").strip() or None


def decode_ssrc_range(value: str) -> tuple[int, int]:
    """Return lowest and highest SSRC of ``x-ssrc-range`` ([MS-SDPEXT] §3.1.5.8).

    Raises
    ------
    Malformed
        When it is not two numbers, the lower one first.
    """
    low, dash, high = value.partition("-")
    lowest, highest = integer_of(low), integer_of(high if dash else low)
    if lowest is None or highest is None or not lowest <= highest < 1 << 32:
        raise Malformed(f"x-ssrc-range {value[:40]!r}", layer="sdp", spec="[MS-SDPEXT] §3.1.5.8")
    return lowest, highest


def decode_device_caps(value: str) -> dict[str, tuple[str, ...]]:
    """Return the directions that ``x-devicecaps`` tells of each medium.

    Examples
    --------
    >>> decode_device_caps("audio:send,recv;video:recv")
    {'audio': ('send', 'recv'), 'video': ('recv',)}
    """
    media = (one.partition(":") for one in value.split(";"))
    return {
        name.strip(): tuple([word.strip() for word in words.split(",") if word.strip()])
        for name, colon, words in media
        if colon and name.strip()
    }


def decode_media_bandwidth(value: str) -> tuple[str, dict[str, int]]:
    """Return the source and the limits that ``x-mediabw`` tells, kilobits per second by direction.

    Examples
    --------
    >>> decode_media_bandwidth("main-video send=8100;recv=8100")
    ('main-video', {'send': 8100, 'recv': 8100})
    """
    source, _, limits = value.strip().partition(" ")
    pairs = (one.partition("=") for one in limits.split(";"))
    told = ((name.strip(), integer_of(number)) for name, _, number in pairs)
    return source, {name: number for name, number in told if name and number is not None}


@dataclass(frozen=True, slots=True)
class VideoMode:
    """One mode of ``x-caps``."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    frame_rate: float
    """Frames per second."""
    bit_rate: int
    """Bits per second."""


_VIDEO_MODE = re.compile(
    r"\d{1,10}:(\d{1,6}):(\d{1,6}):(\d{1,4}(?:\.\d{1,6})?):(\d{1,12})(?::|\Z)", re.ASCII
)


def decode_video_caps(value: str) -> tuple[str, tuple[VideoMode, ...]]:
    """Return the payload type and the video modes that ``x-caps`` tells; others are left out.

    Examples
    --------
    >>> decode_video_caps("121 263:1920:1080:30.0:2000000:1")[1][0].height
    1080
    """
    payload_type, _, modes = value.strip().partition(" ")
    found = filter(None, (_VIDEO_MODE.match(mode.strip()) for mode in modes.split(";")))
    return payload_type, tuple(
        [VideoMode(int(one[1]), int(one[2]), float(one[3]), int(one[4])) for one in found]
    )


def is_2007_fallback(disposition: str | None) -> bool:
    """Return whether a part of ``multipart/alternative`` is there for ICE draft 6 only.

    Such a part precedes the one that counts, and is no second offer.
    """
    words = (disposition or "").lower().split(";")
    return any(word.strip() == "ms-proxy-2007fallback" for word in words)

"""Products and their versions from User-Agent and Server.

::

    UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)     Lync 2013
    RTC/6.0                                                      Skype for Business Server 2015
    RTCC/5.0.0.0 MediationServer                                 Mediation Server
    RTCC/4.0.0.0 McxService/4.0.0.0                              McxService, a UCMA 3.0 application

References
----------
RFC 3261 §20.35, §20.41 (``server-val *(LWS server-val)``, ``product / comment``). What Microsoft's
words stand for is no standard's matter: it is what its products are known to send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["client", "server", "application", "mediation", "gateway", "phone", "other"]


@dataclass(frozen=True, slots=True)
class Product:
    """What sent a message."""

    name: str
    """Name as people know it, else the first product token as sent."""
    version: str | None
    """Its version as sent; None without one."""
    kind: Kind
    """What kind of thing it is; ``other`` where nothing is known."""
    platform: str | None = None
    """What it is built on, such as ``UCMA 4.0``; None where that is not told."""


_TOKEN = re.compile(r"\(([^()]*)\)?|([^\s/()]+)(?:/([^\s()]+))?")
_VERSION = re.compile(r"r?v?[0-9]+(?:[._\-][0-9a-z]+)+\Z", re.IGNORECASE)
_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

_ANNOUNCING = ("version", "release", "ver", "ver.")

_CLIENTS = {
    "2.0": "Office Communicator 2007",
    "3.0": "Office Communicator 2007",
    "3.5": "Office Communicator 2007 R2",
    "4.0": "Lync 2010",
    "15.0": "Lync 2013",
    "16.0": "Skype for Business 2016",
}
_SERVERS = {
    "2.0": "Live Communications Server 2005",
    "3.0": "Office Communications Server 2007",
    "3.5": "Office Communications Server 2007 R2",
    "4.0": "Lync Server 2010",
    "5.0": "Lync Server 2013",
    "6.0": "Skype for Business Server 2015",
    "7.0": "Skype for Business Server 2019",
}
_UCMA = {"3.5": "UCMA 2.0", "4.0": "UCMA 3.0", "5.0": "UCMA 4.0", "6.0": "UCMA 5.0"}

_BY_WORD: tuple[tuple[str, Kind], ...] = (
    ("lyncphone", "phone"), ("ocphone", "phone"), ("polycom", "phone"), ("yealink", "phone"),
    ("snom", "phone"), ("grandstream", "phone"), ("ipphone", "phone"), ("cpe", "phone"),
    ("mobile", "client"), ("iphonelync", "client"), ("androidlync", "client"), ("sipe", "client"),
    ("mediant", "gateway"), ("audiocodes", "gateway"), ("sonus", "gateway"), ("ribbon", "gateway"),
    ("oracle", "gateway"), ("acme", "gateway"), ("cisco", "gateway"), ("dialogic", "gateway"),
    ("gateway", "gateway"), ("sbc", "gateway"), ("asterisk", "server"), ("freeswitch", "server"),
    ("kamailio", "server"), ("opensips", "server"), ("fpbx", "server"), ("trueconf", "client"),
)  # fmt: skip
"""Words in what others than Microsoft send, and what kind of thing sends them."""

Token = tuple[str, str | None]


def decode_product(value: str) -> Product | None:
    """Decode a User-Agent or Server; None where it is empty.

    Examples
    --------
    >>> decode_product("RTCC/5.0.0.0 MediationServer")
    Product(name='Mediation Server', version='5.0.0.0', kind='mediation', platform='UCMA 4.0')
    >>> decode_product("Yealink SIP-T46G 28.80.0.70")
    Product(name='Yealink SIP-T46G', version='28.80.0.70', kind='phone', platform=None)
    """
    tokens, comments = _split(value)
    if not tokens:
        return Product(comments[0], None, _kind(value)) if comments else None
    first, version = tokens[0]
    word = first.upper()
    if word in ("UCCAPI", "OC", "UCCP"):
        return _client(dict(tokens).get("OC") or version, comments)
    if word == "RTC":
        return Product(_of_version(_SERVERS, version) or "RTC", version, "server")
    if word == "RTCC":
        return _application(version, tokens[1:])
    return _other(value, tokens)


def _split(value: str) -> tuple[list[Token], list[str]]:
    """Split into product tokens with their versions, and comments without their brackets."""
    tokens: list[Token] = []
    comments: list[str] = []
    for comment, name, version in _TOKEN.findall(value):
        if name:
            tokens.append((name, version or None))
        elif comment.strip():
            comments.append(comment.strip())
    return tokens, comments


def _client(version: str | None, comments: list[str]) -> Product:
    """Return a Windows client: its comment names it, and where it does not say which, its version.

    ``(Microsoft Lync)`` is Lync 2013, whose update of 2015 says ``(Skype for Business)``.
    """
    named = comments[0].removeprefix("Microsoft ") if comments else ""
    if named in ("", "Lync", "Office Communicator"):
        return Product(_of_version(_CLIENTS, version) or named or "UCCAPI", version, "client")
    if named == "Skype for Business" and version and version.startswith("16."):
        named = "Skype for Business 2016"
    return Product(named, version, "client")


def _application(version: str | None, names: list[Token]) -> Product:
    """Return what is made with UCMA: Microsoft's own servers and services, and others'."""
    platform = _of_version(_UCMA, version)
    if not names:
        return Product("UCMA application", version, "application", platform)
    name, own_version = names[0]
    if name.lower().startswith("mediation"):
        return Product("Mediation Server", own_version or version, "mediation", platform)
    return Product(name, own_version or version, "application", platform)


def _other(value: str, tokens: list[Token]) -> Product:
    """Return what others send: ``name/version``, or words of which the last is the version."""
    name, version = tokens[0]
    if version is None:
        words = value.partition("(")[0].partition("/")[0].split()
        at = next((i for i, word in enumerate(words) if i and _VERSION.match(word)), None)
        version = words[at] if at else next((sent for _, sent in tokens if sent), None)
        if at and words[at - 1].lower() in _ANNOUNCING and at > 1:
            at -= 1
        name = " ".join(words[:at]) or name
    return Product(name, version, _kind(value))


def _kind(value: str) -> Kind:
    lower = value.lower()
    if "mediation" in lower:
        return "mediation"
    return next((kind for word, kind in _BY_WORD if word in lower), "other")


def _of_version(names: dict[str, str], version: str | None) -> str | None:
    found = _NUMBER.match(version or "")
    return names.get(f"{found[1]}.{found[2]}") if found else None

"""Who a URI of Lync names: a user's endpoint, a conference's focus or MCU, a server's application.

Lync tells it in the URI parameter ``opaque`` of a GRUU::

    sip:kim@contoso.com;opaque=user:epid:6AbhXg;gruu                    user
    sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4          focus
    sip:kim@contoso.com;gruu;opaque=app:conf:audio-video:id:X1Y2Z3W4    mcu:audio-video
    sip:fe01@contoso.com;gruu;opaque=srvr:MediationServer:TOKEN         server:MediationServer

References
----------
[MS-SIPRE] §2.2.2 (gruu), [MS-CONFBAS] §2.2 (conference URIs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dissectors.errors import DissectError
from dissectors.sip.headers import MicrosoftOpaque, decode_opaque, decode_uri

Kind = Literal["user", "focus", "focusfactory", "mcu", "server", "app"]

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What ``opaque`` says of who a URI names."""

    kind: Kind
    """``user``, ``focus``, ``focusfactory``, ``mcu``, ``server``, ``app``: another application."""
    name: str | None
    """Modality of an MCU, role of a server, name of an application; None of the others."""
    identifier: str | None
    """Conference id, or the token that names the endpoint; None without one."""

    @property
    def role(self) -> str:
        """Kind and name: ``user``, ``mcu:audio-video``, ``server:HomeServer``."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def conference_id(self) -> str | None:
        """Conference id, equal in the focus and all MCUs of a conference; else None."""
        return self.identifier if self.kind in ("focus", "mcu") else None


def decode_endpoint(uri: str) -> Endpoint | None:
    """Return who a URI names by its ``opaque``; None where it has none, or one for routing.

    Examples
    --------
    >>> decode_endpoint("sip:kim@contoso.com;gruu;opaque=app:conf:chat:id:X1Y2Z3W4")
    Endpoint(kind='mcu', name='chat', identifier='X1Y2Z3W4')
    """
    if "opaque" not in uri and "opaque" not in uri.lower():
        return None
    try:
        opaque = decode_uri(uri).opaque
    except DissectError:
        return None
    return _endpoint(decode_opaque(opaque)) if opaque else None


def _endpoint(opaque: MicrosoftOpaque) -> Endpoint | None:
    if opaque.kind == "user":
        return Endpoint("user", None, opaque.identifier)
    if opaque.kind == "srvr":
        return Endpoint("server", _name(opaque.role), opaque.identifier)
    if opaque.kind != "app":
        return None  # `state` stands in Record-Route and is for the proxy that put it there
    conference, _, modality = opaque.role.partition(":")
    if conference.lower() != "conf":
        return Endpoint("app", _name(conference), opaque.identifier)
    if modality.lower() == "focus":
        return Endpoint("focus", None, opaque.identifier)
    if modality.lower() == "focusfactory":
        return Endpoint("focusfactory", None, opaque.identifier)
    return Endpoint("mcu", _name(modality), opaque.identifier)


def _name(text: str) -> str | None:
    return text[:_LONGEST_NAME] or None

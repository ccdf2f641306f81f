"""What REGISTER and its responses say beside what every message says: credentials and bindings."""

from __future__ import annotations

import re

from dissectors.errors import DissectError
from dissectors.sip.headers import decode_name_addr, split_values
from dissectors.sip.message import SipMessage

MAX_BINDINGS = 50
"""Contacts of one message that are told; an address of record has a few."""

_AUTHENTICATION = (
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
)
# challenge = ("Digest" LWS digest-cln *(COMMA digest-cln)) / other-challenge   (RFC 3261 §25.1)
# An Authentication-Info of Digest begins with a parameter instead: nextnonce="…".
_SCHEME = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32})(?=[ \t]+[^ \t=,]|[ \t]*$)")


def register_columns(message: SipMessage, method: str | None) -> tuple[str | None, str | None]:
    """Return the columns `auth_schemes` and `bindings` of a row of `messages`.

    Returns
    -------
    auth_schemes : str or None
        Schemes that the headers of authentication name, in order, separated by spaces.
    bindings : str or None
        A line ``EXPIRES URI`` for each Contact; ``-`` stands for an expires that is not said.
    """
    if method != "REGISTER":
        return None, None
    return _schemes(message), _bindings(message)


def _schemes(message: SipMessage) -> str | None:
    found: dict[str, None] = {}
    for name in _AUTHENTICATION:
        if name in message.first_values:
            for value in message.get_all(name):
                match = _SCHEME.match(value)
                if match:
                    found[match[1]] = None
    return " ".join(found) or None


def _bindings(message: SipMessage) -> str | None:
    if "contact" not in message.first_values:
        return None
    contacts = [one for value in message.get_all("contact") for one in split_values(value)]
    lines = filter(None, map(_binding, contacts[:MAX_BINDINGS]))
    return "\n".join(lines) or None


def _binding(value: str) -> str | None:
    if value.strip() == "*":
        return "- *"  # all of them, with Expires: 0 (RFC 3261 §10.2.2)
    try:
        contact = decode_name_addr(value)
    except DissectError:
        return None
    expires = contact.parameters.get("expires", "").strip('" \t')
    seconds = expires if expires.isascii() and expires.isdigit() and len(expires) < 11 else "-"
    uri = contact.uri.replace("\n", " ")
    return f"{seconds} {uri}" if uri else None

"""Steps of authentication: who asks whom to prove what, and how far they have come.

A client of Lync signs in with NTLM, Kerberos or TLS-DSK: the server's 401 offers the schemes, the
client begins one, tokens (``gssapi-data``) go back and forth, and from then on each message is
signed (``response``, ``rspauth``) and numbered (``cnum``, ``snum``). Two or three 401 before the
200 are the normal way.

What proves an identity is never given out: of gssapi-data only which message of the handshake it
is, of signatures only that they are there, of nonces (``crand``, ``srand``, ``cnonce``) nothing.

References
----------
[MS-SIPAE] §2.2 (headers), §3.2 and §3.3 (Kerberos, NTLM, TLS-DSK); [MS-NLMP] §2.2.1 (message
types); RFC 8446 §4 (handshake types); RFC 3261 §20.7, §20.44, RFC 7616 (Digest).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dissectors.errors import Malformed
from dissectors.sip.abnf import LWS, QUOTED_STRING, split_outside_quotes, unquote

HEADERS = (
    "www-authenticate",
    "proxy-authenticate",
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
)
"""Header names, lower case, that carry a step."""

REDACTED = "<redacted>"
"""What stands where a secret stood."""

Step = Literal["offer", "begin", "token", "signature", "credentials"]

_SHOWN = frozenset(
    ("realm", "targetname", "version", "qop", "opaque", "sts-uri", "algorithm", "stale", "username",
     "uri", "domain", "nc", "cnum", "snum")
)  # fmt: skip
"""Parameters that prove nothing. Any other's value is a secret until the opposite is known."""

_CONFIRMATIONS = ("authentication-info", "proxy-authentication-info")
"""Of these Digest sends the parameters alone (RFC 7615 §3)."""
_CHALLENGES = ("www-authenticate", "proxy-authenticate")
_NTLM_MESSAGES = {1: "NEGOTIATE_MESSAGE", 2: "CHALLENGE_MESSAGE", 3: "AUTHENTICATE_MESSAGE"}
_TLS_HANDSHAKES = {
    1: "client_hello", 2: "server_hello", 4: "new_session_ticket", 11: "certificate",
    12: "server_key_exchange", 14: "server_hello_done", 16: "client_key_exchange",
}  # fmt: skip
_TLS_RECORDS = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}


@dataclass(frozen=True, slots=True)
class Authentication:
    """One step of one scheme."""

    scheme: str
    """Scheme as sent: NTLM, Kerberos, TLS-DSK, Digest."""
    step: Step
    """``offer`` of a scheme, ``begin`` with no token yet, ``token`` of its handshake, ``signature``
    of a message, or ``credentials``, which prove all at once."""
    realm: str | None
    """Realm."""
    targetname: str | None
    """Who authenticates: the server's name, with Kerberos ``sip/fqdn``."""
    version: str | None
    """Version of Microsoft's extensions, 2 to 4."""
    token: str | None
    """Which message of the handshake gssapi-data is: ``NTLM CHALLENGE_MESSAGE``, ``TLS
    client_hello``; ``unknown`` where that cannot be told, None without a token."""
    sequence_number: int | None
    """cnum or snum: number of a signed message, by its sender."""
    stale: bool
    """Whether the server says that only the nonce was too old."""
    parameters: dict[str, str]
    """Further parameters; secrets are redacted."""


# auth-scheme 1*SP auth-param *( "," auth-param )          (Lync sends a header for each scheme)
# What is neither a scheme that is known nor stands before a parameter may be the secret itself.
_SCHEME = re.compile(
    r"[ \t]*((?:NTLM|Kerberos|TLS-DSK|Digest|Negotiate|Basic|Bearer|OAuth)(?=[ \t]|\Z)"
    r"|[A-Za-z][A-Za-z0-9\-]{0,30}(?=[ \t]+[\w\-]+[ \t]*=[ \t]*[^= \t]))[ \t]*",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"[ \t]*([\w\-]+)[ \t]*=[ \t]*(.*)\Z", re.DOTALL)


def decode_authentication(header: str, value: str) -> Authentication:
    """Decode one challenge, answer or confirmation.

    Parameters
    ----------
    header : str
        One of :data:`HEADERS`.
    value : str
        Its value.

    Raises
    ------
    Malformed
        When it has no scheme.

    Examples
    --------
    >>> step = decode_authentication("authorization", 'NTLM qop="auth", realm="R", crand="1", '
    ...                              'cnum="2", targetname="fe01", response="0100"')
    >>> step.scheme, step.step, step.sequence_number, step.parameters
    ('NTLM', 'signature', 2, {'qop': 'auth', 'crand': '<redacted>', 'response': '<redacted>'})
    """
    scheme = _SCHEME.match(value)
    if scheme is None and header not in _CONFIRMATIONS:
        summary = f"{header} without a scheme"  # its value may be a secret
        raise Malformed(summary, layer="sip", severity="warning", spec="RFC 3261 §20.7")
    parameters = _parameters(value[scheme.end() if scheme else 0 :])
    number = unquote(parameters.pop("cnum", "") or parameters.pop("snum", ""))
    made = {name: _shown(name, given) for name, given in parameters.items()}
    return Authentication(
        scheme=scheme[1] if scheme else "Digest",
        step=_step(header, parameters),
        realm=made.pop("realm", None),
        targetname=made.pop("targetname", None),
        version=made.pop("version", None),
        token=_token(scheme[1] if scheme else "", unquote(parameters.get("gssapi-data", ""))),
        sequence_number=int(number) if re.fullmatch("[0-9]{1,18}", number) else None,
        stale=made.pop("stale", "").lower() == "true",
        parameters=made,
    )


def redact_authentication(value: str) -> str:
    """Return the value of one of :data:`HEADERS` as sent, with what proves an identity taken out.

    Examples
    --------
    >>> redact_authentication('NTLM realm="R", gssapi-data="TlRM", cnum="1", response="01ab"')
    'NTLM realm="R", gssapi-data="<redacted>", cnum="1", response="<redacted>"'
    >>> redact_authentication("Basic dXNlcjpwYXNz")
    'Basic <redacted>'
    """
    scheme = _SCHEME.match(value)
    begin = scheme.end() if scheme else 0
    pieces = split_outside_quotes(value[begin:], ",")
    return value[:begin] + ",".join(map(_redact, pieces))


def _redact(piece: str) -> str:
    found = _PARAMETER.match(piece)
    if found is None:
        margin = piece[: len(piece) - len(piece.lstrip(LWS))]
        return f"{margin}{REDACTED}" if piece.strip(LWS) else piece
    value = found[2].strip(LWS)
    if value in ("", '""') or _shown(found[1].lower(), value) != REDACTED:
        return piece
    return f'{piece[: found.start(2)]}"{REDACTED}"'


_PLAIN_VALUE = re.compile(r"[^\s\"=,]*")


def _shown(name: str, value: str) -> str:
    """Return a parameter's value without quotes, redacted where it is or may hold a secret.

    With a quote or a comma that is missing, a value may run on into the next parameter.
    """
    whole = QUOTED_STRING.fullmatch(value) or _PLAIN_VALUE.fullmatch(value)
    return unquote(value) if name in _SHOWN and whole else REDACTED


def _parameters(text: str) -> dict[str, str]:
    """Return parameters as sent by lower-case name; what has no name stands under the empty one."""
    parameters: dict[str, str] = {}
    for name, value in _named(text):
        parameters.setdefault(name, value)
    return parameters


def _named(text: str) -> Iterator[tuple[str, str]]:
    for piece in split_outside_quotes(text, ","):
        found = _PARAMETER.match(piece)
        if found is not None:
            yield found[1].lower(), found[2].strip(LWS)
        elif piece.strip(LWS):
            yield "", piece.strip(LWS)  # Basic, Bearer: the credentials themselves


def _step(header: str, parameters: dict[str, str]) -> Step:
    """Tell how far the handshake is by what a header carries."""
    if parameters.get("gssapi-data", '""') not in ("", '""'):
        return "token"
    if header in _CHALLENGES:
        return "offer"
    if header in _CONFIRMATIONS or "response" in parameters or "rspauth" in parameters:
        return "signature"
    return "begin" if "gssapi-data" in parameters or "" not in parameters else "credentials"


def _token(scheme: str, data: str) -> str | None:
    """Return which message of its handshake a token is, by its first bytes alone."""
    if not data:
        return None
    try:
        begin = base64.b64decode(data[:16].ljust(16, "="), validate=True)
    except (binascii.Error, ValueError):
        return "unknown"
    if begin[:8] == b"NTLMSSP\0":
        kind = _NTLM_MESSAGES.get(begin[8] if len(begin) > 8 else 0)
        return f"NTLM {kind}" if kind else "unknown"
    if scheme.upper() == "TLS-DSK" and len(begin) > 5 and begin[0] in _TLS_RECORDS:
        handshake = _TLS_HANDSHAKES.get(begin[5], "encrypted") if begin[0] == 22 else None
        return f"TLS {handshake or _TLS_RECORDS[begin[0]]}"
    return "unknown"

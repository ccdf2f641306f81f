"""Keys in the bytes of SIP bodies, overwritten: a message keeps its length, and its keys go.

What is taken out is what the tables never hold either: keys of SRTP in SDP (``a=crypto``,
Microsoft's ``a=cryptoscale``, ``a=key-mgmt``, ``k=``), and passwords, PINs and tokens in XML, in
JSON and in lines of text.

References
----------
RFC 4568 §6.1 (``inline:``), RFC 4567 §3.1 (``key-mgmt``), RFC 4566 §5.12 (``k=``).
"""

from __future__ import annotations

import re

from dissectors import bodies as _registered  # noqa: F401  (importing it fills the registry)
from dissectors.body import REDACTED, MediaPart, inflate, redact_value, top_part, walk_parts
from dissectors.errors import DissectError
from dissectors.markup import decode_characters
from dissectors.sip.message import SipMessage

FILLER = b"X"
"""What stands, as often as needed, where a key stood; base64 as good as any."""

_INLINE = re.compile(rb"(inline:[ \t]*)([^|;\s\"'<>&]+)", re.IGNORECASE)
# a=crypto:TAG SUITE KEY-PARAMS: without "inline:" the key is of a kind that nobody knows.
_UNKNOWN_CRYPTO = re.compile(
    rb"^(a=crypto(?:scale)?:[ \t]*\S+[ \t]+\S+[ \t]+)(?![^\r\n]*inline:)([^\r\n]+)", re.I | re.M
)
_KEY_MGMT = re.compile(rb"^(a=key-mgmt:[ \t]*\S+[ \t]+)([^\r\n]+)", re.I | re.M)
_KEY_LINE = re.compile(rb"^(k=(?:(?:clear|base64|uri):)?)(?!prompt\b)([^\r\n]+)", re.I | re.M)
_SDP = re.compile(rb"^v=0\s", re.MULTILINE)
# Start tag, its local name, the text behind it, and whether anything but the end tag follows.
_TEXT = re.compile(rb"(<(?:[\w.\-]+:)?([\w.\-]+)(?:\s[^<>]*)?>)([^<]*)(?=(<(?!/))?)")
_ATTRIBUTE = re.compile(rb"((?<=[\s:])([\w.\-]+)\s*=\s*)(\"[^\"<>]+\"|'[^'<>]+')")
_JSON = re.compile(rb"(\"([\w.\-]+)\"\s*:\s*)(\"(?:[^\"\\]|\\.)*\")")
_LINE = re.compile(rb"^(([\w\-]+):[ \t]*)([^\r\n]+)", re.MULTILINE)  # text/x-msmsgsinvite, MIME
_RELAY_AUTH = b"media-relay-auth"
_USERNAME = re.compile(rb"(<(?:\w+:)?username>)([^<]+)", re.IGNORECASE)
_ENCODED = re.compile(rb"content-(?:transfer-)?encoding", re.IGNORECASE)


def masked_body(message: SipMessage) -> bytes:
    """Return a message's body with its keys overwritten; its length stays.

    A body in which an encoding (gzip, base64, UTF-16) or markup (CDATA, comments) hides a key, or
    hides what cannot be looked into, is overwritten as a whole.
    """
    body = message.body
    if not body:
        return body
    masked = mask_keys(body)
    if _RELAY_AUTH in (message.get("content-type") or "").lower().encode() + body.lower():
        masked = _USERNAME.sub(_overwrite, masked)  # it is a sealed token
    if b"\0" in body or message.get("content-encoding") or _ENCODED.search(body):
        parts = [part for part, _ in walk_parts(top_part(message), _is_not_decoded)]
        if any(_hides_keys(part, body) for part in parts):
            return FILLER * len(body)
    return masked


def mask_keys(data: bytes) -> bytes:
    """Return `data` with every key that stands in it overwritten.

    Where markup stands inside a secret, all of `data` is.

    Examples
    --------
    >>> mask_keys(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUw|2^31")
    b'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:XXXXXXXXXXXXXXXXXXXX|2^31'
    """
    data = _INLINE.sub(_overwrite, data)
    data = _KEY_MGMT.sub(_overwrite, _UNKNOWN_CRYPTO.sub(_overwrite, data))
    if _SDP.search(data):
        data = _KEY_LINE.sub(_overwrite, data)
    if b":" in data:
        data = _LINE.sub(_overwrite_named, _JSON.sub(_overwrite_quoted, data))
    if b"<" in data:
        if any(match[4] and _is_secret_text(match) for match in _TEXT.finditer(data)):
            return FILLER * len(data)
        data = _ATTRIBUTE.sub(_overwrite_quoted, _TEXT.sub(_overwrite_text, data))
    return data


def _is_not_decoded(media_type: str) -> bool:
    return False


def _hides_keys(part: MediaPart, body: bytes) -> bool:
    """Tell whether a key stands in a part where overwriting the body's own bytes misses it."""
    try:
        data = inflate(part.data, part.content_encoding)
    except DissectError:
        return True
    if b"\0" in data:
        text, _ = decode_characters(data, part.parameters.get("charset") or "")
        data = text.encode("utf-8", "replace")
    elif data in body:
        return False
    return mask_keys(data) != data


def _overwrite(match: re.Match[bytes]) -> bytes:
    return match[1] + FILLER * len(match[2])


def _is_secret(name: bytes) -> bool:
    return redact_value(name.decode("ascii", "replace"), "value") == REDACTED


def _is_secret_text(match: re.Match[bytes]) -> bool:
    return not match[1].endswith(b"/>") and _is_secret(match[2])


def _overwrite_text(match: re.Match[bytes]) -> bytes:
    return match[1] + FILLER * len(match[3]) if _is_secret_text(match) else match[0]


def _overwrite_named(match: re.Match[bytes]) -> bytes:
    return match[1] + FILLER * len(match[3]) if _is_secret(match[2]) else match[0]


def _overwrite_quoted(match: re.Match[bytes]) -> bytes:
    if not _is_secret(match[2]):
        return match[0]
    quoted = match[3]
    return match[1] + quoted[:1] + FILLER * (len(quoted) - 2) + quoted[-1:]

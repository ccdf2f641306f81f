"""The media-type table: a body's bytes → its value.

A decoder is one file in :mod:`dissectors.bodies` with one function, registered under its media
types by :data:`bodies`. It takes a :class:`MediaPart`, returns a frozen dataclass and raises
:class:`~dissectors.errors.DissectError`; it knows no other decoder.

::

    SipMessage ── top_part ──▶ MediaPart ── walk_parts ──▶ (MediaPart, value or error) …
                                                                   └── to_plain ──▶ JSON

Importing :mod:`dissectors.bodies` fills the table; this module does not do it, so that decoders
can import this module.

Every value has a field ``problems``: what was wrong although the value could be made. No value
holds key material: :func:`redact_keys` and :func:`flat_values` take it out.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated, Unsupported
from dissectors.markup import Element, decode_characters, flatten
from dissectors.registry import Registry
from dissectors.sip.headers import decode_media_type, decode_opaque, decode_uri
from dissectors.sip.message import SipMessage

MAX_NESTING = 8
"""Deepest nesting of multipart bodies that is decoded."""
MAX_PARTS = 256
"""Most parts of one message that are decoded."""
MAX_INFLATED = 4 << 20
"""Most bytes that a compressed body may grow to."""
MAX_ENCODINGS = 4
"""Most content encodings that may lie on one another."""


@dataclass(frozen=True, slots=True)
class MediaPart:
    """One body, or one part of a multipart body, not yet decoded."""

    path: str
    """Where it stands: ``1`` is the message's body, ``1.2`` the second part of a multipart body."""
    media_type: str
    """Lower-case ``type/subtype``; ``text/plain`` where a part names none (RFC 2046 §5.1)."""
    parameters: Mapping[str, str]
    """Parameters of the Content-Type, names in lower case, values unquoted."""
    content_id: str | None
    """Content-ID without angle brackets, or None."""
    disposition: str | None
    """Content-Disposition as sent, or None."""
    data: bytes
    """The part's bytes, Content-Transfer-Encoding undone, Content-Encoding not."""
    content_encoding: str = ""
    """Content-Encoding as sent, such as ``gzip``; empty without one."""


@dataclass(frozen=True, slots=True)
class Container:
    """What the values of bodies that hold parts have in common."""

    parts: tuple[MediaPart, ...]
    """The parts, in order, not yet decoded."""


BodyDecoder = Callable[[MediaPart], object]


class BodyRegistry(Registry[str, BodyDecoder]):
    """Decoders by media type; some are marked as `tabulated`.

    Attributes
    ----------
    tabulated : set of str
        Media types whose values make rows of other tables than `bodies`: they are decoded
        whenever they are met, others when somebody asks.
    """

    def __init__(self) -> None:
        super().__init__("body decoder")
        self.tabulated: set[str] = set()

    def register(self, *keys: str, tabulated: bool = False) -> Callable[[BodyDecoder], BodyDecoder]:
        """Return a decorator that enters its function under each of the media types `keys`.

        Parameters
        ----------
        *keys : str
            Media types, lower case.
        tabulated : bool
            Whether its values make rows of other tables.

        Raises
        ------
        ValueError
            When a media type is taken.
        """
        enter = super().register(*keys)

        def enter_and_mark(decoder: BodyDecoder) -> BodyDecoder:
            enter(decoder)
            self.tabulated.update(keys if tabulated else ())
            return decoder

        return enter_and_mark


bodies = BodyRegistry()
"""Media type (``application/rlmi+xml``), or a wildcard (``multipart/*``, ``*/*+xml``) → decoder."""


# --- from a message to a part ---


def top_part(message: SipMessage) -> MediaPart:
    """Return a message's body as a part; its data is empty when the message has no body.

    A body without Content-Type, which RFC 3261 §20.15 forbids, is ``application/octet-stream``.
    """
    return part_of(message.first_values, message.body, "1", "application/octet-stream")


def part_of(
    headers: Mapping[str, str | None], data: bytes, path: str, default_type: str
) -> MediaPart:
    """Return the part that `headers` describe.

    Parameters
    ----------
    headers : mapping
        Lower-case name → value. Content-Type, Content-ID, Content-Disposition and Content-Encoding
        are read.
    data : bytes
        The part's bytes, Content-Transfer-Encoding undone.
    path : str
        Where the part stands, as in `MediaPart.path`.
    default_type : str
        Media type where there is no Content-Type.
    """
    media_type, parameters = _media_type(headers.get("content-type"), default_type)
    return MediaPart(
        path,
        media_type,
        parameters,
        bare_id(headers.get("content-id")),
        headers.get("content-disposition") or None,
        data,
        headers.get("content-encoding") or "",
    )


def _media_type(content_type: str | None, default_type: str) -> tuple[str, Mapping[str, str]]:
    """Return media type and parameters; a type without a slash is told as it was sent."""
    if not content_type:
        return default_type, {}
    try:
        decoded = decode_media_type(content_type)
    except DissectError:
        return content_type.partition(";")[0].strip().lower() or default_type, {}
    return decoded.media_type, decoded.parameters


# --- from a part to its value ---


def decoder_of(media_type: str) -> BodyDecoder | None:
    """Return the decoder of `media_type` (lower case), or None.

    An entry under the exact type counts first, then one under ``type/*``, then the one for any XML
    or any JSON.
    """
    exact = bodies.get(media_type)
    if exact is not None:
        return exact
    kind, _, subtype = media_type.partition("/")
    wildcard = bodies.get(f"{kind}/*")
    if wildcard is not None:
        return wildcard
    # RFC 7303 §4.2 has "+xml" at the end; LCS 2005 wrote text/xml+msrtc.pidf.
    is_xml = subtype.endswith("+xml") or subtype.startswith("xml+")
    if is_xml:
        return bodies.get("*/*+xml")
    return bodies.get("*/*+json") if subtype.endswith("+json") else None


def has_decoder(media_type: str) -> bool:
    """Tell whether `media_type` (lower case) is decoded."""
    return decoder_of(media_type) is not None


def decode_part(part: MediaPart) -> object:
    """Return the part's value, or None when nobody decodes its media type.

    Raises
    ------
    DissectError
        When its bytes are not what its media type or its Content-Encoding says.
    """
    decoder = decoder_of(part.media_type)
    if decoder is None:
        return None
    if part.content_encoding:
        data = inflate(part.data, part.content_encoding)
        part = dataclasses.replace(part, data=data, content_encoding="")
    return decoder(part)


def walk_parts(
    part: MediaPart, wanted: Callable[[str], bool] = has_decoder
) -> Iterator[tuple[MediaPart, object | DissectError | None]]:
    """Yield a body, then its parts and theirs, depth first, each with what became of it.

    Parameters
    ----------
    part : MediaPart
        The body, as a rule from :func:`top_part`.
    wanted : callable
        Says of a media type whether to decode it; by default whatever has a decoder. Multipart
        bodies are taken apart in any case.

    Yields
    ------
    part : MediaPart
    value : object, DissectError or None
        The decoded value; the error that prevented it; or None when it was not to be decoded.
        Parts deeper than :data:`MAX_NESTING` have an error; after :data:`MAX_PARTS` parts one more
        part comes with an error, and the rest is left out.
    """
    pending = [(part, 1)]
    count = 0
    while pending:
        part, depth = pending.pop()
        count += 1
        value = _decode_within_limits(part, depth, count, wanted)
        yield part, value
        if count > MAX_PARTS:
            return
        if isinstance(value, Container):
            pending.extend((child, depth + 1) for child in reversed(value.parts))


def _decode_within_limits(
    part: MediaPart, depth: int, count: int, wanted: Callable[[str], bool]
) -> object:
    if count > MAX_PARTS:
        return LimitExceeded(f"parts after the {MAX_PARTS}th are not decoded", layer="media")
    if depth > MAX_NESTING:
        return LimitExceeded(f"part is nested deeper than {MAX_NESTING}", layer="media")
    if not (wanted(part.media_type) or part.media_type.startswith("multipart/")):
        return None
    try:
        return decode_part(part)
    except DissectError as error:
        return error


# --- content encodings ---

# wbits for zlib: 31 reads a gzip header, 15 a zlib header, -15 none.
_WBITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


def inflate(data: bytes, content_encoding: str) -> bytes:
    """Return `data` with its content encodings undone (RFC 3261 §20.12, RFC 9110 §8.4.1).

    Parameters
    ----------
    data : bytes
    content_encoding : str
        Header as sent: one coding or several, in the order in which they were applied.

    Raises
    ------
    Unsupported
        For a coding other than gzip, deflate and identity.
    Malformed, Truncated
        When the bytes are not of that coding, or end too early.
    LimitExceeded
        When the result would exceed :data:`MAX_INFLATED`.
    """
    codings = [coding.strip().lower() for coding in content_encoding.split(",")]
    if len(codings) > MAX_ENCODINGS:
        raise LimitExceeded(f"{len(codings)} content encodings", layer="media")
    for coding in reversed(codings):
        if coding not in ("identity", ""):
            data = _undo_coding(data, coding)
    return data


def _undo_coding(data: bytes, coding: str) -> bytes:
    if coding not in _WBITS:
        raise Unsupported(
            f"content encoding {coding[:40]!r}", layer="media", spec="RFC 3261 §20.12"
        )
    for wbits in _WBITS[coding]:
        # RFC 9110 §8.4.1.2: some send "deflate" without the zlib format that it means.
        decompressor = zlib.decompressobj(wbits)
        try:
            inflated = decompressor.decompress(data, MAX_INFLATED + 1)
        except zlib.error:
            continue
        return _check_inflated(inflated, decompressor.eof, decompressor.unused_data, coding)
    raise Malformed(f"body is not {coding}", layer="media", spec="RFC 9110 §8.4.1")


def _check_inflated(inflated: bytes, complete: bool, rest: bytes, coding: str) -> bytes:
    if len(inflated) > MAX_INFLATED:
        raise LimitExceeded(f"{coding} body grows beyond {MAX_INFLATED} bytes", layer="media")
    if not complete:
        raise Truncated(f"{coding} body ends too early", layer="media", spec="RFC 1951 §3.2.3")
    if rest.strip(b"\0\r\n"):
        raise Malformed(f"{len(rest)} bytes after the {coding} body", layer="media")
    return inflated


# --- what several decoders share ---


def bare_id(value: str | None) -> str | None:
    """Return a Content-ID without its angle brackets, which Lync leaves out; None when empty."""
    return value.strip().strip("<>").strip() or None if value else None


def conference_id_of(uri: str | None) -> str | None:
    """Return the conference id in a conference's URI, or None.

    The id is what follows ``:id:`` in ``opaque``; the URIs of a conference's focus and of its MCUs
    share it. It may hold colons: hybrid meetings have ``id:teams:2:0!19:meeting_…``.

    Examples
    --------
    >>> conference_id_of("sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4")
    'X1Y2Z3W4'
    """
    try:
        opaque = decode_uri(uri).opaque if uri else None
    except DissectError:
        return None
    return decode_opaque(opaque).conference_id if opaque else None


# --- secrets ---

REDACTED = "<redacted>"
"""What stands where key material stood."""

_INLINE_KEY = re.compile(r"inline:[ \t]*[^|;\s]*")
_INLINE_KEY_ANY_CASE = re.compile(_INLINE_KEY.pattern, re.IGNORECASE)

_SECRET_NAMES = frozenset(
    ("password", "passwd", "passcode", "pin", "secret", "accesstoken", "conf-key", "encryption-key")
)
_SECRET_NAMES_OF_FEW = frozenset(
    ("hash-key", "authcookie", "access_token", "refresh_token", "id_token", "client_secret")
)
"""Names that occur only in media types whose text is never shown."""


def redact_keys(text: str) -> str:
    """Return `text` with the keys of SDP security descriptions taken out (RFC 4568 §6.1).

    Of ``inline:KEY|2^31|1:1`` the key alone is replaced.

    Examples
    --------
    >>> redact_keys("a=crypto:1 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIz|2^20|1:4")
    'a=crypto:1 F8_128_HMAC_SHA1_80 inline:<redacted>|2^20|1:4'
    """
    lower = text.lower()
    if "inline:" not in lower:
        return text
    # The pattern that minds the case has a literal beginning, which makes it several times faster.
    exact = text.count("inline:") == lower.count("inline:")
    return (_INLINE_KEY if exact else _INLINE_KEY_ANY_CASE).sub(f"inline:{REDACTED}", text)


def redact_value(name: str, value: str) -> str:
    """Return the value of an element or attribute, or :data:`REDACTED` where `name` is a secret's.

    Parameters
    ----------
    name : str
        Local name; case does not matter.
    value : str
    """
    lower = name.lower()
    if value and (lower in _SECRET_NAMES or lower in _SECRET_NAMES_OF_FEW):
        return REDACTED
    return redact_keys(value)


_SECRET_SIGNS = (
    *sorted(_SECRET_NAMES - {"pin"}),
    *("<pin", ":pin", " pin="),  # the bare word is part of many others
    *("\nk=", "key-mgmt"),  # RFC 4566 §5.12, RFC 4567
)


def readable_text(part: MediaPart) -> str | None:
    """Return the part's text, with the keys of SDP taken out, where that makes it fit to be shown.

    Returns
    -------
    str or None
        None for what is no text, is compressed, is too long, or holds a secret that only its
        decoder knows to take out: that is told by signs which are rather seen too often than too
        rarely.
    """
    if part.content_encoding or len(part.data) > MAX_INFLATED or not _is_text(part.media_type):
        return None
    text, problems = decode_characters(part.data, part.parameters.get("charset") or "")
    if problems or "\0" in text:
        return None
    lower = text.lower()
    for sign in _SECRET_SIGNS:
        if sign in lower:
            return None
    if "crypto" in lower and lower.count("a=crypto") > lower.count("inline:"):
        return None
    return redact_keys(text)


_ALWAYS_DECODED = frozenset(
    (
        "text/x-msmsgsinvite",  # keys of the transfer, of which any part is too much
        "application/msrtc-media-relay-auth+xml",  # its user name is a sealed token
    )
)


def _is_text(media_type: str) -> bool:
    if media_type in _ALWAYS_DECODED:
        return False
    return media_type.startswith("text/") or media_type == "application/sdp" or "xml" in media_type


def flat_values(element: Element) -> dict[str, str]:
    """Return :func:`~dissectors.markup.flatten` as a dict, with keys and passwords taken out."""
    return {path: redact_value(_leaf_name(path), value) for path, value in flatten(element)}


def other_values(element: Element, known: frozenset[str]) -> dict[str, str]:
    """Return the children of `element` that are not `known`, as path → value."""
    others = [child for child in element.children if child.name not in known]
    return flat_values(Element(element.name, {}, others, "")) if others else {}


def _leaf_name(path: str) -> str:
    leaf = path[path.rfind("/") + 1 :]
    return leaf[leaf.find("@") + 1 :].partition("[")[0]


# --- from a value to JSON ---

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What :mod:`json` can write."""

_SIMPLE = frozenset((str, int, bool, float, type(None)))


_FIELDS: dict[type, tuple[str, ...]] = {
    MediaPart: ("path", "media_type", "parameters", "content_id", "disposition")
}


def _plain_fields(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass' fields; asked once per class, as asking is slow."""
    if kind not in _FIELDS:
        if not dataclasses.is_dataclass(kind):
            raise TypeError(f"{kind.__name__} is no body value")
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind))
    return _FIELDS[kind]


def to_plain(value: object) -> Plain:
    """Return a body value as lists, dicts, text and numbers.

    A dataclass becomes a dict by its fields, a tuple a list; bytes become text where they are
    UTF-8, else ``{"base64": …}``. A :class:`MediaPart` is told without its data, which has a row of
    its own.

    Raises
    ------
    TypeError
        For an object that no body decoder makes.
    """
    kind = type(value)
    if kind in _SIMPLE:
        return value  # type: ignore[return-value]
    if isinstance(value, (tuple, list)):
        return [item if type(item) in _SIMPLE else to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return _plain_bytes(value)
    return {name: to_plain(getattr(value, name)) for name in _plain_fields(kind)}


def _plain_bytes(data: bytes) -> Plain:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}

"""What the values of SIP's headers say.

Each decoder takes one value as :attr:`SipMessage.headers` holds it. They tolerate what Lync sends
and what people paste: spaces inside ``<>``, parameters behind ``>``, a quote that is never closed.
They raise :class:`Malformed` only where no sense can be made. From, To and Contact come back in
every message of a dialog, so what they decode to is remembered; the mappings in it are shared and
must not be written to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TypeVar

from dissectors.errors import Malformed
from dissectors.sip.abnf import LWS, QUOTED_STRING, split_list, split_outside_quotes, unquote

V = TypeVar("V")

_REMEMBERED = 4096
_LONGEST_REMEMBERED = 400


def _remember(decode: Callable[[str], V]) -> Callable[[str], V]:
    """Cache a decoder's values, but not long ones: the cache must stay small whatever is sent."""
    cached = lru_cache(_REMEMBERED)(decode)

    @wraps(decode)
    def decode_once(value: str) -> V:
        return cached(value) if len(value) <= _LONGEST_REMEMBERED else decode(value)

    return decode_once


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A name-addr or addr-spec with the header's parameters: From, To, Contact, Route."""

    display_name: str | None
    """Display name, unquoted; None without one."""
    uri: str
    """URI as sent, without ``<>``; ``*`` in a Contact that removes all bindings."""
    parameters: Mapping[str, str]
    """Parameters of the header: names in lower case, values unquoted, ``""`` for a flag."""

    @property
    def tag(self) -> str | None:
        """Tag of a From or To (RFC 3261 §19.3), case as sent."""
        return self.parameters.get("tag")

    @property
    def epid(self) -> str | None:
        """Microsoft's endpoint identifier ([MS-SIPRE] §2.2.1)."""
        return self.parameters.get("epid")


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of a Via (RFC 3261 §20.42)."""

    protocol: str
    """Protocol and version, ``SIP/2.0``."""
    transport: str
    """Transport as sent: UDP, TCP, TLS."""
    sent_by: str
    """Host, and port where one is given."""
    parameters: Mapping[str, str]
    """Parameters: names in lower case, values unquoted."""

    @property
    def branch(self) -> str | None:
        """Branch, which names the transaction; Lync's clients often send none."""
        return self.parameters.get("branch")


@dataclass(frozen=True, slots=True)
class CSeq:
    """Place of a request within its dialog (RFC 3261 §20.16)."""

    number: int
    """Sequence number."""
    method: str
    """Method, case as sent."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """Value of a Content-Type (RFC 3261 §20.15)."""

    media_type: str
    """``type/subtype`` in lower case."""
    parameters: Mapping[str, str]
    """Parameters: names in lower case, values unquoted."""


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """Session timer (RFC 4028 §4)."""

    delta_s: int
    """Session interval, seconds."""
    refresher: str | None
    """``uac`` or ``uas``; None where the header leaves it open."""


@dataclass(frozen=True, slots=True)
class SipUri:
    """A SIP, SIPS or tel URI (RFC 3261 §19.1, RFC 3966) in its parts."""

    scheme: str
    """Scheme in lower case."""
    user: str | None
    """User, with its escapes and parameters as sent; the number of a tel URI; None without one."""
    host: str
    """Host in lower case, an IPv6 address with its brackets; empty in a tel URI."""
    port: int | None
    """Port, or None."""
    parameters: Mapping[str, str]
    """URI parameters: names in lower case, values as sent."""
    headers: str
    """What follows ``?``, as sent."""

    @property
    def gruu(self) -> bool:
        """Whether it names one endpoint (RFC 5627; [MS-SIPRE] §2.2.2)."""
        return "gruu" in self.parameters

    @property
    def opaque(self) -> str | None:
        """Value of the parameter ``opaque``; see :func:`decode_opaque`."""
        return self.parameters.get("opaque")

    @property
    def is_phone(self) -> bool:
        """Whether the user is a telephone number: a tel URI, or ``user=phone``."""
        return self.scheme == "tel" or self.parameters.get("user", "").lower() == "phone"

    @property
    def address(self) -> str:
        """Scheme, user and host without port and parameters: the address of record."""
        user = self.user or ""
        return f"{self.scheme}:{user}{'@' if user and self.host else ''}{self.host}"


@dataclass(frozen=True, slots=True)
class MicrosoftOpaque:
    """What Microsoft writes into the URI parameter ``opaque``.

    ``app:conf:focus:id:JL3GPNYP`` is a conference's focus, ``user:epid:TOKEN`` an endpoint of a
    user, ``srvr:MediationServer:TOKEN`` a server's application.
    """

    kind: str
    """First word: app, user, srvr, state."""
    role: str
    """What it is: ``conf:focus``, ``conf:audio-video``, ``epid``, ``HomeServer``."""
    identifier: str | None
    """Identifier as sent; None where there is none."""

    @property
    def conference_id(self) -> str | None:
        """Conference id, which is equal in the focus and all MCUs of a conference; else None."""
        return self.identifier if self.kind == "app" and self.role.startswith("conf:") else None


def split_values(value: str) -> list[str]:
    """Split a value at the commas between its items, which stand outside quotes and ``<>``.

    Only for headers whose grammar is a list (RFC 3261 §7.3.1); empty items are left out.

    Examples
    --------
    >>> split_values('"A, B" <sip:a@a.test>, <sip:b@b.test>')
    ['"A, B" <sip:a@a.test>', '<sip:b@b.test>']
    """
    items = [item.strip(LWS) for item in split_list(value)]
    return [item for item in items if item]


def decode_parameters(text: str) -> dict[str, str]:
    """Decode ``;name=value;flag`` to a mapping.

    Names are in lower case, for they are compared so (RFC 3261 §7.3.1); values keep their case and
    lose their quotes; of a repeated name the first stands.

    Examples
    --------
    >>> decode_parameters(';epid=732E4388A6; TAG = 3337a4 ;x="a;b";lr')
    {'epid': '732E4388A6', 'tag': '3337a4', 'x': 'a;b', 'lr': ''}
    """
    parameters: dict[str, str] = {}
    for item in split_outside_quotes(text, ";"):
        name, _, value = item.partition("=")
        name = name.strip(LWS).lower()
        if name and name not in parameters:
            value = value.strip(LWS)
            parameters[name] = unquote(value) if value[:1] == '"' else value
    return parameters


def decode_name_addr(value: str) -> NameAddr:
    """Decode one From, To, Contact, Route, Record-Route, Refer-To or P-Asserted-Identity.

    Without ``<>`` whatever follows the first semicolon is the header's, not the URI's.

    Raises
    ------
    Malformed
        When there is no URI.

    References
    ----------
    RFC 3261 §20.10, §25.1 (name-addr).

    Examples
    --------
    >>> decode_name_addr('"UCMA, 1"<sip:a@a.test;gruu>;tag=33')
    NameAddr(display_name='UCMA, 1', uri='sip:a@a.test;gruu', parameters={'tag': '33'})
    """
    display_name, rest = _split_display_name(value.strip(LWS))
    if rest[:1] == "<":
        uri, _, parameters = rest[1:].partition(">")
    else:
        uri, _, parameters = rest.partition(";")
    uri = uri.strip(LWS)
    if not uri:
        raise Malformed(f"no URI in {value[:60]!r}", layer="sip", spec="RFC 3261 §20.10")
    return NameAddr(display_name or None, uri, decode_parameters(parameters))


# display-name = *(token LWS) / quoted-string
_UNQUOTED_NAME = re.compile(r"[0-9A-Za-z\-.!%*_+`'~ \t]*")


@_remember
def name_addr_fault(value: str) -> str | None:
    """Return what is wrong with a value that :func:`decode_name_addr` reads all the same, or None.

    References
    ----------
    RFC 3261 §20.10, §25.1.

    Examples
    --------
    >>> name_addr_fault('"Mr. J. User <sip:j.user@a.test>')
    'quoted display name is not closed'
    """
    text = value.strip(LWS)
    quoted = QUOTED_STRING.match(text)
    begin = quoted.end() if quoted else 0
    bracket = text.find("<", begin)
    if quoted and bracket < 0:
        return "quoted display name is not closed" if "<" in text else "quoted name without <>"
    if bracket < 0:
        return _addr_spec_fault(text)
    if quoted is None and not _UNQUOTED_NAME.fullmatch(text, 0, bracket):
        return "display name needs quotes"
    uri, closed, parameters = text[bracket + 1 :].partition(">")
    if not closed:
        return "no > after the URI"
    return _uri_fault(uri) or _separators_fault(parameters)


def _addr_spec_fault(text: str) -> str | None:
    """Without ``<>`` a comma, semicolon or question mark cannot belong to the URI (§20.10)."""
    uri = text.partition(";")[0].rstrip(LWS)
    if "?" in uri or "," in uri:
        return "URI with a comma or question mark is not in <>"
    return None if uri == "*" else _uri_fault(uri) or _separators_fault(text)


def _separators_fault(text: str) -> str | None:
    empty = ";;" in text or text[-1:] in (";", ",")
    return "separators without a value" if empty else None


def _uri_fault(uri: str) -> str | None:
    if " " in uri or "\t" in uri:
        return "white space in the URI"
    return None if ":" in uri else "URI without a scheme"


def _split_display_name(text: str) -> tuple[str, str]:
    """Split into display name and what follows it, which begins with ``<`` in a name-addr."""
    quoted = QUOTED_STRING.match(text)
    if quoted is None:
        bracket = text.find("<")
        return (text[:bracket].strip(LWS), text[bracket:]) if bracket >= 0 else ("", text)
    bracket = text.find("<", quoted.end())
    if bracket >= 0:
        return unquote(quoted.group()), text[bracket:]
    # The quote is never closed, or closes behind the URI: then the bracket is the better sign.
    bracket = text.rfind("<")
    if bracket >= 0:
        return text[1:bracket].strip(LWS), text[bracket:]
    return unquote(quoted.group()), text[quoted.end() :].strip(LWS)


@_remember
def decode_via(value: str) -> Via:
    """Decode one Via; a line may hold several, see :func:`split_values`.

    White space may stand around each slash and before the port (RFC 3261 §25.1, via-parm).

    Raises
    ------
    Malformed
        When it is not ``name/version/transport host``.

    Examples
    --------
    >>> decode_via("SIP/2.0/TLS 10.0.0.5:64100;ms-received-cid=A58B700").sent_by
    '10.0.0.5:64100'
    """
    start, _, parameters = value.partition(";")
    pieces = start.split("/", 2)
    transport, sent_by = _split_sent_by(pieces[2]) if len(pieces) == 3 else ("", "")
    if not sent_by:
        raise Malformed(f"no Via: {value[:60]!r}", layer="sip", spec="RFC 3261 §20.42")
    protocol = f"{pieces[0].strip(LWS)}/{pieces[1].strip(LWS)}"
    return Via(protocol, transport, sent_by, decode_parameters(parameters))


def _split_sent_by(text: str) -> tuple[str, str]:
    words = text.split()
    return (words[0], "".join(words[1:])) if words else ("", "")


@_remember
def decode_cseq(value: str) -> CSeq:
    """Decode a CSeq.

    Raises
    ------
    Malformed
        When it is not a number below 2**32 and a method. The standard's bound, 2**31, is not
        asked for: some stacks draw 32 random bits.

    Examples
    --------
    >>> decode_cseq("0009  INVITE")
    CSeq(number=9, method='INVITE')
    """
    words = value.split()
    if len(words) == 2:
        number = _decimal(words[0])
        if number is not None and number < 1 << 32:
            return CSeq(number, words[1])
    raise Malformed(f"no CSeq: {value[:60]!r}", layer="sip", spec="RFC 3261 §8.1.1.5")


@_remember
def decode_media_type(value: str) -> MediaType:
    """Decode a Content-Type.

    Raises
    ------
    Malformed
        When it is not ``type/subtype``.

    Examples
    --------
    >>> decode_media_type('Text/Plain; charset="Unicode (UTF-8)"')
    MediaType(media_type='text/plain', parameters={'charset': 'Unicode (UTF-8)'})
    """
    essence, _, parameters = value.partition(";")
    type_, slash, subtype = essence.partition("/")
    type_, subtype = type_.strip(LWS).lower(), subtype.strip(LWS).lower()
    if not (slash and type_ and subtype):
        raise Malformed(f"no media type: {value[:60]!r}", layer="sip", spec="RFC 3261 §20.15")
    return MediaType(f"{type_}/{subtype}", decode_parameters(parameters))


def decode_session_expires(value: str) -> SessionExpires:
    """Decode a Session-Expires, or a Min-SE, which has no refresher.

    Raises
    ------
    Malformed
        When it does not begin with a number of seconds.

    Examples
    --------
    >>> decode_session_expires("1800;refresher=uac")
    SessionExpires(delta_s=1800, refresher='uac')
    """
    seconds, _, parameters = value.partition(";")
    delta_s = _decimal(seconds.strip(LWS))
    if delta_s is None:
        raise Malformed(f"no Session-Expires: {value[:60]!r}", layer="sip", spec="RFC 4028 §4")
    refresher = decode_parameters(parameters).get("refresher")
    return SessionExpires(delta_s, refresher.lower() if refresher else None)


def _decimal(text: str) -> int | None:
    """Return what up to 18 ASCII digits say, which fits 64 bits; else None."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 18 else None


@_remember
def decode_uri(uri: str) -> SipUri:
    """Split a SIP, SIPS or tel URI into its parts; other schemes are split by the same rules.

    Raises
    ------
    Malformed
        When it has no scheme.

    References
    ----------
    RFC 3261 §19.1.1, RFC 3966 §3.

    Examples
    --------
    >>> decode_uri("sip:org@a.test;gruu;opaque=app:conf:focus:id:X1").parameters
    {'gruu': '', 'opaque': 'app:conf:focus:id:X1'}
    """
    scheme, colon, rest = uri.strip(LWS).partition(":")
    if not colon or not scheme or not scheme[0].isalpha() or " " in scheme:
        raise Malformed(f"no URI: {uri[:60]!r}", layer="sip", spec="RFC 3261 §19.1.1")
    scheme, rest = scheme.lower(), rest.strip(LWS)
    if scheme == "tel":
        user, _, parameters = rest.partition(";")
        return SipUri(scheme, user or None, "", None, decode_parameters(parameters), "")
    user, rest = _split_user(rest)
    location, _, headers = rest.partition("?")
    hostport, _, parameters = location.partition(";")
    host, port = _split_port(hostport.strip(LWS))
    return SipUri(scheme, user or None, host.lower(), port, decode_parameters(parameters), headers)


def _split_user(rest: str) -> tuple[str, str]:
    """Split at the ``@`` that ends the user, in which ``;`` and ``?`` may stand unescaped.

    In parameters and headers ``@`` has to be escaped and in the user as well, so the first one
    should be it. ``user@mail.test@a.test`` is met where a federated address was not escaped.
    """
    user, at, rest_of_uri = rest.partition("@")
    if not at:
        return "", rest
    end = min((i for i in map(rest_of_uri.find, ";?") if i >= 0), default=len(rest_of_uri))
    again = rest_of_uri.rfind("@", 0, end)
    if again >= 0:
        return f"{user}@{rest_of_uri[:again]}", rest_of_uri[again + 1 :]
    return user, rest_of_uri


def _split_port(hostport: str) -> tuple[str, int | None]:
    host, colon, digits = hostport.rpartition(":")
    port = _decimal(digits.strip(LWS))
    bracketed = host[:1] == "[" and host[-1:] == "]"
    if port is None or port > 65535 or not colon or (":" in host and not bracketed):
        return hostport, None
    return host.strip(LWS), port


def decode_opaque(opaque: str) -> MicrosoftOpaque:
    """Split the URI parameter ``opaque`` of a Lync GRUU into its pieces.

    Examples
    --------
    >>> decode_opaque("app:conf:audio-video:id:JL6GPNBP")
    MicrosoftOpaque(kind='app', role='conf:audio-video', identifier='JL6GPNBP')
    >>> decode_opaque("user:epid:6AbhXg")
    MicrosoftOpaque(kind='user', role='epid', identifier='6AbhXg')
    """
    kind, _, rest = opaque.partition(":")
    kind = kind.lower()
    if kind == "app":
        role, _, identifier = rest.partition(":id:")
    else:
        role, _, identifier = rest.partition(":")
    return MicrosoftOpaque(kind, role, identifier or None)

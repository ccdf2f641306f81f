"""What a header says, by its name: the way from any header of a message to a value with fields.

References
----------
RFC 3261 §7.3.1 (which headers hold lists), §20 (headers); the modules that the decoders come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dissectors.sip import ms_headers
from dissectors.sip.authentication import HEADERS as AUTHENTICATION_HEADERS
from dissectors.sip.authentication import decode_authentication, redact_authentication
from dissectors.sip.diagnostics import HEADERS as DIAGNOSTICS_HEADERS
from dissectors.sip.diagnostics import decode_diagnostics_value
from dissectors.sip.endpoint import decode_endpoint
from dissectors.sip.headers import (
    decode_cseq,
    decode_media_type,
    decode_name_addr,
    decode_parameters,
    decode_session_expires,
    decode_uri,
    split_values,
)
from dissectors.sip.message import full_name
from dissectors.sip.product import decode_product

Decoder = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Party:
    """Who a From, To, Contact or P-Asserted-Identity names."""

    display_name: str | None
    """Display name, unquoted."""
    uri: str
    """URI as sent."""
    address: str
    """Scheme, user and host alone."""
    role: str | None
    """What ``opaque`` says it is: user, focus, mcu:MODALITY, server:ROLE."""
    conference_id: str | None
    """Conference id in it."""
    gruu: bool
    """Whether the URI names one endpoint, not a user at large."""
    tag: str | None
    """tag of From and To."""
    epid: str | None
    """epid: the endpoint."""
    parameters: Mapping[str, str]
    """Further parameters of the header."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with parameters: Event, Subscription-State, Content-Disposition and the like."""

    word: str
    """The word as sent."""
    parameters: Mapping[str, str]
    """Parameters: names in lower case, values unquoted."""


def decode_party(value: str) -> Party:
    """Decode who one From, To, Contact, P-Asserted-Identity or Refer-To names.

    Raises
    ------
    Malformed
        When there is no URI.

    Examples
    --------
    >>> decode_party('"Kim" <sip:kim@a.test;gruu;opaque=app:conf:focus:id:X1>;tag=9').role
    'focus'
    """
    name_addr = decode_name_addr(value)
    endpoint = decode_endpoint(name_addr.uri)
    further = {k: v for k, v in name_addr.parameters.items() if k not in ("tag", "epid")}
    if name_addr.uri == "*":  # RFC 3261 §10.2.2: removes all bindings
        return Party(None, "*", "*", None, None, False, None, None, further)
    uri = decode_uri(name_addr.uri)
    return Party(
        display_name=name_addr.display_name,
        uri=name_addr.uri,
        address=uri.address,
        role=endpoint.role if endpoint else None,
        conference_id=endpoint.conference_id if endpoint else None,
        gruu=uri.gruu or "gruu" in further,
        tag=name_addr.tag,
        epid=name_addr.epid,
        parameters=further,
    )


def _decode_word(value: str) -> Word:
    word, _, parameters = value.partition(";")
    return Word(word.strip(), decode_parameters(parameters))


_SINGLE: dict[str, Decoder] = {
    "from": decode_party,
    "to": decode_party,
    "refer-to": decode_party,
    "referred-by": decode_party,
    "cseq": decode_cseq,
    "content-type": decode_media_type,
    "session-expires": decode_session_expires,
    "min-se": decode_session_expires,
    "event": _decode_word,
    "subscription-state": _decode_word,
    "content-disposition": _decode_word,
    "reason": _decode_word,
    "user-agent": decode_product,
    "server": decode_product,
    "ms-keep-alive": ms_headers.decode_keep_alive,
    "ms-edge-proxy-message-trust": ms_headers.decode_edge_message_trust,
    "ms-split-domain-info": ms_headers.decode_split_domain_info,
    "ms-asserted-verification-level": ms_headers.decode_asserted_verification_level,
    "ms-user-data": ms_headers.decode_user_data,
    "ms-user-logon-data": ms_headers.decode_user_logon_data,
    "ms-endpoint-location-data": ms_headers.decode_endpoint_location_data,
    "ms-conversation-id": ms_headers.decode_conversation_id,
    "ms-application-via": ms_headers.decode_application_via,
}
_LISTS: dict[str, Decoder] = {
    "via": ms_headers.decode_ms_via,
    "record-route": ms_headers.decode_ms_route,
    "route": ms_headers.decode_ms_route,
    "history-info": ms_headers.decode_history_info,
    "contact": decode_party,
    "p-asserted-identity": decode_party,
    "p-preferred-identity": decode_party,
}
_WORDS = frozenset(
    ("accept", "accept-encoding", "accept-language", "allow", "allow-events", "proxy-require",
     "require", "supported", "unsupported")
)  # fmt: skip


def decode_header(name: str, value: str) -> object | None:
    """Return what a header's value says, with fields; None where the value is a plain text.

    Parameters
    ----------
    name : str
        Name of the header, in any case, also compact.
    value : str
        Its value.

    Returns
    -------
    object
        A frozen dataclass; a tuple of them for a header that holds a list (``Via``, ``Contact``),
        of text for a list of words (``Supported``). Nothing in it proves an identity.

    Raises
    ------
    DissectError
        When the value is not what its header holds.

    Examples
    --------
    >>> decode_header("Session-Expires", "1800;refresher=uac")
    SessionExpires(delta_s=1800, refresher='uac')
    >>> decode_header("Subject", "Lunch") is None
    True
    """
    full = full_name(name)
    if full in _SINGLE:
        return _SINGLE[full](value)
    if full in _LISTS:
        return tuple(_LISTS[full](one) for one in split_values(value))
    if full in _WORDS:
        return tuple(split_values(value))
    if full in DIAGNOSTICS_HEADERS:
        return tuple(decode_diagnostics_value(full, value))
    if full in AUTHENTICATION_HEADERS:
        return decode_authentication(full, value)
    return None


def shown_value(name: str, value: str) -> str:
    """Return a header's value as sent, with what proves an identity taken out.

    Examples
    --------
    >>> shown_value("Authorization", 'Digest username="kim", response="6629fae4"')
    'Digest username="kim", response="<redacted>"'
    """
    secret = full_name(name) in AUTHENTICATION_HEADERS
    return redact_authentication(value) if secret else value

"""Columns of `messages` that say what Lync's headers mean: product, conference, roles.

Each value comes back in thousands of messages, so what it means is remembered; long values, which
only a stranger sends, are not, so that the memory stays small.
"""

from __future__ import annotations

from functools import lru_cache

from dissectors.sip.endpoint import decode_endpoint
from dissectors.sip.message import SipMessage, SipRequest
from dissectors.sip.product import decode_product

_LONGEST = 1000
"""Characters of a value that is looked into; Lync's own stay far below."""

HeaderColumns = tuple[str | None, str | None, str | None, str | None, str | None, str | None]


def header_columns(message: SipMessage, from_uri: str | None, to_uri: str | None) -> HeaderColumns:
    """Return user_agent, product, product_version, conference_id, from_role and to_role.

    Parameters
    ----------
    message : SipMessage
        Request or response.
    from_uri, to_uri : str or None
        URIs of its From and To.
    """
    get = message.first_values.get
    user_agent = get("user-agent") or get("server") or None
    product, version = _product(user_agent)
    from_role, from_conference = _role(from_uri)
    to_role, to_conference = _role(to_uri)
    if isinstance(message, SipRequest):
        role, conference = _role(message.request_uri)
        to_role, to_conference = to_role or role, to_conference or conference
    return user_agent, product, version, to_conference or from_conference, from_role, to_role


def _product(value: str | None) -> tuple[str | None, str | None]:
    return _remembered_product(value) if value and len(value) <= _LONGEST else (None, None)


@lru_cache(maxsize=4096)
def _remembered_product(value: str) -> tuple[str | None, str | None]:
    product = decode_product(value)
    return (product.name, product.version) if product else (None, None)


def _role(uri: str | None) -> tuple[str | None, str | None]:
    return _remembered_role(uri) if uri and len(uri) <= _LONGEST else (None, None)


@lru_cache(maxsize=16384)
def _remembered_role(uri: str) -> tuple[str | None, str | None]:
    endpoint = decode_endpoint(uri)
    return (endpoint.role, endpoint.conference_id) if endpoint else (None, None)

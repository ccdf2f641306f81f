"""Columns of `messages` that say what Lync's headers mean: product, conference, roles.

Each value comes back in thousands of messages, so what it means is remembered; long values, which
only a stranger sends, are not, so that the memory stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dissectors.sip.endpoint import decode_endpoint
from dissectors.sip.product import decode_product

_LONGEST = 1000
"""Characters of a value that is looked into; Lync's own stay far below."""

Texts = Sequence[str | None]


def header_columns(
    user_agents: Texts, from_uris: Texts, to_uris: Texts, request_uris: Texts
) -> dict[str, list[str | None]]:
    """Return product, product_version, conference_id, from_role and to_role of many messages.

    Parameters
    ----------
    user_agents, from_uris, to_uris, request_uris : (N,) sequence of str or None
        User-Agent or Server, URIs of From and To, Request-URI of each message.

    Returns
    -------
    dict of str to (N,) list of str or None
        The columns by name.
    """
    products = [_product(value) for value in user_agents]
    senders = [_role(uri) for uri in from_uris]
    receivers = [_role(uri) for uri in to_uris]
    asked = [_role(uri) for uri in request_uris]
    return {
        "product": [name for name, _ in products],
        "product_version": [version for _, version in products],
        "conference_id": [
            to[1] or request[1] or sender[1]
            for sender, to, request in zip(senders, receivers, asked, strict=True)
        ],
        "from_role": [role for role, _ in senders],
        "to_role": [to or request for (to, _), (request, _) in zip(receivers, asked, strict=True)],
    }


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

"""Conversations of tlslite-ng with itself, as :mod:`tests.tls.handshakes` has them of OpenSSL."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from tlslite.api import SessionCache

from fixtures.workshop.certificates import Identity
from fixtures.workshop.tlslite_pair import Kind, TlslitePair
from tests.tls.handshakes import CLIENT, HOST, SERVER, identity
from tests.tls.judgement import Recording


def own_identity(kind: str) -> Identity:
    """Return the identity of the tests' servers."""
    key, certificate = identity(kind)
    return Identity(HOST, certificate, key)


def converse(
    kind: Kind,
    cache: Any = None,
    session: Any = None,
    sizes: Sequence[int] = (300, 1, 700),
    client: Identity | None = None,
) -> tuple[Recording, Any]:
    """Let client and server say lines of several sizes, in turns, and hang up.

    Returns what was said and sent, and the client's session.
    """
    server = own_identity("ec" if "ecdsa" in kind.key_exchange else "rsa")
    pair = TlslitePair(server, kind, cache, session, client)
    flights = pair.handshake()
    random, said = Random(5), {CLIENT: b"", SERVER: b""}
    for side in (CLIENT, SERVER) * 2:
        for size in sizes:
            line = random.randbytes(size)
            flights.append((side, pair.encrypt(side, line)))
            said[side] += line
    flights += [(side, pair.close(side)) for side in (CLIENT, SERVER)]
    pair.end()
    return Recording(flights, said, pair.keylog.encode()), pair.resumable()


def new_cache() -> Any:
    """Return a server's store of sessions."""
    return SessionCache()

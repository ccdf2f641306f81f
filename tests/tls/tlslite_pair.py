"""tlslite-ng talking to itself in memory: versions and suites that OpenSSL has given up.

A :class:`Pair` is what :class:`tests.tls.handshakes.Talk` is for OpenSSL: it shakes hands, says
lines in turns, and keeps every byte that went over the wire. tlslite-ng writes no key log; its
secrets are read off its connections.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from tlslite.api import (
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)

from tests.tls.handshakes import CLIENT, HOST, SERVER, Flight, identity

ANONYMOUS = ("dh_anon", "ecdh_anon")


@lru_cache(maxsize=2)
def _credentials(kind: str) -> tuple[Any, Any]:
    key, certificate = identity(kind)
    chain = X509CertChain()
    chain.parsePemList(certificate.decode())
    return chain, parsePEMKey(key.decode(), private=True)


@dataclass
class Kind:
    """What a connection is to agree on, in tlslite-ng's words."""

    version: tuple[int, int]
    key_exchange: str
    cipher: str
    mac: str
    encrypt_then_mac: bool = True
    extended_master_secret: bool = True
    ticket_keys: list[bytes] = field(default_factory=list)

    def settings(self) -> Any:
        """Return the settings of either side, which admit nothing else."""
        wanted = HandshakeSettings()
        wanted.minVersion = wanted.maxVersion = self.version
        wanted.cipherNames, wanted.macNames = [self.cipher], [self.mac]
        wanted.useEncryptThenMAC = self.encrypt_then_mac
        wanted.useExtendedMasterSecret = self.extended_master_secret
        wanted.ticketKeys = [bytearray(key) for key in self.ticket_keys]
        if self.version < (3, 4):
            wanted.keyExchangeNames = [self.key_exchange]
            wanted.keyShares = ["secp256r1"]
            wanted.eccCurves = ["secp256r1"]
        return wanted


class Pair:
    """One connection of tlslite-ng with itself.

    Parameters
    ----------
    kind : Kind
        What is agreed on.
    cache : SessionCache or None
        The server's sessions, which may be resumed by their ids.
    session : tlslite session or None
        What the client resumes.
    client_certificate : bool
        Whether the server asks for one.
    """

    def __init__(
        self,
        kind: Kind,
        cache: Any = None,
        session: Any = None,
        client_certificate: bool = False,
    ) -> None:
        self.kind = kind
        self.flights: list[Flight] = []
        self.said = {CLIENT: b"", SERVER: b""}
        self._wires: list[socket.socket] = []
        self._sockets: list[socket.socket] = []
        self.ends = (self._connection(), self._connection())
        self._run(
            self._client_steps(session, client_certificate),
            self._server_steps(cache, client_certificate),
        )

    def _connection(self) -> Any:
        own, wire = socket.socketpair()
        for end in (own, wire):
            end.setblocking(False)
        self._wires.append(wire)
        connection = TLSConnection(own)
        connection.closeSocket = False
        self._sockets.append(own)
        return connection

    def _client_steps(self, session: Any, client_certificate: bool) -> Iterator[int]:
        always = {"session": session, "settings": self.kind.settings(), "async_": True}
        if self.kind.key_exchange in ANONYMOUS:
            return self.ends[CLIENT].handshakeClientAnonymous(**always)  # type: ignore[no-any-return]
        chain, key = _credentials("rsa") if client_certificate else (None, None)
        return self.ends[CLIENT].handshakeClientCert(  # type: ignore[no-any-return]
            chain, key, serverName=HOST, **always
        )

    def _server_steps(self, cache: Any, client_certificate: bool) -> Iterator[int]:
        always = {"sessionCache": cache, "settings": self.kind.settings()}
        if self.kind.key_exchange in ANONYMOUS:
            return self.ends[SERVER].handshakeServerAsync(anon=True, **always)  # type: ignore[no-any-return]
        chain, key = _credentials("ec" if "ecdsa" in self.kind.key_exchange else "rsa")
        return self.ends[SERVER].handshakeServerAsync(  # type: ignore[no-any-return]
            certChain=chain, privateKey=key, reqCert=client_certificate, **always
        )

    def _run(self, *steps: Iterator[int]) -> None:
        """Let both sides go on by turns until they are done."""
        waiting = dict(enumerate(steps))
        while waiting:
            for side in tuple(waiting):
                if not self._step(waiting[side]):
                    del waiting[side]
                self._carry(side)

    @staticmethod
    def _step(steps: Iterator[int]) -> bool:
        """Let a side go on until it waits for the wire; return False when it is done."""
        return any(waits == 0 for waits in steps)

    def _carry(self, side: int) -> None:
        """Take what a side has written over to the other."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while piece := self._wires[side].recv(1 << 16):
                data += piece
        if data:
            self.flights.append((side, data))
            self._wires[1 - side].sendall(data)

    def say(self, side: int, *lines: bytes) -> None:
        """Let a side write some lines, one write each, before the other reads them."""
        for line in lines:
            for _ in self.ends[side].writeAsync(line):
                pass
            self.said[side] += line
            self._carry(side)
            heard = b""
            while len(heard) < len(line):
                heard += bytes(next(self.ends[1 - side].readAsync(len(line) - len(heard), 1)))
            assert heard == line

    def hang_up(self) -> None:
        """Let both sides say goodbye."""
        for side in (CLIENT, SERVER):
            for waits in self.ends[side].closeAsync():
                if waits == 0:
                    break
            self._carry(side)

    def close(self) -> None:
        """Give the sockets back."""
        for end in (*self._wires, *self._sockets):
            end.close()

    @property
    def keylog(self) -> bytes:
        """What a key log would hold."""
        client = self.ends[CLIENT]
        random, session = client._clientRandom.hex(), client.session
        if self.kind.version < (3, 4):
            return f"CLIENT_RANDOM {random} {session.masterSecret.hex()}\n".encode()
        return (
            f"CLIENT_TRAFFIC_SECRET_0 {random} {session.cl_app_secret.hex()}\n"
            f"SERVER_TRAFFIC_SECRET_0 {random} {session.sr_app_secret.hex()}\n"
        ).encode()


def converse(
    kind: Kind,
    cache: Any = None,
    session: Any = None,
    client_certificate: bool = False,
    sizes: Sequence[int] = (300, 1, 700),
    turns: int = 2,
) -> Pair:
    """Let client and server say lines of several sizes, in turns, and hang up."""
    pair = Pair(kind, cache, session, client_certificate)
    random = Random(5)
    for _ in range(turns):
        pair.say(CLIENT, *(random.randbytes(size) for size in sizes))
        pair.say(SERVER, *(random.randbytes(size) for size in sizes))
    pair.hang_up()
    pair.close()
    return pair


def new_cache() -> Any:
    """Return a server's store of sessions."""
    return SessionCache()

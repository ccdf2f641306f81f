"""What a full handshake shows of its key exchange, and the master secrets that it may have made.

A key log's master secret needs none of this. An RSA private key, or a premaster secret of a key
log, needs the ClientKeyExchange, the certificate and, with the extended master secret, every
handshake message up to there.

References
----------
RFC 5246 §7.4.7.1, §8.1 (RSA key exchange, master secret), RFC 7627 §3, §4 (extended master secret),
RFC 6101 §5.6.7.1 (SSL 3.0, which sends the encrypted premaster secret without its length).
"""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from dissectors.tls.cipher_suites import CipherSuite
from dissectors.tls.handshake import (
    CERTIFICATE,
    CLIENT_KEY_EXCHANGE,
    HELLO_REQUEST,
    SERVER_HELLO_DONE,
    decode_certificate,
)
from dissectors.tls.info import KEY_LOG, RSA_KEY
from dissectors.tls.keys import KeyRing
from dissectors.tls.private_keys import decrypt_premaster
from dissectors.tls.schedule import SSL30, extended_master_secret, master_secret

TRANSCRIPT_LIMIT = 128 << 10
"""Bytes of handshake messages that are kept of one side, of one handshake at a time."""

RSA_LIMIT = 64
"""RSA operations for one connection, each about a millisecond."""

_TRIED_KEYS = 8
"""RSA keys that are tried where no certificate tells which one it is."""


class Side:
    """The handshake messages of one side, up to where the master secret is made."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._messages = bytearray()
        self._gaps: int | None = None
        self.first = b""
        """The first message, which is the hello."""
        self.ended = False
        """True once the last message that counts was seen."""
        self.broken = False
        """True when bytes were lost in between, or there were too many."""

    def take(self, kind: int, body: bytes, gaps: int) -> None:
        """Take one message; `gaps` counts the gaps in this direction so far."""
        if self.ended or self.broken or kind == HELLO_REQUEST:
            self.ended = self.ended or kind == self._last
            return
        message = bytes([kind]) + len(body).to_bytes(3, "big") + body
        self._gaps = gaps if self._gaps is None else self._gaps
        self.broken = self.broken or gaps != self._gaps
        self.ended = kind == self._last
        if len(self._messages) + len(message) > TRANSCRIPT_LIMIT:
            self.broken = True
            self.forget()
        elif not self.first:
            self.first = message
        else:
            self._messages += message

    def forget(self) -> None:
        """Keep no messages any longer."""
        self._messages.clear()
        self.first = b""

    @property
    def rest(self) -> bytes:
        """All messages but the first."""
        return bytes(self._messages)


class KeyExchange:
    """What one handshake before TLS 1.3 shows of how its premaster secret was agreed on."""

    def __init__(self) -> None:
        self.client = Side(CLIENT_KEY_EXCHANGE)
        self.server = Side(SERVER_HELLO_DONE)
        self.certificate = b""
        """The server's own certificate, DER; empty when it was not seen."""
        self.rsa_operations = 0
        self._opened_by: dict[bytes, RSAPrivateKey] = {}
        """Master secret → the private key that it was found with."""
        self._exchanged = b""

    def take(self, is_client: bool, kind: int, body: bytes, gaps: int) -> None:
        """Take one handshake message of one side.

        Raises
        ------
        Truncated
            When it is a Certificate that ends too early.
        """
        (self.client if is_client else self.server).take(kind, body, gaps)
        if is_client and kind == CLIENT_KEY_EXCHANGE:
            self._exchanged = body
        elif not is_client and kind == CERTIFICATE:
            self.certificate = decode_certificate(body, tls13=False)

    def forget(self) -> None:
        """Keep no messages any longer: the keys are found, or never will be."""
        self.client.forget()
        self.server.forget()
        self._exchanged = b""

    @property
    def is_complete(self) -> bool:
        """True when the handshake's messages were seen, without loss."""
        sides = self.client, self.server
        return all(side.ended and not side.broken for side in sides)

    def encrypted_premaster(self, version: int) -> bytes:
        """Return the premaster secret as encrypted for the server; empty when not seen."""
        body = self._exchanged
        if version > SSL30 and int.from_bytes(body[:2], "big") == len(body) - 2:
            return body[2:]
        return body

    def master_secrets(
        self,
        keys: KeyRing,
        version: int,
        suite: CipherSuite,
        randoms: tuple[bytes, bytes],
        extended: bool,
        allowance: int,
    ) -> dict[bytes, str]:
        """Return each master secret that may be the right one, and what it came from.

        Parameters
        ----------
        keys : KeyRing
            Premaster secrets and private keys.
        version : int
            The version on the wire, up to TLS 1.2.
        suite : CipherSuite
            The suite agreed on.
        randoms : (bytes, bytes)
            The client's and the server's.
        extended : bool
            Whether the extended master secret was agreed on, which every message goes into.
        allowance : int
            RSA operations that may be done; :attr:`rsa_operations` tells how many were.
        """
        if extended and not self.is_complete:
            return {}
        secrets: dict[bytes, str] = {}
        for premaster, key in self._premasters(keys, version, suite, randoms[0], allowance):
            if extended:
                secret = extended_master_secret(version, suite.prf_hash, premaster, self._messages)
            else:
                secret = master_secret(version, suite.prf_hash, premaster, *randoms)
            secrets.setdefault(secret, KEY_LOG if key is None else RSA_KEY)
            if key is not None:
                self._opened_by[secret] = key
        return secrets

    @property
    def _messages(self) -> bytes:
        """The handshake's messages up to the ClientKeyExchange, in order."""
        client, server = self.client, self.server
        return client.first + server.first + server.rest + client.rest

    def note_use(self, keys: KeyRing, secret: bytes) -> None:
        """Note that a master secret opened a record, and so the key that it was found with."""
        if secret in self._opened_by:
            keys.private_keys.note_use(self._opened_by[secret])

    def _premasters(
        self,
        keys: KeyRing,
        version: int,
        suite: CipherSuite,
        client_random: bytes,
        allowance: int,
    ) -> Iterator[tuple[bytes, RSAPrivateKey | None]]:
        """Yield premaster secrets, and the private keys that gave them; None: a key log did."""
        encrypted = self.encrypted_premaster(version) if is_rsa(suite) else b""
        logged = keys.premasters(client_random, encrypted)
        yield from ((premaster, None) for premaster in logged)
        for key in self._private_keys(keys, bool(logged), allowance) if encrypted else ():
            self.rsa_operations += 1
            premaster = decrypt_premaster(key, encrypted)
            if premaster is not None:
                yield premaster, key

    def _private_keys(
        self, keys: KeyRing, has_others: bool, allowance: int
    ) -> Iterator[RSAPrivateKey]:
        """Yield the key of the server's certificate; where none was seen, those that may be it."""
        if self.certificate:
            key = keys.rsa_key_for(self.certificate)
            found = [key] if key is not None else []
        else:
            found = [] if has_others else keys.private_keys.all()[:_TRIED_KEYS]
        yield from found[: max(0, allowance)]


def is_rsa(suite: CipherSuite) -> bool:
    """Tell whether the premaster secret is encrypted for the server's RSA key, and nothing else."""
    return (suite.key_exchange, suite.authentication) == ("RSA", "RSA")

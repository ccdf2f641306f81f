"""What one handshake agrees on, and the keys that may follow from it.

References
----------
RFC 5246 §7.3 and §8.1 (master secret, resumption), RFC 8446 §7.1 (the secrets of TLS 1.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from dissectors.tls.cipher_suites import CipherSuite, cipher_suite
from dissectors.tls.handshake import ClientHello, ServerHello
from dissectors.tls.info import KEY_LOG, RESUMPTION
from dissectors.tls.key_exchange import KeyExchange
from dissectors.tls.keys import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_TRAFFIC,
    MASTER_SECRET,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
    KeyRing,
)
from dissectors.tls.opener import Opener
from dissectors.tls.protection import opener_13, openers
from dissectors.tls.schedule import HASH_LENGTHS, TLS13, next_traffic_secret

EARLY, HANDSHAKE_KEYS, APPLICATION = -2, -1, 0
"""Epochs of TLS 1.3's keys; each KeyUpdate adds one. Earlier versions know but one, 0."""

_LABELS: dict[bool, dict[int, str]] = {
    True: {EARLY: CLIENT_EARLY, HANDSHAKE_KEYS: CLIENT_HANDSHAKE, APPLICATION: CLIENT_TRAFFIC},
    False: {HANDSHAKE_KEYS: SERVER_HANDSHAKE, APPLICATION: SERVER_TRAFFIC},
}
"""By side (True: client) and epoch, the key log's label."""


class Candidate:
    """Keys of one direction that may be the right ones.

    A plain class, not a dataclass: nothing prints its secret.
    """

    __slots__ = ("agreement", "epoch", "label", "opener", "origin", "secret")

    def __init__(
        self,
        agreement: Agreement,
        opener: Opener,
        epoch: int,
        secret: bytes,
        origin: str,
        label: str = "",
    ) -> None:
        self.agreement = agreement
        """The handshake that they are of; a half may be in the next one already."""
        self.opener = opener
        self.epoch = epoch
        self.secret = secret
        self.origin = origin
        self.label = label
        """The key log's label of `secret`; empty when it follows from another one's."""


class Agreement:
    """What one handshake agrees on; a connection has one more with each renegotiation.

    Numbers are 0 and bytes empty while they are not known.
    """

    def __init__(self) -> None:
        self.client_random = b""
        self.offered_session_id = b""
        self.offered_ticket = b""
        self.early_data = False
        """Whether the client sends early data."""
        self.early_data_accepted: bool | None = None
        """Whether the server takes it; None while unknown."""
        self.answered = False
        """True once a ServerHello, and not only a HelloRetryRequest, was seen."""
        self.version = 0
        self.suite: CipherSuite = cipher_suite(0)
        self.server_random = b""
        self.session_id = b""
        self.ticket = b""
        """The ticket that the server issues in this handshake (RFC 5077)."""
        self.extended_master_secret = False
        self.encrypt_then_mac = False
        self.full = False
        """True once a message was seen that resumed handshakes lack."""
        self.resumed = False
        self.exchange = KeyExchange()
        """How the premaster secret is agreed on, for want of the master secret."""
        self._master_secret = b""
        self._proven: dict[str, bytes] = {}
        """The key log's label → the secret under it that opened a record."""
        self._pairs: list[tuple[Candidate, Candidate]] = []

    @property
    def is_known(self) -> bool:
        """True when all was seen that keys hang on."""
        return self.version != 0 and self.client_random != b""

    @property
    def is_13(self) -> bool:
        """True in TLS 1.3."""
        return self.version == TLS13

    @property
    def is_proven(self) -> bool:
        """True once a master secret opened a record; never in TLS 1.3."""
        return self._master_secret != b""

    def take_client_hello(self, hello: ClientHello) -> bool:
        """Take over what a ClientHello offers; return whether keys can be found now, if not yet."""
        known, self.client_random = self.is_known, hello.random
        self.offered_session_id = hello.session_id
        self.offered_ticket = hello.session_ticket
        self.early_data = hello.early_data
        return self.is_known and not known

    def take_server_hello(self, hello: ServerHello) -> bool:
        """Take over what a ServerHello, or HelloRetryRequest, decides; return as above."""
        known, self.version = self.is_known, hello.version
        self.suite = cipher_suite(hello.cipher_suite)
        self.answered = not hello.retry
        self.server_random = hello.random
        self.session_id = hello.session_id
        self.extended_master_secret = hello.extended_master_secret
        self.encrypt_then_mac = hello.encrypt_then_mac
        return self.is_known and not known

    def settle_resumption(self, server_is_through: bool) -> None:
        """Decide whether the handshake resumes a session, before TLS 1.3.

        Parameters
        ----------
        server_is_through : bool
            True when all that the server sends in clear was seen: then a handshake without
            certificate or key exchange is a resumed one, whatever the session ids say (RFC 5077
            §3.4 leaves the client's empty, if it likes).
        """
        same = self.offered_session_id == self.session_id != b""
        self.resumed = not self.full if server_is_through else self.resumed or same

    def prove(self, candidate: Candidate, keys: KeyRing) -> None:
        """Keep a secret that opened a record; a master secret for resumptions too."""
        if candidate.label:
            self._proven.setdefault(candidate.label, candidate.secret)
        if not self.is_13 and not self._master_secret:
            self._master_secret = candidate.secret
            self.exchange.note_use(keys, candidate.secret)
            self.remember(keys)

    def remember(self, keys: KeyRing) -> None:
        """Leave the master secret, once it is proven, to sessions that resume this one."""
        for resumable in (self.session_id, self.ticket):
            if self._master_secret and resumable:
                keys.remember(resumable, self._master_secret)

    def candidates(self, keys: KeyRing, is_client: bool, allowance: int) -> list[Candidate]:
        """Return the keys, before TLS 1.3, that each possible master secret gives one side.

        Parameters
        ----------
        keys : KeyRing
            What is known.
        is_client : bool
            The side.
        allowance : int
            RSA operations that may be done for it.
        """
        if not self._pairs:
            secrets = self._master_secrets(keys, allowance)
            self._pairs = [self._pair(secret, origin) for secret, origin in secrets.items()]
            self.exchange.forget()
        return [pair[0 if is_client else 1] for pair in self._pairs]

    def _master_secrets(self, keys: KeyRing, allowance: int) -> dict[bytes, str]:
        """Return the master secrets that the session may have, and what each came from."""
        secrets = dict.fromkeys(keys.secrets(MASTER_SECRET, self.client_random), KEY_LOG)
        if keys.knows_premasters and not self.resumed:
            randoms = self.client_random, self.server_random
            extended = self.extended_master_secret
            made = self.exchange.master_secrets(
                keys, self.version, self.suite, randoms, extended, allowance
            )
            secrets = {**made, **secrets}
        for resumable in (self.offered_session_id, self.offered_ticket):
            secret = keys.recall(resumable) if resumable else None
            if secret is not None:
                secrets.setdefault(secret, RESUMPTION)
        return secrets

    def awaits(self, keys: KeyRing, is_client: bool, other_is_past: bool) -> bool:
        """Tell whether the other side has yet to show what the master secret is made of.

        Parameters
        ----------
        keys : KeyRing
            Where no premaster secret can be found, none is waited for.
        is_client : bool
            The side whose keys are to be found.
        other_is_past : bool
            True when the other side is past its key exchange: what was not seen will not be.
        """
        if not keys.knows_premasters or other_is_past or self.is_13:
            return False
        if keys.secrets(MASTER_SECRET, self.client_random):
            return False
        exchange = self.exchange
        if is_client:
            return exchange.client.ended and not exchange.server.ended
        return self.full and not exchange.client.ended

    def _pair(self, secret: bytes, origin: str) -> tuple[Candidate, Candidate]:
        client, server = openers(
            self.version,
            self.suite,
            secret,
            self.client_random,
            self.server_random,
            self.encrypt_then_mac,
        )
        return (
            Candidate(self, client, APPLICATION, secret, origin, MASTER_SECRET),
            Candidate(self, server, APPLICATION, secret, origin, MASTER_SECRET),
        )

    def candidates_13(
        self, keys: KeyRing, is_client: bool, epochs: Iterable[int]
    ) -> list[Candidate]:
        """Return the keys of TLS 1.3 that the key log gives one side in certain epochs."""
        labels, length = _LABELS[is_client], HASH_LENGTHS[self.suite.prf_hash]
        return [
            Candidate(self, opener_13(self.suite, secret), epoch, secret, KEY_LOG, labels[epoch])
            for epoch in epochs
            if epoch in labels
            for secret in keys.secrets(labels[epoch], self.client_random)
            if len(secret) == length
        ]

    def proven(self) -> list[tuple[str, bytes, bytes]]:
        """Return (label, client random, secret) for each secret that opened a record."""
        return [(label, self.client_random, secret) for label, secret in self._proven.items()]

    def has_secrets(self, keys: KeyRing) -> bool:
        """Tell whether the key log has a secret of TLS 1.3, of either side."""
        return any(
            keys.secrets(label, self.client_random)
            for labels in _LABELS.values()
            for label in labels.values()
        )

    def updated(self, candidate: Candidate) -> Candidate:
        """Return the keys that follow after a KeyUpdate (RFC 8446 §7.2)."""
        secret = next_traffic_secret(self.suite.prf_hash, candidate.secret)
        opener = opener_13(self.suite, secret)
        return Candidate(self, opener, candidate.epoch + 1, secret, candidate.origin)

"""RSA private keys of servers, and the certificates they belong to.

References
----------
RFC 5246 §7.4.7.1 (RSA key exchange: the premaster secret travels encrypted for the server's key).
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

PREMASTER_LENGTH = 48
"""Bytes of a premaster secret: the client's version and 46 random ones."""


class PrivateKeys:
    """RSA private keys by what a certificate shows: their public numbers. Prints none of them."""

    def __init__(self) -> None:
        self._keys: dict[bytes, RSAPrivateKey] = {}
        self._origins: dict[bytes, str] = {}
        self._used: set[bytes] = set()

    def __repr__(self) -> str:
        return f"PrivateKeys({len(self)} keys, {len(self._used)} used)"

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: RSAPrivateKey, origin: str) -> bool:
        """Take in a key; return False when it is there already.

        Parameters
        ----------
        key : RSAPrivateKey
            The key.
        origin : str
            Name of the file that it came from, for messages.
        """
        name = fingerprint(key.public_key())
        new = name not in self._keys
        self._keys.setdefault(name, key)
        self._origins.setdefault(name, origin)
        return new

    def for_certificate(self, certificate: bytes) -> RSAPrivateKey | None:
        """Return the key that belongs to a certificate (DER), or None."""
        name = certificate_fingerprint(certificate) if self._keys else None
        if name is None or name not in self._keys:
            return None
        self._used.add(name)
        return self._keys[name]

    def all(self) -> list[RSAPrivateKey]:
        """Return all keys, in the order in which they came."""
        return list(self._keys.values())

    def note_use(self, key: RSAPrivateKey) -> None:
        """Note that a key fits the run, though no certificate said so."""
        self._used.add(fingerprint(key.public_key()))

    @property
    def matched(self) -> frozenset[bytes]:
        """Fingerprints of the keys whose server was met."""
        return frozenset(self._used)

    @property
    def origins(self) -> dict[bytes, str]:
        """Fingerprint → file that the key came from."""
        return dict(self._origins)


def fingerprint(key: RSAPublicKey) -> bytes:
    """Return a short name of a public key, made of its numbers; it tells no secret."""
    numbers = key.public_numbers()
    return sha256(f"{numbers.e:x}:{numbers.n:x}".encode()).digest()


@lru_cache(maxsize=256)
def certificate_fingerprint(certificate: bytes) -> bytes | None:
    """Return the fingerprint of the RSA key in a certificate (DER); None when it has none."""
    try:
        with warnings.catch_warnings():
            # Old servers' certificates break rules that a reader of captures need not care about.
            warnings.simplefilter("ignore")
            key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, KeyError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    return fingerprint(key) if isinstance(key, RSAPublicKey) else None


def decrypt_premaster(key: RSAPrivateKey, encrypted: bytes) -> bytes | None:
    """Decrypt a premaster secret; None when that gives none.

    A wrong key need not be noticed: OpenSSL from 3.2 on returns random bytes then (implicit
    rejection), which no MAC will agree with. The version in its first bytes is not looked at, for
    old clients put the negotiated one where the offered one belongs, and servers let them.
    """
    try:
        secret = key.decrypt(encrypted, PKCS1v15())
    except ValueError:
        return None
    return secret if len(secret) == PREMASTER_LENGTH else None

"""What `cryptography` offers to open records with, and what of it this machine has.

Old ciphers move from one module of `cryptography` to another and may be missing in its OpenSSL; a
suite whose cipher is missing is named and stays closed, it does not keep this from being imported.

References
----------
RFC 5246 appendix C (ciphers of the suites), RFC 5932 (Camellia).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.modes import CBC


class Aead(Protocol):
    """A cipher that authenticates."""

    def decrypt(
        self, nonce: bytes, data: bytes, associated_data: bytes | None
    ) -> bytes:  # pragma: no cover - a type
        """Return the plaintext, or raise InvalidTag."""
        ...


class Decryptor(Protocol):
    """A cipher in the midst of its stream."""

    def update(self, data: bytes) -> bytes:  # pragma: no cover - a type
        """Return the plaintext of `data`, which goes on where the last call ended."""
        ...


AEADS: dict[tuple[str, str], tuple[Callable[[bytes], Aead], int]] = {
    ("AES", "GCM"): (AESGCM, 16),
    ("AES", "CCM"): (AESCCM, 16),
    ("AES", "CCM_8"): (lambda key: AESCCM(key, 8), 8),
    ("CHACHA20", "POLY1305"): (ChaCha20Poly1305, 16),
}
"""(cipher, mode) of a suite → the cipher for a key, bytes of its tag."""

BLOCK_LENGTHS = {"AES": 16, "CAMELLIA": 16, "3DES_EDE": 8}
"""Cipher of a CBC suite → bytes of its block."""

_CLASSES = {"AES": "AES", "CAMELLIA": "Camellia", "3DES_EDE": "TripleDES", "RC4": "ARC4"}
"""Cipher of a suite → its name in `cryptography`."""

_MODULES = (
    "cryptography.hazmat.decrepit.ciphers.algorithms",
    "cryptography.hazmat.primitives.ciphers.algorithms",
)
"""Where the ciphers live: the old ones move from the second to the first, from 43 on."""


@lru_cache(maxsize=16)
def _algorithm(cipher: str) -> Callable[[bytes], Any] | None:
    """Return the class of a cipher; None where `cryptography` has none."""
    with warnings.catch_warnings():
        # Some versions warn when an old cipher is but named.
        warnings.simplefilter("ignore")
        for module in _MODULES:
            try:
                found = getattr(import_module(module), _CLASSES.get(cipher, ""), None)
            except ImportError:
                continue
            if found is not None:
                return found  # type: ignore[no-any-return]
    return None


def block_decryptor(cipher: str, key: bytes, iv: bytes) -> Decryptor:
    """Return a block cipher in CBC mode."""
    algorithm: BlockCipherAlgorithm = _made(cipher, key)
    return Cipher(algorithm, CBC(iv)).decryptor()


def stream_decryptor(cipher: str, key: bytes) -> Decryptor:
    """Return a stream cipher."""
    algorithm: CipherAlgorithm = _made(cipher, key)
    return Cipher(algorithm, None).decryptor()


def _made(cipher: str, key: bytes) -> Any:
    algorithm = _algorithm(cipher)
    if algorithm is None:
        raise UnsupportedAlgorithm(cipher)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return algorithm(key)


@lru_cache(maxsize=16)
def is_available(cipher: str, key_length: int) -> bool:
    """Tell whether this machine has a cipher for records with a MAC; ``NULL`` it always has."""
    if cipher == "NULL":
        return True
    try:
        if cipher in BLOCK_LENGTHS:
            block_decryptor(cipher, bytes(range(key_length)), bytes(BLOCK_LENGTHS[cipher]))
        else:
            stream_decryptor(cipher, bytes(range(key_length)))
    except (UnsupportedAlgorithm, ValueError):
        return False
    return True

"""Record protection: what one side's keys make of its records.

References
----------
RFC 5246 §6.2.3 (MAC and CBC; AEAD), RFC 4346 §6.2.3.2 and RFC 2246 §6.2.3.2 (CBC in TLS 1.1, 1.0),
RFC 7366 (encrypt-then-MAC), RFC 5288 (GCM), RFC 6655 (CCM), RFC 7905 (ChaCha20-Poly1305), RFC 8446
§5.2–5.4 (TLS 1.3).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from struct import Struct
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from dissectors.tls.cipher_suites import CipherSuite
from dissectors.tls.record import TlsRecord
from dissectors.tls.schedule import (
    HASH_LENGTHS,
    TLS10,
    TLS12,
    TLS13,
    WriteKeys,
    key_block,
    traffic_keys,
)

_ADDITIONAL_DATA = Struct(">QBHH")
_ADDITIONAL_DATA_13 = Struct(">BHH")


class _Aead(Protocol):
    def decrypt(
        self, nonce: bytes, data: bytes, associated_data: bytes | None
    ) -> bytes:  # pragma: no cover - a type
        ...


_AEADS: dict[tuple[str, str], tuple[Callable[[bytes], _Aead], int]] = {
    ("AES", "GCM"): (AESGCM, 16),
    ("AES", "CCM"): (AESCCM, 16),
    ("AES", "CCM_8"): (lambda key: AESCCM(key, 8), 8),
    ("CHACHA20", "POLY1305"): (ChaCha20Poly1305, 16),
}
"""(cipher, mode) of a suite → the cipher for a key, bytes of its tag."""

_BLOCK_CIPHERS: dict[str, tuple[Callable[[bytes], BlockCipherAlgorithm], int]] = {"AES": (AES, 16)}
"""Cipher of a CBC suite → the cipher for a key, bytes of its block."""


class Opener:
    """Opens the records of one direction; every record is authenticated."""

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record.

        Parameters
        ----------
        record : TlsRecord
            The record.
        sequence : int
            Its number since the keys were taken into use, from 0.

        Raises
        ------
        InvalidTag
            When it was not written with these keys under this number, or is damaged.
        """
        raise NotImplementedError

    def explicit_nonce(self, record: TlsRecord) -> int | None:
        """Return the nonce that the record carries, which as a rule counts along, or None."""
        return None

    def pass_over(self, record: TlsRecord | None) -> None:
        """Note that a record (None: an unknown number of them) went by and was not opened."""


class ExplicitNonceOpener(Opener):
    """AES-GCM and AES-CCM in TLS 1.2: eight bytes of the nonce travel with the record."""

    def __init__(self, aead: _Aead, salt: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._salt = salt
        self._overhead = 8 + tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        fragment, kind = record.fragment, record.content_type
        length = len(fragment) - self._overhead
        if length < 0:
            raise InvalidTag
        additional = _ADDITIONAL_DATA.pack(sequence, kind, record.version, length)
        return kind, self._decrypt(self._salt + fragment[:8], fragment[8:], additional)

    def explicit_nonce(self, record: TlsRecord) -> int | None:
        """Return the nonce: the sequence number in SChannel, plus a constant in OpenSSL."""
        return int.from_bytes(record.fragment[:8], "big")


class MixedNonceOpener(Opener):
    """ChaCha20-Poly1305 in TLS 1.2: the nonce is the IV mixed with the sequence number."""

    def __init__(self, aead: _Aead, iv: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        fragment, kind = record.fragment, record.content_type
        length = len(fragment) - self._tag_length
        if length < 0:
            raise InvalidTag
        additional = _ADDITIONAL_DATA.pack(sequence, kind, record.version, length)
        nonce = (self._iv ^ sequence).to_bytes(12, "big")
        return kind, self._decrypt(nonce, fragment, additional)


class Tls13Opener(Opener):
    """Any AEAD in TLS 1.3: the content type is inside, and zeros may pad it (RFC 8446 §5.2)."""

    def __init__(self, aead: _Aead, iv: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the inner content type and the plaintext of a record."""
        fragment = record.fragment
        if len(fragment) <= self._tag_length:
            raise InvalidTag
        additional = _ADDITIONAL_DATA_13.pack(record.content_type, record.version, len(fragment))
        nonce = (self._iv ^ sequence).to_bytes(12, "big")
        plain = self._decrypt(nonce, fragment, additional)
        if not plain[-1]:
            # A record of zeros alone has no type; as 0 (invalid) nobody takes it for content.
            plain = plain.rstrip(b"\0") or b"\0"
        return plain[-1], plain[:-1]


class CbcOpener(Opener):
    """A block cipher in CBC mode with an HMAC, TLS 1.1 and 1.2: records begin with their IV."""

    def __init__(self, suite: CipherSuite, keys: WriteKeys, encrypt_then_mac: bool) -> None:
        algorithm, self._block_length = _BLOCK_CIPHERS[suite.cipher]
        # One context serves all records: in CBC, the block before is the IV, so what is decrypted
        # behind its own IV comes out right; making a context costs more than a record.
        mode = CBC(bytes(self._block_length))
        self._update = Cipher(algorithm(keys.key), mode).decryptor().update
        self._mac_key = keys.mac_key
        self._mac = suite.mac
        self._mac_length = HASH_LENGTHS[suite.mac]
        self._encrypt_then_mac = encrypt_then_mac

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        if self._encrypt_then_mac:
            blocks = self._authenticated(record, sequence, record.fragment)
            plain = self._decrypt(self._behind_iv(blocks, sequence))
        else:
            plain = self._decrypt(self._behind_iv(record.fragment, sequence))
            plain = self._authenticated(record, sequence, plain)
            self.pass_over(record)
        return record.content_type, plain

    def _behind_iv(self, blocks: bytes, sequence: int) -> bytes:
        """Return the blocks of a record behind its IV."""
        return blocks

    def _authenticated(self, record: TlsRecord, sequence: int, data: bytes) -> bytes:
        """Return `data` without the MAC at its end, which must be right."""
        cut = len(data) - self._mac_length
        if cut < 0:
            raise InvalidTag
        head = _ADDITIONAL_DATA.pack(sequence, record.content_type, record.version, cut)
        mac = hmac.digest(self._mac_key, head + data[:cut], self._mac)
        if not hmac.compare_digest(mac, data[cut:]):
            raise InvalidTag
        return data[:cut]

    def _decrypt(self, data: bytes) -> bytes:
        """Decrypt whole blocks behind an IV, and drop the padding.

        Its last byte counts the others, which all equal it (RFC 5246 §6.2.3.2).
        """
        if len(data) < 2 * self._block_length or len(data) % self._block_length:
            raise InvalidTag
        plain = self._update(data)[self._block_length :]
        length = plain[-1] + 1
        if plain[-length:] != plain[-1:] * length:
            raise InvalidTag
        return plain[:-length]


class ChainedCbcOpener(CbcOpener):
    """The same in TLS 1.0: the IV of a record is the last block of the one before."""

    def __init__(self, suite: CipherSuite, keys: WriteKeys, encrypt_then_mac: bool) -> None:
        super().__init__(suite, keys, encrypt_then_mac)
        self._iv = keys.iv
        self._number = 0
        """Number of the record that the IV is for; only encrypt-then-MAC knows."""

    def pass_over(self, record: TlsRecord | None) -> None:
        """Keep the last block of a record as the next one's IV.

        If that is wrong, the MAC will tell; but with encrypt-then-MAC, see below.
        """
        if not self._encrypt_then_mac:
            self._iv = record.fragment[-self._block_length :] if record else b""

    def _behind_iv(self, blocks: bytes, sequence: int) -> bytes:
        """Return the blocks of a record behind its IV, if that is known.

        With encrypt-then-MAC no MAC covers the IV: it must come of the record numbered right before
        this, and genuine. Else sixteen wrong bytes would pass for plaintext.
        """
        iv, number = self._iv, self._number
        if self._encrypt_then_mac:
            self._iv, self._number = blocks[-self._block_length :], sequence + 1
            if number != sequence:
                raise InvalidTag
        if not iv:
            raise InvalidTag
        return iv + blocks


def is_supported(version: int, suite: CipherSuite) -> bool:
    """Tell whether records of this version and suite can be opened."""
    if version == TLS13:
        return suite.code >> 8 == 0x13 and (suite.cipher, suite.mode) in _AEADS
    if not TLS10 <= version <= TLS12 or suite.code >> 8 == 0x13:
        return False
    if suite.mode == "CBC":
        return suite.cipher in _BLOCK_CIPHERS and suite.mac in HASH_LENGTHS
    return version == TLS12 and (suite.cipher, suite.mode) in _AEADS


def openers(
    version: int,
    suite: CipherSuite,
    master_secret: bytes,
    client_random: bytes,
    server_random: bytes,
    encrypt_then_mac: bool,
) -> tuple[Opener, Opener]:
    """Return what opens the client's and the server's records, TLS 1.0 to 1.2.

    Version and suite must be supported; see :func:`is_supported`.
    """
    keys = key_block(
        version,
        suite.prf_hash,
        master_secret,
        client_random,
        server_random,
        _key_lengths(version, suite),
    )
    if suite.mode == "CBC":
        kind = ChainedCbcOpener if version == TLS10 else CbcOpener
        return kind(suite, keys[0], encrypt_then_mac), kind(suite, keys[1], encrypt_then_mac)
    return _aead_opener(suite, keys[0]), _aead_opener(suite, keys[1])


def _key_lengths(version: int, suite: CipherSuite) -> tuple[int, int, int]:
    """Return the bytes of a MAC key, a cipher key and an IV in the key block."""
    if suite.mode == "CBC":
        # TLS 1.1 and 1.2 send each record's IV with it and take none from the key block.
        iv_length = _BLOCK_CIPHERS[suite.cipher][1] if version == TLS10 else 0
        return HASH_LENGTHS[suite.mac], suite.key_length, iv_length
    return 0, suite.key_length, 12 if suite.mode == "POLY1305" else 4


def _aead_opener(suite: CipherSuite, keys: WriteKeys) -> Opener:
    cipher, tag_length = _AEADS[suite.cipher, suite.mode]
    kind = MixedNonceOpener if suite.mode == "POLY1305" else ExplicitNonceOpener
    return kind(cipher(keys.key), keys.iv, tag_length)


def opener_13(suite: CipherSuite, traffic_secret: bytes) -> Opener:
    """Return what opens the records of a TLS 1.3 traffic secret."""
    cipher, tag_length = _AEADS[suite.cipher, suite.mode]
    keys = traffic_keys(suite.prf_hash, traffic_secret, suite.key_length)
    return Tls13Opener(cipher(keys.key), keys.iv, tag_length)

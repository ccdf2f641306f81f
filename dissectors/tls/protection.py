"""Record protection: what one side's keys make of its records.

References
----------
RFC 5246 §6.2.3.3 (AEAD), RFC 5288 (GCM), RFC 6655 (CCM), RFC 7905 (ChaCha20-Poly1305), RFC 8446
§5.2–5.4 (TLS 1.3).
"""

from __future__ import annotations

from struct import Struct

from cryptography.exceptions import InvalidTag

from dissectors.tls.cipher_suites import CipherSuite
from dissectors.tls.ciphers import AEADS, BLOCK_LENGTHS, Aead, is_available
from dissectors.tls.mac_protection import mac_openers
from dissectors.tls.opener import ADDITIONAL_DATA, Opener
from dissectors.tls.record import TlsRecord
from dissectors.tls.schedule import (
    HASH_LENGTHS,
    SSL30,
    TLS10,
    TLS12,
    TLS13,
    WriteKeys,
    key_block,
    traffic_keys,
)

_HEADER_13 = Struct(">BHH")


class ExplicitNonceOpener(Opener):
    """AES-GCM and AES-CCM in TLS 1.2: eight bytes of the nonce travel with the record."""

    def __init__(self, aead: Aead, salt: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._salt = salt
        self._overhead = 8 + tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        fragment, kind = record.fragment, record.content_type
        length = len(fragment) - self._overhead
        if length < 0:
            raise InvalidTag
        additional = ADDITIONAL_DATA.pack(sequence, kind, record.version, length)
        return kind, self._decrypt(self._salt + fragment[:8], fragment[8:], additional)

    def explicit_nonce(self, record: TlsRecord) -> int | None:
        """Return the nonce: the sequence number in SChannel, plus a constant in OpenSSL."""
        return int.from_bytes(record.fragment[:8], "big")


class MixedNonceOpener(Opener):
    """ChaCha20-Poly1305 in TLS 1.2: the nonce is the IV mixed with the sequence number."""

    def __init__(self, aead: Aead, iv: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        fragment, kind = record.fragment, record.content_type
        length = len(fragment) - self._tag_length
        if length < 0:
            raise InvalidTag
        additional = ADDITIONAL_DATA.pack(sequence, kind, record.version, length)
        nonce = (self._iv ^ sequence).to_bytes(12, "big")
        return kind, self._decrypt(nonce, fragment, additional)


class Tls13Opener(Opener):
    """Any AEAD in TLS 1.3: the content type is inside, and zeros may pad it (RFC 8446 §5.2)."""

    def __init__(self, aead: Aead, iv: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = tag_length

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the inner content type and the plaintext of a record."""
        fragment = record.fragment
        if len(fragment) <= self._tag_length:
            raise InvalidTag
        additional = _HEADER_13.pack(record.content_type, record.version, len(fragment))
        nonce = (self._iv ^ sequence).to_bytes(12, "big")
        plain = self._decrypt(nonce, fragment, additional)
        if not plain[-1]:
            # A record of zeros alone has no type; as 0 (invalid) nobody takes it for content.
            plain = plain.rstrip(b"\0") or b"\0"
        return plain[-1], plain[:-1]


def is_supported(version: int, suite: CipherSuite) -> bool:
    """Tell whether records of this version and suite can be opened on this machine."""
    is_13 = suite.code >> 8 == 0x13
    if version == TLS13 or is_13:
        return version == TLS13 and is_13 and (suite.cipher, suite.mode) in AEADS
    if not SSL30 <= version <= TLS12:
        return False
    if suite.mac:
        return _has_mac_cipher(version, suite)
    return version == TLS12 and (suite.cipher, suite.mode) in AEADS


def _has_mac_cipher(version: int, suite: CipherSuite) -> bool:
    """Tell whether there is a cipher for a suite with a MAC; SSL 3.0 knows MD5 and SHA-1 only."""
    known = suite.cipher in BLOCK_LENGTHS or suite.cipher in ("RC4", "NULL")
    hashes = ("md5", "sha1") if version == SSL30 else tuple(HASH_LENGTHS)
    return known and suite.mac in hashes and is_available(suite.cipher, suite.key_length)


def openers(
    version: int,
    suite: CipherSuite,
    master_secret: bytes,
    client_random: bytes,
    server_random: bytes,
    encrypt_then_mac: bool,
) -> tuple[Opener, Opener]:
    """Return what opens the client's and the server's records, SSL 3.0 to TLS 1.2.

    Version and suite must be supported; see :func:`is_supported`.
    """
    lengths = _key_lengths(version, suite)
    randoms = client_random, server_random
    keys = key_block(version, suite.prf_hash, master_secret, *randoms, lengths)
    if suite.mac:
        return mac_openers(version, suite, keys, encrypt_then_mac)
    return _aead_opener(suite, keys[0]), _aead_opener(suite, keys[1])


def _key_lengths(version: int, suite: CipherSuite) -> tuple[int, int, int]:
    """Return the bytes of a MAC key, a cipher key and an IV in the key block."""
    if suite.mac:
        # TLS 1.1 and 1.2 send each record's IV with it and take none from the key block.
        iv_length = BLOCK_LENGTHS.get(suite.cipher, 0) if version <= TLS10 else 0
        return HASH_LENGTHS[suite.mac], suite.key_length, iv_length
    return 0, suite.key_length, 12 if suite.mode == "POLY1305" else 4


def _aead_opener(suite: CipherSuite, keys: WriteKeys) -> Opener:
    cipher, tag_length = AEADS[suite.cipher, suite.mode]
    kind = MixedNonceOpener if suite.mode == "POLY1305" else ExplicitNonceOpener
    return kind(cipher(keys.key), keys.iv, tag_length)


def opener_13(suite: CipherSuite, traffic_secret: bytes) -> Opener:
    """Return what opens the records of a TLS 1.3 traffic secret."""
    cipher, tag_length = AEADS[suite.cipher, suite.mode]
    keys = traffic_keys(suite.prf_hash, traffic_secret, suite.key_length)
    return Tls13Opener(cipher(keys.key), keys.iv, tag_length)

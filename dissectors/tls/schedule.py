"""From secrets to keys: SSL 3.0's digests, the PRF up to TLS 1.2, and HKDF in TLS 1.3.

References
----------
RFC 6101 §6.1, §6.2.2 (SSL 3.0); RFC 5246 §5, §6.3, §8.1 (TLS 1.2: PRF, key block, master secret);
RFC 4346 §5 and RFC 2246 §5 (PRF of TLS 1.1, 1.0); RFC 7627 §4 (extended master secret); RFC 8446
§7.1–7.3 (HKDF-Expand-Label, key update, traffic keys).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from itertools import pairwise

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SSL30, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
"""Protocol versions on the wire."""

HASH_LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48}
"""hashlib's name → bytes of the digest."""

_HKDF_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}


def p_hash(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """Return `length` bytes of P_hash (RFC 5246 §5)."""
    output, block = b"", seed
    while len(output) < length:
        block = hmac.digest(secret, block, hash_name)
        output += hmac.digest(secret, block + seed, hash_name)
    return output[:length]


def prf(
    version: int, hash_name: str, secret: bytes, label: bytes, seed: bytes, length: int
) -> bytes:
    """Return `length` bytes of the pseudorandom function of a TLS version.

    Parameters
    ----------
    version : int
        Version on the wire, ``0x0301`` to ``0x0303``.
    hash_name : str
        The cipher suite's hash; TLS 1.0 and 1.1 always mix MD5 and SHA-1 instead.
    """
    if version >= TLS12:
        return p_hash(hash_name, secret, label + seed, length)
    # The halves share a byte when the secret's length is odd (RFC 4346 §5).
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], label + seed, length)
    sha1 = p_hash("sha1", secret[len(secret) - half :], label + seed, length)
    return bytes(a ^ b for a, b in zip(md5, sha1, strict=True))


def expand_ssl3(secret: bytes, seed: bytes, length: int) -> bytes:
    """Return `length` bytes of what SSL 3.0 has for a PRF (RFC 6101 §6.1, §6.2.2).

    Each block is MD5 of the secret and of SHA-1 over ``A``, ``BB``, ``CCC`` …, secret and seed.
    """
    output = b""
    for number in range(-(-length // 16)):
        salt = bytes([ord("A") + number]) * (number + 1)
        inner = hashlib.sha1(salt + secret + seed, usedforsecurity=False).digest()
        output += hashlib.md5(secret + inner, usedforsecurity=False).digest()
    return output[:length]


def master_secret(
    version: int, hash_name: str, premaster: bytes, client_random: bytes, server_random: bytes
) -> bytes:
    """Make a master secret of a premaster secret (RFC 5246 §8.1, RFC 6101 §6.1)."""
    seed = client_random + server_random
    if version == SSL30:
        return expand_ssl3(premaster, seed, 48)
    return prf(version, hash_name, premaster, b"master secret", seed, 48)


def extended_master_secret(
    version: int, hash_name: str, premaster: bytes, messages: bytes
) -> bytes:
    """Make the master secret that is bound to its handshake (RFC 7627 §4).

    Parameters
    ----------
    messages : bytes
        The handshake messages of both sides, headers included, from the ClientHello up to the
        ClientKeyExchange.
    """
    if version >= TLS12:
        digest = hashlib.new(hash_name, messages).digest()
    else:
        digest = hashlib.md5(messages, usedforsecurity=False).digest()
        digest += hashlib.sha1(messages, usedforsecurity=False).digest()
    return prf(version, hash_name, premaster, b"extended master secret", digest, 48)


@dataclass(frozen=True, slots=True)
class WriteKeys:
    """What one side writes with."""

    mac_key: bytes = field(repr=False)
    """Key of the record's HMAC; empty for an AEAD cipher."""
    key: bytes = field(repr=False)
    """Key of the cipher."""
    iv: bytes = field(repr=False)
    """Implicit part of the nonce, or first IV; empty where records carry all of it."""


def key_block(
    version: int,
    hash_name: str,
    secret: bytes,
    client_random: bytes,
    server_random: bytes,
    lengths: tuple[int, int, int],
) -> tuple[WriteKeys, WriteKeys]:
    """Expand a master secret into the client's and the server's write keys (RFC 5246 §6.3).

    Parameters
    ----------
    version : int
        Version on the wire, ``0x0300`` to ``0x0303``.
    secret : bytes
        The master secret.
    lengths : (int, int, int)
        Bytes of a MAC key, of a cipher key and of an IV.
    """
    mac, key, iv = lengths
    seed = server_random + client_random
    length = 2 * (mac + key + iv)
    if version == SSL30:
        block = expand_ssl3(secret, seed, length)
    else:
        block = prf(version, hash_name, secret, b"key expansion", seed, length)
    cuts = [0, mac, 2 * mac, 2 * mac + key, 2 * mac + 2 * key, 2 * mac + 2 * key + iv, length]
    parts = [block[start:stop] for start, stop in pairwise(cuts)]
    return WriteKeys(*parts[0::2]), WriteKeys(*parts[1::2])


def expand_label(hash_name: str, secret: bytes, label: bytes, length: int) -> bytes:
    """Return HKDF-Expand-Label of `secret` with an empty context (RFC 8446 §7.1)."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"
    return HKDFExpand(_HKDF_HASHES[hash_name], length, info).derive(secret)


def traffic_keys(hash_name: str, secret: bytes, key_length: int) -> WriteKeys:
    """Make the write keys of a TLS 1.3 traffic secret (RFC 8446 §7.3)."""
    key = expand_label(hash_name, secret, b"key", key_length)
    return WriteKeys(b"", key, expand_label(hash_name, secret, b"iv", 12))


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """Return the secret that follows `secret` after a KeyUpdate (RFC 8446 §7.2)."""
    return expand_label(hash_name, secret, b"traffic upd", len(secret))

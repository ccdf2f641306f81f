"""Records with a MAC of their own: block ciphers in CBC mode, RC4, and no cipher at all.

References
----------
RFC 5246 §6.2.3.1, §6.2.3.2 (stream and block ciphers), RFC 4346 §6.2.3.2 and RFC 2246 §6.2.3.2 (CBC
in TLS 1.1, 1.0), RFC 7366 (encrypt-then-MAC), RFC 6101 §5.2.3 (SSL 3.0).
"""

from __future__ import annotations

import hashlib
import hmac
from struct import Struct

from cryptography.exceptions import InvalidTag

from dissectors.tls.cipher_suites import CipherSuite
from dissectors.tls.ciphers import BLOCK_LENGTHS, block_decryptor, stream_decryptor
from dissectors.tls.opener import ADDITIONAL_DATA, Opener
from dissectors.tls.record import HEADER_LENGTH, TlsRecord
from dissectors.tls.schedule import HASH_LENGTHS, SSL30, TLS10, WriteKeys

_SSL3_HEAD = Struct(">QBH")
_SSL3_PADS = {"md5": 48, "sha1": 40}
"""Bytes of padding that fill up the MAC's key to the length of the hash's block, nearly."""

_SKIP_ALLOWANCE, _SKIP_RATE = 4 << 20, 16
"""Bytes of keystream that may be passed over: to begin with, and for each byte opened."""


class Mac:
    """The HMAC at a record's end, TLS 1.0 to 1.2."""

    def __init__(self, key: bytes, hash_name: str) -> None:
        self._key = key
        self._hash = hash_name
        self.length = HASH_LENGTHS[hash_name]

    def strip(self, record: TlsRecord, sequence: int, data: bytes) -> bytes:
        """Return `data` without the MAC at its end.

        Raises
        ------
        InvalidTag
            When the MAC is wrong for this sequence number.
        """
        cut = len(data) - self.length
        if cut < 0 or not hmac.compare_digest(
            self._digest(record, sequence, data[:cut]), data[cut:]
        ):
            raise InvalidTag
        return data[:cut]

    def _digest(self, record: TlsRecord, sequence: int, data: bytes) -> bytes:
        head = ADDITIONAL_DATA.pack(sequence, record.content_type, record.version, len(data))
        return hmac.digest(self._key, head + data, self._hash)


class Ssl3Mac(Mac):
    """What SSL 3.0 has in its place: HMAC's forefather, which leaves out the version."""

    def _digest(self, record: TlsRecord, sequence: int, data: bytes) -> bytes:
        pad = _SSL3_PADS[self._hash]
        head = _SSL3_HEAD.pack(sequence, record.content_type, len(data))
        inner = hashlib.new(self._hash, usedforsecurity=False)
        inner.update(self._key + b"\x36" * pad + head + data)
        outer = hashlib.new(self._hash, usedforsecurity=False)
        outer.update(self._key + b"\x5c" * pad + inner.digest())
        return outer.digest()


class NullOpener(Opener):
    """No cipher, but a MAC: the suites ``WITH_NULL``."""

    def __init__(self, mac: Mac) -> None:
        self._mac = mac

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        return record.content_type, self._mac.strip(record, sequence, record.fragment)


class CbcOpener(Opener):
    """A block cipher in CBC mode, TLS 1.1 and 1.2: records begin with their IV."""

    def __init__(
        self, suite: CipherSuite, keys: WriteKeys, mac: Mac, encrypt_then_mac: bool
    ) -> None:
        self._block_length = BLOCK_LENGTHS[suite.cipher]
        # One context serves all records: in CBC, the block before is the IV, so what is decrypted
        # behind its own IV comes out right; making a context costs more than a record.
        iv = bytes(self._block_length)
        self._update = block_decryptor(suite.cipher, keys.key, iv).update
        self._mac = mac
        self._encrypt_then_mac = encrypt_then_mac

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        if self._encrypt_then_mac:
            blocks = self._mac.strip(record, sequence, record.fragment)
            plain = self._decrypt(self._behind_iv(blocks, sequence))
        else:
            plain = self._decrypt(self._behind_iv(record.fragment, sequence))
            plain = self._mac.strip(record, sequence, plain)
            self.pass_over(record)
        return record.content_type, plain

    def _behind_iv(self, blocks: bytes, sequence: int) -> bytes:
        """Return the blocks of a record behind its IV."""
        return blocks

    def _decrypt(self, data: bytes) -> bytes:
        """Decrypt whole blocks behind an IV, and drop the padding."""
        if len(data) < 2 * self._block_length or len(data) % self._block_length:
            raise InvalidTag
        return self._unpadded(self._update(data)[self._block_length :])

    def _unpadded(self, plain: bytes) -> bytes:
        """Drop the padding: its last byte counts the others, which equal it (§6.2.3.2)."""
        length = plain[-1] + 1
        if plain[-length:] != plain[-1:] * length:
            raise InvalidTag
        return plain[:-length]


class ChainedCbcOpener(CbcOpener):
    """The same in TLS 1.0: the IV of a record is the last block of the one before."""

    def __init__(
        self, suite: CipherSuite, keys: WriteKeys, mac: Mac, encrypt_then_mac: bool
    ) -> None:
        super().__init__(suite, keys, mac, encrypt_then_mac)
        self._iv = keys.iv
        self._number = 0
        """Number of the record that the IV is for; only encrypt-then-MAC knows."""

    def pass_over(self, record: TlsRecord) -> None:
        """Keep the last block of a record as the next one's IV.

        If that is wrong, the MAC will tell; but with encrypt-then-MAC, see below.
        """
        if not self._encrypt_then_mac:
            self._iv = record.fragment[-self._block_length :]

    def lose(self, count: int, tail: bytes) -> None:
        """Take the last block before the next record for its IV, if that much is there."""
        if not self._encrypt_then_mac:
            self._iv = tail[-self._block_length :] if len(tail) >= self._block_length else b""

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


class Ssl3CbcOpener(ChainedCbcOpener):
    """The same in SSL 3.0, whose padding is anything: only its last byte tells (RFC 6101)."""

    def _unpadded(self, plain: bytes) -> bytes:
        return plain[: -plain[-1] - 1]


class StreamOpener(Opener):
    """RC4: one keystream runs through all records of a direction.

    After lost bytes it goes on where it can: of so many lost bytes with so many records in them,
    five in each are header and the rest has used up keystream. How many records there were is
    tried, as the sequence number is, and the MAC decides. When nobody knows how many bytes were
    lost, no later record can be opened.
    """

    def __init__(self, suite: CipherSuite, keys: WriteKeys, mac: Mac) -> None:
        self._update = stream_decryptor(suite.cipher, keys.key).update
        self._mac = mac
        self._ahead = b""
        """Keystream that is made and not yet used."""
        self._next = 0
        """Number of the record that follows the last one opened."""
        self._passed = 0
        """Records that did not open since."""
        self._gone = 0
        """Bytes of keystream that they and what was lost used up, lost headers included."""
        self._allowance = _SKIP_ALLOWANCE

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record."""
        if self._gone or self._ahead:
            return self._open_ahead(record, sequence)
        fragment = record.fragment
        plain = self._update(fragment)
        try:
            content = self._mac.strip(record, sequence, plain)
        except InvalidTag:
            self._ahead = _exclusive_or(plain, fragment)
            raise
        self._next = sequence + 1
        return record.content_type, content

    def _open_ahead(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Open a record that may lie further on in the keystream than what is used of it."""
        fragment, start = record.fragment, self._start(sequence)
        stop = start + len(fragment)
        if start < 0 or not self._reach(stop):
            raise InvalidTag
        plain = _exclusive_or(fragment, self._ahead[start:stop])
        content = self._mac.strip(record, sequence, plain)
        self._ahead, self._gone, self._passed = self._ahead[stop:], 0, 0
        self._next = sequence + 1
        self._allowance = min(self._allowance + _SKIP_RATE * len(fragment), _SKIP_ALLOWANCE)
        return record.content_type, content

    def _start(self, sequence: int) -> int:
        """Return where in the unused keystream a record of this number begins; below 0: nowhere."""
        missing = sequence - self._next - self._passed
        if sequence == self._next:
            # What did not open was none of the sender's.
            return 0
        return self._gone - HEADER_LENGTH * missing if missing >= 0 else -1

    def _reach(self, stop: int) -> bool:
        """Make the keystream up to `stop`; return False when that is too far."""
        lacking = stop - len(self._ahead)
        if lacking > self._allowance:
            return False
        if lacking > 0:
            self._allowance -= lacking
            self._ahead += self._update(bytes(lacking))
        return True

    def pass_over(self, record: TlsRecord) -> None:
        """Count a record that used up keystream and did not open."""
        self._passed += 1
        self._gone += len(record.fragment)

    def lose(self, count: int, tail: bytes) -> None:
        """Count lost bytes, whose keystream is passed over when the next record comes."""
        self._gone += max(count, 0)
        if count < 0:
            self.hopeless = "RC4 has one keystream, and how many bytes of it were lost is not known"
        elif self._gone > self._allowance:
            self.hopeless = (
                f"more of RC4's keystream was lost ({self._gone} bytes) than is searched"
            )


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    """Combine two strings of the same length bit by bit."""
    number = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return number.to_bytes(len(one), "big")


def mac_openers(
    version: int, suite: CipherSuite, keys: tuple[WriteKeys, WriteKeys], encrypt_then_mac: bool
) -> tuple[Opener, Opener]:
    """Return what opens the client's and the server's records of a suite with a MAC."""
    client, server = (_opener(version, suite, own, encrypt_then_mac) for own in keys)
    return client, server


def _opener(version: int, suite: CipherSuite, keys: WriteKeys, encrypt_then_mac: bool) -> Opener:
    mac = (Ssl3Mac if version == SSL30 else Mac)(keys.mac_key, suite.mac)
    if suite.mode == "CBC":
        chained = Ssl3CbcOpener if version == SSL30 else ChainedCbcOpener
        kind = chained if version <= TLS10 else CbcOpener
        return kind(suite, keys, mac, encrypt_then_mac and version > SSL30)
    return StreamOpener(suite, keys, mac) if suite.mode == "STREAM" else NullOpener(mac)

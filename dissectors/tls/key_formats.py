"""Private keys in the formats that people keep them in: PEM, DER, PKCS#1, PKCS#8, PKCS#12.

What a file holds is told by its content. Only RSA keys are of use, for servers that let the client
encrypt the premaster secret; what else is found is told in words. No text here ever holds a key or
a passphrase.

References
----------
RFC 7468 (PEM), RFC 8017 Appendix A (PKCS#1), RFC 5958 and RFC 8018 (PKCS#8, password-based
encryption), RFC 7292 (PKCS#12).
"""

from __future__ import annotations

import warnings
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    pkcs12,
)

from dissectors.errors import DissectError
from dissectors.tls import der

FILE_LIMIT = 1 << 20
"""Bytes that a file with private keys may have; a PKCS#12 file with its chain has some ten
thousand."""

KEY_LIMIT = 5 << 10
"""Bytes of one private key: an RSA key of 8192 bits. To check one takes seconds; with twice the
bits it takes ten times as long."""

BLOCK_LIMIT = 256
"""PEM blocks of one file that are looked at."""

ITERATION_LIMIT = 10_000_000
"""Rounds of a key derivation: some seconds; OWASP asks for a tenth of it."""

_SCRYPT_LIMIT = 1 << 22
"""Cost times block size of scrypt: half a GiB."""

EPHEMERAL = "with (EC)DHE no private key opens TLS: give a key log (SSLKEYLOGFILE)"
PUBLIC = "is public: its private key is needed, or a key log"
LOCKED = "is encrypted, and no passphrase that was given opens it"
"""Why something in a file does not help."""

RC2 = (
    "a key encrypted with RC2, which not every OpenSSL still knows; this makes a PEM file of it:"
    " openssl pkcs12 -legacy -in FILE -nodes -out key.pem"
)
"""What to do about a PKCS#12 file whose key, too, is encrypted with RC2."""

_RC2 = (bytes.fromhex("2a864886f70d010c0105"), bytes.fromhex("2a864886f70d010c0106"))
"""pbeWithSHAAnd128BitRC2-CBC, pbeWithSHAAnd40BitRC2-CBC (RFC 7292 Appendix C)."""

_BEGIN = b"-----BEGIN "
_DASHES = b"-----"
_PKCS12_DATA = bytes.fromhex("2a864886f70d010701")
_KEY_BAG = bytes.fromhex("2a864886f70d010c0a0101")
_SHROUDED_KEY_BAG = bytes.fromhex("2a864886f70d010c0a0102")
"""Object identifiers: data (RFC 5652 §4), keyBag and pkcs8ShroudedKeyBag (RFC 7292 §4.2)."""

_UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm)
"""What `cryptography` raises for keys that are broken or unknown."""

_Key = object


@dataclass(slots=True)
class FoundKeys:
    """What a file holds."""

    keys: list[RSAPrivateKey] = field(default_factory=list, repr=False)
    """RSA private keys."""
    remarks: list[str] = field(default_factory=list)
    """What it holds beside them, and why that is of no use: ``an EC key: …``."""
    locked: bool = False
    """Whether something stayed closed for want of a passphrase."""

    def add(self, key: _Key) -> None:
        """Take in a private key of any kind."""
        if isinstance(key, RSAPrivateKey):
            self.keys.append(key)
        else:
            self.remark(f"{_kind(key)}: {EPHEMERAL}")

    def remark(self, text: str) -> None:
        """Say what else there is, once."""
        if text not in self.remarks:
            self.remarks.append(text)


def decode_keys(data: bytes, passphrases: Sequence[str] = ()) -> FoundKeys | None:
    """Find the private keys in a file.

    Parameters
    ----------
    data : bytes
        The file's content.
    passphrases : sequence of str
        Tried one after the other on what is encrypted.

    Returns
    -------
    FoundKeys or None
        None when it is a file of another kind.
    """
    if len(data) > FILE_LIMIT:
        return None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # PowerShell's ``>`` writes UTF-16
        data = data.decode("utf-16", "replace").encode("ascii", "replace")
    found = FoundKeys()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old formats and short keys, which are no news here
        if _BEGIN in data:
            for label, block in _pem_blocks(data, found):
                _take_block(label, block, passphrases, found)
            return found
        return found if data[:1] == b"\x30" and _take_der(data, passphrases, found) else None


# --- PEM ----------------------------------------------------------------------------------------


def _pem_blocks(data: bytes, found: FoundKeys) -> Iterator[tuple[str, bytes]]:
    """Yield the label and the text of each PEM block."""
    position = data.find(_BEGIN)
    for _ in range(BLOCK_LIMIT):
        if position < 0:
            return
        stop = data.find(_DASHES, position + len(_BEGIN), position + 100)
        label = data[position + len(_BEGIN) : stop] if stop > 0 else b""
        footer = b"-----END " + label + _DASHES
        end = data.find(footer, position) if label else -1
        if end < 0:
            found.remark("a PEM block without its end: the file is cut or damaged")
            return
        end += len(footer)
        yield label.decode("ascii", "replace"), data[position:end] + b"\n"
        position = data.find(_BEGIN, end)
    found.remark(f"more than {BLOCK_LIMIT} PEM blocks: the others were not looked at")


def _take_block(label: str, block: bytes, passphrases: Sequence[str], found: FoundKeys) -> None:
    if label == "OPENSSH PRIVATE KEY":
        found.remark("a key in OpenSSH's own format: convert a copy (ssh-keygen -p -m PEM)")
    elif label.endswith("PRIVATE KEY"):
        encrypted = label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block
        if label.startswith("ENCRYPTED") and not _is_bearable(_unarmored(block)):
            found.remark(_TOO_COSTLY)
        elif len(block) > KEY_LIMIT * 7 // 5:  # base64 and line ends
            found.remark(_TOO_LARGE)
        else:
            _take_private(load_pem_private_key, block, passphrases, encrypted, found)
    elif label.endswith("CERTIFICATE"):
        found.remark(f"a certificate, which {PUBLIC}")
    elif "PUBLIC KEY" in label:
        found.remark(f"a public key, which {PUBLIC}")
    elif not label.endswith("PARAMETERS"):
        found.remark("a PEM block that is neither key nor certificate")


def _unarmored(block: bytes) -> bytes:
    """Return the bytes that a PEM block holds; empty when they cannot be told."""
    try:
        return a2b_base64(b"".join(block.splitlines()[1:-1]))
    except Base64Error:
        return b""


_Loader = Callable[[bytes, "bytes | None"], _Key]


def _take_private(
    load: _Loader, data: bytes, passphrases: Sequence[str], encrypted: bool, found: FoundKeys
) -> None:
    """Load one private key, with each passphrase if it is encrypted."""
    for password in _passwords(passphrases) if encrypted else (None,):
        try:
            found.add(load(data, password))
        except _UNREADABLE:
            continue
        return
    if encrypted:
        found.locked = True
        found.remark(f"a private key that {LOCKED}")
    else:
        found.remark("a private key that is damaged, or of a kind that is not read")


def _passwords(passphrases: Sequence[str]) -> list[bytes]:
    # What of a file of passphrases is no UTF-8 came here as lone surrogates, and is bytes again.
    return [passphrase.encode("utf-8", "surrogateescape") for passphrase in passphrases]


# --- DER ----------------------------------------------------------------------------------------

_TOO_LARGE = "a private key of more than 8192 bits, which is not looked at"
_TOO_COSTLY = "an encrypted key whose passphrase takes more rounds to check than any honest one"


def _take_der(data: bytes, passphrases: Sequence[str], found: FoundKeys) -> bool:
    """Take in what a file in DER holds; return False when it is no key and no certificate."""
    try:
        parts = der.decode_elements(der.decode_element(data).content)
    except DissectError:
        return False
    tags = [part.tag for part in parts]
    if not _is_bearable(data):
        found.remark(_TOO_COSTLY)
    elif _is_pkcs12(parts):
        _take_pkcs12(data, parts, passphrases, found)
    elif tags[:1] == [der.INTEGER] or tags == [der.SEQUENCE, der.OCTET_STRING]:
        encrypted = tags[0] == der.SEQUENCE
        if len(data) > KEY_LIMIT:
            found.remark(_TOO_LARGE)
        else:
            _take_private(load_der_private_key, data, passphrases, encrypted, found)
    else:
        return _take_public(data, found)
    return True


def _take_public(data: bytes, found: FoundKeys) -> bool:
    for what, load in (
        ("a certificate", x509.load_der_x509_certificate),
        ("a public key", load_der_public_key),
    ):
        try:
            load(data)
        except (*_UNREADABLE, x509.InvalidVersion):
            continue
        found.remark(f"{what}, which {PUBLIC}")
        return True
    return False


def _is_bearable(data: bytes, depth: int = 0) -> bool:
    """Tell whether no key derivation in `data` takes longer than a person waits.

    In every scheme the salt, an OCTET STRING, is followed by the number of rounds (RFC 8018 §A.1,
    §A.2; RFC 7292 §4) or by scrypt's cost, block size and parallelization (RFC 7914 §7).
    """
    try:
        elements = der.decode_elements(data)
    except DissectError:
        return True
    for position, one in enumerate(elements):
        if one.tag == der.OCTET_STRING and _is_costly(elements[position + 1 : position + 4]):
            return False
        nested = one.tag & 0x20 or (one.tag == der.OCTET_STRING and one.content[:1] == b"\x30")
        if nested and depth < _DEPTH_LIMIT and not _is_bearable(one.content, depth + 1):
            return False
    return True


def _is_costly(following: list[der.Element]) -> bool:
    """Tell whether the numbers after a salt are too large."""
    if not following or following[0].tag != der.INTEGER:
        return False
    numbers = [int.from_bytes(one.content[:9], "big") for one in following]
    is_scrypt = [one.tag for one in following] == [der.INTEGER] * 3
    limit = _SCRYPT_LIMIT if is_scrypt else ITERATION_LIMIT
    return (numbers[0] * numbers[1] * numbers[2] if is_scrypt else numbers[0]) > limit


_DEPTH_LIMIT = 12
"""Elements within elements: from a PKCS#12 file to the parameters of a key's encryption."""


# --- PKCS#12 ------------------------------------------------------------------------------------


def _is_pkcs12(parts: list[der.Element]) -> bool:
    """Tell whether these are the parts of a PFX: version 3, authSafe, macData (RFC 7292 §4)."""
    tags = [part.tag for part in parts]
    version = tags[:2] == [der.INTEGER, der.SEQUENCE] and parts[0].content == b"\x03"
    return version and _PKCS12_DATA in parts[1].content[:16]


def _take_pkcs12(
    data: bytes, parts: list[der.Element], passphrases: Sequence[str], found: FoundKeys
) -> None:
    for password in (b"", *_passwords(passphrases)):
        try:
            key = pkcs12.load_key_and_certificates(data, password)[0]
        except _UNREADABLE:
            continue
        if key is None:
            found.remark(f"certificates without a private key; a certificate {PUBLIC}")
        else:
            found.add(key)
        return
    _take_bags(parts, passphrases, found)


def _take_bags(parts: list[der.Element], passphrases: Sequence[str], found: FoundKeys) -> None:
    """Take in the keys of a PFX that `cryptography` does not open as a whole.

    Windows encrypts certificates with RC2, which an OpenSSL without its legacy provider does not
    know. The keys are encrypted each by itself, with 3DES or AES, and a bag with a key is PKCS#8.
    """
    try:
        bags = list(_bags(parts))
    except (DissectError, IndexError):
        bags = []
    for kind, value in bags:
        if len(value) <= KEY_LIMIT and kind in (_KEY_BAG, _SHROUDED_KEY_BAG):
            encrypted = kind == _SHROUDED_KEY_BAG
            tried = ("", *passphrases)
            _take_private(load_der_private_key, value, tried, encrypted, found)
            if not found.keys and any(oid in value[:32] for oid in _RC2):
                found.remark(RC2)
    if not found.keys and not found.remarks:
        found.locked = True
        found.remark(f"a PKCS#12 file that {LOCKED}")


def _bags(parts: list[der.Element]) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and value of the bags that are not encrypted as a whole (RFC 7292 §4.1, §4.2)."""
    for info in _sequence(_data_of(parts[1])):
        kind = der.decode_elements(info.content)[0]
        if kind.content != _PKCS12_DATA:
            continue
        for bag in _sequence(_data_of(info)):
            fields = der.decode_elements(bag.content)
            yield fields[0].content, fields[1].content


def _data_of(info: der.Element) -> bytes:
    """Return what a ContentInfo of type data holds: OID, [0] { OCTET STRING }."""
    return der.decode_element(der.decode_elements(info.content)[1].content).content


def _sequence(data: bytes) -> list[der.Element]:
    return der.decode_elements(der.decode_element(data).content)


def _kind(key: _Key) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "an EC private key"
    if isinstance(key, dsa.DSAPrivateKey):
        return "a DSA private key"
    return "a private key that is not RSA"

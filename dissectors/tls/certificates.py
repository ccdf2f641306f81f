"""What a certificate says: whose it is, who vouches for it, for how long, with which key.

Certificates in captures are strangers' bytes, and old servers' break rules that a reader need not
care about: each fact is read by itself, and one that cannot be read is None.

References
----------
RFC 5280 §4 (certificates), RFC 4514 (names as text), RFC 6125 §6.4 and RFC 9525 §6.3 (which hosts a
certificate names).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from dissectors.errors import Malformed

T = TypeVar("T")

NAME_LIMIT = 200
"""Names of one certificate that are kept, the first ones; a large edge pool has some fifty."""

_UNREADABLE = (
    ValueError,
    KeyError,  # cryptography 42 looks the type of a name's string up in a table
    TypeError,
    OverflowError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of one certificate; None is what could not be read."""

    subject: str | None
    """Whose it is, RFC 4514: ``CN=fe01.contoso.com``."""
    issuer: str | None
    """Who vouches for it."""
    not_before_ns: int | None
    """Begin of its validity, nanoseconds since 1970 UTC."""
    not_after_ns: int | None
    """End of its validity; None also beyond the year 2262, which 64 bits of nanoseconds end in, as
    for the year 9999 that stands for "never" (RFC 5280 §4.1.2.5)."""
    names: tuple[str, ...] | None
    """DNS names and addresses of subjectAltName; empty without that extension."""
    common_name: str | None
    """Last CN of the subject."""
    key_type: str | None
    """``RSA``, ``DSA``, ``Ed25519``, ``Ed448``, or ``EC`` and its curve: ``EC secp256r1``."""
    key_bits: int | None
    """Size of the key, bits."""
    sha256: str
    """SHA-256 of the whole certificate, lower-case hexadecimal."""


@lru_cache(maxsize=256)
def decode_x509(der: bytes) -> Certificate:
    """Read the facts of a certificate.

    Parameters
    ----------
    der : bytes
        The certificate, DER.

    Raises
    ------
    Malformed
        When it is no certificate.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _facts(x509.load_der_x509_certificate(der))
        except _UNREADABLE as error:
            summary = "a certificate cannot be read"
            raise Malformed(summary, layer="tls", severity="warning", spec="RFC 5280 §4") from error


def _facts(certificate: x509.Certificate) -> Certificate:
    key = _read(certificate.public_key)
    return Certificate(
        subject=_read(lambda: _text(certificate.subject)),
        issuer=_read(lambda: _text(certificate.issuer)),
        not_before_ns=_read(lambda: _nanoseconds(certificate.not_valid_before_utc)),
        not_after_ns=_read(lambda: _nanoseconds(certificate.not_valid_after_utc)),
        names=_read(lambda: _alternative_names(certificate)),
        common_name=_read(lambda: _common_name(certificate)),
        key_type=_key_type(key),
        key_bits=getattr(key, "key_size", None),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _read(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except _UNREADABLE:
        return None


def _text(name: x509.Name) -> str:
    return name.rfc4514_string()


def _nanoseconds(moment: datetime) -> int | None:
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    return microseconds * 1000 if abs(microseconds * 1000) <= _LATEST_NS else None


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    names = extension.value
    hosts = names.get_values_for_type(x509.DNSName)
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*hosts, *addresses)[:NAME_LIMIT]


def _common_name(certificate: x509.Certificate) -> str | None:
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[-1].value) if found else None


_KEY_TYPES: tuple[tuple[type, str], ...] = (
    (rsa.RSAPublicKey, "RSA"),
    (dsa.DSAPublicKey, "DSA"),
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
)


def _key_type(key: object) -> str | None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return next((name for kind, name in _KEY_TYPES if isinstance(key, kind)), None)


def is_named(host: str, names: Sequence[str]) -> bool:
    """Tell whether a certificate with `names` is one of `host`.

    Parameters
    ----------
    host : str
        DNS name or address that the client wanted to speak to.
    names : sequence of str
        Names of the certificate; ``*`` as the whole leftmost label stands for any one label, which
        Lync takes in an Edge's and a reverse proxy's certificate.

    References
    ----------
    RFC 9525 §6.3.
    """
    wanted = host.rstrip(".").lower()
    return any(_is_name_of(wanted, name.rstrip(".").lower()) for name in names)


def _is_name_of(host: str, name: str) -> bool:
    if _is_address(host):
        return _is_address(name) and ip_address(host) == ip_address(name)
    if not name.startswith("*."):
        return host == name
    first, dot, rest = host.partition(".")
    return bool(first and dot) and rest == name[2:]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

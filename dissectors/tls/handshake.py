"""Handshake messages: what the two sides agree on before they fall silent.

References
----------
RFC 8446 §4 and RFC 5246 §7.4 (the messages), RFC 6066 §3 (server_name), RFC 7301 (ALPN), RFC 7627
(extended_master_secret), RFC 7366 (encrypt_then_mac), RFC 5077 (session tickets), RFC 5280 (the
certificate), RFC 5246 §7.2 (alerts).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated

HELLO_REQUEST = 0
CLIENT_HELLO = 1
SERVER_HELLO = 2
NEW_SESSION_TICKET = 4
END_OF_EARLY_DATA = 5
ENCRYPTED_EXTENSIONS = 8
CERTIFICATE = 11
SERVER_KEY_EXCHANGE = 12
CERTIFICATE_REQUEST = 13
SERVER_HELLO_DONE = 14
CLIENT_KEY_EXCHANGE = 16
FINISHED = 20
KEY_UPDATE = 24
"""Handshake types (IANA, TLS HandshakeType)."""

MESSAGE_LIMIT = 1 << 20
"""Bytes that one handshake message may have; its length field would allow 16 MiB."""

_KNOWN_TYPES = frozenset((0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 24, 25))

_SERVER_NAME = 0
_ALPN = 16
_ENCRYPT_THEN_MAC = 22
_EXTENDED_MASTER_SECRET = 23
_SESSION_TICKET = 35
_PRE_SHARED_KEY = 41
_EARLY_DATA = 42
_SUPPORTED_VERSIONS = 43

_HELLO_RETRY_REQUEST = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)
"""The random that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3)."""

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    52: "too_many_cids_requested",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
"""Alert descriptions (IANA, TLS Alerts)."""

ALERT_LEVELS = {1: "warning", 2: "fatal"}
"""Alert levels."""

CLOSURE_ALERTS = (0, 90)
"""Descriptions that are no error, whatever level they carry (RFC 8446 §6.1)."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers (RFC 8446 §4.1.2)."""

    random: bytes
    """32 bytes; the name under which key logs file the session."""
    session_id: bytes
    """Session to resume; in TLS 1.3, and with tickets, invented by the client."""
    server_name: str | None
    """Host that the client wants to speak to (RFC 6066 §3)."""
    session_ticket: bytes
    """Ticket to resume by (RFC 5077); empty when none is presented."""
    early_data: bool
    """True when the client sends data before the server has answered (RFC 8446 §4.2.10)."""
    fault: str
    """What is wrong with its extensions, which does not hide the rest; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chooses (RFC 8446 §4.1.3)."""

    random: bytes
    """32 bytes."""
    version: int
    """Version on the wire, from supported_versions where that is sent; ``0x0304`` is TLS 1.3."""
    session_id: bytes
    """Session that is resumed, or may be; in TLS 1.3 the client's, echoed."""
    cipher_suite: int
    """Code of the suite."""
    alpn: str | None
    """Protocol agreed by ALPN; TLS 1.3 tells it in EncryptedExtensions."""
    extended_master_secret: bool
    """RFC 7627."""
    encrypt_then_mac: bool
    """RFC 7366."""
    pre_shared_key: bool
    """True when a TLS 1.3 session is resumed (RFC 8446 §4.2.11)."""
    retry: bool
    """True for a HelloRetryRequest, which decides version and suite but no key."""
    fault: str
    """What is wrong with its extensions, which does not hide the rest; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class EncryptedExtensions:
    """What a TLS 1.3 server adds under encryption (RFC 8446 §4.3.1)."""

    alpn: str | None
    """Protocol agreed by ALPN."""
    early_data: bool
    """True when the server takes the early data."""


class HandshakeReader:
    """Puts handshake messages together from the records of one direction."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 4
        self._after_gap = False
        self._too_large = False

    @property
    def pending(self) -> bool:
        """True while a message is begun and not complete."""
        return bool(self._buffer)

    def push(self, fragment: bytes) -> list[tuple[int, bytes] | DissectError]:
        """Return (type, body) of each message that `fragment` completes.

        A message larger than :data:`MESSAGE_LIMIT` is told by a LimitExceeded; what follows it is
        passed over until :meth:`reset`.
        """
        if self._too_large or (self._after_gap and not self._begins_message(fragment)):
            return []
        self._after_gap = False
        self._buffer += fragment
        return self._take() if len(self._buffer) >= self._wanted else []

    def reset(self) -> None:
        """Begin anew after lost records, in a record that is seen to begin a message."""
        self._buffer.clear()
        self._wanted = 4
        self._after_gap = True
        self._too_large = False

    @staticmethod
    def _begins_message(fragment: bytes) -> bool:
        """Tell whether whole messages fill `fragment`; ciphertext and middles hardly ever do."""
        position = 0
        while position + 4 <= len(fragment) and fragment[position] in _KNOWN_TYPES:
            position += 4 + int.from_bytes(fragment[position + 1 : position + 4], "big")
        return 0 < position == len(fragment)

    def _take(self) -> list[tuple[int, bytes] | DissectError]:
        """Take the whole messages off the buffer."""
        found: list[tuple[int, bytes] | DissectError] = []
        buffer, position = self._buffer, 0
        self._wanted = 4
        while position + 4 <= len(buffer):
            length = int.from_bytes(buffer[position + 1 : position + 4], "big")
            stop = position + 4 + length
            if length > MESSAGE_LIMIT:
                summary = f"a handshake message has more than {MESSAGE_LIMIT} bytes"
                found.append(LimitExceeded(summary, layer="tls", spec="RFC 8446 §4"))
                self._too_large, position = True, len(buffer)
            elif stop > len(buffer):
                self._wanted = 4 + length
                break
            else:
                found.append((buffer[position], bytes(buffer[position + 4 : stop])))
                position = stop
        del buffer[:position]
        return found


class _Cursor:
    """Reads TLS's presentation language (RFC 8446 §3)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def pull_bytes(self, length: int) -> bytes:
        """Pull `length` bytes."""
        value = self._data[self._position : self._position + length]
        if len(value) < length:
            raise Truncated("a handshake message ends too early", layer="tls", spec="RFC 8446 §4")
        self._position += length
        return value

    def pull_number(self, length: int) -> int:
        """Pull an unsigned number of `length` bytes."""
        return int.from_bytes(self.pull_bytes(length), "big")

    def pull_vector(self, width: int) -> bytes:
        """Pull a vector whose length stands before it in `width` bytes."""
        return self.pull_bytes(self.pull_number(width))


def decode_client_hello(body: bytes) -> ClientHello:
    """Read a ClientHello.

    Raises
    ------
    Truncated
        When it ends before its extensions do begin.
    """
    cursor = _Cursor(body)
    cursor.pull_number(2)
    random, session_id = cursor.pull_bytes(32), cursor.pull_vector(1)
    cursor.pull_vector(2)
    cursor.pull_vector(1)
    extensions, fault = _pull_extensions(cursor)
    name, name_fault = _tolerate(_server_name, extensions.get(_SERVER_NAME))
    return ClientHello(
        random=random,
        session_id=session_id,
        server_name=name,
        session_ticket=extensions.get(_SESSION_TICKET, b""),
        early_data=_EARLY_DATA in extensions,
        fault=fault or name_fault,
    )


def decode_server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello or HelloRetryRequest.

    Raises
    ------
    Truncated
        When it ends before its extensions do begin.
    """
    cursor = _Cursor(body)
    version, random = cursor.pull_number(2), cursor.pull_bytes(32)
    session_id, suite = cursor.pull_vector(1), cursor.pull_number(2)
    cursor.pull_number(1)
    extensions, fault = _pull_extensions(cursor)
    alpn, alpn_fault = _tolerate(_protocol_name, extensions.get(_ALPN))
    return ServerHello(
        random=random,
        version=int.from_bytes(extensions.get(_SUPPORTED_VERSIONS, b""), "big") or version,
        session_id=session_id,
        cipher_suite=suite,
        alpn=alpn,
        extended_master_secret=_EXTENDED_MASTER_SECRET in extensions,
        encrypt_then_mac=_ENCRYPT_THEN_MAC in extensions,
        pre_shared_key=_PRE_SHARED_KEY in extensions,
        retry=random == _HELLO_RETRY_REQUEST,
        fault=fault or alpn_fault,
    )


def decode_encrypted_extensions(body: bytes) -> EncryptedExtensions:
    """Read the EncryptedExtensions of TLS 1.3.

    Raises
    ------
    Truncated
        When the ALPN extension ends too early.
    """
    extensions, _ = _pull_extensions(_Cursor(body))
    alpn = extensions.get(_ALPN)
    name = None if alpn is None else _protocol_name(alpn)
    return EncryptedExtensions(name, _EARLY_DATA in extensions)


def decode_new_session_ticket(body: bytes) -> bytes:
    """Return the ticket of a NewSessionTicket of TLS 1.2 (RFC 5077 §3.3).

    Raises
    ------
    Truncated
        When the message ends too early.
    """
    cursor = _Cursor(body)
    cursor.pull_number(4)
    return cursor.pull_vector(2)


def decode_certificate(body: bytes, tls13: bool) -> bytes:
    """Return the first certificate of a Certificate message, DER; empty when it has none.

    Raises
    ------
    Truncated
        When the message ends too early.
    """
    cursor = _Cursor(body)
    if tls13:
        cursor.pull_vector(1)
    certificates = _Cursor(cursor.pull_vector(3))
    return certificates.pull_vector(3) if certificates else b""


@lru_cache(maxsize=256)
def certificate_subject(certificate: bytes) -> str:
    """Return the subject of a certificate as RFC 4514 writes it: ``CN=fe01.contoso.com``.

    Parameters
    ----------
    certificate : bytes
        DER.

    Raises
    ------
    Malformed
        When it is not a certificate, or one that `cryptography` does not read.
    """
    try:
        with warnings.catch_warnings():
            # Old servers' certificates break rules that a reader of captures need not care about.
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    except (ValueError, KeyError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        # KeyError: cryptography 42 looks the type of a name's string up in a table.
        summary = "the server's certificate cannot be read"
        raise Malformed(summary, layer="tls", severity="warning", spec="RFC 5280 §4") from error


def _pull_extensions(cursor: _Cursor) -> tuple[dict[int, bytes], str]:
    """Pull the extensions, which may be missing, and say what is wrong with them."""
    extensions: dict[int, bytes] = {}
    try:
        block = _Cursor(cursor.pull_vector(2) if cursor else b"")
        while block:
            kind = block.pull_number(2)
            extensions.setdefault(kind, block.pull_vector(2))
    except Truncated:
        return extensions, "its extensions end too early"
    return extensions, ""


def _tolerate(decode: Callable[[bytes], str | None], value: bytes | None) -> tuple[str | None, str]:
    """Decode one extension, or say what is wrong with it."""
    try:
        return (None if value is None else decode(value)), ""
    except Truncated:
        return None, "one of its extensions ends too early"


def _server_name(value: bytes) -> str | None:
    """Return the first host_name of a ServerNameList (RFC 6066 §3); servers send an empty one."""
    names = _Cursor(_Cursor(value).pull_vector(2) if value else b"")
    while names:
        kind, name = names.pull_number(1), names.pull_vector(2)
        if kind == 0:
            return name.decode("ascii", "replace")
    return None


def _protocol_name(value: bytes) -> str | None:
    """Return the first name of a ProtocolNameList (RFC 7301 §3.1)."""
    names = _Cursor(_Cursor(value).pull_vector(2))
    return names.pull_vector(1).decode("utf-8", "replace") if names else None

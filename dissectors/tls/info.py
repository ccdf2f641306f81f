"""What is told of one TLS connection beside its plaintext."""

from __future__ import annotations

from dataclasses import dataclass, field

KEY_LOG, RSA_KEY, RESUMPTION = "key log", "RSA private key", "resumption"
"""Values of :attr:`TlsInfo.opened_by`."""

VERSION_NAMES = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
"""Version on the wire → its name."""


ALERT_LIMIT = 16
"""Alerts that are kept of one connection, the first ones; an honest one has two at most."""

CERTIFICATE_LIMIT = 64 << 10
"""Bytes of a certificate that is kept; a larger one is no certificate of a server."""


@dataclass(frozen=True, slots=True)
class TlsAlert:
    """One alert (RFC 8446 §6, RFC 5246 §7.2)."""

    sender: str
    """``client`` or ``server``; the first to speak is taken for the client while that is open."""
    level: str | None
    """``warning`` or ``fatal`` as sent, whatever TLS 1.3 makes of it; None when not opened."""
    description: str | None
    """IANA's name, ``alert 123`` for one that it does not know; None when not opened."""
    fatal: bool | None
    """Whether it ends the connection as an error: no closure alert and, before TLS 1.3, level 2."""
    time_ns: int
    """When it was complete, nanoseconds since 1970 UTC."""
    frame_number: int
    """Frame that completed it."""
    encrypted: bool
    """Whether its record was protected."""


@dataclass(slots=True)
class TlsInfo:
    """What is known of one TLS connection."""

    version: str | None = None
    """Negotiated version: ``TLS 1.2``; None before the ServerHello is seen."""
    cipher_suite: str | None = None
    """Negotiated suite by its IANA name; a code that IANA does not know is written ``0xABCD``."""
    server_name: str | None = None
    """Host that the client asked for (RFC 6066 §3)."""
    alpn: str | None = None
    """Protocol agreed by ALPN (RFC 7301)."""
    resumed: bool | None = None
    """Whether the handshake resumed an earlier session; None while unknown."""
    extended_master_secret: bool | None = None
    """RFC 7627; None in TLS 1.3, which always does what it stands for, and while unknown."""
    encrypt_then_mac: bool | None = None
    """RFC 7366; None in TLS 1.3 and while unknown."""
    server_certificate: str | None = None
    """Subject of the server's certificate, RFC 4514; in TLS 1.3 known only when opened."""
    server_certificate_der: bytes | None = field(default=None, repr=False)
    """The server's own certificate, DER; None when not seen or over :data:`CERTIFICATE_LIMIT`."""
    client_certificate_der: bytes | None = field(default=None, repr=False)
    """The same of the client, which before TLS 1.3 sends it in clear unless it renegotiates."""
    first_time_ns: int | None = None
    """Time of the first record, nanoseconds since 1970 UTC."""
    handshake_ns: int | None = None
    """Nanoseconds from the ClientHello to the last Finished of the first handshake."""
    handshake_complete: bool | None = None
    """Whether both sides ended the first handshake, and no fatal alert came before data. None when
    it was not captured whole, and in TLS 1.3 while it is closed. Set when the session ends."""
    alert: str | None = None
    """First fatal alert, sender and description: ``server: handshake_failure``."""
    alerts: list[TlsAlert] = field(default_factory=list)
    """Alerts of both sides, in order as read; the first :data:`ALERT_LIMIT`."""
    records: int = 0
    """Application-data records seen; in TLS 1.3, while closed, other records cannot be told."""
    decrypted_records: int = 0
    """Of these, decrypted."""
    opened: bool = False
    """Whether application data was decrypted."""
    opened_by: str | None = None
    """What opened it: ``key log``, ``RSA private key``, or ``resumption`` of an opened session."""
    reason: str | None = None
    """Why it was not opened, or only in part, and what to do; None when all is open."""

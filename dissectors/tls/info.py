"""What is told of one TLS connection beside its plaintext."""

from __future__ import annotations

from dataclasses import dataclass

KEY_LOG, RESUMPTION = "key log", "resumption"
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
    first_time_ns: int | None = None
    """Time of the first record, nanoseconds since 1970 UTC."""
    handshake_ns: int | None = None
    """Nanoseconds from the ClientHello to the last Finished of the first handshake."""
    alert: str | None = None
    """First fatal alert, sender and description: ``server: handshake_failure``."""
    records: int = 0
    """Application-data records seen; in TLS 1.3, while closed, other records cannot be told."""
    decrypted_records: int = 0
    """Of these, decrypted."""
    opened: bool = False
    """Whether application data was decrypted."""
    opened_by: str | None = None
    """What opened it: ``key log``, or ``resumption`` of a session that was opened."""
    reason: str | None = None
    """Why it was not opened, or only in part, and what to do; None when all is open."""

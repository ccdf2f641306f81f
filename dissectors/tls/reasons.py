"""Why a connection stays closed, and what to do about it.

References
----------
RFC 5246 §7.4.3 and appendix F.1.1.2 (ephemeral Diffie-Hellman, whose secrets no later key opens).
"""

from __future__ import annotations

from collections.abc import Sequence

from dissectors.tls.agreement import Agreement
from dissectors.tls.half import Half
from dissectors.tls.info import KEY_LOG, RSA_KEY, TlsInfo
from dissectors.tls.key_exchange import is_rsa
from dissectors.tls.keys import KeyRing

NO_HANDSHAKE = (
    "the capture begins after the TLS handshake: begin it before the connection is made, or make"
    " the client connect anew"
)
NO_KEY = (
    "no key for this session in the key log: let the client or server write one (SSLKEYLOGFILE)"
    " from before the connection is made"
)
NO_KEY_BUT_RSA = (
    "no key for this session: give the private key of the server's certificate, or a key log"
    " (SSLKEYLOGFILE) from before the connection is made"
)
NO_ORIGINAL = (
    "resumed from a session that is not in the capture, and the key log has no key for it: let"
    " capture and key log begin before the client first connects"
)
FORWARD_SECRECY = (
    "the RSA private key belongs to this server's certificate, but the cipher suite has forward"
    " secrecy, so that no RSA key can ever open it: capture a key log instead (SSLKEYLOGFILE)"
)
FORWARD_SECRECY_13 = (
    "no key for this session in the key log, and TLS 1.3 has forward secrecy, so that no RSA key"
    " can ever open it: capture a key log (SSLKEYLOGFILE)"
)
LOST_EXCHANGE = (
    "bytes of the handshake are lost, so that no master secret can be made with the RSA private key"
    " or premaster secret: capture without loss, or give a key log (SSLKEYLOGFILE)"
)
WRONG_KEY = "the key log's key does not fit this session"
WRONG_RSA_KEY = "what the RSA private key decrypts does not fit this session"
"""Reasons for :attr:`TlsInfo.reason`."""


def why_silent(info: TlsInfo, agreements: Sequence[Agreement]) -> str:
    """Say why no application data was opened, though no key was missed.

    Parameters
    ----------
    info : TlsInfo
        What is known of the connection.
    agreements : sequence of Agreement
        Its handshakes.
    """
    if info.alert is not None:
        return f"the handshake failed: {info.alert}"
    if not agreements:
        return NO_HANDSHAKE
    if not agreements[0].answered:
        return "the server's answer to the ClientHello is not in the capture"
    if not agreements[0].is_known:
        return "the ClientHello is not in the capture"
    if info.records:
        return f"none of {info.records} application-data records did open"
    return "no application data in the capture"


def missing_hello(half: Half) -> str:
    """Say why a half's hello was not seen."""
    if half.framer.ssl2_hello:
        return "the client speaks SSL 2.0 only, which is not opened by this version"
    if not half.gaps:
        return NO_HANDSHAKE
    lost = f"{half.lost_bytes} bytes" if half.lost_bytes else "bytes"
    return f"{lost} lost inside the handshake, and a hello with them: the keys cannot be made"


def why_no_key(agreement: Agreement, keys: KeyRing) -> str:
    """Say why a handshake's keys cannot be found.

    Parameters
    ----------
    agreement : Agreement
        The handshake.
    keys : KeyRing
        What was given.
    """
    if agreement.is_13:
        return FORWARD_SECRECY_13 if keys.rsa_keys else NO_KEY
    if agreement.resumed:
        return NO_ORIGINAL
    exchange = agreement.exchange
    matches = exchange.certificate and keys.rsa_key_for(exchange.certificate) is not None
    if not is_rsa(agreement.suite):
        return FORWARD_SECRECY if matches else NO_KEY
    if keys.knows_premasters and (matches or not exchange.certificate):
        return WRONG_RSA_KEY if exchange.is_complete else LOST_EXCHANGE
    return NO_KEY_BUT_RSA


def why_wrong(agreement: Agreement, origins: set[str]) -> str:
    """Say why no record opens with any of the keys that were found for a handshake.

    Parameters
    ----------
    agreement : Agreement
        The handshake.
    origins : set of str
        What the keys came from.
    """
    if KEY_LOG in origins:
        return WRONG_KEY
    if RSA_KEY in origins:
        return WRONG_RSA_KEY if agreement.exchange.certificate else NO_KEY_BUT_RSA
    return NO_ORIGINAL if agreement.resumed else NO_KEY

"""What a session tells beside the plaintext: alerts, certificates, the handshake's end."""

from __future__ import annotations

import ssl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from dissectors.tls.decrypt import TlsSession
from dissectors.tls.info import ALERT_LIMIT, TlsInfo
from dissectors.tls.keys import KeyRing
from tests.tls.handshakes import (
    CLIENT,
    SERVER,
    Contexts,
    Talk,
    converse,
    decrypt,
    identity,
    one_side_first,
    records,
    segments,
    stream,
)
from tests.tls.test_decrypt import failed_handshake, hello_flights

Version = ssl.TLSVersion


def info_of(talk: Talk, keys: KeyRing, last: int | None = None) -> TlsInfo:
    return decrypt(segments(talk.flights[:last]), keys).session.info


def der(kind: str) -> bytes:
    return load_pem_x509_certificate(identity(kind)[1]).public_bytes(Encoding.DER)


# Alerts


def test_an_alert_in_clear() -> None:
    contexts = Contexts(Version.TLSv1_2, "ECDHE-RSA-AES128-SHA256")
    contexts.server.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    info = info_of(failed_handshake(contexts), KeyRing())
    (alert,) = info.alerts
    assert (alert.sender, alert.level, alert.description) == (
        *("server", "fatal"),
        "handshake_failure",
    )
    assert (alert.fatal, alert.encrypted) == (True, False)
    assert (alert.frame_number, alert.time_ns) == (2, 2000)
    assert info.handshake_complete is False


def test_an_alert_under_encryption() -> None:
    contexts = Contexts(Version.TLSv1_3)
    contexts.server.verify_mode = ssl.CERT_REQUIRED
    info = info_of(failed_handshake(contexts), contexts.keys())
    (alert,) = info.alerts
    assert (alert.sender, alert.description) == ("server", "certificate_required")
    assert (alert.fatal, alert.encrypted) == (True, True)
    # The client, who has no certificate, has ended its side before the server says so.
    assert info.handshake_complete is False


def test_an_alert_in_clear_of_tls13() -> None:
    contexts = Contexts(Version.TLSv1_3)
    contexts.client.verify_mode = ssl.CERT_REQUIRED
    for keys in (contexts.keys, KeyRing):
        info = info_of(failed_handshake(contexts), keys())
        (alert,) = info.alerts
        assert (alert.sender, alert.description) == ("client", "unknown_ca")
        assert (alert.fatal, alert.encrypted) == (True, False)
        assert info.handshake_complete is False


def test_an_alert_that_stays_closed() -> None:
    talk = converse(Contexts(Version.TLSv1_2))
    (alert,) = info_of(talk, KeyRing()).alerts
    assert (alert.sender, alert.encrypted) == ("client", True)
    assert (alert.level, alert.description, alert.fatal) == (None, None, None)


def test_closing_is_told_and_no_fault() -> None:
    for version in (Version.TLSv1_2, Version.TLSv1_3):
        contexts = Contexts(version)
        (alert,) = info_of(converse(contexts), contexts.keys()).alerts
        assert (alert.level, alert.description) == ("warning", "close_notify")
        assert (alert.fatal, alert.encrypted) == (False, True)


def test_alerts_are_bounded() -> None:
    warning = b"\x15\x03\x03\0\x02\x01\x5a"
    flights = [*hello_flights(0x0303, 0x002F), (SERVER, warning * 1000)]
    info = decrypt(segments(flights), KeyRing()).session.info
    assert len(info.alerts) == ALERT_LIMIT
    assert {alert.description for alert in info.alerts} == {"user_canceled"}
    assert info.alert is None


def test_alerts_of_a_suite_that_is_not_opened() -> None:
    flights = [*hello_flights(0x0303, 0xC07A), (CLIENT, b"\x15\x03\x03\0\x02\x02\x2e")]
    outcome = decrypt(segments(flights), KeyRing())
    assert outcome.session.info.alert == "client: certificate_unknown"
    assert "is not opened" in (outcome.session.info.reason or "")


# Certificates


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
def test_certificates(version: Version) -> None:
    contexts = Contexts(version)
    contexts.authenticate_client()
    talk = converse(contexts)
    info = info_of(talk, contexts.keys())
    assert info.server_certificate_der in (der("ec"), der("rsa"))
    assert info.client_certificate_der == der("ec")
    closed = info_of(talk, KeyRing())
    if version == Version.TLSv1_3:
        assert closed.server_certificate_der is closed.client_certificate_der is None
    else:
        assert closed.client_certificate_der == info.client_certificate_der


def test_a_certificate_is_not_printed() -> None:
    contexts = Contexts(Version.TLSv1_2)
    assert "certificate_der" not in repr(info_of(converse(contexts), contexts.keys()))


def test_a_certificate_of_a_megabyte_is_not_kept() -> None:
    size = 200_000
    body = (size + 3).to_bytes(3, "big") + size.to_bytes(3, "big") + bytes(size)
    message = b"\x0b" + len(body).to_bytes(3, "big") + body
    parts = [message[at : at + 16_000] for at in range(0, len(message), 16_000)]
    sent = b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in parts)
    info = decrypt(
        segments([*hello_flights(0x0303, 0x002F), (SERVER, sent)]), KeyRing()
    ).session.info
    assert info.server_certificate_der is None


# The end of the handshake


@pytest.mark.parametrize("first", [CLIENT, SERVER])
def test_the_handshake_of_a_closed_session_is_told(first: int) -> None:
    """Without keys, TLS 1.2 shows its end, and how long it took; TLS 1.3 hides both."""
    contexts = Contexts(Version.TLSv1_2)
    talk = converse(contexts)
    opened, closed = info_of(talk, contexts.keys()), info_of(talk, KeyRing())
    assert opened.handshake_complete is closed.handshake_complete is True
    assert opened.handshake_ns == closed.handshake_ns is not None
    arranged = one_side_first(segments(talk.flights), first)
    assert decrypt(arranged, KeyRing()).session.info.handshake_complete is True
    contexts = Contexts(Version.TLSv1_3)
    talk = converse(contexts)
    assert info_of(talk, contexts.keys()).handshake_complete is True
    assert info_of(talk, KeyRing()).handshake_complete is None


def test_a_closed_session_is_looked_at_until_its_handshake_ends() -> None:
    talk = converse(Contexts(Version.TLSv1_2))
    session = TlsSession(KeyRing())
    hopeless = []
    for chunk in segments(talk.flights):
        list(session.push(chunk))
        hopeless.append(session.hopeless)
    assert hopeless[0] is False and hopeless[-1] is True
    ended = hopeless.index(True) + 1
    assert session.info.handshake_ns == ended * 1000 - 1000


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_handshake_that_breaks_off(last: int) -> None:
    contexts = Contexts(Version.TLSv1_2)
    talk = converse(contexts)
    for keys in (KeyRing(), contexts.keys()):
        assert info_of(talk, keys, last).handshake_complete is False


def test_nobody_knows_how_the_handshake_ended() -> None:
    contexts = Contexts(Version.TLSv1_2)
    talk = converse(contexts)
    client = stream(talk.flights, CLIENT)
    midway = segments([(CLIENT, client[records(client)[6][1] :])])
    assert decrypt(midway, contexts.keys()).session.info.handshake_complete is None
    cut = segments(talk.flights[:3])
    cut[-1].gap_before = 10
    assert decrypt(cut, KeyRing()).session.info.handshake_complete is None

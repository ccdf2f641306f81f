"""Handshake messages, made by hand, by OpenSSL and by chance."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated
from dissectors.tls.handshake import (
    ALERTS,
    HandshakeReader,
    certificate_subject,
    decode_certificate,
    decode_client_hello,
    decode_encrypted_extensions,
    decode_new_session_ticket,
    decode_server_hello,
)
from tests.tls.handshakes import CLIENT, SERVER, Contexts, Talk, identity, records, stream

RANDOM = bytes(range(32))


def vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(3, body)


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, data)


def client_hello(extensions: bytes | None = None) -> bytes:
    hello = b"\x03\x03" + RANDOM + vector(1, b"session") + vector(2, b"\x13\x01") + vector(1, b"\0")
    return hello if extensions is None else hello + vector(2, extensions)


def server_hello(extensions: bytes | None = None) -> bytes:
    hello = b"\x03\x03" + RANDOM + vector(1, b"session") + b"\x13\x01" + b"\0"
    return hello if extensions is None else hello + vector(2, extensions)


def server_name(*hosts: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(2, b"".join(bytes([kind]) + vector(2, host) for host in hosts)))


def messages_of(direction: int) -> list[tuple[int, bytes]]:
    """The messages in clear of a real TLS 1.2 handshake."""
    talk = Talk(Contexts(alpn=["sip"]))
    data = stream(talk.flights, direction)
    reader, found = HandshakeReader(), []
    for kind, start, stop in records(data):
        if kind == 20:
            break
        found += reader.push(data[start + 5 : stop])
    return [item for item in found if isinstance(item, tuple)]


# Putting messages together


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=200)), max_size=6),
    st.integers(1, 300),
)
def test_messages_may_be_spread_over_records(parts: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(message(kind, body) for kind, body in parts)
    reader = HandshakeReader()
    found = []
    for start in range(0, len(data), size):
        found += reader.push(data[start : start + size])
    assert found == parts
    assert not reader.pending


def test_oversized_message_is_told_once() -> None:
    reader = HandshakeReader()
    (told,) = reader.push(b"\x0b\x10\x00\x01" + b"x" * 100)
    assert isinstance(told, LimitExceeded)
    assert reader.push(b"y" * 100) == []
    reader.reset()
    assert reader.push(message(14, b"")) == [(14, b"")]


def test_large_message() -> None:
    reader = HandshakeReader()
    body = bytes(1 << 20)
    data = message(11, body)
    found = [
        item
        for start in range(0, len(data), 16384)
        for item in reader.push(data[start : start + 16384])
    ]
    assert found == [(11, body)]


def test_after_a_gap_only_records_of_whole_messages_count() -> None:
    reader = HandshakeReader()
    assert reader.push(message(11, b"abc")[:5]) == []
    reader.reset()
    assert reader.push(b"\x0b\x00\x00\x09middle") == []
    assert reader.push(bytes(range(40))) == []
    assert reader.push(message(12, b"abc") + message(14, b"")) == [(12, b"abc"), (14, b"")]


# Hellos


def test_client_hello() -> None:
    hello = decode_client_hello(
        client_hello(
            server_name(b"fe01.contoso.com") + extension(35, b"ticket") + extension(42, b"")
        )
    )
    assert (hello.random, hello.session_id) == (RANDOM, b"session")
    assert hello.server_name == "fe01.contoso.com"
    assert (hello.session_ticket, hello.early_data, hello.fault) == (b"ticket", True, "")


@pytest.mark.parametrize("extensions", [None, b""])
def test_hellos_without_extensions(extensions: bytes | None) -> None:
    assert decode_client_hello(client_hello(extensions)).server_name is None
    hello = decode_server_hello(server_hello(extensions))
    assert (hello.version, hello.cipher_suite, hello.alpn) == (0x0303, 0x1301, None)
    assert not (hello.extended_master_secret or hello.encrypt_then_mac or hello.retry)


@pytest.mark.parametrize(
    ("extensions", "name", "faulty"),
    [
        (extension(0, b""), None, False),
        (extension(0, b"\0\0"), None, False),
        (server_name(b"a", b"b"), "a", False),
        (server_name(b"a", kind=7), None, False),
        (server_name(b"\xff\xfe"), "\ufffd\ufffd", False),
        (extension(0, b"\0\x09\0\0\x08short"), None, True),
        (server_name(b"a") + b"\0", "a", True),
        (server_name(b"a") + b"\0\x23\xff\xff", "a", True),
        (server_name(b"a") + server_name(b"b"), "a", False),
    ],
)
def test_faulty_extensions_do_not_hide_the_rest(
    extensions: bytes, name: str | None, faulty: bool
) -> None:
    hello = decode_client_hello(client_hello(extensions))
    assert hello.random == RANDOM
    assert hello.server_name == name
    assert bool(hello.fault) == faulty


def test_server_hello() -> None:
    hello = decode_server_hello(
        server_hello(
            extension(43, b"\x03\x04")
            + extension(41, b"\0\0")
            + extension(16, vector(2, vector(1, b"sip/2")))
            + extension(22, b"")
            + extension(23, b"")
        )
    )
    assert (hello.version, hello.alpn) == (0x0304, "sip/2")
    assert hello.pre_shared_key and hello.extended_master_secret and hello.encrypt_then_mac
    assert not hello.retry and not hello.fault


def test_hello_retry_request_is_known_by_its_random() -> None:
    import hashlib

    random = hashlib.sha256(b"HelloRetryRequest").digest()
    assert decode_server_hello(server_hello().replace(RANDOM, random)).retry


@pytest.mark.parametrize(
    ("decode", "body"),
    [
        (decode_client_hello, client_hello()),
        (decode_server_hello, server_hello()),
        (decode_new_session_ticket, bytes(4) + vector(2, b"ticket")),
        (lambda body: decode_certificate(body, False), vector(3, vector(3, b"der"))),
        (
            lambda body: decode_certificate(body, True),
            b"\0" + vector(3, vector(3, b"der") + b"\0\0"),
        ),
    ],
)
def test_truncated_at_every_length(decode, body: bytes) -> None:  # type: ignore[no-untyped-def]
    decode(body)
    for length in range(len(body)):
        with pytest.raises(Truncated):
            decode(body[:length])


def test_new_session_ticket() -> None:
    assert decode_new_session_ticket(bytes(4) + vector(2, b"ticket")) == b"ticket"


def test_encrypted_extensions() -> None:
    body = vector(2, extension(16, vector(2, vector(1, b"h2"))) + extension(42, b""))
    extensions = decode_encrypted_extensions(body)
    assert (extensions.alpn, extensions.early_data) == ("h2", True)
    assert decode_encrypted_extensions(b"\0\0").alpn is None


# Certificates


def test_certificates() -> None:
    der = x509.load_pem_x509_certificate(identity("ec")[1]).public_bytes(Encoding.DER)
    assert certificate_subject(der) == "CN=fe01.contoso.com,O=Contoso"
    assert decode_certificate(vector(3, vector(3, der) + vector(3, b"issuer")), False) == der
    assert decode_certificate(b"\0" + vector(3, vector(3, der) + b"\0\0"), True) == der
    assert decode_certificate(vector(3, b""), False) == b""


def test_certificate_cut_at_every_length() -> None:
    der = x509.load_pem_x509_certificate(identity("ec")[1]).public_bytes(Encoding.DER)
    for length in range(0, len(der), 7):
        with pytest.raises(Malformed, match="cannot be read"):
            certificate_subject(der[:length])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_certificate(data: st.DataObject) -> None:
    der = bytearray(x509.load_pem_x509_certificate(identity("ec")[1]).public_bytes(Encoding.DER))
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(certificate_subject(bytes(der)), str)
    except Malformed as fault:
        assert fault.severity == "warning"


# OpenSSL, and chance


def test_messages_of_openssl() -> None:
    (kind, body), *_ = messages_of(CLIENT)
    assert kind == 1
    assert decode_client_hello(body).server_name == "fe01.contoso.com"
    server = dict(messages_of(SERVER))
    hello = decode_server_hello(server[2])
    assert hello.alpn == "sip" and hello.extended_master_secret and not hello.fault
    assert certificate_subject(decode_certificate(server[11], False)).startswith("CN=fe01")
    assert server[14] == b""


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes(data: bytes, cut: int) -> None:
    bodies = [data, client_hello(data), server_hello(data), client_hello(server_name(data))[:-cut]]
    for body in bodies:
        for decode in (
            decode_client_hello,
            decode_server_hello,
            decode_new_session_ticket,
            decode_encrypted_extensions,
            lambda body: decode_certificate(body, True),
            certificate_subject,
        ):
            try:
                decode(body)
            except DissectError as fault:
                assert fault.layer == "tls"


def test_alert_names() -> None:
    constants = pytest.importorskip("tlslite.constants")
    theirs = {
        value: name
        for name, value in vars(constants.AlertDescription).items()
        if isinstance(value, int) and not name.startswith("_")
    }
    assert len(theirs) > 25
    for code, name in theirs.items():
        # tlslite-ng spells one as RFC 4346 did not.
        assert ALERTS.get(code, name) == name or code in (21, 90), (code, name)

"""Sessions of RSA key exchange, opened with the server's private key or a premaster secret."""

from __future__ import annotations

import ssl
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import Lost
from dissectors.tls import key_exchange
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.key_exchange import TRANSCRIPT_LIMIT, Side
from dissectors.tls.keys import KeyRing
from dissectors.tls.private_keys import PrivateKeys, certificate_fingerprint, decrypt_premaster
from fixtures.workshop.openssl_tools import wait
from tests.tls.handshakes import (
    CLIENT,
    OP_NO_EXTENDED_MASTER_SECRET,
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
from tests.tls.judgement import arrangements, ring, secrets_of, segments_of, server_key
from tests.tls.openssl_tools import needs_openssl, openssl_server
from tests.tls.test_decrypt import mutilated

Version = ssl.TLSVersion
RSA_SUITE = "AES128-GCM-SHA256"


@lru_cache(maxsize=2)
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@lru_cache(maxsize=4)
def small_talk(extended: bool = True, client_certificate: bool = False) -> tuple[Contexts, Talk]:
    contexts = Contexts(Version.TLSv1_2, RSA_SUITE)
    if not extended:
        contexts.server.options |= OP_NO_EXTENDED_MASTER_SECRET
    if client_certificate:
        contexts.authenticate_client()
    return contexts, converse(contexts, turns=2, sizes=(90, 10, 1))


def der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def assert_heard(talk: Talk, keys: KeyRing, opened_by: str = "RSA private key") -> None:
    for arranged in [*arrangements(talk.flights), segments(talk.flights, 1)]:
        outcome = decrypt(arranged, keys)
        assert outcome.faults == []
        assert (outcome.heard(CLIENT), outcome.heard(SERVER)) == (talk.said[0], talk.said[1])
        assert outcome.session.info.opened_by == opened_by
        assert outcome.session.info.reason is None


# What opens


@pytest.mark.parametrize("client_certificate", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_private_key(extended: bool, client_certificate: bool) -> None:
    _, talk = small_talk(extended, client_certificate)
    keys = ring(key=server_key())
    keys.add_rsa_key(other_key(), "other.pem")
    assert_heard(talk, keys)
    (used,) = keys.private_keys.matched
    assert keys.private_keys.origins[used] == "server.pem"
    info = decrypt(segments(talk.flights), keys).session.info
    assert info.extended_master_secret == extended
    assert (info.client_certificate_der is not None) == client_certificate
    assert info.server_certificate_der == der(identity("rsa")[1])
    assert certificate_fingerprint(info.server_certificate_der) == used


def premaster_of(talk: Talk) -> tuple[bytes, bytes]:
    """Return the premaster secret of a talk, encrypted and in clear, found without our reader."""
    client = stream(talk.flights, CLIENT)
    for kind, start, stop in records(client):
        body = client[start + 5 : stop]
        if kind == 22 and body[0] == 16:
            encrypted = body[6:262]
            return encrypted, server_key().decrypt(encrypted, PKCS1v15())
    raise AssertionError("no ClientKeyExchange")


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("by_random", [False, True])
def test_premaster_secret_of_a_key_log(extended: bool, by_random: bool) -> None:
    contexts, talk = small_talk(extended)
    encrypted, premaster = premaster_of(talk)
    client_random = contexts.keylog.split(b"CLIENT_RANDOM ")[1].split()[0]
    keys = KeyRing()
    keys.add_premaster(
        bytes.fromhex(client_random.decode()) if by_random else encrypted[:8], premaster
    )
    keys.add_premaster(encrypted[:8], b"\x03\x03" + bytes(46))
    assert_heard(talk, keys, "key log")


def test_what_opens_is_told_as_a_key_log() -> None:
    contexts, talk = small_talk()
    outcome = decrypt(segments(talk.flights), ring(key=server_key()))
    logged = [line for line in contexts.keylog.split(b"\n") if line.startswith(b"CLIENT_RANDOM")]
    assert [
        f"{label} {random.hex()} {secret.hex()}".encode()
        for label, random, secret in outcome.session.secrets()
    ] == logged
    assert_heard(talk, secrets_of(outcome), "key log")
    assert decrypt(segments(talk.flights), KeyRing()).session.secrets() == []


@pytest.mark.parametrize("lost", ["certificate", "nothing"])
def test_no_certificate_was_seen(lost: str) -> None:
    """Where the certificate was lost each key is tried, unless every message must be known."""
    for extended in (False, True):
        _, talk = small_talk(extended)
        server = stream(talk.flights, SERVER)
        parts = [server[start:stop] for _, start, stop in records(server)]
        kept = segments_of(SERVER, parts)
        if lost == "certificate":
            assert kept[1].data[5] == 11
            kept[2].gap_before, kept[2].gap_reason = len(kept[1].data), "segment not captured"
            del kept[1]
        keys = ring(key=other_key())
        keys.add_rsa_key(server_key(), "server.pem")
        client = segments([(CLIENT, stream(talk.flights, CLIENT))])
        outcome = decrypt([client[0], *kept[:-8], *client[1:], *kept[-8:]], keys)
        if lost == "certificate" and extended:
            assert "bytes of the handshake are lost" in (outcome.session.info.reason or "")
            assert outcome.chunks == []
        else:
            assert outcome.heard(SERVER) == talk.said[SERVER]
            assert outcome.session.info.opened_by == "RSA private key"
            assert len(keys.private_keys.matched) == 1


# What does not, and why


def reason(flights: list[tuple[int, bytes]], keys: KeyRing) -> str:
    found = {
        decrypt(arranged, keys).session.info.reason or "" for arranged in arrangements(flights)
    }
    assert len(found) == 1
    return found.pop()


def test_forward_secrecy_is_told() -> None:
    contexts = Contexts(Version.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    talk = converse(contexts)
    told = reason(talk.flights, ring(key=server_key()))
    assert "belongs to this server's certificate" in told
    assert "forward secrecy" in told and "key log instead" in told
    assert "forward" not in reason(talk.flights, ring(key=other_key()))
    talk = converse(Contexts(Version.TLSv1_3))
    assert "TLS 1.3 has forward secrecy" in reason(talk.flights, ring(key=server_key()))


def test_no_key_fits() -> None:
    _, talk = small_talk()
    for keys in (KeyRing(), ring(key=other_key())):
        told = reason(talk.flights, keys)
        assert told.startswith("no key for this session: give the private key")
        assert keys.private_keys.matched == frozenset()


def test_the_premaster_secret_is_of_another_session() -> None:
    _, talk = small_talk()
    keys = KeyRing()
    keys.add_premaster(premaster_of(talk)[0][:8], bytes(48))
    assert "does not fit this session" in reason(talk.flights, keys)


def test_a_private_key_does_not_open_a_damaged_exchange() -> None:
    _, talk = small_talk(extended=False)
    encrypted, _ = premaster_of(talk)
    spoiled = encrypted[:100] + bytes([encrypted[100] ^ 1]) + encrypted[101:]
    flights = [(side, data.replace(encrypted, spoiled)) for side, data in talk.flights]
    assert "does not fit this session" in reason(flights, ring(key=server_key()))


def test_resumed_without_its_original() -> None:
    contexts = Contexts(Version.TLSv1_2, RSA_SUITE)
    first = converse(contexts)
    second = converse(contexts, session=first.session)
    assert "resumed from a session" in reason(second.flights, ring(key=server_key()))
    keys = ring(key=server_key())
    decrypt(segments(first.flights), keys)
    assert_heard(second, keys, "resumption")


def test_the_exchange_is_lost() -> None:
    _, talk = small_talk(extended=False)
    client = stream(talk.flights, CLIENT)
    spans = records(client)
    parts = segments_of(CLIENT, [client[start:stop] for _, start, stop in spans])
    assert parts[1].data[5] == 16
    parts[2].gap_before, parts[2].gap_reason = len(parts[1].data), "segment not captured"
    server = segments([(SERVER, stream(talk.flights, SERVER))])
    for arranged in (
        [parts[0], *server[:1], *parts[2:], *server[1:]],
        [*server, parts[0], *parts[2:]],
        [parts[0], *parts[2:], *server],
    ):
        outcome = decrypt(arranged, ring(key=server_key()))
        assert "bytes of the handshake are lost" in (outcome.session.info.reason or "")
        assert not [fault for fault in outcome.faults if not isinstance(fault, Lost)]


def test_half_a_handshake_waits_for_the_other_half_and_no_longer() -> None:
    _, talk = small_talk()
    client, server = one_side_first(segments(talk.flights))
    for half in (client, server):
        outcome = decrypt([half], ring(key=server_key()))
        assert outcome.chunks == []
        assert "is not in the capture" in (outcome.session.info.reason or "")


# Bounds


def test_rsa_operations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_exchange, "_TRIED_KEYS", 1)
    _, talk = small_talk()
    keys = ring(key=other_key())
    keys.add_rsa_key(server_key(), "server.pem")
    assert decrypt(segments(talk.flights), keys).chunks  # the certificate tells which it is
    monkeypatch.setattr("dissectors.tls.connection.RSA_LIMIT", 0)
    assert decrypt(segments(talk.flights), keys).chunks == []


def test_a_transcript_is_bounded() -> None:
    side = Side(last=16)
    for _ in range(40):
        side.take(11, bytes(TRANSCRIPT_LIMIT // 32), 0)
    assert side.broken and len(side.rest) <= TRANSCRIPT_LIMIT
    side.take(16, b"", 0)
    assert side.ended


def test_only_the_last_handshake_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _, talk = small_talk()
    session = TlsSession(ring(key=server_key()))
    hello = talk.flights[0][1]
    for number in range(40):
        session_hello = hello.replace(hello[11:43], bytes([number]) * 32)
        list(session.push(segments([(CLIENT, session_hello)])[0]))
    kept = [agreement.exchange.client.first for agreement in session._connection.agreements]
    assert len(kept) == 40 and not any(kept[:-1]) and kept[-1]


# The store


def test_keys_are_known_by_their_certificates() -> None:
    keys = PrivateKeys()
    assert keys.add(server_key(), "one.pem")
    assert not keys.add(server_key(), "two.pem")
    assert len(keys) == 1 and list(keys.origins.values()) == ["one.pem"]
    certificate = der(identity("rsa")[1])
    assert keys.for_certificate(certificate) is not None
    assert keys.for_certificate(der(identity("ec")[1])) is None
    for length in range(0, len(certificate), 7):
        assert keys.for_certificate(certificate[:length]) is None


def test_what_is_no_premaster_secret() -> None:
    public = server_key().public_key()
    assert decrypt_premaster(server_key(), public.encrypt(bytes(48), PKCS1v15())) == bytes(48)
    assert decrypt_premaster(server_key(), public.encrypt(bytes(47), PKCS1v15())) is None
    for nonsense in (b"", b"x", bytes(256), b"\xff" * 256, bytes(2000)):
        # OpenSSL may hide that it is nonsense, and give random bytes.
        assert len(decrypt_premaster(server_key(), nonsense) or bytes(48)) == 48


def test_keys_do_not_print() -> None:
    keys = ring(key=server_key())
    keys.add_premaster(bytes(8), b"\x5a" * 48)
    number = str(server_key().private_numbers().d)
    for text in (repr(keys), repr(keys.private_keys), str(keys)):
        assert number not in text and "ZZ" not in text and "5a5a" not in text


# Hostile bytes


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 1 << 32), extended=st.booleans())
def test_any_bytes_give_what_was_said_or_faults(seed: int, extended: bool) -> None:
    _, talk = small_talk(extended, client_certificate=True)
    random = Random(seed)
    flights = [(side, mutilated(sent, random)) for side, sent in talk.flights]
    cut = segments(flights, random.choice((30, 200, 2000)))
    for part in cut:
        if random.random() < 2 / len(cut):
            part.gap_before, part.gap_reason = random.choice((-1, 1, 100, 10_000)), "made"
    if random.random() < 0.5:
        cut = [part for side in (0, 1) for part in cut if part.direction == side]
    outcome = decrypt(cut, ring(key=server_key()))
    for chunk in outcome.chunks:
        for start, stop in pairwise([0, *chunk.ends]):
            assert chunk.data[start:stop] in talk.said[chunk.direction]
    assert outcome.session.info.opened or outcome.session.info.reason


# False start, and Windows' habit


def test_false_start() -> None:
    """The client speaks before the server's Finished, RFC 7918; and may be pushed before it."""
    _, talk = small_talk()
    sides = [side for side, _ in talk.flights]
    end = sides.index(SERVER, sides.index(SERVER) + 1)
    flights = list(talk.flights)
    flights[end], flights[end + 1] = flights[end + 1], flights[end]
    assert flights[end][0] == CLIENT
    for arranged in arrangements(flights):
        outcome = decrypt(arranged, ring(key=server_key()))
        assert outcome.faults == []
        assert outcome.heard(CLIENT) == talk.said[CLIENT]
        assert outcome.heard(SERVER) == talk.said[SERVER]


@needs_openssl
@pytest.mark.parametrize("private_key", [True, False])
@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-GCM-SHA384"])
def test_client_certificate_by_renegotiation(
    tmp_path: Path, cipher: str, private_key: bool
) -> None:
    """IIS and Lync ask for the client's certificate in a second handshake, under the first keys."""
    key, certificate = identity("ec", "client.contoso.com")
    (tmp_path / "client.pem").write_bytes(key + certificate)
    options = ("-tls1_2", "-no_ticket", "-no_cache", "-cipher", f"{cipher}:@SECLEVEL=0")
    with openssl_server(tmp_path, *options) as talk:
        talk.connect("-tls1_2", "-cipher", cipher, "-cert", "client.pem")
        talk.say(CLIENT, b"one\n")
        talk.say(SERVER, b"two\n")
        talk.command(SERVER, b"R")
        wait(lambda: len(talk.keys()) == 2)
        talk.say(CLIENT, b"three\n")
        talk.say(SERVER, b"four\n")
        flights = talk.hang_up()
    for arranged in arrangements(flights):
        keys = ring(key=server_key()) if private_key else talk.keys()
        outcome = decrypt(arranged, keys)
        assert outcome.faults == []
        assert outcome.heard(CLIENT) == b"one\nthree\n"
        assert outcome.heard(SERVER) == b"two\nfour\n"
        info = outcome.session.info
        assert info.opened_by == ("RSA private key" if private_key else "key log")
        assert info.client_certificate_der is not None
        assert b"client.contoso.com" in info.client_certificate_der
        assert [label for label, _, _ in outcome.session.secrets()] == ["CLIENT_RANDOM"] * 2
        assert decrypt(arranged, secrets_of(outcome)).heard(CLIENT) == b"one\nthree\n"

"""Connections of other stacks: tlslite-ng, OpenSSL's own tools, and captures of other projects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk
from fixtures.workshop.openssl_tools import Relay, wait
from tests.tls.handshakes import (
    CLIENT,
    SERVER,
    Flight,
    Outcome,
    decrypt,
    identity,
    one_side_first,
    segments,
)
from tests.tls.openssl_tools import needs_openssl, openssl_server


def heard_in_any_order(flights: list[Flight], keys: Callable[[], KeyRing]) -> list[Outcome]:
    cut = segments(flights)
    arrangements = (cut, one_side_first(cut, CLIENT), one_side_first(cut, SERVER))
    return [decrypt(arranged, keys()) for arranged in arrangements]


# tlslite-ng


@contextmanager
def relayed() -> Iterator[tuple[socket.socket, socket.socket, Relay]]:
    """Two sockets that talk to each other through a relay."""
    client, client_far = socket.socketpair()
    server, server_far = socket.socketpair()
    relay = Relay(client_far, server_far)
    with client, server, client_far, server_far:
        for end in (client, server):
            end.settimeout(20)
        yield client, server, relay


def tlslite_talk(
    suite: tuple[str, str], version: tuple[int, int], **settings: Any
) -> tuple[list[Flight], bytes, dict[int, bytes], Any]:
    """Let tlslite-ng talk to itself; returns flights, a key log, what was said, its connection."""
    tlslite = pytest.importorskip("tlslite.api")
    wanted = tlslite.HandshakeSettings()
    wanted.cipherNames, wanted.macNames = [suite[0]], [suite[1], "aead"]
    wanted.minVersion = wanted.maxVersion = version
    for name, value in settings.items():
        setattr(wanted, name, value)
    key, certificate = identity("rsa")
    chain = tlslite.X509CertChain()
    chain.parsePemList(certificate.decode())
    private = tlslite.parsePEMKey(key.decode(), private=True)
    said = {CLIENT: b"", SERVER: b""}
    with relayed() as (client_socket, server_socket, relay):
        client, server = tlslite.TLSConnection(client_socket), tlslite.TLSConnection(server_socket)

        def serve() -> None:
            server.handshakeServer(certChain=chain, privateKey=private, settings=wanted)
            for size in (10, 1500, 17_000):
                said[CLIENT] += server.read(size, size)
                line = bytes([size % 251]) * size
                server.send(line)
                said[SERVER] += line
            server.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client.handshakeClientCert(settings=wanted, serverName="fe01.contoso.com")
        for size in (10, 1500, 17_000):
            client.send(bytes([size % 251]) * size)
            assert len(client.read(size, size)) == size
        client.close()
        thread.join(20)
        client_socket.close()
        server_socket.close()
        flights = relay.join()
    return flights, keylog_of_tlslite(client, version), said, client


def keylog_of_tlslite(connection: Any, version: tuple[int, int]) -> bytes:
    """tlslite-ng writes no key log, and forgets the secrets of TLS 1.3's handshake."""
    random, session = connection._clientRandom.hex(), connection.session
    if version < (3, 4):
        return f"CLIENT_RANDOM {random} {session.masterSecret.hex()}".encode()
    return (
        f"CLIENT_TRAFFIC_SECRET_0 {random} {session.cl_app_secret.hex()}\n"
        f"SERVER_TRAFFIC_SECRET_0 {random} {session.sr_app_secret.hex()}\n"
    ).encode()


@pytest.mark.parametrize("encrypt_then_mac", [True, False])
@pytest.mark.parametrize(
    ("suite", "version"),
    [
        (("aes128", "sha"), (3, 1)),
        (("aes256", "sha"), (3, 2)),
        (("aes128", "sha256"), (3, 3)),
        (("aes256", "sha384"), (3, 3)),
        (("aes128gcm", "aead"), (3, 3)),
        (("aes256ccm", "aead"), (3, 3)),
        (("aes128ccm_8", "aead"), (3, 3)),
        (("chacha20-poly1305", "aead"), (3, 3)),
        (("aes256gcm", "aead"), (3, 4)),
        (("aes128ccm", "aead"), (3, 4)),
        (("aes128ccm_8", "aead"), (3, 4)),
        (("chacha20-poly1305", "aead"), (3, 4)),
    ],
)
def test_tlslite(suite: tuple[str, str], version: tuple[int, int], encrypt_then_mac: bool) -> None:
    flights, keylog, said, _ = tlslite_talk(
        suite, version, useEncryptThenMAC=encrypt_then_mac, useExtendedMasterSecret=encrypt_then_mac
    )

    def keys() -> KeyRing:
        ring = KeyRing()
        assert ring.add_keylog(keylog, "tlslite.log") == []
        return ring

    assert [len(line) for line in said.values()] == [18_510, 18_510]
    for outcome in heard_in_any_order(flights, keys):
        assert outcome.faults == []
        assert (outcome.heard(CLIENT), outcome.heard(SERVER)) == (said[CLIENT], said[SERVER])
        info = outcome.session.info
        assert info.version == f"TLS 1.{version[1] - 1}"
        assert info.cipher_suite is not None
        if version < (3, 4):
            assert info.extended_master_secret == encrypt_then_mac
            cbc = suite[1].startswith("sha")
            assert info.encrypt_then_mac == (encrypt_then_mac and cbc)
            assert info.server_certificate == "CN=fe01.contoso.com,O=Contoso"


def test_tlslite_records_with_padding() -> None:
    flights, keylog, said, _ = tlslite_talk(
        ("aes128gcm", "aead"),
        (3, 4),
        padding_cb=lambda length, kind, limit: min(50, limit - length - 1),
    )
    keys = KeyRing()
    keys.add_keylog(keylog, "tlslite.log")
    outcome = decrypt(segments(flights), keys)
    assert outcome.faults == []
    assert (outcome.heard(CLIENT), outcome.heard(SERVER)) == (said[CLIENT], said[SERVER])


# OpenSSL's tools


@needs_openssl
@pytest.mark.parametrize(
    "suite",
    [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
    ],
)
def test_openssl_key_updates(tmp_path: Path, suite: str) -> None:
    with openssl_server(tmp_path, "-tls1_3", "-ciphersuites", suite) as talk:
        talk.connect("-ciphersuites", suite)
        talk.say(CLIENT, b"one\n")
        talk.command(CLIENT, b"k")
        talk.say(CLIENT, b"two\n")
        talk.command(CLIENT, b"K")
        talk.say(CLIENT, b"three\n")
        talk.say(SERVER, b"four\n")
        talk.command(SERVER, b"K")
        talk.say(SERVER, b"five\n")
        flights = talk.hang_up()
    for outcome in heard_in_any_order(flights, talk.keys):
        assert outcome.faults == []
        assert outcome.heard(CLIENT) == b"one\ntwo\nthree\n"
        assert outcome.heard(SERVER) == b"four\nfive\n"
        assert outcome.session.info.cipher_suite == suite


@needs_openssl
def test_openssl_lost_key_update(tmp_path: Path) -> None:
    with openssl_server(tmp_path, "-tls1_3") as talk:
        talk.connect()
        talk.say(CLIENT, b"one\n")
        before = talk.sent(CLIENT)
        talk.command(CLIENT, b"k")
        talk.say(CLIENT, b"two\n")
        talk.say(CLIENT, b"three\n")
        flights = talk.hang_up()
    cut = segments(flights)
    client = [part for part in cut if part.direction == CLIENT]
    lost, after = client[before : before + 2]
    after.gap_before, after.gap_reason = len(lost.data), "segment not captured"
    outcome = decrypt([part for part in cut if part is not lost], talk.keys())
    assert outcome.faults == []
    assert outcome.heard(CLIENT) == b"one\ntwo\nthree\n"
    assert [chunk.gap_before for chunk in outcome.chunks if chunk.data == b"two\n"] == [-1]


@needs_openssl
@pytest.mark.parametrize("cipher", ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"])
@pytest.mark.parametrize("initiator", [CLIENT, SERVER])
def test_openssl_renegotiation(tmp_path: Path, cipher: str, initiator: int) -> None:
    with openssl_server(tmp_path, "-tls1_2", "-client_renegotiation") as talk:
        talk.connect("-tls1_2", "-cipher", cipher)
        talk.say(CLIENT, b"one\n")
        talk.say(SERVER, b"two\n")
        talk.command(initiator, (b"R", b"r")[initiator])
        wait(lambda: len(talk.keys()) == 2)
        talk.say(CLIENT, b"three\n")
        talk.say(SERVER, b"four\n")
        flights = talk.hang_up()
    for outcome in heard_in_any_order(flights, talk.keys):
        assert outcome.faults == []
        assert outcome.heard(CLIENT) == b"one\nthree\n"
        assert outcome.heard(SERVER) == b"two\nfour\n"
        assert outcome.session.info.resumed is False


@needs_openssl
@pytest.mark.parametrize("accepted", [True, False])
def test_openssl_early_data(tmp_path: Path, accepted: bool) -> None:
    early = b"sent too early\n" * 800
    (tmp_path / "early.txt").write_bytes(early)
    with ExitStack() as stack:
        options = ("-tls1_3", "-early_data", "-no_anti_replay")
        talk = stack.enter_context(openssl_server(tmp_path, *options))
        talk.connect("-sess_out", "session.pem")
        talk.say(SERVER, b"hello\n")
        talk.hang_up()
        if not accepted:
            # Another server cannot read the first one's ticket.
            talk.end()
            talk = stack.enter_context(openssl_server(tmp_path, *options))
        talk.connect("-sess_in", "session.pem", "-early_data", "early.txt")
        talk.say(CLIENT, b"and later\n")
        flights = talk.hang_up()
    assert b"CLIENT_EARLY_TRAFFIC_SECRET" in (tmp_path / "keys.log").read_bytes()
    for outcome in heard_in_any_order(flights, talk.keys):
        assert outcome.heard(CLIENT) == (early if accepted else b"") + b"and later\n"
        told = ["refused" in fault.summary for fault in outcome.faults]
        assert told == ([] if accepted else [True, True])
        assert outcome.session.info.reason is None
    # All is told when it can be, not at the end.
    session = TlsSession(talk.keys())
    server, client = one_side_first(segments(flights), SERVER)
    told = [*session.push(server), *session.push(client)]
    assert [type(value) for value in session.finish()] == []
    assert len(told) == (1 if accepted else 3)
    # Without the early secret, the rest opens all the same.
    lines = (tmp_path / "keys.log").read_bytes().splitlines()
    keys = KeyRing()
    keys.add_keylog(b"\n".join(line for line in lines if b"EARLY" not in line), "keys.log")
    outcome = decrypt(one_side_first(segments(flights)), keys)
    assert outcome.heard(CLIENT) == b"and later\n"
    assert outcome.faults == []


# Captures of other projects


def tcp_segments(path: Path) -> list[StreamChunk]:
    """The payloads of a capture of one connection, in order, by dpkt."""
    dpkt = pytest.importorskip("dpkt")
    found = []
    with path.open("rb") as file:
        for frame, (seconds, data) in enumerate(dpkt.pcap.Reader(file), 1):
            tcp = dpkt.loopback.Loopback(data).data.data
            if tcp.data:
                direction = 0 if tcp.sport > tcp.dport else 1
                times = [int(seconds * 1e9)]
                payload = bytes(tcp.data)
                found.append(
                    StreamChunk(direction, payload, [len(payload)], [(frame,)], times, times)
                )
    return found


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "version", "suite"),
    [
        ("illustrated-tls12", "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
        ("illustrated-tls13", "TLS 1.3", "TLS_AES_256_GCM_SHA384"),
        ("illustrated-tls13-aes128", "TLS 1.3", "TLS_AES_128_GCM_SHA256"),
    ],
)
def test_illustrated_connections(corpus: Path, name: str, version: str, suite: str) -> None:
    keys = KeyRing()
    assert keys.add_keylog((corpus / "tls" / f"{name}.keys").read_bytes(), name) == []
    outcome = decrypt(tcp_segments(corpus / "tls" / f"{name}.pcap"), keys)
    assert outcome.faults == []
    assert (outcome.heard(CLIENT), outcome.heard(SERVER)) == (b"ping", b"pong")
    info = outcome.session.info
    assert (info.version, info.cipher_suite) == (version, suite)
    assert info.server_name == "example.ulfheim.net"
    assert info.server_certificate is not None and "example.ulfheim.net" in info.server_certificate
    assert info.reason is None

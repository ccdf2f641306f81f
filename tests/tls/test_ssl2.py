"""The ClientHello in SSL 2.0's clothes, as tlslite-ng writes and reads it, and what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import tlslite.tlsconnection
from hypothesis import given, settings
from hypothesis import strategies as st
from tlslite.messages import ClientHello
from tlslite.recordlayer import RecordSocket

from dissectors.tls.handshake import decode_client_hello
from dissectors.tls.info import VERSION_NAMES
from dissectors.tls.ssl2 import hello_length, offers_tls, undressed
from fixtures.workshop.tlslite_pair import Kind
from tests.tls.handshakes import decrypt, segments
from tests.tls.judgement import arrangements, assert_whole, ring, secrets_of, server_key
from tests.tls.tlslite_pair import converse


@pytest.fixture
def dressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tlslite-ng's clients say hello in SSL 2.0's clothes."""
    send = RecordSocket.send

    def send_dressed(self: Any, message: Any, padding: int = 0) -> Iterator[int]:
        data, version = message.write(), self.version
        if message.contentType == 22 and data[:2] == b"\1\3":
            self.version = (0, 2)
        yield from send(self, message, padding)
        self.version = version

    monkeypatch.setattr(RecordSocket, "send", send_dressed)
    monkeypatch.setattr(tlslite.tlsconnection, "ClientHello", lambda ssl2=False: ClientHello(True))


@pytest.mark.usefixtures("dressed")
@pytest.mark.parametrize("minor", [0, 1, 2, 3])
def test_what_follows_is_opened(minor: int) -> None:
    kind = Kind((3, minor), "rsa", "aes128", "sha", False, False)
    recording, _ = converse(kind)
    assert recording.flights[0][1][0] == 0x80
    for arranged in [*arrangements(recording.flights), segments(recording.flights, 1)]:
        for keys in (ring(recording.keylog), ring(key=server_key())):
            outcome = decrypt(arranged, keys)
            assert_whole(recording, outcome)
            assert outcome.session.info.version == VERSION_NAMES[0x0300 + minor]
            assert outcome.session.info.handshake_ns is not None
        assert_whole(recording, decrypt(arranged, secrets_of(outcome)))


@settings(max_examples=60, deadline=None)
@given(
    suites=st.lists(st.integers(0, 0xFFFFFF), max_size=20),
    challenge=st.binary(min_size=16, max_size=32),
    session_id=st.sampled_from([b"", bytes(range(16))]),
    minor=st.integers(0, 3),
    following=st.binary(max_size=20),
)
def test_undressed(
    suites: list[int], challenge: bytes, session_id: bytes, minor: int, following: bytes
) -> None:
    specs = b"".join(suite.to_bytes(3, "big") for suite in suites)
    lengths = b"".join(len(part).to_bytes(2, "big") for part in (specs, session_id, challenge))
    body = b"\x01\x03" + bytes([minor]) + lengths + specs + session_id + challenge
    hello = (0x8000 | len(body)).to_bytes(2, "big") + body
    assert hello_length(hello + following) == len(hello)
    assert offers_tls(hello)
    message = undressed(hello)
    assert int.from_bytes(message[1:4], "big") == len(message) - 4
    decoded = decode_client_hello(message[4:])
    assert decoded.random == challenge.rjust(32, b"\0")
    assert decoded.session_id == session_id
    assert decoded.fault == ""


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    assert 0 <= hello_length(data) <= 0x8001

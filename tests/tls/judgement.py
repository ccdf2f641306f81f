"""Whether what comes out of connections is what went in, however their bytes come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dissectors.tls.cipher_suites import cipher_suite
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk
from tests.tls.handshakes import (
    CLIENT,
    SERVER,
    Flight,
    Outcome,
    decrypt,
    identity,
    joined,
    one_side_first,
    records,
    segments,
    stream,
)


@dataclass(frozen=True)
class Recording:
    """One connection as it went over the wire, and what was said on it."""

    flights: list[Flight]
    said: dict[int, bytes]
    keylog: bytes
    """What opens this connection, as its own stack (or its secrets) would log it."""


def ring(keylog: bytes = b"", key: RSAPrivateKey | None = None) -> KeyRing:
    """Return a key ring with a key log, a server's private key, or both."""
    keys = KeyRing()
    assert keys.add_keylog(keylog, "keys.log") == []
    if key is not None:
        keys.add_rsa_key(key, "server.pem")
    return keys


def server_key(kind: str = "rsa") -> RSAPrivateKey:
    """Return the private key of the servers of the tests."""
    key = load_pem_private_key(identity(kind)[0], None)
    assert isinstance(key, RSAPrivateKey)
    return key


def arrangements(flights: Sequence[Flight]) -> list[list[StreamChunk]]:
    """Cut a connection in segments, and arrange these in batches of either side first."""
    cut = segments(flights)
    sides = [one_side_first(cut, side) for side in (CLIENT, SERVER)]
    return [cut, *sides, in_batches(flights)]


def in_batches(flights: Sequence[Flight], size: int = 3) -> list[StreamChunk]:
    """Arrange flights as batches do that end in the midst of the handshake, the server's first."""
    arranged = []
    for start in range(0, len(flights), size):
        arranged += one_side_first(segments(flights[start : start + size]), SERVER)
    return arranged


def assert_whole(recording: Recording, outcome: Outcome) -> None:
    """Judge an outcome by what was said."""
    assert outcome.faults == []
    for side in (CLIENT, SERVER):
        assert outcome.heard(side) == recording.said[side]
    info = outcome.session.info
    assert (info.opened, info.reason, info.handshake_complete) == (True, None, True)
    assert info.records == info.decrypted_records > 0
    assert {alert.description for alert in info.alerts} <= {"close_notify"}
    assert all(alert.encrypted for alert in info.alerts)


def judge(recordings: Sequence[Recording], version: str, code: int) -> None:
    """Open a connection, and the one that resumes it, in every way that there is."""
    for recording in recordings:
        for arranged in [*arrangements(recording.flights), segments(recording.flights, 1)]:
            outcome = decrypt(arranged, ring(recording.keylog))
            assert_whole(recording, outcome)
            info = outcome.session.info
            assert (info.version, info.cipher_suite) == (version, cipher_suite(code).name)
            assert info.opened_by == "key log"
        assert_whole(recording, decrypt(arrangements(recording.flights)[1], secrets_of(outcome)))
    judge_resumption(recordings, version)
    suite = cipher_suite(code)
    if (suite.key_exchange, suite.authentication) == ("RSA", "RSA"):
        judge_private_key(recordings)
    judge_loss(recordings[0], suite.mode == "CBC" and version in ("SSL 3.0", "TLS 1.0"))


def secrets_of(outcome: Outcome) -> KeyRing:
    """Return a key ring with what a session says opens it, by way of a key log."""
    lines = [
        f"{label} {random.hex()} {secret.hex()}"
        for label, random, secret in outcome.session.secrets()
    ]
    return ring("\n".join(lines).encode())


def judge_resumption(recordings: Sequence[Recording], version: str) -> None:
    """Open the later connection with what the first one left behind."""
    first, *later = recordings
    for recording in later:
        keys = ring(first.keylog) if version != "TLS 1.3" else ring(recording.keylog)
        decrypt(segments(first.flights), keys)
        outcome = decrypt(segments(recording.flights), keys)
        assert_whole(recording, outcome)
        info = outcome.session.info
        assert info.resumed is True
        assert info.opened_by == ("key log" if version == "TLS 1.3" else "resumption")


def judge_private_key(recordings: Sequence[Recording]) -> None:
    """Open connections with nothing but the server's private key."""
    first, *later = recordings
    for index in range(len(arrangements([]))):
        keys = ring(key=server_key())
        outcome = decrypt(arrangements(first.flights)[index], keys)
        assert_whole(first, outcome)
        assert outcome.session.info.opened_by == "RSA private key"
        assert_whole(first, decrypt(segments(first.flights), secrets_of(outcome)))
        for recording in later:
            outcome = decrypt(arrangements(recording.flights)[index], keys)
            assert_whole(recording, outcome)
            assert outcome.session.info.opened_by == "resumption"
            assert_whole(recording, decrypt(segments(recording.flights), secrets_of(outcome)))


def by_record(recording: Recording, side: int) -> list[StreamChunk]:
    """Cut one side of a connection record by record."""
    data = stream(recording.flights, side)
    return segments_of(side, [data[start:stop] for _, start, stop in records(data)])


def plain_by_record(outcome: Outcome) -> dict[int, bytes]:
    """Return what each of the client's records held, by frame: one record a frame."""
    return {
        frames[-1]: chunk.data[start:stop]
        for chunk in outcome.chunks
        if chunk.direction == CLIENT
        for (start, stop), frames in zip(pairwise([0, *chunk.ends]), chunk.frames, strict=True)
    }


def segments_of(side: int, parts: Sequence[bytes]) -> list[StreamChunk]:
    """Make a segment of each part; frame n is the n-th one."""
    return [
        StreamChunk(side, part, [len(part)], [(n,)], [n * 1000], [n * 1000])
        for n, part in enumerate(parts, 1)
    ]


def judge_loss(recording: Recording, chained: bool) -> None:
    """Lose a record, and then the first half of it, in the midst of what the client says."""
    server = joined(segments([(SERVER, stream(recording.flights, SERVER))]))
    client = by_record(recording, CLIENT)
    whole = decrypt([server, *client], ring(recording.keylog))
    plain = plain_by_record(whole)
    lost = max(sorted(plain)[1:-2], key=lambda frame: len(plain[frame]))
    for kept in (0, 20):
        outcome = decrypt([server, *without(client, lost, kept)], ring(recording.keylog))
        # In TLS 1.0 the end of a record is the next one's IV, which no MAC covers in RFC 7366.
        lacks_iv = chained and (kept == 0 or whole.session.info.encrypt_then_mac)
        gone = {lost, lost + 1} if lacks_iv else {lost}
        heard = [data for frame, data in sorted(plain.items()) if frame not in gone]
        assert outcome.heard(CLIENT) == b"".join(heard)
        gaps = [chunk for chunk in outcome.chunks if chunk.gap_before]
        assert [chunk.gap_reason for chunk in gaps] == ["segment not captured"]


def without(client: Sequence[StreamChunk], lost: int, kept: int) -> list[StreamChunk]:
    """Leave out frame `lost`, but for the last `kept` bytes of it."""
    parts = [part for part in client if part.frames != [(lost,)]]
    data = client[lost - 1].data
    rest = segments_of(CLIENT, [data[len(data) - kept :]])[0] if kept else parts[lost - 1]
    if kept:
        rest.frames, rest.time_ns, rest.first_time_ns = [(lost,)], [lost * 1000], [lost * 1000]
        parts.insert(lost - 1, rest)
    else:
        fresh = client[lost]
        rest = StreamChunk(
            CLIENT, fresh.data, fresh.ends, fresh.frames, fresh.time_ns, fresh.first_time_ns
        )
        parts[lost - 1] = rest
    rest.gap_before, rest.gap_reason = len(data) - kept, "segment not captured"
    return parts


Recorder = Callable[[], list[Recording]]
"""Makes a connection and the one that resumes it."""

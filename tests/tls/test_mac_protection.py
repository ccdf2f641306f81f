"""RC4, SSL 3.0 and the other records with a MAC of their own: after losses, damage and lies."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import Malformed
from dissectors.tls import mac_protection
from dissectors.transport.stream import StreamChunk
from fixtures.workshop.tlslite_pair import Kind
from tests.tls.handshakes import CLIENT, SERVER, decrypt, joined, records, segments, stream
from tests.tls.judgement import Recording, by_record, plain_by_record, ring, segments_of, server_key
from tests.tls.tlslite_pair import converse

SIZES = (30, 1, 700, 90, 1400, 12, 500, 3)

KINDS = {
    "ssl30-rc4-md5": Kind((3, 0), "rsa", "rc4", "md5"),
    "tls12-rc4-sha": Kind((3, 3), "rsa", "rc4", "sha"),
    "ssl30-aes": Kind((3, 0), "rsa", "aes128", "sha"),
    "tls11-aes": Kind((3, 2), "rsa", "aes256", "sha", encrypt_then_mac=False),
    "tls10-null-md5": Kind((3, 1), "rsa", "null", "md5"),
}

kinds = pytest.mark.parametrize("kind", KINDS)
rc4 = pytest.mark.parametrize("kind", ["ssl30-rc4-md5", "tls12-rc4-sha"])


@lru_cache(maxsize=8)
def recording(kind: str) -> Recording:
    return converse(KINDS[kind], sizes=SIZES)[0]


def server_of(kind: str) -> StreamChunk:
    return joined(segments([(SERVER, stream(recording(kind).flights, SERVER))]))


def lines_of(kind: str) -> list[bytes]:
    """What the client said, line by line."""
    said, cuts = recording(kind).said[CLIENT], [0]
    for size in SIZES * 2:
        cuts.append(cuts[-1] + size)
    return [said[start:stop] for start, stop in pairwise(cuts)]


def data_records(kind: str) -> list[int]:
    """Numbers of the client's records, from 0, that carry its lines."""
    spans = records(stream(recording(kind).flights, CLIENT))
    # OpenSSL's and tlslite's defence against chosen first blocks are records of their own.
    return [number for number, (content, _, _) in enumerate(spans) if content == 23]


# RC4


@rc4
@pytest.mark.parametrize("count", [1, 2, 5])
def test_rc4_goes_on_after_lost_records(kind: str, count: int) -> None:
    lines, numbers = lines_of(kind), data_records(kind)
    for first in range(len(lines) - count):
        client = by_record(recording(kind), CLIENT)
        start = numbers[first]
        lost = client[start : start + count]
        client[start + count].gap_before = sum(len(part.data) for part in lost)
        client[start + count].gap_reason = "segment not captured"
        outcome = decrypt(
            [server_of(kind), *client[:start], *client[start + count :]],
            ring(recording(kind).keylog),
        )
        assert outcome.heard(CLIENT) == b"".join(lines[:first] + lines[first + count :])
        assert outcome.faults == []
        assert [c.gap_before for c in outcome.chunks if c.gap_before] == [-1]
        assert outcome.session.info.reason is None


@rc4
def test_rc4_goes_on_after_several_losses(kind: str) -> None:
    lines, numbers = lines_of(kind), data_records(kind)
    lost = {2, 5, 6, 9}
    parts: list[StreamChunk] = []
    missing = 0
    for number, part in enumerate(by_record(recording(kind), CLIENT)):
        if number in {numbers[line] for line in lost}:
            missing += len(part.data)
            continue
        if missing:
            part.gap_before, part.gap_reason, missing = missing, "segment not captured", 0
        parts.append(part)
    outcome = decrypt([server_of(kind), *parts], ring(recording(kind).keylog))
    assert outcome.heard(CLIENT) == b"".join(
        line for number, line in enumerate(lines) if number not in lost
    )
    assert outcome.session.info.reason is None


@rc4
def test_rc4_says_that_it_cannot_go_on(kind: str) -> None:
    lines, numbers = lines_of(kind), data_records(kind)
    client = by_record(recording(kind), CLIENT)
    client[numbers[4]].gap_before = -1
    del client[numbers[3]]
    outcome = decrypt([server_of(kind), *client], ring(recording(kind).keylog))
    assert outcome.heard(CLIENT) == b"".join(lines[:3])
    assert outcome.heard(SERVER) == recording(kind).said[SERVER]
    info = outcome.session.info
    assert "RC4 has one keystream" in (info.reason or "")
    assert info.records - info.decrypted_records == len(lines) - 4
    assert not outcome.session.hopeless


@rc4
def test_rc4_passes_over_no_more_than_is_allowed(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mac_protection, "_SKIP_ALLOWANCE", 500)
    lines, numbers = lines_of(kind), data_records(kind)
    client = by_record(recording(kind), CLIENT)
    client[numbers[3]].gap_before = len(client[numbers[2]].data)
    del client[numbers[2]]
    outcome = decrypt([server_of(kind), *client], ring(recording(kind).keylog))
    assert outcome.heard(CLIENT) == b"".join(lines[:2])
    assert "than is searched" in (outcome.session.info.reason or "")


@kinds
@pytest.mark.parametrize("victim", [3, 8])
def test_a_damaged_record_costs_itself(kind: str, victim: int) -> None:
    keylog, client = recording(kind).keylog, by_record(recording(kind), CLIENT)
    plain = plain_by_record(decrypt([server_of(kind), *client], ring(keylog)))
    frame = sorted(plain)[victim]
    data = client[frame - 1].data
    client[frame - 1].data = data[:-4] + bytes([data[-4] ^ 1]) + data[-3:]
    outcome = decrypt([server_of(kind), *client], ring(keylog))
    # In SSL 3.0 the last block is the next record's IV too.
    gone = {frame, frame + 1} if kind == "ssl30-aes" else {frame}
    assert outcome.heard(CLIENT) == b"".join(
        line for number, line in sorted(plain.items()) if number not in gone
    )
    faults = [fault for fault in outcome.faults if "integrity" in fault.summary]
    assert len(faults) == len(gone) and all(isinstance(fault, Malformed) for fault in faults)


@rc4
def test_bytes_that_do_not_belong_use_up_no_keystream(kind: str) -> None:
    """A record that somebody put in is told and passed over; the next one opens."""
    parts = [part.data for part in by_record(recording(kind), CLIENT)]
    parts.insert(data_records(kind)[3], b"\x17" + parts[-1][1:3] + b"\0\x20" + bytes(32))
    outcome = decrypt([server_of(kind), *segments_of(CLIENT, parts)], ring(recording(kind).keylog))
    assert outcome.heard(CLIENT) == recording(kind).said[CLIENT]
    assert len(outcome.faults) == 1


# Any bytes


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), kind=st.sampled_from(sorted(KINDS)), private=st.booleans())
def test_any_bytes_give_what_was_said_or_faults(seed: int, kind: str, private: bool) -> None:
    random, told = Random(seed), recording(kind)
    flights = []
    for side, data in told.flights:
        mutated = bytearray(data)
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            mutated[random.randrange(len(mutated))] = random.randrange(256)
        if random.random() < 0.05:
            del mutated[random.randrange(len(mutated)) :]
        flights.append((side, bytes(mutated)))
    cut = segments(flights, random.choice((30, 200, 2000)))
    for part in cut:
        if random.random() < 3 / len(cut):
            part.gap_before, part.gap_reason = random.choice((-1, 1, 100, 10_000, 1 << 30)), "made"
    keys = ring(key=server_key()) if private else ring(told.keylog)
    outcome = decrypt(cut, keys)
    for chunk in outcome.chunks:
        for start, stop in pairwise([0, *chunk.ends]):
            assert chunk.data[start:stop] in told.said[chunk.direction]

"""Sessions on real connections: however they are cut, whatever is missing, broken or hostile."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated, Unsupported
from dissectors.tls import decrypt as decrypt_module
from dissectors.tls import keys as keys_module
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.half import SEARCH_LIMIT
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk
from tests.tls.handshakes import (
    CLIENT,
    OP_NO_ENCRYPT_THEN_MAC,
    SERVER,
    Contexts,
    Outcome,
    Talk,
    converse,
    decrypt,
    joined,
    one_side_first,
    records,
    segments,
    stream,
)

Version = ssl.TLSVersion

KINDS = {
    "tls12-gcm": (Version.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384"),
    "tls12-chacha20": (Version.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305"),
    "tls12-ccm": (Version.TLSv1_2, "ECDHE-ECDSA-AES128-CCM"),
    "tls12-cbc": (Version.TLSv1_2, "ECDHE-RSA-AES128-SHA256"),
    "tls12-mac-then-encrypt": (Version.TLSv1_2, "AES256-SHA"),
    "tls11-cbc": (Version.TLSv1_1, "AES128-SHA"),
    "tls10-cbc": (Version.TLSv1, "AES128-SHA"),
    "tls10-mac-then-encrypt": (Version.TLSv1, "AES128-SHA"),
    "tls13": (Version.TLSv1_3, None),
}
"""One of each kind of record protection."""

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")

kinds = pytest.mark.parametrize("kind", KINDS)


def contexts_of(kind: str) -> Contexts:
    contexts = Contexts(*KINDS[kind])
    if kind.endswith("mac-then-encrypt"):
        contexts.server.options |= OP_NO_ENCRYPT_THEN_MAC
    return contexts


@lru_cache(maxsize=16)
def small_talk(kind: str) -> tuple[Contexts, Talk]:
    """A short conversation, made once a kind."""
    contexts = contexts_of(kind)
    return contexts, converse(contexts, turns=2, sizes=(90, 10, 1))


@lru_cache(maxsize=16)
def monologue(kind: str) -> tuple[Contexts, Talk, list[bytes]]:
    """A client that says forty lines of about a segment each, some longer."""
    contexts = contexts_of(kind)
    talk = Talk(contexts)
    random = Random(3)
    lines = [random.randbytes(random.choice((40, 900, 1430, 5000))) for _ in range(40)]
    for line in lines:
        talk.say(CLIENT, line)
    return contexts, talk, lines


def assert_heard(outcome: Outcome, talk: Talk) -> None:
    for side in (CLIENT, SERVER):
        assert outcome.heard(side) == talk.said[side]


def assert_told(outcome: Outcome, kind: type[DissectError], text: str) -> DissectError:
    told = [fault for fault in outcome.faults if type(fault) is kind and text in fault.summary]
    assert told, outcome.faults
    return told[0]


# However it is cut


@kinds
@pytest.mark.parametrize("size", [1, 7, 100, 1460, 1 << 20])
def test_segmentation_does_not_matter(kind: str, size: int) -> None:
    contexts, talk = small_talk(kind)
    cut = segments(talk.flights, size)
    for arranged in (cut, one_side_first(cut), one_side_first(cut, SERVER)):
        outcome = decrypt(arranged, contexts.keys())
        assert_heard(outcome, talk)
        assert outcome.faults == []


@pytest.mark.parametrize("kind", ["tls12-gcm", "tls10-cbc", "tls13"])
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_cut_at_every_length(kind: str, side: int) -> None:
    contexts, talk = small_talk(kind)
    keys = contexts.keys()
    whole = {direction: stream(talk.flights, direction) for direction in (CLIENT, SERVER)}
    for length in range(1, len(whole[side]), 3):
        flights = [
            (side, whole[side][:length]),
            (1 - side, whole[1 - side]),
            (side, whole[side][length:]),
        ]
        outcome = decrypt(segments(flights, 1 << 20), keys)
        assert_heard(outcome, talk)
        assert outcome.faults == []


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 900)), max_size=25),
    last=st.integers(0, 1),
    kind=st.sampled_from(["tls12-gcm", "tls12-cbc", "tls13"]),
)
def test_any_interleaving(steps: list[tuple[int, int]], last: int, kind: str) -> None:
    contexts, talk = small_talk(kind)
    rest = {side: stream(talk.flights, side) for side in (CLIENT, SERVER)}
    flights = []
    for side, length in [*steps, (1 - last, 1 << 20), (last, 1 << 20)]:
        flights.append((side, rest[side][:length]))
        rest[side] = rest[side][length:]
    outcome = decrypt(segments(flights, 1 << 20), contexts.keys())
    assert_heard(outcome, talk)
    assert outcome.faults == []


@pytest.mark.parametrize("kind", ["tls12-gcm", "tls13"])
def test_pieces_tell_frames_and_times(kind: str) -> None:
    contexts, talk, lines = monologue(kind)
    cut = segments(talk.flights, 1000)
    outcome = decrypt(one_side_first(cut), contexts.keys())
    (chunk,) = [chunk for chunk in outcome.chunks if chunk.direction == CLIENT]
    assert [stop - start for start, stop in pairwise([0, *chunk.ends])] == [len(x) for x in lines]
    # Where the records lie in the stream, and which segments that is, found without the framer.
    segment_ends, end = [], 0
    for segment in (part for part in cut if part.direction == CLIENT):
        end += len(segment.data)
        segment_ends.append((end, segment.frames[0][0]))
    spans = [span for span in records(stream(talk.flights, CLIENT)) if span[0] == 23][-len(lines) :]
    for (_, start, stop), frames, time_ns, first in zip(
        spans, chunk.frames, chunk.time_ns, chunk.first_time_ns, strict=True
    ):
        needed = [
            frame
            for (before, _), (end, frame) in pairwise([(0, 0), *segment_ends])
            if before < stop and end > start
        ]
        assert frames == tuple(needed)
        assert (first, time_ns) == (needed[0] * 1000, needed[-1] * 1000)


def test_one_push_gives_one_chunk() -> None:
    contexts, talk = small_talk("tls12-gcm")
    session = TlsSession(contexts.keys())
    client, server = one_side_first(segments(talk.flights))
    assert list(session.push(client)) == []
    values = list(session.push(server))
    assert sorted(value.direction for value in values) == [CLIENT, SERVER]


def test_client_is_who_says_hello() -> None:
    contexts, talk = small_talk("tls13")
    swapped = [(1 - side, data) for side, data in talk.flights]
    outcome = decrypt(one_side_first(segments(swapped), SERVER), contexts.keys())
    assert outcome.heard(1) == talk.said[CLIENT]
    assert outcome.heard(0) == talk.said[SERVER]
    assert outcome.session.client_direction == 1


def test_info_of_tls12() -> None:
    contexts = Contexts(Version.TLSv1_2, "ECDHE-RSA-AES128-SHA256", alpn=["sip/2"])
    talk = converse(contexts)
    outcome = decrypt(segments(talk.flights), contexts.keys())
    info = outcome.session.info
    assert info.alpn == "sip/2"
    assert info.server_certificate == "CN=fe01.contoso.com,O=Contoso"
    assert (info.extended_master_secret, info.encrypt_then_mac) == (True, True)
    assert info.first_time_ns == 1000
    # ClientHello is frame 1, the server's flight 2 and 3, the client's Finished 4, the server's 5.
    assert info.handshake_ns == 4000 - (0 if talk.flights[1][1][1460:] else 1000)
    assert info.alert is None


def test_info_of_tls13() -> None:
    contexts = Contexts(Version.TLSv1_3, alpn=["sip/2"])
    talk = converse(contexts)
    info = decrypt(segments(talk.flights), contexts.keys()).session.info
    assert info.alpn == "sip/2"
    assert info.server_certificate == "CN=fe01.contoso.com,O=Contoso"
    assert (info.extended_master_secret, info.encrypt_then_mac) == (None, None)
    assert info.handshake_ns is not None and info.handshake_ns > 0


# Keys that lack, or do not fit


def lines_of(contexts: Contexts) -> list[bytes]:
    return [line for line in contexts.keylog.splitlines() if not line.startswith(b"#")]


def ring(*lines: bytes) -> KeyRing:
    keys = KeyRing()
    assert keys.add_keylog(b"\n".join(lines), "made.log") == []
    return keys


def spoiled(line: bytes) -> bytes:
    """Return the line of a key log with another secret."""
    return line[:-4] + (b"0000" if line[-4:] != b"0000" else b"1111")


@kinds
def test_no_key(kind: str) -> None:
    _, talk = small_talk(kind)
    for arranged in (segments(talk.flights), one_side_first(segments(talk.flights))):
        outcome = decrypt(arranged, KeyRing())
        info = outcome.session.info
        assert outcome.chunks == [] and outcome.faults == []
        assert outcome.session.hopeless
        assert not info.opened and info.records > 0 and info.decrypted_records == 0
        assert info.reason is not None and "SSLKEYLOGFILE" in info.reason
        assert info.server_name == "fe01.contoso.com"
        assert (info.handshake_ns is None) == (kind == "tls13")


@kinds
def test_wrong_key(kind: str) -> None:
    contexts, talk = small_talk(kind)
    keys = ring(*map(spoiled, lines_of(contexts)))
    outcome = decrypt(one_side_first(segments(talk.flights)), keys)
    assert outcome.chunks == []
    assert outcome.session.info.reason is not None
    assert "does not fit" in outcome.session.info.reason
    assert 1 <= len(outcome.faults) <= 6
    assert outcome.session.hopeless


@kinds
@pytest.mark.parametrize("right_first", [True, False])
def test_several_secrets_for_one_session(kind: str, right_first: bool) -> None:
    contexts, talk = small_talk(kind)
    right = lines_of(contexts)
    wrong = [spoiled(line) for line in right]
    keys = ring(*right, *wrong) if right_first else ring(*wrong, *right)
    outcome = decrypt(one_side_first(segments(talk.flights)), keys)
    assert_heard(outcome, talk)
    assert outcome.faults == []


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_secrets_of_one_side_only(side: int) -> None:
    contexts, talk = small_talk("tls13")
    name = (b"CLIENT_", b"SERVER_")[side]
    keys = ring(*(line for line in lines_of(contexts) if line.startswith(name)))
    outcome = decrypt(one_side_first(segments(talk.flights)), keys)
    assert outcome.heard(side) == talk.said[side]
    assert outcome.heard(1 - side) == b""
    info = outcome.session.info
    assert info.opened and not outcome.session.hopeless
    assert f"lacks the {('server', 'client')[side]}'s secret" in (info.reason or "")


def test_secrets_of_another_version() -> None:
    contexts, talk = small_talk("tls13")
    random = lines_of(contexts)[0].split()[1]
    keys = ring(b"CLIENT_RANDOM " + random + b" " + b"00" * 48)
    outcome = decrypt(segments(talk.flights), keys)
    assert outcome.session.hopeless
    assert "no key for this session" in (outcome.session.info.reason or "")


def test_no_secrets_of_the_handshake() -> None:
    contexts, talk = small_talk("tls13")
    keys = ring(*(line for line in lines_of(contexts) if b"TRAFFIC_SECRET_0" in line))
    outcome = decrypt(one_side_first(segments(talk.flights)), keys)
    assert_heard(outcome, talk)
    assert outcome.faults == []
    assert outcome.session.info.server_certificate is None


def test_no_secrets_but_of_the_handshake() -> None:
    contexts, talk = small_talk("tls13")
    keys = ring(*(line for line in lines_of(contexts) if b"HANDSHAKE" in line))
    outcome = decrypt(one_side_first(segments(talk.flights)), keys)
    assert outcome.chunks == []
    assert outcome.session.hopeless
    assert "lacks the client's secret" in (outcome.session.info.reason or "")
    assert outcome.session.info.server_certificate == "CN=fe01.contoso.com,O=Contoso"


def test_keys_may_come_between_hello_and_data() -> None:
    contexts, talk = small_talk("tls12-gcm")
    keys = KeyRing()
    session = TlsSession(keys)
    cut = segments(talk.flights)
    assert list(session.push(cut[0])) == []
    keys.add_keylog(contexts.keylog, "later.log")
    values = [value for chunk in cut[1:] for value in session.push(chunk)]
    assert b"".join(v.data for v in values if v.direction == CLIENT) == talk.said[CLIENT]


def test_unused_keys_are_counted() -> None:
    contexts, talk = small_talk("tls12-gcm")
    keys = contexts.keys()
    other = small_talk("tls13")[0].keylog
    keys.add_keylog(other, "other.log")
    decrypt(segments(talk.flights), keys)
    assert (keys.used, keys.unused) == (1, 1)
    assert keys.usage() == {"sslkeys.log": (1, 0), "other.log": (0, 1)}


# Bytes that are broken or missing


def app_spans(talk: Talk, count: int) -> list[tuple[int, int]]:
    """Where the records of the client's last `count` lines begin and end in its stream."""
    sizes = [
        (start, stop) for kind, start, stop in records(stream(talk.flights, CLIENT)) if kind == 23
    ]
    # TLS 1.0 sends an empty record before each (a defence against chosen first blocks).
    return [span for span in sizes if span[1] - span[0] > 60 or count > len(sizes) // 2][-count:]


def with_losses(talk: Talk, lost: set[int], size: int, known: bool = True) -> list[StreamChunk]:
    """The client's stream without some segments, after the whole of the server's."""
    server = joined(segments([(SERVER, stream(talk.flights, SERVER))]))
    left: list[StreamChunk] = []
    missing = 0
    for number, part in enumerate(segments([(CLIENT, stream(talk.flights, CLIENT))], size)):
        if number in lost:
            missing += len(part.data)
            continue
        if missing:
            part.gap_before = missing if known else -1
            part.gap_reason = "segment not captured"
        left.append(part)
        missing = 0
    return [server, *left]


def expected_after_losses(
    talk: Talk, lines: list[bytes], lost: set[int], size: int, chained: bool
) -> list[bytes]:
    """The lines whose records lie whole in segments that are there."""
    spans = app_spans(talk, len(lines))
    survived = [
        not any(start // size <= number <= (stop - 1) // size for number in lost)
        for start, stop in spans
    ]
    if chained:
        # In TLS 1.0 the record before a record is its IV; OpenSSL's empty record comes between.
        all_spans = [span[1:] for span in records(stream(talk.flights, CLIENT))]
        whole = [
            not any(start // size <= number <= (stop - 1) // size for number in lost)
            for start, stop in all_spans
        ]
        survived = [
            whole[all_spans.index(span)] and whole[all_spans.index(span) - 1] for span in spans
        ]
    return [line for line, there in zip(lines, survived, strict=True) if there]


@kinds
@pytest.mark.parametrize("known", [True, False])
def test_lost_segments(kind: str, known: bool) -> None:
    contexts, talk, lines = monologue(kind)
    size = 1000
    count = -(-len(stream(talk.flights, CLIENT)) // size)
    random = Random(11)
    for run in range(12):
        lost = set(random.sample(range(4, count - 4), random.choice((1, 1, 2, 5))))
        if run % 3 == 0:
            first = random.randrange(4, count - 30)
            lost = set(range(first, first + 20))
        outcome = decrypt(with_losses(talk, lost, size, known), contexts.keys())
        expected = expected_after_losses(talk, lines, lost, size, "tls10" in kind)
        assert outcome.heard(CLIENT) == b"".join(expected)
        gaps = [chunk for chunk in outcome.chunks if chunk.gap_before]
        assert gaps and all(chunk.gap_before == -1 for chunk in gaps)
        assert all("not captured" in chunk.gap_reason for chunk in gaps)
        assert_told(outcome, Lost, "bytes of cut TLS records dropped")


def test_more_records_lost_than_are_tried() -> None:
    """The nonce of GCM counts along: it tells the number, where a search would not reach it."""
    contexts = Contexts(Version.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    talk = Talk(contexts)
    talk.say(CLIENT, b"first")
    before = len(stream(talk.flights, CLIENT))
    talk.say(CLIENT, *[b"x"] * (SEARCH_LIMIT + 100))
    after = len(stream(talk.flights, CLIENT))
    talk.say(CLIENT, b"last")
    whole = stream(talk.flights, CLIENT)
    parts = segments([(SERVER, stream(talk.flights, SERVER)), (CLIENT, whole[:before])], 1 << 20)
    parts += segments([(CLIENT, whole[after:])])
    parts[-1].gap_before = after - before
    outcome = decrypt(parts, contexts.keys())
    assert [chunk.data for chunk in outcome.chunks] == [b"first", b"last"]
    assert outcome.faults == []


@kinds
def test_damaged_record(kind: str) -> None:
    contexts, talk, lines = monologue(kind)
    whole = bytearray(stream(talk.flights, CLIENT))
    _, stop = app_spans(talk, len(lines))[20]
    whole[stop - 3] ^= 0x40
    cut = segments([(SERVER, stream(talk.flights, SERVER)), (CLIENT, bytes(whole))])
    outcome = decrypt(cut, contexts.keys())
    fault = assert_told(outcome, Malformed, "integrity check fails")
    hit = [part.frames[0][0] for part in cut if part.direction == CLIENT][(stop - 1) // 1460]
    assert fault.frame_number == hit
    assert len(outcome.faults) == (2 if "tls10" in kind else 1)
    # In TLS 1.0 the damaged last block is the IV of the next record too, OpenSSL's empty one.
    assert outcome.heard(CLIENT) == b"".join(lines[:20] + lines[21:])
    assert [chunk.gap_reason for chunk in outcome.chunks if chunk.gap_before] == [
        "a TLS record did not open"
    ]
    info = outcome.session.info
    assert info.records > info.decrypted_records
    assert "did not open" in (info.reason or "")


@kinds
def test_all_is_damaged_after_a_while(kind: str) -> None:
    contexts, talk, lines = monologue(kind)
    whole = bytearray(stream(talk.flights, CLIENT))
    for kind_of_record, _, stop in records(bytes(whole))[-60:]:
        if kind_of_record == 23 and stop > app_spans(talk, len(lines))[9][1]:
            whole[stop - 1] ^= 1
    cut = segments([(SERVER, stream(talk.flights, SERVER)), (CLIENT, bytes(whole))])
    outcome = decrypt(cut, contexts.keys())
    assert outcome.heard(CLIENT) == b"".join(lines[:10])
    assert len(outcome.faults) == 16
    assert "no longer open" in (outcome.session.info.reason or "")


@pytest.mark.parametrize("kind", ["tls12-gcm", "tls12-cbc", "tls13"])
def test_bytes_that_do_not_belong(kind: str) -> None:
    contexts, talk, lines = monologue(kind)
    whole = stream(talk.flights, CLIENT)
    start, _ = app_spans(talk, len(lines))[20]
    intruder = b"GET / HTTP/1.1\r\n\r\n" * 20
    flights = [
        (SERVER, stream(talk.flights, SERVER)),
        (CLIENT, whole[:start] + intruder + whole[start:]),
    ]
    outcome = decrypt(segments(flights), contexts.keys())
    assert_told(outcome, Malformed, "no TLS record begins")
    assert outcome.heard(CLIENT) == b"".join(lines)
    # All sequence numbers are there: nothing of the plaintext is missing.
    assert [chunk.gap_before for chunk in outcome.chunks if chunk.gap_before] == []


@kinds
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_any_lost_byte_in_the_handshake(kind: str, side: int) -> None:
    """One lost record (or header) of the handshake costs no more than it must."""
    contexts, talk = small_talk(kind)
    keys = contexts.keys()
    whole = {direction: stream(talk.flights, direction) for direction in (CLIENT, SERVER)}
    spans = records(whole[side])
    first_data = next(i for i, span in enumerate(spans) if span[0] == 23)
    for number in range(first_data + 1):
        _, start, stop = spans[number]
        lost = whole[side][:start], whole[side][stop:]
        parts = segments([(side, lost[0]), (side, lost[1])], 1 << 20)
        parts[-1].gap_before = stop - start
        parts[-1].gap_reason = "segment not captured"
        other = segments([(1 - side, whole[1 - side])], 1 << 20)
        outcome = decrypt([*other, *parts], keys)
        if number == 0:
            assert outcome.chunks == []
            assert "lost inside the handshake" in (outcome.session.info.reason or "")
            assert outcome.session.hopeless
        else:
            assert outcome.heard(1 - side) == talk.said[1 - side]
            assert outcome.heard(side) == talk.said[side] or number == first_data
            assert not [f for f in outcome.faults if not isinstance(f, Malformed)], outcome.faults


@kinds
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_several_lost_records_after_the_hello(kind: str, side: int) -> None:
    """Whatever is lost, what comes out is what was said (in TLS 1.0, no MAC need cover the IV)."""
    contexts, talk = small_talk(kind)
    whole = {direction: stream(talk.flights, direction) for direction in (CLIENT, SERVER)}
    spans = records(whole[side])
    for first in range(1, len(spans) - 4):
        for count in (2, 3):
            start, stop = spans[first][1], spans[first + count - 1][2]
            parts = segments([(side, whole[side][:start]), (side, whole[side][stop:])], 1 << 20)
            parts[-1].gap_before = stop - start
            other = segments([(1 - side, whole[1 - side])], 1 << 20)
            outcome = decrypt([*other, *parts], contexts.keys())
            assert outcome.heard(1 - side) == talk.said[1 - side]
            assert outcome.heard(side) or "tls10" in kind
            for chunk in outcome.chunks:
                for begin, end in pairwise([0, *chunk.ends]):
                    assert chunk.data[begin:end] in talk.said[chunk.direction]


@kinds
def test_midstream(kind: str) -> None:
    contexts, talk, lines = monologue(kind)
    start, _ = app_spans(talk, len(lines))[10]
    whole = stream(talk.flights, CLIENT)
    for begin, gap in ((start, 0), (start + 10, 0), (start + 10, -1)):
        parts = segments([(CLIENT, whole[begin:])])
        parts[0].gap_before = gap
        outcome = decrypt(parts, contexts.keys())
        assert outcome.session.hopeless
        assert outcome.chunks == []
        reason = outcome.session.info.reason or ""
        assert "begins after the TLS handshake" in reason or "lost inside the handshake" in reason


def test_truncated_at_the_end() -> None:
    contexts, talk, lines = monologue("tls12-gcm")
    whole = stream(talk.flights, CLIENT)
    flights = [(SERVER, stream(talk.flights, SERVER)), (CLIENT, whole[:-10])]
    outcome = decrypt(segments(flights), contexts.keys())
    assert outcome.heard(CLIENT) == b"".join(lines[:-1])
    fault = assert_told(outcome, Truncated, "bytes into a TLS record")
    assert fault.severity == "warning" and fault.frame_number is not None


@kinds
def test_half_a_conversation(kind: str) -> None:
    contexts, talk = small_talk(kind)
    for side in (CLIENT, SERVER):
        outcome = decrypt(segments([(side, stream(talk.flights, side))]), contexts.keys())
        assert outcome.chunks == []
        assert_told(outcome, Lost, "the other side's hello is missing")
        assert "is not in the capture" in (outcome.session.info.reason or "")
        assert outcome.session.info.records > 0


@pytest.mark.parametrize("module", [decrypt_module, keys_module])
def test_half_a_conversation_is_held_within_bounds(
    monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    monkeypatch.setattr(module, "HELD_LIMIT", 20_000)
    contexts, talk, lines = monologue("tls12-gcm")
    keys = contexts.keys()
    session = TlsSession(keys)
    told = [
        value
        for chunk in segments([(CLIENT, stream(talk.flights, CLIENT))])
        for value in session.push(chunk)
    ]
    assert [type(value) for value in told] == [LimitExceeded]
    assert told[0].frame_number is not None
    assert session.info.records == len(lines)
    # What was given back is there for others.
    assert keys.hold(20_000)


def test_resync_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decrypt_module, "_TRIAL_ALLOWANCE", 100_000)
    monkeypatch.setattr(decrypt_module, "_TRIAL_RATE", 0)
    contexts, talk, _ = monologue("tls13")
    whole = bytearray(stream(talk.flights, CLIENT))
    for kind, _, stop in records(bytes(whole))[-30:]:
        if kind == 23:
            whole[stop - 1] ^= 1
    client = segments([(CLIENT, bytes(whole))])
    middle = len(client) // 2
    client[middle].gap_before = -1
    server = segments([(SERVER, stream(talk.flights, SERVER))])
    outcome = decrypt([*server, *client], contexts.keys())
    assert_told(outcome, LimitExceeded, "searched for too long")
    assert "after lost bytes" in (outcome.session.info.reason or "")


# Resumption


def without(keylog: bytes, client_random_line: bytes) -> bytes:
    return keylog.replace(client_random_line, b"# not logged")


@pytest.mark.parametrize("tickets", [True, False])
@pytest.mark.parametrize("kind", ["tls12-gcm", "tls12-cbc", "tls10-cbc"])
def test_resumption_before_tls13(kind: str, tickets: bool) -> None:
    contexts = contexts_of(kind)
    if not tickets:
        contexts.server.options |= ssl.OP_NO_TICKET
        contexts.client.options |= ssl.OP_NO_TICKET
    first = converse(contexts, sizes=(50,))
    logged = contexts.keylog
    second = converse(contexts, session=first.session, sizes=(50,))
    assert second.ends[CLIENT].session_reused

    whole = decrypt(segments(second.flights), contexts.keys())
    assert_heard(whole, second)
    assert whole.session.info.resumed is True
    assert whole.session.info.opened_by == "key log"
    assert whole.session.info.server_certificate is None

    # Some writers log the first handshake only.
    keys = ring(*logged.splitlines())
    assert decrypt(segments(first.flights), keys).session.info.resumed is False
    for arranged in (segments(second.flights), one_side_first(segments(second.flights))):
        recalled = decrypt(arranged, keys)
        assert_heard(recalled, second)
        assert recalled.session.info.opened_by == "resumption"
        assert recalled.faults == []

    lost = decrypt(segments(second.flights), ring(*logged.splitlines()))
    assert lost.chunks == []
    assert "resumed from a session that is not in the capture" in (lost.session.info.reason or "")


def test_resumption_in_tls13() -> None:
    contexts = Contexts(Version.TLSv1_3)
    first = converse(contexts, sizes=(50,))
    second = converse(contexts, session=first.session, sizes=(50,))
    assert second.ends[CLIENT].session_reused
    outcome = decrypt(one_side_first(segments(second.flights)), contexts.keys())
    assert_heard(outcome, second)
    assert outcome.session.info.resumed is True


# Alerts, and what cannot be opened


def failed_handshake(contexts: Contexts) -> Talk:
    """Let a handshake fail, and return what went over the wire."""
    talk = Talk.__new__(Talk)
    with pytest.raises(ssl.SSLError):
        talk.__init__(contexts)  # type: ignore[misc]
    # The side that failed has written its alert; the other has not read it.
    for side in (CLIENT, SERVER):
        talk._carry(side)
    return talk


def test_fatal_alert_in_clear() -> None:
    contexts = Contexts(Version.TLSv1_2, "ECDHE-RSA-AES128-SHA256")
    contexts.server.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    talk = failed_handshake(contexts)
    for arranged in (segments(talk.flights), one_side_first(segments(talk.flights), SERVER)):
        info = decrypt(arranged, KeyRing()).session.info
        assert info.alert == "server: handshake_failure"
        assert info.reason == "the handshake failed: server: handshake_failure"


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
def test_fatal_alert_of_a_client_that_does_not_trust(version: Version) -> None:
    contexts = Contexts(version)
    contexts.client.verify_mode = ssl.CERT_REQUIRED
    talk = failed_handshake(contexts)
    # In TLS 1.3 the alert is protected with the keys of the handshake.
    info = decrypt(segments(talk.flights), contexts.keys()).session.info
    assert info.alert == "client: unknown_ca"
    assert "unknown_ca" in (info.reason or "")


def test_closing_is_no_alert() -> None:
    for kind in KINDS:
        contexts, talk = small_talk(kind)
        assert decrypt(segments(talk.flights), contexts.keys()).session.info.alert is None


def hello_flights(version: int, suite: int) -> list[tuple[int, bytes]]:
    """A ClientHello and the ServerHello that answers it, by hand."""

    def record(message: int, body: bytes) -> bytes:
        handshake = bytes([message]) + len(body).to_bytes(3, "big") + body
        return b"\x16\x03\x00" + len(handshake).to_bytes(2, "big") + handshake

    hello = version.to_bytes(2, "big") + bytes(range(32)) + b"\0"
    return [
        (CLIENT, record(1, hello + b"\0\x02" + suite.to_bytes(2, "big") + b"\x01\0")),
        (SERVER, record(2, hello + suite.to_bytes(2, "big") + b"\0")),
    ]


@pytest.mark.parametrize(
    ("version", "suite", "text"),
    [
        (0x0300, 0x003C, "TLS_RSA_WITH_AES_128_CBC_SHA256 in SSL 3.0 is not opened"),
        (0x0303, 0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5 in TLS 1.2 is not opened"),
        (0x0303, 0xC07A, "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256 in TLS 1.2"),
        (0x0301, 0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 in TLS 1.0"),
        (0x0303, 0xFAFA, "0xFAFA in TLS 1.2 is not opened"),
        (0x7F1C, 0x1301, "0x7F1C is not opened"),
    ],
)
def test_what_is_not_opened_is_named(version: int, suite: int, text: str) -> None:
    outcome = decrypt(segments(hello_flights(version, suite)), KeyRing())
    assert outcome.session.hopeless
    assert text in (outcome.session.info.reason or "")
    assert_told(outcome, Unsupported, text)


def test_unanswered_hello() -> None:
    flights = hello_flights(0x0303, 0x002F)[:1]
    info = decrypt(segments(flights), KeyRing()).session.info
    assert info.reason == "the server's answer to the ClientHello is not in the capture"


def test_endless_hellos() -> None:
    hello = hello_flights(0x0303, 0x002F)[0][1]
    hellos = [hello.replace(bytes(range(20)), i.to_bytes(20, "big")) for i in range(300)]
    outcome = decrypt(segments([(CLIENT, b"".join(hellos))]), KeyRing())
    assert_told(outcome, LimitExceeded, "more than 64 handshakes")


def test_both_say_client_hello() -> None:
    hello = hello_flights(0x0303, 0x002F)[0][1]
    outcome = decrypt(segments([(CLIENT, hello), (SERVER, hello)]), KeyRing())
    assert_told(outcome, Malformed, "change roles")


def test_faults_are_bounded() -> None:
    broken = b"\x16\x03\x03\0\x04\x01\0\0\0"
    outcome = decrypt(segments([(CLIENT, broken * 5000)]), KeyRing())
    assert len(outcome.faults) == 500
    assert_told(outcome, LimitExceeded, "no more of them are told")


# Secrets stay secret


def printed(value: object, depth: int = 0) -> Iterator[str]:
    """Yield repr and str of a value and of all that hangs on it."""
    yield repr(value)
    yield str(value)
    if depth > 6 or isinstance(value, (str, bytes, int)):
        return
    if isinstance(value, dict):
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from printed(item, depth + 1)
        return
    names = list(getattr(value, "__dict__", {})) + [
        name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())
    ]
    for name in names:
        inner = getattr(value, name, None)
        # A raw secret prints itself, of course; what must not is what holds one.
        if not isinstance(inner, (bytes, bytearray, dict, int, str)) and not callable(inner):
            yield from printed(inner, depth + 1)


@pytest.mark.parametrize("kind", ["tls12-gcm", "tls12-cbc", "tls13"])
def test_nothing_prints_a_secret(kind: str) -> None:
    contexts, talk = small_talk(kind)
    secrets = [line.split()[2] for line in lines_of(contexts)]
    keys = contexts.keys()
    session = TlsSession(keys)
    for chunk in segments(talk.flights):
        list(session.push(chunk))
        for text in [*printed(session), repr(keys), str(keys)]:
            assert not any(secret.decode() in text for secret in secrets)
            assert not any(repr(bytes.fromhex(secret.decode()))[2:-1] in text for secret in secrets)


# Hostile bytes


def mutilated(data: bytes, random: Random) -> bytes:
    """Change, drop, repeat or insert some bytes, or none."""
    mutated = bytearray(data)
    for _ in range(random.choice((0, 0, 1, 3))):
        mutated[random.randrange(len(mutated))] = random.randrange(256)
    start, stop = random.randrange(len(mutated)), random.randrange(len(mutated))
    change = random.choice(("none", "none", "drop", "repeat", "insert"))
    if change == "drop":
        del mutated[start:stop]
    elif change == "repeat":
        mutated[stop:stop] = mutated[start:stop]
    elif change == "insert":
        mutated[start:start] = random.randbytes(random.randrange(40))
    return bytes(mutated)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 1 << 32), kind=st.sampled_from(sorted(KINDS)))
def test_any_bytes_give_values_or_faults(seed: int, kind: str) -> None:
    contexts, talk = small_talk(kind)
    random = Random(seed)
    flights = [(side, mutilated(sent, random)) for side, sent in talk.flights]
    cut = segments(flights, random.choice((1, 30, 200, 2000)))
    for part in cut:
        if random.random() < 4 / len(cut):
            part.gap_before = random.choice((-1, 1, 100, 10_000))
            part.gap_reason = "made"
    outcome = decrypt(cut, contexts.keys())
    # Every byte that comes out is authentic.
    for chunk in outcome.chunks:
        assert chunk.ends[-1] == len(chunk.data) > 0
        assert (
            len(chunk.ends) == len(chunk.frames) == len(chunk.time_ns) == len(chunk.first_time_ns)
        )
        assert chunk.time_ns == sorted(chunk.time_ns)
        for start, stop in pairwise([0, *chunk.ends]):
            assert chunk.data[start:stop] in talk.said[chunk.direction]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=200)), max_size=8))
def test_noise(flights: list[tuple[int, bytes]]) -> None:
    assert decrypt(segments(flights, 50), KeyRing()).chunks == []

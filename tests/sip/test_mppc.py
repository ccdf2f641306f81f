"""MPPC: Microsoft's published vectors, an encoder of its own, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated
from dissectors.sip.mppc import SIZES, History
from fixtures.workshop.sipcomp import AT_FRONT, COMPRESSED, Compressor, encode

BOTH = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)

# [MS-RDPBCGR] §3.1.8.2.3; FreeRDP tests its decoder with the same.
SOURCE = b"for.whom.the.bell.tolls,.the.bell.tolls.for.thee!"
PUBLISHED = {
    8192: "666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cf4372e66fa1f199484",
    65536: "666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cfa1b97337e87e3329080",
}


@BOTH
def test_the_published_example_is_read(size: int) -> None:
    packed = bytes.fromhex(PUBLISHED[size])
    assert History(size).decompress(packed) == (SOURCE, len(packed))


@BOTH
def test_the_tests_own_encoder_writes_the_published_example(size: int) -> None:
    tokens = [*b"for.whom.the.bell.tolls,", (16, 15), *b".f", (40, 3), (35, 3), *b"e!"]
    assert encode(size, tokens).hex() == PUBLISHED[size]


@BOTH
def test_every_offset_and_length_code_is_read(size: int) -> None:
    """The first and last value of each code, of literals as of copies."""
    filling = bytes(index * 7 % 251 for index in range(size - 5000))
    history = History(size)
    history.decompress(encode(size, list(filling)))
    said = bytearray(filling)
    edges = [1, 63, 64, 319, 320, 2367, 2368, len(filling)]
    for offset in (edge for edge in edges if edge <= len(filling)):
        for length in (3, 4, 7, 8, 15, 16, 31, 32, 127, 128):
            expected = bytearray()
            for _ in range(length):
                said.append(said[-offset])
                expected.append(said[-1])
            assert history.decompress(encode(size, [(offset, length)]))[0] == expected


@BOTH
def test_the_longest_copy_overlaps_itself(size: int) -> None:
    length = size - 2
    packed = encode(size, [0x41, 0xC2, (2, length)])
    assert History(size).decompress(packed)[0] == (b"A\xc2" * size)[:size]


@BOTH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_was_compressed_comes_back(size: int, data: st.DataObject) -> None:
    words = st.sampled_from([b"Via: SIP/2.0/TLS ", b"contoso.com", b"\r\n", b"\xc3\xa9", b"aaa"])
    pieces = st.lists(words | st.binary(min_size=1, max_size=40), min_size=1, max_size=60)
    sender, history = Compressor(size), History(size)
    for piece in data.draw(st.lists(pieces.map(b"".join), min_size=1, max_size=12)):
        flags, payload = sender.compress(piece)
        if not flags & COMPRESSED:
            history.flush()
            continue
        if flags & AT_FRONT:
            history.to_front()
        assert history.decompress(payload) == (piece, len(payload))


@BOTH
def test_a_size_bounds_what_is_said(size: int) -> None:
    packed = bytes.fromhex(PUBLISHED[size])
    said, used = History(size).decompress(packed + b"the next packet", len(SOURCE))
    assert (said, used) == (SOURCE, len(packed))


@BOTH
def test_behind_the_front_older_bytes_may_be_said_again(size: int) -> None:
    """RFC 2118 §4: offsets go round the end of the history."""
    history = History(size)
    full = bytes(range(65, 91)) * (size // 26)
    history.decompress(encode(size, list(full)))
    history.decompress(encode(size, [(26, size % 26)] if size % 26 > 2 else [65, 66][: size % 26]))
    history.to_front()
    last = (bytes(range(65, 91)) * size)[size - 8 : size]
    assert history.decompress(encode(size, [(8, 8)]))[0] == last


@BOTH
@pytest.mark.parametrize("cut", range(1, 33))
def test_a_cut_packet_says_less_or_fails(size: int, cut: int) -> None:
    packed = bytes.fromhex(PUBLISHED[size])[:cut]
    try:
        said, used = History(size).decompress(packed)
    except Truncated:
        return
    assert SOURCE.startswith(said)
    assert used <= cut


@pytest.mark.parametrize(
    ("tokens", "error"),
    [
        ([0x41, (2, 3)], Malformed),  # before the first byte
        ([0x41, (8300, 3)], Malformed),  # beyond the history
        ([0x41, (1, 4000), (1, 4000), (1, 500)], LimitExceeded),
    ],
)
def test_what_cannot_be_is_refused(
    tokens: list[int | tuple[int, int]], error: type[DissectError]
) -> None:
    with pytest.raises(error):
        History(8192).decompress(encode(8192, tokens))


def test_a_length_code_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Malformed, match="length code"):
        History(8192).decompress(b"A" + b"\xff" * 8)


@BOTH
@settings(max_examples=100, deadline=None)
@given(packets=st.lists(st.binary(max_size=300), max_size=6), front=st.booleans())
def test_any_bytes_give_bytes_or_an_error(size: int, packets: list[bytes], front: bool) -> None:
    history = History(size)
    for packet in packets:
        if front:
            history.to_front()
        before = history.copy()
        try:
            said, used = history.decompress(packet)
        except DissectError:
            history = before
            continue
        assert len(said) <= size
        assert used <= len(packet)


def test_a_copy_goes_its_own_way() -> None:
    history = History(8192)
    history.decompress(encode(8192, list(b"abcdef")))
    twin = history.copy()
    history.decompress(encode(8192, list(b"ghi")))
    assert twin.decompress(encode(8192, [(3, 3)]))[0] == b"def"
    assert history.decompress(encode(8192, [(3, 3)]))[0] == b"ghi"

"""Fragments in any order, twice, overlapping, missing, or sent to exhaust memory."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed
from dissectors.net.defragment import Datagram, Defragmenter, Fragment

SECOND = 10**9
DATA = random.Random(5).randbytes(4000)


def piece(
    begin: int,
    end: int,
    *,
    data: bytes = DATA,
    last: bool = False,
    key: object = "key",
    v4: bool = True,
    frame: int = 1,
    time_ns: int = 0,
) -> Fragment:
    return Fragment(
        key=key,
        overlap_allowed=v4,
        offset=begin,
        more=not last,
        payload=data[begin:end],
        missing=0,
        header=b"header" if begin == 0 else b"not this one",
        frame_number=frame,
        time_ns=time_ns,
        wire_length=end - begin + 34,
    )


def pushed(
    fragments: Iterable[Fragment], defragmenter: Defragmenter | None = None
) -> tuple[list[Datagram], list[DissectError]]:
    defragmenter = Defragmenter() if defragmenter is None else defragmenter
    made = [item for fragment in fragments for item in defragmenter.push(fragment)]
    whole = [item for item in made if isinstance(item, Datagram)]
    return whole, [item for item in made if isinstance(item, DissectError)]


@given(st.sets(st.integers(1, 499), max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_any_cut_in_any_order(cuts: set[int], rng: random.Random, v4: bool) -> None:
    ends = [8 * cut for cut in sorted(cuts)] + [4000]
    fragments = [
        piece(begin, end, last=end == 4000, v4=v4)
        for begin, end in zip([0, *ends], ends, strict=False)
    ]
    rng.shuffle(fragments)
    whole, errors = pushed(fragments)
    assert [made.payload for made in whole] == [DATA]
    assert whole[0].header == b"header"
    assert whole[0].wire_length == 4000 + 34 * len(fragments)
    assert not errors


@given(
    st.lists(st.tuples(st.integers(0, 250), st.integers(1, 60)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_ipv4_overlaps_of_the_same_bytes(spans: list[tuple[int, int]], rng: random.Random) -> None:
    data = DATA[:2000]
    fragments = [
        piece(8 * at, min(8 * (at + size), 1992), data=data) for at, size in spans if at < 249
    ]
    fragments += [piece(0, 1000, data=data), piece(1000, 2000, data=data, last=True)]
    rng.shuffle(fragments)
    defragmenter = Defragmenter()
    whole, errors = pushed(fragments, defragmenter)
    assert whole
    assert {made.payload for made in whole} == {data}
    assert not errors


def test_the_first_copy_of_a_byte_wins() -> None:
    old, new = b"A" * 64, b"B" * 64
    fragments = [
        piece(8, 24, data=old),
        piece(40, 48, data=old),
        piece(0, 64, data=new, last=True),
    ]
    (made,), errors = pushed(fragments)
    assert made.payload == b"B" * 8 + b"A" * 16 + b"B" * 16 + b"A" * 8 + b"B" * 16
    (error,) = errors
    assert "differ" in error.summary


def test_overlapping_fragments_that_agree_are_not_told() -> None:
    data = bytes(range(64))
    fragments = [
        piece(8, 24, data=data),
        piece(16, 48, data=data),
        piece(0, 64, data=data, last=True),
    ]
    (made,), errors = pushed(fragments)
    assert made.payload == data
    assert not errors


def test_ipv6_overlaps_spoil_the_datagram() -> None:
    overlapping = [piece(0, 1000, v4=False), piece(992, 2000, v4=False)]
    rest = [piece(2000, 4000, last=True, v4=False), piece(1000, 2000, v4=False)]
    defragmenter = Defragmenter()
    whole, errors = pushed(overlapping + rest, defragmenter)
    assert not whole
    assert [(type(error), error.spec) for error in errors] == [(Malformed, "RFC 5722 §4")]
    assert not list(defragmenter.finish())  # told already


def test_ipv6_copies_are_no_overlap() -> None:
    fragments = [piece(0, 1000, v4=False)] * 3 + [piece(1000, 4000, last=True, v4=False)]
    whole, errors = pushed(fragments)
    assert [made.payload for made in whole] == [DATA]
    assert not errors


def test_datagrams_are_told_apart() -> None:
    fragments = [piece(0, 800, key=1), piece(0, 1600, key=2), piece(800, 4000, key=1, last=True)]
    whole, _ = pushed([*fragments, piece(1600, 4000, key=2, last=True)])
    assert [made.payload for made in whole] == [DATA, DATA]


def test_what_never_comes_is_told_in_time() -> None:
    defragmenter = Defragmenter()
    pushed([piece(0, 800, frame=3, time_ns=5), piece(1600, 4000, last=True, frame=4)], defragmenter)
    assert not list(defragmenter.expire(30 * SECOND))
    (error,) = defragmenter.expire(30 * SECOND + 6)
    assert isinstance(error, Lost)
    assert (error.frame_number, error.time_ns) == (3, 5)
    assert "after 30 s: 3200 of 4000 bytes" in error.summary
    assert not len(defragmenter)


def test_what_never_comes_is_told_at_the_end() -> None:
    defragmenter = Defragmenter()
    pushed([piece(0, 800)], defragmenter)
    (error,) = defragmenter.finish()
    assert "at the end of the capture: 800 of an unknown number of bytes" in error.summary


def test_copies_behind_the_whole_are_not_missing_anything() -> None:
    """A mirror port shows each packet twice: 1 1 2 2, or 1 2 1 2."""
    first, last = piece(0, 2000), piece(2000, 4000, last=True)
    defragmenter = Defragmenter()
    whole, errors = pushed([first, first, last, last], defragmenter)
    assert (len(whole), errors) == (1, [])
    assert not list(defragmenter.finish())
    whole, errors = pushed([first, last, first, last])
    assert (len(whole), errors) == (2, [])


def test_an_identification_used_again_is_another_datagram() -> None:
    other = bytes(4000)
    fragments = [piece(0, 2000), piece(2000, 4000, last=True)]
    again = [piece(0, 2000, data=other), piece(2000, 4000, data=other, last=True)]
    whole, errors = pushed(fragments + again)
    assert [made.payload for made in whole] == [DATA, other]
    assert not errors


@pytest.mark.parametrize(
    ("fragments", "told"),
    [
        ([piece(65528, 65536, data=bytes(70_000))], "beyond the largest datagram"),
        ([piece(8, 8)], "without payload"),
        ([piece(2000, 3000, last=True), piece(2000, 2500, last=True)], "contradicts"),
        ([piece(2000, 3000), piece(1000, 2000, last=True)], "ends before another"),
        ([piece(2000, 3000, last=True), piece(2496, 3496)], "beyond the last one"),
        ([piece(2000, 3000, last=True), piece(3496, 3600)], "beyond the last one"),
    ],
)
def test_fragments_that_contradict(fragments: list[Fragment], told: str) -> None:
    whole, errors = pushed(fragments)
    assert not whole
    assert [type(error) for error in errors] == [Malformed]
    assert told in errors[0].summary


def test_what_reaches_beyond_the_last_fragment_is_trimmed() -> None:
    """The shape of the "teardrop" attack; receivers take what is inside."""
    data = DATA[:3000]
    (made,), errors = pushed([piece(2000, 3000, data=data, last=True), piece(0, 3600)])
    assert made.payload == data
    assert len(errors) == 1


def test_too_many_datagrams() -> None:
    defragmenter = Defragmenter(max_datagrams=100)
    _, errors = pushed((piece(0, 8, key=key) for key in range(1000)), defragmenter)
    assert len(defragmenter) == 100
    assert [type(error) for error in errors] == [LimitExceeded] * 900


def test_too_many_bytes() -> None:
    defragmenter = Defragmenter(max_bytes=100_000)
    _, errors = pushed((piece(0, 4000, key=key) for key in range(1000)), defragmenter)
    assert len(defragmenter) == 24  # with what each costs beside its bytes
    assert {type(error) for error in errors} == {LimitExceeded}


def test_tiny_fragments_cost_what_they_cost() -> None:
    """Each byte sent as a fragment of eight must not become a hundred in memory, uncounted."""
    defragmenter = Defragmenter(max_bytes=1 << 20)
    fragments = (
        piece(16 * at, 16 * at + 8, data=bytes(65536), key=key)
        for key in range(4)
        for at in range(4000)
    )
    _, errors = pushed(fragments, defragmenter)
    assert {type(error) for error in errors} == {LimitExceeded}


@given(
    st.lists(
        st.builds(
            lambda at, size, last, key, v4, ms: piece(
                8 * at, 8 * at + size, last=last, key=key, v4=v4, time_ns=ms * 10**9
            ),
            st.integers(0, 60),
            st.integers(0, 200),
            st.booleans(),
            st.integers(0, 1),
            st.booleans(),
            st.integers(0, 60),
        ),
        max_size=30,
    )
)
def test_any_fragments(fragments: list[Fragment]) -> None:
    """What comes out is made of what came in, and the accounts are even in the end."""
    defragmenter = Defragmenter()
    whole, _ = pushed(fragments, defragmenter)
    for made in whole:
        assert made.payload == DATA[: len(made.payload)]
    list(defragmenter.finish())
    assert len(defragmenter) == 0
    assert defragmenter._cost == 0

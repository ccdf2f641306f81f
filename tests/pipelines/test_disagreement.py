"""Two views compared: what is alike, missing, extra, moved, out of order."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.disagreement import Disagreement, Seen, compare

A = Seen(1, "INVITE", None, "a", 1)
B = Seen(1, "INVITE", 180, "a", 1)
C = Seen(5, "BYE", None, "a", 2)


def test_the_same() -> None:
    assert compare([A, B, C], [A, B, C]) == (3, [])
    assert compare([], []) == (0, [])


def test_missing_and_extra() -> None:
    assert compare([A, C], [A]) == (1, [Disagreement("missing", C, None)])
    assert compare([A], [A, C]) == (1, [Disagreement("extra", None, C)])
    assert compare([A, A], [A]) == (1, [Disagreement("missing", A, None)])


def test_different_in_one_frame() -> None:
    assert compare([A, C], [B, C]) == (1, [Disagreement("different", A, B)])


def test_the_same_in_another_frame() -> None:
    moved = C._replace(frame_number=7)
    assert compare([A, C], [A, moved]) == (1, [Disagreement("different", C, moved)])


def test_another_order_within_a_frame() -> None:
    agreed, found = compare([A, B, C], [B, A, C])
    assert agreed == 1
    assert found == [Disagreement("different", A, B), Disagreement("different", B, A)]


def test_the_order_of_frames_does_not_matter() -> None:
    """We sort by time, tshark by frame: they differ where a clock ran backwards."""
    assert compare([C, A, B], [A, B, C]) == (3, [])


rows = st.lists(
    st.builds(
        Seen,
        st.integers(1, 4),
        st.sampled_from(("INVITE", "BYE", None)),
        st.sampled_from((None, 200)),
        st.sampled_from(("a", "b", None)),
        st.sampled_from((1, None)),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(rows, rows)
def test_each_message_is_told_once(ours: list[Seen], theirs: list[Seen]) -> None:
    agreed, found = compare(ours, theirs)
    assert agreed + sum(one.ours is not None for one in found) == len(ours)
    assert agreed + sum(one.theirs is not None for one in found) == len(theirs)
    assert [one.frame_number for one in found] == sorted(one.frame_number for one in found)
    by_frame = [sorted(side, key=lambda row: row.frame_number) for side in (ours, theirs)]
    assert (not found) == (by_frame[0] == by_frame[1])


def test_many_messages_take_no_longer_than_they_must() -> None:
    many = [Seen(n // 100, "INVITE", None, str(n), 1) for n in range(100_000)]
    other = random.Random(1).sample(many, len(many))
    agreed, found = compare(many, other)
    assert agreed + len(found) == len(many)

"""Availability and its words."""

from __future__ import annotations

import doctest

import pytest

from dissectors.presence import availability
from dissectors.presence.availability import presence_word, spelled_presence

# The numbers that clients publish, and the first and last of each range.
PUBLISHED = [
    *((0, "unknown"), (2999, "unknown"), (3000, "online"), (3500, "online"), (4499, "online")),
    *((4500, "idle"), (5999, "idle"), (6000, "busy"), (6500, "busy"), (7000, "busy")),
    *((7499, "busy"), (7500, "busy-idle"), (8999, "busy-idle"), (9000, "do-not-disturb")),
    *((9500, "do-not-disturb"), (11999, "do-not-disturb"), (12000, "be-right-back")),
    *((12500, "be-right-back"), (14999, "be-right-back"), (15000, "away"), (15500, "away")),
    *((17999, "away"), (18000, "offline"), (18500, "offline"), (10**17, "offline")),
]


def test_examples() -> None:
    assert doctest.testmod(availability) == (0, 2)


@pytest.mark.parametrize(("number", "word"), PUBLISHED)
def test_words_of_numbers(number: int, word: str) -> None:
    assert presence_word(number) == word


@pytest.mark.parametrize("number", [None, -1])
def test_what_is_no_availability_has_no_word(number: int | None) -> None:
    assert presence_word(number) is None


@pytest.mark.parametrize(
    ("word", "presence"),
    [
        ("onthephone", "busy"),
        ("on-the-phone", "busy"),
        (" Away ", "away"),
        ("berightback", "be-right-back"),
        ("outtolunch", None),
        ("juggling", None),
        ("", None),
        (None, None),
    ],
)
def test_words_of_other_vocabularies(word: str | None, presence: str | None) -> None:
    assert spelled_presence(word) == presence

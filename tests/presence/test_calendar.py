"""Free and busy; numpy unpacks the bits for comparison."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.markup import Element
from dissectors.presence.calendar import MAX_SLOTS, FreeBusy, calendar_of

STATUS = ("free", "tentative", "busy", "out-of-facility")


def _free_busy(text: str, problems: list[str]) -> FreeBusy:
    slots = Element("freeBusy", {"granularity": "PT15M"}, [], text)
    (found,) = calendar_of(Element("calendarData", {}, [slots], ""), problems).free_busy
    return found


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_slots_are_pairs_of_bits_the_lowest_first(packed: bytes) -> None:
    problems: list[str] = []
    found = _free_busy(base64.b64encode(packed).decode(), problems)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little").reshape(-1, 2)
    wanted = [STATUS[low + 2 * high] for low, high in bits.tolist()]
    assert [span.status for span in found.spans for _ in range(span.count)] == wanted
    assert found.slots == len(wanted)
    assert not problems
    neighbours = zip(found.spans, found.spans[1:], strict=False)
    assert all(a.first + a.count == b.first and a.status != b.status for a, b in neighbours)


def test_white_space_in_base64_is_nothing() -> None:
    problems: list[str] = []
    assert _free_busy("\n /w \r\n == ", problems).slots == 4
    assert not problems


def test_missing_padding_is_nothing() -> None:
    problems: list[str] = []
    assert _free_busy("/w", problems) == _free_busy("/w==", problems)
    assert not problems


@pytest.mark.parametrize("text", ["AA*A", "A", "AAAAA", "Ä" * 4, "\0\0\0\0"])
def test_what_is_no_base64_is_told(text: str) -> None:
    problems: list[str] = []
    assert _free_busy(text, problems).spans == ()
    assert problems[0].startswith("freeBusy is no base64: ")


def test_an_endless_calendar_is_bounded() -> None:
    problems: list[str] = []
    packed = bytes(range(256)) * 100
    found = _free_busy(base64.b64encode(packed).decode(), problems)
    assert found.slots == MAX_SLOTS == sum(span.count for span in found.spans)
    assert problems == [f"freeBusy has {len(packed) * 4} slots; the first {MAX_SLOTS} were read"]

"""The table of error ids, and what is a failure."""

from __future__ import annotations

import re

import pytest

from dissectors.sip.diagnostics import COMPONENTS
from pipelines.diagnostic_codes import codes_of, diagnostic_code, diagnostic_codes, is_failure

CODES = diagnostic_codes()


def test_the_table_is_whole_and_in_order() -> None:
    assert len(CODES) == 221
    assert list(CODES) == sorted(CODES)
    assert {one.outcome for one in CODES.values()} == {"failure", "progress", "success", "user"}
    assert {one.certainty for one in CODES.values()} == {"documented", "third party", "uncertain"}


@pytest.mark.parametrize("code", CODES)
def test_each_id_is_told_in_a_sentence_with_its_source(code: int) -> None:
    one = CODES[code]
    assert re.fullmatch(r"[A-Z].*[^.]\.", one.meaning)
    assert one.source
    assert one.component is not None
    assert one.sip_status is None or 100 < one.sip_status < 700
    if one.outcome == "progress" and one.sip_status:
        assert one.sip_status == 101
    if "from memory" in one.source:
        assert one.certainty == "uncertain"


def test_look_ups() -> None:
    one = diagnostic_code(1010)
    assert one is not None
    assert (one.component, one.sip_status, one.status_seen) == ("SIP stack", 504, True)
    expected = diagnostic_code(1008)
    assert expected is not None
    assert (expected.sip_status, expected.status_seen) == (504, False)
    assert diagnostic_code(999999) is None


def test_search_by_component_and_by_meaning() -> None:
    assert {one.component for one in codes_of("presence")} >= {"presence"}
    assert 2157 in {one.code for one in codes_of("PRESENCE")}
    assert 30000 in {one.code for one in codes_of("push notification")}
    assert list(codes_of("no such words")) == []
    names = [name for _, _, name in COMPONENTS]
    assert all(name in names for name in {one.component for one in codes_of("")})


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [
        (1010, 504, True),
        (1010, 200, False),
        (1010, 101, False),
        (1000, 401, False),
        (1000, 407, False),
        (1000, 403, True),
        (30000, 200, False),
        (30000, None, False),
        (51007, None, False),
        (51004, None, False),
        (51004, 603, False),
        (12006, None, False),
        (23, None, True),
        (99999, None, None),
        (99999, 500, True),
        (99999, 180, False),
        (60001, 500, False),
        (61001, None, True),
        (62999, 480, True),
    ],
)
def test_what_is_a_failure(code: int, status: int | None, failure: bool | None) -> None:
    assert is_failure(code, status) is failure

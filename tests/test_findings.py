"""What the rules find in every fixture is what was expected, and the page in docs says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.findings_matrix import FIXTURES, cases, counts, page

DOCUMENT = Path(__file__).parents[1] / "docs" / "findings.md"


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_what_is_found_is_what_was_expected(case: Path) -> None:
    expected = json.loads((case.parent / "expected" / "findings.json").read_text())
    assert counts(case) == expected[case.name]


def test_no_expectation_is_left_over() -> None:
    named = {
        path.parents[1] / name
        for path in FIXTURES.glob("*/expected/findings.json")
        for name in json.loads(path.read_text())
    }
    assert named == set(cases())


def test_the_page_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page(), "python -m tests.findings_matrix"

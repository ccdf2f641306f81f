"""docs/conformance.md is up to date, and no capture is seen otherwise than by tshark."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.workshop import tshark_view
from tests.oracle import conformance

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


@pytest.mark.oracle
@pytest.mark.corpus
@pytest.mark.parametrize("capture", conformance.captures(), ids=lambda path: path.name)
def test_a_capture_is_seen_as_tshark_sees_it(capture: Path) -> None:
    compared = conformance.compare(capture)
    assert compared.agrees
    if f"tshark {tshark_view.version()} " in PAGE.read_text("utf-8"):
        assert compared.row() in PAGE.read_text("utf-8").splitlines()


@pytest.mark.corpus
def test_the_page_has_every_capture_and_no_other() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    names = [row.split()[1] for row in rows[2:]]
    assert names == [str(path.relative_to(conformance.CORPUS)) for path in conformance.captures()]

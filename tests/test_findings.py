"""What the rules find in the fixtures: what is expected of each capture, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.workshop.expected import read
from pipelines import read_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = [
    pytest.param(path.parents[1], name, counts, id=f"{path.parents[1].name}-{name}")
    for path in sorted(FIXTURES.glob("*/expected/findings.json"))
    for name, counts in json.loads(path.read_text()).items()
]


@pytest.mark.parametrize(("folder", "capture", "counts"), CASES)
def test_findings(folder: Path, capture: str, counts: dict[str, int]) -> None:
    keys = read(folder, "truth")["captures"][capture]["keys"]
    trace = read_capture(folder / capture, keys=[folder / keys] if keys else [], workers=1)
    found = trace.findings
    assert found.groupby("rule", observed=True)["count"].sum().to_dict() == counts, (
        found.to_string()
    )

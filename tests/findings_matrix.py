"""What every rule finds in every fixture: ``python -m tests.findings_matrix > docs/findings.md``.

Each folder's ``expected/findings.json`` names its captures and logs, and of each the rules that
find something and in how many findings. ``python -m tests.findings_matrix --record`` writes these
files anew: to be looked at line by line before they are believed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import pipelines.rules  # noqa: F401  (importing it fills the registry)
from fixtures.workshop.expected import read
from pipelines import read_capture
from pipelines.finding import rules

FIXTURES = Path(__file__).parents[1] / "fixtures"
_HEAD = """# What is found where

What the rules find in the fixtures: error, warning or note, and how often where it is more than
once. Written by `python -m tests.findings_matrix`; a test keeps it current.
"""


def cases() -> list[Path]:
    """Return the captures and logs of all fixtures that have a scripted truth."""
    return [
        folder / name
        for folder in sorted(FIXTURES.iterdir())
        for truth in [read(folder, "truth")]
        for name in sorted([*truth.get("captures", {}), *truth.get("logs", {})])
    ]


@cache
def found(case: Path) -> dict[str, tuple[int, str]]:
    """Return for each rule that finds something how often, and its worst severity."""
    truth = read(case.parent, "truth")
    told = truth.get("captures", {}).get(case.name, {}) | truth.get("logs", {}).get(case.name, {})
    keys = [case.parent / told["keys"]] if told.get("keys") else []
    more = {"timezone": told["timezone"]} if "timezone" in told else {}
    findings = read_capture(case, keys=keys, workers=1, **more).findings  # worst first
    names = findings["rule"].astype(str)
    worst = findings.assign(rule=names).drop_duplicates("rule").set_index("rule")["severity"]
    return {
        name: (int(count), str(worst[name])) for name, count in sorted(names.value_counts().items())
    }


def counts(case: Path) -> dict[str, int]:
    """Return how many findings each rule has."""
    return {name: count for name, (count, _) in found(case).items()}


def _lines() -> Iterator[str]:
    loud = [case for case in cases() if found(case)]
    fired = sorted({name for case in loud for name in found(case)})
    yield _HEAD
    yield f"| fixture | {' | '.join(f'`{name}`' for name in fired)} |"
    yield "| --- " * (len(fired) + 1) + "|"
    for case in loud:
        cells = [_cell(*found(case).get(name, (0, ""))) for name in fired]
        yield f"| {case.parent.name}/{case.name} | {' | '.join(cells)} |"
    yield "\nNothing is found in\n"
    yield from _by_folder(case for case in cases() if case not in loud)
    yield "\nNo fixture shows what these rules look for:\n"
    yield from (f"- `{name}`: {rules[name].doc}" for name in sorted(set(rules) - set(fired)))


def _cell(count: int, severity: str) -> str:
    return f"{severity} × {count}" if count > 1 else severity


def _by_folder(quiet: Iterable[Path]) -> Iterator[str]:
    for folder, group in groupby(quiet, key=lambda case: case.parent):
        yield f"- {folder.name}: {', '.join(case.name for case in group)}"


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + "\n"


def record() -> None:
    """Write ``expected/findings.json`` of all fixtures."""
    by_folder: dict[Path, dict[str, dict[str, int]]] = {}
    for case in cases():
        by_folder.setdefault(case.parent, {})[case.name] = counts(case)
    for folder, value in by_folder.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(rules)}" for name, rules in value.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (folder / "expected" / "findings.json").write_text(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        sys.stdout.write(page())

"""The rules as text for a terminal: what each finds, and its thresholds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pipelines import rules as _registered  # noqa: F401  (importing it fills the registry)
from pipelines.finding import Rule, rules

_WIDTH = 100


def rules_text() -> str:
    """Return every rule with its severity, what it finds, and its thresholds."""
    return "\n".join(line for name in sorted(rules) for line in _lines(rules[name]))


def _lines(one: Rule) -> Iterator[str]:
    yield f"{one.name} ({one.severity})"
    yield from textwrap.wrap(one.doc, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    for threshold in one.thresholds:
        text = f"--set {one.name}.{threshold.name}={threshold.value:g}  {threshold.doc}"
        yield from textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="      ")

"""The contract of a rule: tables in, findings out; and how findings become one table.

A rule is one file in :mod:`pipelines.rules` with one function, registered by :func:`rule`. It is
pure: DataFrames in, :class:`Finding` objects out, no I/O, no clock. What it calls too slow or too
many stands in :class:`Threshold` objects, which ``--rules`` lists and ``--set`` changes. A capture
of a healthy system gives no finding: in doubt a rule is silent.

::

    @rule(
        "slow_ringback",
        "warning",
        Threshold("ringback_s", 5.0, "Seconds to the first 180 or 183 from which a call is slow."),
        calls=("call_id", "call_key", "to_uri", "start_time", "ringback_delay_s"),
    )
    def slow_ringback(calls: pd.DataFrame, *, ringback_s: float) -> Iterator[Finding]:
        \"\"\"Find calls whose caller hears nothing for a long time.\"\"\"
        for row in calls[calls["ringback_delay_s"] >= ringback_s].itertuples():
            yield Finding(
                title="The caller hears nothing for a long time",
                subject=row.to_uri,
                start_time=row.start_time,
                evidence=(message(row.call_key),),
                explanation="Nothing rang for …",
                advice="Look at …",
                reference="RFC 6076 §4.3",
            )

The function's docstring is what ``--rules`` prints. Findings of one rule that are equal in
severity, title and subject become one, with a count, the earliest time and the first evidence: a
title does not hold what differs from occurrence to occurrence, such as a delay. The explanation
may: that of the first occurrence is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
import pyarrow as pa

from dissectors.errors import Severity
from dissectors.registry import Registry
from pipelines.arrow_rows import Row, arrow_table
from pipelines.errors import UsageError
from pipelines.needs import Needs, Wanted, needs_of
from pipelines.schema import FINDINGS

EVIDENCE_LIMIT = 20
"""Pieces of evidence that one finding names; its count tells of all."""

SUBJECT_LIMIT = 1000
"""Findings of one rule; what it finds beyond them is counted in one more."""

_WORST_FIRST: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, said so that a person can act on it."""

    title: str
    """What is wrong, in a line that is the same for every occurrence."""
    subject: str | None
    """What it is wrong with: a host, a URI, a conference; None when it is the whole run."""
    start_time: pd.Timestamp | None
    """When it was first seen, UTC; None (or NaT) when no time can be told."""
    evidence: tuple[str, ...]
    """Where to look: made by :func:`message`, :func:`flow` and :func:`frame`."""
    explanation: str
    """What was seen, and what it means."""
    advice: str
    """What to do about it."""
    reference: str | None = None
    """The standard, or Microsoft's page, that says so."""
    severity: Severity | None = None
    """``error``, ``warning`` or ``note``; None is the rule's own."""
    count: int = 1
    """How often it occurred."""


def message(message_id: object) -> str:
    """Return the evidence that is a SIP message, by its id in `messages`."""
    return f"message {message_id}"


def flow(flow_id: object) -> str:
    """Return the evidence that is a connection or conversation, by its id in `flows`."""
    return f"flow {flow_id}"


def frame(capture: object, frame_number: object) -> str:
    """Return the evidence that is a frame of a capture."""
    return f"frame {frame_number} of {capture}"


# --- rules --------------------------------------------------------------------------------------

RuleFunction = Callable[..., Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a rule compares with."""

    name: str
    """Name of the keyword argument that the rule's function takes."""
    value: float
    """Value unless ``--set RULE.NAME=VALUE`` gives another."""
    doc: str
    """What it means, with its unit and where the value comes from."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One registered rule."""

    name: str
    """Name in `findings`, and of its module."""
    severity: Severity
    """Severity of its findings, unless they say another."""
    thresholds: tuple[Threshold, ...]
    """The numbers that it compares with."""
    needs: dict[str, Needs]
    """What it reads of the tables, by its keyword arguments."""
    whole: bool
    """Whether it is given whole tables, or portions of whole Call-IDs."""
    function: RuleFunction
    """Takes the tables and the thresholds as keyword arguments, gives findings."""

    @property
    def doc(self) -> str:
        """What it finds, in a line."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def values(self, settings: Mapping[str, float]) -> dict[str, float]:
        """Return the thresholds' values by name, those in `settings` (``RULE.NAME``) first."""
        return {
            one.name: settings.get(f"{self.name}.{one.name}", one.value) for one in self.thresholds
        }


rules: Registry[str, Rule] = Registry("rule")
"""Name → rule; filled when :mod:`pipelines.rules` is imported."""


def rule(
    name: str,
    severity: Severity,
    *thresholds: Threshold,
    whole: bool = False,
    **needs: Wanted,
) -> Callable[[RuleFunction], RuleFunction]:
    """Return a decorator that registers a function as a rule.

    Parameters
    ----------
    name : str
        Name in `findings`: that of its module.
    severity : {'error', 'warning', 'note'}
        Severity of its findings, unless they say another.
    *thresholds : Threshold
        The numbers that it compares with; each is passed as a keyword argument.
    whole : bool
        True hands the tables over whole. Otherwise a long capture comes in several portions of
        whole Call-IDs, so that every table must be read with its ``call_id``: for rules that look
        at one call at a time. Rows are in order of time either way.
    **needs : tuple of str, or Selection
        For each table that the function takes, the columns that it reads;
        :func:`pipelines.needs.only` leaves out rows too.

    Raises
    ------
    ValueError
        When it takes no table, or portions of a table without ``call_id``.
    """
    read = needs_of(needs)
    if not read or not (whole or all("call_id" in one.columns for one in read.values())):
        raise ValueError(f"rule {name!r} needs tables: with call_id, or whole=True")

    def enter(function: RuleFunction) -> RuleFunction:
        rules.register(name)(Rule(name, severity, thresholds, read, whole, function))
        return function

    return enter


def check_settings(settings: Mapping[str, float]) -> None:
    """Check that each setting names a threshold of a rule.

    Raises
    ------
    UsageError
        When one does not.
    """
    known = [f"{name}.{one.name}" for name in rules for one in rules[name].thresholds]
    for name in settings:
        if name not in known:
            raise UsageError(
                f"{name}: no rule has this threshold; known are {', '.join(sorted(known))}"
            )


# --- findings → rows ----------------------------------------------------------------------------


_Key = tuple[str, "Severity | None", "str | None", "str | None"]
"""Rule, severity, title, subject."""


@dataclass(slots=True)
class Findings:
    """Collects what rules find; equal findings become one."""

    _by_key: dict[_Key, Finding] = field(default_factory=dict)
    _per_rule: dict[str, int] = field(default_factory=dict)

    def add(self, one: Rule, found: Iterable[Finding]) -> None:
        """Add the findings of a rule."""
        for finding in found:
            severity = finding.severity or one.severity
            self._add(one.name, replace(finding, severity=severity))

    def _add(self, name: str, finding: Finding) -> None:
        key: _Key = (name, finding.severity, finding.title, finding.subject)
        if key not in self._by_key:
            self._per_rule[name] = self._per_rule.get(name, 0) + 1
            if self._per_rule[name] > SUBJECT_LIMIT:
                finding = _further(finding)
                key = (name, None, None, None)
        before = self._by_key.get(key)
        self._by_key[key] = _joined(before, finding) if before else _joined(finding)

    def table(self) -> pa.Table:
        """Return the table `findings`, worst and most frequent first, categories as plain text."""
        rows = [_row(key[0], finding) for key, finding in self._by_key.items()]
        return arrow_table(FINDINGS, sorted(rows, key=_rank))


def _further(finding: Finding) -> Finding:
    return replace(
        finding,
        title=f"Further findings of this rule, beyond {SUBJECT_LIMIT:,}",
        subject=None,
        explanation="So many differ in their subject that they are counted here only.",
    )


def _joined(first: Finding, *others: Finding) -> Finding:
    """Return one finding for several: those that came first speak, all count."""
    evidence = dict.fromkeys(piece for one in (first, *others) for piece in one.evidence)
    times = [one.start_time for one in (first, *others) if not pd.isna(one.start_time)]
    return replace(
        first,
        count=sum(one.count for one in (first, *others)),
        start_time=min(times, default=None),
        evidence=tuple(evidence)[:EVIDENCE_LIMIT],
    )


def _row(name: str, finding: Finding) -> Row:
    return (
        name,
        finding.severity,
        finding.title,
        finding.subject,
        finding.start_time.as_unit("ns").value if finding.start_time is not None else None,
        finding.count,
        list(finding.evidence),
        finding.explanation,
        finding.advice,
        finding.reference,
    )


def _rank(row: Row) -> tuple[int, int, bool, int, str]:
    """Order by severity, then by how often it hurt, then by time (without one: last), then rule."""
    rule_name, severity, _, _, time_ns, count, *_ = row
    return _WORST_FIRST.index(severity), -count, time_ns is None, time_ns or 0, rule_name

"""The table of what is wrong."""

from __future__ import annotations

from pipelines.schema.column import Column, Table

FINDINGS = Table(
    "findings",
    "One row per thing that is wrong, the worst first, and of these what happened most often.",
    (
        Column("rule", "category", "Rule that found it; `summarize --rules` lists them."),
        Column("severity", "category", "error, warning or note."),
        Column("title", "text", "What is wrong, in a line."),
        Column("subject", "text", "What it is wrong with: a host, a URI, a conference."),
        Column("start_time", "time", "When it was first seen."),
        Column("count", "integer", "How often it occurred."),
        Column(
            "evidence",
            "texts",
            "Where to look, of the first occurrences: `message ID`, `flow ID`, `frame NUMBER of "
            "CAPTURE`.",
        ),
        Column("explanation", "text", "What was seen, and what it means."),
        Column("advice", "text", "What to do about it."),
        Column("reference", "text", "Standard or page that says so; missing without one."),
    ),
)

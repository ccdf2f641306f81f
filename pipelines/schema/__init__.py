"""Every table and every column: the one place that names them.

Arrow, pandas, Parquet, CSV and the documentation all derive from :data:`TABLES`.

Conventions: times are UTC with nanoseconds; durations are seconds and end in ``_s``; sizes are
bytes; addresses are text; what is not known is missing, never 0 and never an empty string.
"""

from __future__ import annotations

from pipelines.schema.calls import CALL_LEGS, CALLS, FAILURES, SESSION_TIMERS
from pipelines.schema.captures import CAPTURES, EXPERT, FLOWS, TLS_SESSIONS
from pipelines.schema.column import Column, Kind, Table
from pipelines.schema.conferences import (
    CONFERENCE_COMMANDS,
    CONFERENCE_INVITES,
    CONFERENCE_JOINS,
    CONFERENCE_PARTICIPANTS,
)
from pipelines.schema.findings import FINDINGS
from pipelines.schema.media import MEDIA_STREAMS, QUALITY_REPORTS
from pipelines.schema.messages import (
    BODIES,
    CLOCK_OFFSETS,
    DIAGNOSTICS,
    DIALOGS,
    HOPS,
    LOG_DIAGNOSTICS,
    MESSAGES,
    TRANSACTIONS,
)
from pipelines.schema.users import PRESENCE, PUSH_NOTIFICATIONS, REGISTRATIONS, SUBSCRIPTIONS

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CAPTURES,
        FLOWS,
        TLS_SESSIONS,
        MESSAGES,
        BODIES,
        DIAGNOSTICS,
        TRANSACTIONS,
        HOPS,
        CLOCK_OFFSETS,
        DIALOGS,
        CALLS,
        CALL_LEGS,
        SESSION_TIMERS,
        PRESENCE,
        SUBSCRIPTIONS,
        CONFERENCE_INVITES,
        CONFERENCE_COMMANDS,
        CONFERENCE_PARTICIPANTS,
        CONFERENCE_JOINS,
        PUSH_NOTIFICATIONS,
        REGISTRATIONS,
        LOG_DIAGNOSTICS,
        FAILURES,
        MEDIA_STREAMS,
        QUALITY_REPORTS,
        FINDINGS,
        EXPERT,
    )
}
"""Every table by its name, in the order in which people read them."""


__all__ = [
    "BODIES",
    "CALLS",
    "CALL_LEGS",
    "CAPTURES",
    "CLOCK_OFFSETS",
    "CONFERENCE_COMMANDS",
    "CONFERENCE_INVITES",
    "CONFERENCE_JOINS",
    "CONFERENCE_PARTICIPANTS",
    "DIAGNOSTICS",
    "DIALOGS",
    "EXPERT",
    "FAILURES",
    "FINDINGS",
    "FLOWS",
    "HOPS",
    "LOG_DIAGNOSTICS",
    "MEDIA_STREAMS",
    "MESSAGES",
    "PRESENCE",
    "PUSH_NOTIFICATIONS",
    "QUALITY_REPORTS",
    "REGISTRATIONS",
    "SESSION_TIMERS",
    "SUBSCRIPTIONS",
    "TABLES",
    "TLS_SESSIONS",
    "TRANSACTIONS",
    "Column",
    "Kind",
    "Table",
]

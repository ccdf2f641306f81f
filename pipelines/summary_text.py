"""The summary as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd

from dissectors.tracelog.reader import LOG_FORMATS
from pipelines.summary import ROWS, SLOW_RINGBACK_S, Summary

FINDINGS, EVIDENCE = 20, 3
"""Findings that are shown, and how many places of each."""

WIDTH = 100
"""Columns of text that the summary keeps to."""


def render(summary: Summary) -> str:
    """Return the summary as text for a terminal, at most :data:`WIDTH` columns wide."""
    sections = [
        _render_findings(summary["findings"]),
        _render_captures(summary),
        _render_tls(summary["tls"]),
        _render_messages(summary["messages"]),
        _render_routes(summary["calls"]),
        _render_slowest(summary["calls"]),
        _render_failures(summary["failures"]),
        _render_damage(summary["damage"]),
    ]
    return "\n\n".join("\n".join(map(_clip, section)) for section in sections if section)


def _clip(line: str) -> str:
    safe = "".join(character if character.isprintable() else "�" for character in line)
    return safe if len(safe) <= WIDTH else safe[: WIDTH - 1] + "…"


def _render_findings(findings: list[Summary]) -> list[str]:
    lines = ["Findings"] if findings else []
    for one in findings[:FINDINGS]:
        times = f" ({one['count']:,} times)" if one["count"] > 1 else ""
        subject = f": {one['subject']}" if one["subject"] else ""
        lines += _wrapped(f"{one['severity'].upper()} {one['title']}{times}{subject}", "  ")
        since = f"since {_clock(one['start_time'])}, " if one["start_time"] else ""
        where = f"{since}{', '.join(one['evidence'][:EVIDENCE])}" if one["evidence"] else since
        for text in (one["explanation"], one["advice"], where.rstrip(", ")):
            lines += _wrapped(text, "      ")
    if len(findings) > FINDINGS:
        lines.append(f"  and {len(findings) - FINDINGS} more: see the table `findings`")
    return lines


def _render_captures(summary: Summary) -> list[str]:
    lines = []
    for row in summary["captures"]:
        lines.append(f"{row['capture']}: {_contents(row)}, {_size(row['size'])}")
        if row["recording"] != row["capture"]:
            lines.append(f"  continues {row['recording']}")
        if row["start_time"]:
            span = f"{_clock(row['start_time'])} to {_clock(row['end_time'])} UTC"
            lines.append(f"  {span}")
        if not row["complete"]:
            lines.append(f"  incomplete: {row['problem']}")
    return lines


def _contents(capture: Summary) -> str:
    packed = f" in {capture['compression']}" if capture["compression"] else ""
    if capture["format"] in LOG_FORMATS:
        return f"{capture['format']}{packed}, {_count(capture['packets'], 'record')}"
    links = capture["link_types"] or "no packets"
    return f"{capture['format']}{packed}, {links}, {capture['packets']:,} packets"


def _render_tls(tls: Summary) -> list[str]:
    if not tls["sessions"]:
        return ["TLS: none"]
    lines = [f"TLS: {tls['opened']} of {_count(tls['sessions'], 'session')} opened"]
    for one in tls["reasons"]:
        example = one["example"]
        part = ", opened in part" if one["opened_in_part"] else ""
        lines.append(
            f"  {_count(one['sessions'], 'session')}{part}, such as "
            f"{example['client_ip']}:{example['client_port']} → "
            f"{example['server_ip']}:{example['server_port']}:"
        )
        lines += _wrapped(one["reason"], "    ")
    return lines


def _render_messages(messages: Summary) -> list[str]:
    transports = ", ".join(f"{n:,} {name}" for name, n in messages["by_transport"].items())
    again = messages["retransmissions"]
    more = f"; {again:,} of them retransmissions" if again else ""
    lines = [
        f"SIP messages: {messages['total']:,} ({transports}{more})"
        if transports
        else "SIP messages: none"
    ]
    classes = ("requests", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx")
    rows = [
        [one["method"], *(f"{one[name]:,}" if one.get(name) else "" for name in classes)]
        for one in messages["by_method"]
    ]
    if rows:
        lines += _table(["method", *classes], rows, "<" + ">" * len(classes))
    return lines


def _render_routes(calls: Summary) -> list[str]:
    if not calls["total"]:
        return ["Calls: none"]
    outcomes = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in calls["by_outcome"].items())
    rows = [
        [
            one["route"],
            str(one["attempts"]),
            str(one["answered"]),
            *_delays(one["ringback_delay_s"]),
            *_delays(one["setup_delay_s"]),
        ]
        for one in calls["by_route"]
    ]
    head = ["", "", "", "ringback", "", "", "setup", "", ""]
    names = ["route", "calls", "answered", "median", "p95", "max", "median", "p95", "max"]
    return [
        f"Calls: {calls['total']} ({outcomes}); delays in seconds",
        *_table(head, [names, *rows], "<" + ">" * 8),
    ]


def _delays(distribution: Summary | None) -> list[str]:
    if distribution is None:
        return ["–", "–", "–"]
    return [f"{distribution[name]:.2f}" for name in ("median", "p95", "max")]


def _render_slowest(calls: Summary) -> list[str]:
    lines = ["Slowest calls"] if calls["slowest"] else []
    for call in calls["slowest"]:
        outcome = (call["outcome"] or "").replace("_", " ")
        parties = f"{_party(call['from_uri'])} → {_party(call['to_uri'])}"
        wait, event = _wait(call)
        mark = "SLOW " if wait >= SLOW_RINGBACK_S else ""
        lines.append(f"  {mark}{wait:.2f} s to {event}, {call['route']}, {outcome}: {parties}")
        lines += _wrapped(f"frame {call['frame_number']}: {_timeline(call)}", "      ")
        if mark:
            lines += [f"      {line}" for line in _verdict(call, wait)]
    return lines


def _wait(call: Summary) -> tuple[float, str]:
    """Return how long the caller heard nothing, and what ended it."""
    if call["ringback_delay_s"] is not None:
        return call["ringback_delay_s"], "ringback"
    return call["session_request_delay_s"], "its first answer"


def _timeline(call: Summary) -> str:
    steps = [
        ("first answer", "first_response_time"),
        ("ringing", "ringing_time"),
        ("2xx", "answer_time"),
        ("ACK", "ack_time"),
        ("end", "end_time"),
    ]
    start = call["start_time"]
    shown = [f"INVITE {_clock(start)[11:]}"]
    shown += [
        f"{name} +{_offset(start, call[column]):.3f}" for name, column in steps if call[column]
    ]
    if call["released_by"]:
        shown.append(f"{call['release_method'] or 'released'} by {call['released_by']}")
    return ", ".join(shown)


def _verdict(call: Summary, wait: float) -> list[str]:
    """Say which hop waited for the answer: the delay lies at or beyond the last one that did."""
    hops = [hop for hop in call["hops"] if hop["answer_s"] is not None]
    lines = [
        f"{hop['src_ip']} → {hop['dst_ip']}: waited {hop['answer_s']:.3f} s for it" for hop in hops
    ]
    if hops and hops[-1]["answer_s"] > 0.8 * wait:
        lines.append(
            f"The caller heard nothing for {wait:.1f} s; "
            f"the wait lies at or beyond {hops[-1]['dst_ip']}."
        )
    return lines


def _render_failures(failures: list[Summary]) -> list[str]:
    lines = ["Failures"] if failures else ["Failures: none"]
    for one in failures:
        status = (
            f"{one['status_code']} {one['reason_phrase'] or ''}".strip()
            if one["status_code"]
            else one["where"]
        )
        inside = f" ({one['where']})" if one["where"].startswith("resource") else ""
        route = f", {one['route']}" if one["route"] else ""
        peers = f" to {', '.join(one['peer_domains'])}" if one["peer_domains"] else ""
        lines.append(f"  {one['count']:>5} × {one['method']} {status}{inside}{route}{peers}")
        if one["diagnostics_code"] is not None:
            told = [
                f"ms-diagnostics {one['diagnostics_code']}",
                one["component"],
                one["diagnostics_reason"],
            ]
            source = f" (said by {one['source']})" if one["source"] else ""
            lines += _wrapped(": ".join(filter(None, told)) + source, "          ")
        if one["logged_reason"]:
            lines += _wrapped(f"log: {one['logged_reason']}", "          ")
    return lines


def _render_damage(damage: list[Summary]) -> list[str]:
    if not damage:
        return ["Damage: none"]
    lines = ["Damage and oddities"]
    for one in damage[:ROWS]:
        frame = f", first in frame {one['first_frame']}" if one["first_frame"] else ""
        lines += _wrapped(
            f"{one['count']:,} × {one['layer']} {one['severity']}: {one['summary']}{frame}", "  "
        )
    if len(damage) > ROWS:
        lines.append(f"  and {len(damage) - ROWS} more kinds: see the table `expert`")
    return lines


# --- text ---------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        (
            "  "
            + "  ".join(f"{cell:{a}{w}}" for cell, a, w in zip(row, align, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    ]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def _clock(time: str) -> str:
    return time.replace("T", " ").removesuffix("Z")[:23]


def _offset(start: str, end: str) -> float:
    return float((pd.Timestamp(end) - pd.Timestamp(start)).total_seconds())


def _party(uri: str | None) -> str:
    if not uri:
        return "?"
    bare = uri.partition(";")[0]
    return bare.removeprefix("sip:").removeprefix("sips:")

"""A call as a ladder: hosts as vertical lines, messages as arrows between them, in SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd

MOST_MESSAGES = 500
"""Messages that are drawn; of a longer dialog the first ones."""

_LEFT, _COLUMN, _TOP, _ROW = 110, 260, 40, 24
_COLOURS = {"request": "#1f4e79", "1": "#7f7f7f", "2": "#2e7d32", "3": "#8d6e00"}
_FAILED = "#b71c1c"


@dataclass(frozen=True, slots=True)
class Ladder:
    """A drawn ladder; Jupyter shows it."""

    svg: str
    """The drawing, a complete SVG document without scripts or outside references."""

    def _repr_svg_(self) -> str:
        return self.svg


def draw_ladder(messages: pd.DataFrame) -> Ladder:
    """Draw messages, in their order, as a ladder.

    Parameters
    ----------
    messages : pandas.DataFrame
        Rows of `messages`: one Call-ID, or any other choice.

    Raises
    ------
    ValueError
        When there are none.
    """
    if messages.empty:
        raise ValueError("no messages to draw")
    shown = messages.head(MOST_MESSAGES)
    ends = [_ends(row) for _, row in shown.iterrows()]
    hosts = list(dict.fromkeys(host for pair in ends for host in pair))
    x_of = {host: _LEFT + _COLUMN // 2 + _COLUMN * place for place, host in enumerate(hosts)}
    height = _TOP + _ROW * (len(shown) + 1)
    width = _LEFT + _COLUMN * len(hosts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        *(_host_line(host, x, height) for host, x in x_of.items()),
        *_arrows(shown, ends, x_of),
        "</svg>",
    ]
    return Ladder("\n".join(parts))


def _host_line(host: str, x: int, height: int) -> str:
    return (
        f'<text x="{x}" y="20" text-anchor="middle" font-weight="bold">{escape(str(host))}</text>'
        f'<line x1="{x}" y1="28" x2="{x}" y2="{height}" stroke="#bbb"/>'
    )


def _ends(row: pd.Series[Any]) -> tuple[str, str]:
    """Return sender and receiver: addresses, or what a trace log knows them by."""
    if row["transport"] != "log":
        return str(row["src_ip"]), str(row["dst_ip"])
    own = str(row["capture"] if pd.isna(row["machine"]) else row["machine"])
    peer = "?" if pd.isna(row["peer"]) else str(row["peer"])
    return (peer, own) if row["log_direction"] == "incoming" else (own, peer)


def _arrows(messages: pd.DataFrame, ends: list[tuple[str, str]], x_of: dict[str, int]) -> list[str]:
    start = messages["time"].iloc[0]
    return [
        _arrow(_TOP + _ROW * (place + 1), row, [x_of[end] for end in ends[place]], start)
        for place, (_, row) in enumerate(messages.iterrows())
    ]


def _arrow(y: int, row: pd.Series[Any], ends: list[int], start: pd.Timestamp) -> str:
    x1, x2 = ends
    # Records that were pasted without their heads have no time.
    offset = "" if pd.isna(row["time"]) else f"+{(row['time'] - start).total_seconds():.3f} s"
    colour = _colour(row)
    if x1 == x2:  # loopback, or a server that talks to itself
        x2 = x1 + 60
    tip = 7 if x2 > x1 else -7
    label = escape(_label(row))
    return (
        f'<text x="6" y="{y}" fill="#555">{offset}</text>'
        f'<text x="{(x1 + x2) // 2}" y="{y - 4}" text-anchor="middle" fill="{colour}">'
        f"{label}</text>"
        f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}" stroke="{colour}"/>'
        f'<path d="M{x2} {y} l{-tip} -4 l0 8 z" fill="{colour}"/>'
    )


def _colour(row: pd.Series[Any]) -> str:
    if row["is_request"]:
        return _COLOURS["request"]
    return _COLOURS.get(str(row["status_code"])[:1], _FAILED)


def _label(row: pd.Series[Any]) -> str:
    if row["is_request"]:
        return str(row["method"])
    reason = "" if pd.isna(row["reason_phrase"]) else f" {row['reason_phrase']}"
    return f"{row['status_code']}{reason} ({row['method']})"[:60]

"""Offers and answers: one row per media line that both sides of a dialog described.

An INVITE brings the offer and its responses the answer, or the 2xx brings the offer and ACK the
answer (RFC 3264 with RFC 3261 §13.2.1); PRACK and UPDATE exchange descriptions too (RFC 3262 §5,
RFC 3311 §5.1). Each branch of a fork answers for itself. Of several responses with a
description the 2xx counts, before it the first; copies on other hops count where the offer's own
hop shows none.

Lync offers, to a side it does not know, two descriptions in ``multipart/alternative``; the one that
is marked as fallback for OCS 2007 is passed over, unless it is alone.

References
----------
RFC 3264 §5, §6, §8.4; RFC 6337; [MS-SDPEXT]; [MS-ICE2] §4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from dissectors.sdp_attributes import is_2007_fallback
from pipelines.analysis import analysis
from pipelines.grouping import in_order, is_one_of, nanoseconds, plain, rows_frame
from pipelines.media_lines import Descriptions, MediaLine
from pipelines.needs import only
from pipelines.schema import MEDIA_STREAMS

MAX_ROWS = 1000
"""Most rows of one offer: its media lines, times the branches that answered."""

_MEDIA_TYPE = "application/sdp"
_METHODS = ("INVITE", "ACK", "PRACK", "UPDATE")
_OF_MESSAGE = (
    "message_id", "capture", "frame_number", "call_id", "cseq", "method", "is_request",
    "status_code", "from_tag", "to_tag", "from_uri", "to_uri", "src_ip", "dst_ip",
)  # fmt: skip
_NOBODY = ("0.0.0.0", "::")  # noqa: S104  (the address that RFC 2543 put a stream on hold with)


@dataclass(frozen=True, slots=True)
class _Description:
    """A session description and the message that carried it."""

    message: dict[str, Any]
    """Columns of the message, and its time in nanoseconds."""
    lines: tuple[MediaLine, ...]
    """Its media lines."""
    fallback: bool
    """Whether it is the one for OCS 2007."""

    @property
    def hop(self) -> frozenset[str]:
        """The two addresses between which it was seen."""
        return frozenset((self.message["src_ip"], self.message["dst_ip"]))

    @property
    def rank(self) -> int:
        """2 for a 2xx and a request, 1 for a provisional response, 0 for what answers nothing."""
        status = self.message["status_code"]
        if self.message["is_request"] or status is None:
            return 2
        return 2 if 200 <= status < 300 else int(101 < status < 200)

    @property
    def sender(self) -> str | None:
        """URI of the side that sent it."""
        uri: str | None = self.message["from_uri" if self.message["is_request"] else "to_uri"]
        return uri


@dataclass(slots=True)
class _Exchange:
    """The descriptions of one request, its responses and its ACK."""

    request: _Description | None = None
    """That of the request."""
    responses: dict[str | None, _Description] = field(default_factory=dict)
    """To tag → the description of the responses."""
    replies: dict[str | None, _Description] = field(default_factory=dict)
    """To tag → the description of ACK, or of PRACK where it answers."""

    def take_response(self, one: _Description) -> None:
        """Take a response's description if it tells more than the one before."""
        known = self.responses.get(one.message["to_tag"])
        if one.rank and (known is None or self._weight(one) > self._weight(known)):
            self.responses[one.message["to_tag"]] = one

    def _weight(self, one: _Description) -> tuple[int, bool]:
        return one.rank, self.request is not None and one.hop == self.request.hop

    def pairs(self) -> Iterator[tuple[_Description, _Description]]:
        """Yield each offer with its answer, of one offer no more than make `MAX_ROWS` rows."""
        lines = len(self.request.lines) if self.request else 1
        for to_tag, response in islice(self.responses.items(), max(1, MAX_ROWS // max(1, lines))):
            if self.request is not None:
                yield self.request, response
            elif to_tag in self.replies:
                yield response, self.replies[to_tag]


@analysis(
    "media_streams",
    effort=6,
    messages=only(("time", *_OF_MESSAGE), method=_METHODS),
    bodies=only(
        ("message_id", "call_id", "media_type", "disposition", "text", "value"),
        media_type=(_MEDIA_TYPE,),
    ),
)
def media_streams(messages: pd.DataFrame, bodies: pd.DataFrame) -> pd.DataFrame:
    """Return the media lines of the answered offers in `bodies`.

    Parameters
    ----------
    messages, bodies : DataFrame
        Rows of these tables.

    Returns
    -------
    DataFrame
        Rows of the table `media_streams`, in order of the offers.
    """
    pairs = [pair for exchange in _exchanges(messages, bodies) for pair in exchange.pairs()]
    pairs.sort(key=lambda pair: pair[0].message["time"])
    rows = [row for offer, answer in pairs for row in _rows(offer, answer)]
    return rows_frame(MEDIA_STREAMS, rows)


# --- which description answers which ------------------------------------------------------------


def _exchanges(messages: pd.DataFrame, bodies: pd.DataFrame) -> list[_Exchange]:
    exchanges: dict[tuple[Any, ...], _Exchange] = {}
    invites: dict[tuple[str, str], _Exchange] = {}
    for one in _descriptions(messages, bodies):
        message = one.message
        call, method = message["call_id"], message["method"]
        asked = "INVITE" if method == "ACK" else method
        exchange = exchanges.setdefault(
            (call, asked, message["cseq"], message["from_tag"]), _Exchange()
        )
        if not message["is_request"]:
            exchange.take_response(one)
        elif method == "ACK":
            exchange.replies.setdefault(message["to_tag"], one)
        elif exchange.request is None:
            exchange.request = one
        if asked == "INVITE":
            invites[call, message["from_tag"]] = exchange
        elif method == "PRACK" and message["is_request"]:
            _reply_by_prack(invites.get((call, message["from_tag"])), exchange, one)
    return list(exchanges.values())


def _reply_by_prack(invite: _Exchange | None, prack: _Exchange, one: _Description) -> None:
    """Take what PRACK brings for the answer, where a reliable response brought the offer."""
    to_tag = one.message["to_tag"]
    if invite is None or invite.request is not None or to_tag not in invite.responses:
        return
    if to_tag not in invite.replies:
        invite.replies[to_tag] = one
        prack.request = None


def _descriptions(messages: pd.DataFrame, bodies: pd.DataFrame) -> Iterator[_Description]:
    """Yield the description that counts of each message that has one, in order of time."""
    found = _by_message(bodies[is_one_of(bodies["media_type"], _MEDIA_TYPE)])
    carrying = messages["message_id"].isin(list(found)).to_numpy(dtype=np.bool_)
    messages = in_order(messages[carrying].reset_index(drop=True))
    columns = [plain(messages[name]) for name in _OF_MESSAGE]
    times = nanoseconds(messages["time"]).tolist()
    for time_ns, *row in zip(times, *columns, strict=True):
        message = dict(zip(_OF_MESSAGE, row, strict=True), time=time_ns)
        lines, fallback = found[message["message_id"]]
        yield _Description(message, lines, fallback)


def _by_message(bodies: pd.DataFrame) -> dict[str, tuple[tuple[MediaLine, ...], bool]]:
    """Return the description of each message, and whether it is the fallback for OCS 2007."""
    columns = ("message_id", "disposition", "text", "value")
    told = [plain(bodies[name]) for name in columns]
    descriptions = Descriptions()
    found: dict[str, tuple[tuple[MediaLine, ...], bool]] = {}
    for message_id, disposition, text, value in zip(*told, strict=True):
        lines = descriptions.lines(text, value)
        fallback = is_2007_fallback(disposition if isinstance(disposition, str) else None)
        if lines is not None and (message_id not in found or found[message_id][1]):
            found[message_id] = lines, fallback
    return found


# --- rows -----------------------------------------------------------------------------------------


def _rows(offer: _Description, answer: _Description) -> Iterator[dict[str, Any]]:
    shared = _of_messages(offer, answer)
    for index, line in enumerate(offer.lines):
        # The answer has a line for each (RFC 3264 §6); one that is missing is not known.
        other = answer.lines[index] if index < len(answer.lines) else None
        yield {
            **shared,
            "position": index + 1,
            **_of_line(line, other),
            **_side("offered", line),
            **_side("answered", other),
        }


def _of_messages(offer: _Description, answer: _Description) -> dict[str, Any]:
    first, second = offer.message, answer.message
    response = second if first["is_request"] else first
    return {
        "offer_message_id": first["message_id"],
        "answer_message_id": second["message_id"],
        "time": first["time"],
        "answer_time": second["time"],
        "capture": first["capture"],
        "frame_number": first["frame_number"],
        "call_id": first["call_id"],
        "from_tag": first["from_tag"],
        "to_tag": response["to_tag"],
        "offerer_uri": offer.sender,
        "method": first["method"],
        "answer_status_code": second["status_code"],
        "fallback": offer.fallback,
    }


def _of_line(line: MediaLine, other: MediaLine | None) -> dict[str, Any]:
    refused = other.port == 0 if other and other.port is not None else None
    taken = other if not refused else None
    return {
        "media": line.media,
        "label": line.label,
        "protocol": line.protocol,
        "refused": refused,
        "codec": taken.codec if taken else None,
        "encrypted": taken.encrypted if taken else None,
        "cryptoscale": taken.cryptoscale if taken else None,
        "encryption": line.encryption,
        "hold": line.direction in ("sendonly", "inactive") or line.ip in _NOBODY,
        "ice_concluded": line.ice_concluded,
    }


_SIDE = ("ip", "port", "direction", "codecs", "crypto", "ice", "bypass_id")
_COUNTS = ("host", "srflx", "relay", "udp", "tcp")


def _side(prefix: str, line: MediaLine | None) -> dict[str, Any]:
    """Return what one side says of a stream, under columns that begin with `prefix`."""
    told = {f"{prefix}_{name}": getattr(line, name, None) for name in _SIDE}
    counts = line.candidates if line else (None,) * len(_COUNTS)
    for kind, count in zip(_COUNTS, counts, strict=True):
        told[f"{prefix}_{kind}_candidates"] = count
    return told

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

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from dissectors.sdp_attributes import (
    Attribute,
    candidates_of,
    codecs_of,
    crypto_suites_of,
    direction_of,
    has_chosen_candidates,
    is_2007_fallback,
    value_of,
)
from pipelines.analysis import analysis
from pipelines.body_values import BODY_COLUMNS, body_values, short
from pipelines.grouping import in_order, is_one_of, nanoseconds, table_frame
from pipelines.schema import MEDIA_STREAMS

MAX_ROWS = 1000
"""Most rows of one offer: its media lines, times the branches that answered."""

_MEDIA_TYPE = "application/sdp"
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
    session: dict[str, Any]
    """The description, fields as in :class:`dissectors.bodies.sdp.SessionDescription`."""
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
        lines = len(self.request.session["media"]) if self.request else 1
        for to_tag, response in islice(self.responses.items(), max(1, MAX_ROWS // max(1, lines))):
            if self.request is not None:
                yield self.request, response
            elif to_tag in self.replies:
                yield response, self.replies[to_tag]


@analysis(
    "media_streams",
    messages=("time", *_OF_MESSAGE),
    bodies=("message_id", "call_id", "part", "disposition", *BODY_COLUMNS),
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
    columns = {
        name: np.array([row[name] for row in rows], dtype=object) for name in MEDIA_STREAMS.names
    }
    return table_frame(MEDIA_STREAMS, columns)


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
    columns = [
        [
            None if value is pd.NA or value != value else value
            for value in messages[name].astype(object)
        ]
        for name in _OF_MESSAGE
    ]
    times = nanoseconds(messages["time"]).tolist()
    for time_ns, *row in zip(times, *columns, strict=True):
        message = dict(zip(_OF_MESSAGE, row, strict=True), time=time_ns)
        session, fallback = found[message["message_id"]]
        yield _Description(message, _for_lines(session), fallback)


def _for_lines(session: dict[str, Any]) -> dict[str, Any]:
    """Return a description whose session level says only what its media lines inherit, and once."""
    attributes = session["attributes"]
    bypass = "x-bypassid", short(value_of(attributes, "x-bypassid"))
    return {**session, "attributes": [(direction_of((), attributes), None), bypass]}


def _by_message(bodies: pd.DataFrame) -> dict[str, tuple[dict[str, Any], bool]]:
    """Return the description of each message, and whether it is the fallback for OCS 2007."""
    bodies = bodies.reset_index(drop=True)
    ids, dispositions = (
        bodies[name].astype(object).tolist() for name in ("message_id", "disposition")
    )
    found: dict[str, tuple[dict[str, Any], bool]] = {}
    for message_id, disposition, value in zip(ids, dispositions, body_values(bodies), strict=True):
        fallback = is_2007_fallback(disposition if isinstance(disposition, str) else None)
        if value is not None and (message_id not in found or found[message_id][1]):
            found[message_id] = value, fallback
    return found


# --- rows -----------------------------------------------------------------------------------------


def _rows(offer: _Description, answer: _Description) -> Iterator[dict[str, Any]]:
    answered = answer.session["media"]
    for index, media in enumerate(offer.session["media"]):
        # The answer has a line for each (RFC 3264 §6); one that is missing is not known.
        other = answered[index] if index < len(answered) else None
        yield {
            **_of_messages(offer, answer),
            "position": index + 1,
            **_of_line(offer.session, media, other),
            **_side("offered", offer.session, media),
            **_side("answered", answer.session, other),
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


def _of_line(
    session: dict[str, Any], media: dict[str, Any], other: dict[str, Any] | None
) -> dict[str, Any]:
    attributes = media["attributes"]
    refused = other["port"] == 0 if other and other["port"] is not None else None
    suites = crypto_suites_of(other["attributes"]) if other and not refused else ()
    direction = direction_of(attributes, session["attributes"])
    return {
        "media": media["media"] or None,
        "label": value_of(attributes, "label"),
        "protocol": media["proto"] or None,
        "refused": refused,
        "codec": _codec(other) if other and not refused else None,
        "encrypted": bool(suites) or _has_dtls(other) if other and not refused else None,
        "cryptoscale": _is_scaled(suites) if other and not refused else None,
        "encryption": value_of(attributes, "encryption"),
        "hold": direction in ("sendonly", "inactive") or _address(session, media) in _NOBODY,
        "ice_concluded": has_chosen_candidates(attributes),
    }


def _has_dtls(media: dict[str, Any]) -> bool:
    names = {name for name, _ in media["attributes"]}
    return "fingerprint" in names or "TLS" in media["proto"].upper()


def _is_scaled(suites: tuple[Any, ...]) -> bool:
    return any(suite.attribute == "cryptoscale" for suite in suites)


def _codec(media: dict[str, Any]) -> str | None:
    if "RTP" not in media["proto"].upper():
        return None
    codecs = codecs_of(media["fmt"], media["attributes"])
    return next((str(codec) for codec in codecs if not codec.is_auxiliary), None)


def _address(session: dict[str, Any], media: dict[str, Any]) -> str | None:
    connections = media["connections"] or [session["connection"]]
    if not connections[0]:
        return None
    return short(connections[0]["connection_address"].partition("/")[0])


def _side(prefix: str, session: dict[str, Any], media: dict[str, Any] | None) -> dict[str, Any]:
    """Return what one side says of a stream, under columns that begin with `prefix`."""
    told = _NOTHING if media is None else _of_side(session, media)
    return {f"{prefix}_{name}": value for name, value in told.items()}


def _of_side(session: dict[str, Any], media: dict[str, Any]) -> dict[str, Any]:
    attributes = media["attributes"]
    is_rtp = "RTP" in media["proto"].upper()
    codecs = codecs_of(media["fmt"], attributes) if is_rtp else ()
    suites = dict.fromkeys(suite.suite for suite in crypto_suites_of(attributes))
    return {
        "ip": _address(session, media),
        "port": media["port"],
        "direction": direction_of(attributes, session["attributes"]),
        "codecs": ",".join(map(str, codecs)) or None,
        "crypto": ",".join(suites) or None,
        **_candidates(attributes),
        "bypass_id": value_of(attributes, "x-bypassid")
        or value_of(session["attributes"], "x-bypassid"),
    }


def _candidates(attributes: list[Attribute]) -> dict[str, Any]:
    """Return the grammar of the candidates, and how many there are of each type."""
    found = [one for one in candidates_of(attributes) if one.component == 1]
    grammars = {one.grammar for one in found}
    kinds = Counter(one.kind for one in found)
    told = "rfc5245" in grammars
    counts = {
        f"{kind}_candidates": kinds[kind] if told or not found else None
        for kind in ("host", "srflx", "relay")
    }
    udp = sum(one.transport == "udp" for one in found)
    return {
        "ice": "both" if len(grammars) == 2 else next(iter(grammars), None),
        **counts,
        "udp_candidates": udp,
        "tcp_candidates": len(found) - udp,
    }


_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "ip", "port", "direction", "codecs", "crypto", "ice", "host_candidates",
        "srflx_candidates", "relay_candidates", "udp_candidates", "tcp_candidates", "bypass_id",
    )
)  # fmt: skip

"""Subscriptions to presence: one row per contact that a dialog asks for.

That a SUBSCRIBE got 200 OK says nothing about the contacts in its list: each may be refused, or
passed over in silence, inside. So what is asked for (the list in the request, or its To) and what
is told (resource lists, presence documents, Subscription-State) are laid side by side here.

References
----------
RFC 3856; RFC 4662; RFC 6665. [MS-PRES].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    NEVER,
    Booleans,
    Groups,
    codes,
    in_order,
    is_one_of,
    nanoseconds,
    plain,
    rows_frame,
    shared_codes,
    truth,
)
from pipelines.needs import only
from pipelines.presence_dialogs import (
    ACTIVE,
    LIST,
    PENDING,
    REFUSED,
    SILENT,
    SINGLE,
    TERMINATED,
    Action,
    Contact,
    Message,
    PresenceDialog,
    Told,
)
from pipelines.routes import routes
from pipelines.schema import SUBSCRIPTIONS

_METHODS = ("SUBSCRIBE", "NOTIFY", "BENOTIFY")
_LISTS = ("application/msrtc-adrl-categorylist+xml", "application/adrl+xml")
_MESSAGE_COLUMNS = tuple(name for name in Message._fields if name != "time")
_USERS = ("uccapi/", "cpe/", "oc/", "lync")

Row = dict[str, Any]


@analysis(
    "subscriptions",
    effort=4,
    messages=only(("call_id", "time", "event", *_MESSAGE_COLUMNS), method=_METHODS),
    bodies=only(("call_id", "message_id", "media_type", "value"), media_type=_LISTS),
    presence=("call_id", *Told._fields),
)
def subscriptions(
    messages: pd.DataFrame, bodies: pd.DataFrame, presence: pd.DataFrame
) -> pd.DataFrame:
    """Return the subscriptions to presence in `messages`.

    Parameters
    ----------
    messages, bodies, presence : DataFrame
        Rows of these tables.

    Returns
    -------
    DataFrame
        Rows of the table `subscriptions`, in order of time.
    """
    kept = _of_presence(_with_methods(in_order(messages), presence), presence)
    actions = _actions(bodies)
    told = _told(presence)
    made = [
        row
        for call_id, rows in _by_call(kept)
        for row in _rows(call_id, PresenceDialog(rows, actions, told))
    ]
    made.sort(key=lambda row: row["time"])
    _add_routes(made)
    return rows_frame(SUBSCRIPTIONS, made)


# --- tables → plain values ----------------------------------------------------------------------


def _with_methods(messages: pd.DataFrame, presence: pd.DataFrame) -> pd.DataFrame:
    """Return messages with the methods that a log left out, where a body proves them.

    Published logs often lack start line and CSeq. Only SUBSCRIBE asks with such a list, and only
    its response and notifications tell of presence.
    """
    unknown = messages["method"].isna().to_numpy(dtype=np.bool_)
    if not unknown.any():
        return messages
    request = truth(messages["is_request"])
    asks = is_one_of(messages["content_type"], *_LISTS) & request
    tells = _among(messages["message_id"], presence["message_id"])
    method = messages["method"].astype(object)
    method[unknown & (asks | (tells & ~request))] = "SUBSCRIBE"
    method[unknown & tells & request & ~asks] = "NOTIFY"
    completed: pd.DataFrame = messages.assign(method=method)
    return completed


def _among(column: pd.Series[Any], others: pd.Series[Any]) -> Booleans:
    """Return where a column holds a value that stands in another one, too."""
    ours, theirs = shared_codes(column, others)
    return np.isin(ours, theirs) & (ours >= 0)


def _of_presence(messages: pd.DataFrame, presence: pd.DataFrame) -> pd.DataFrame:
    """Return the messages of dialogs of the presence package; a response need not name it."""
    event = messages["event"].astype("string").str.lower()
    methods = is_one_of(messages["method"], *_METHODS)
    named = (event == "presence").fillna(False).to_numpy(dtype=np.bool_)
    unnamed = event.isna().to_numpy(dtype=np.bool_)
    unsure = methods & unnamed
    proven = methods & named
    proven[unsure] = _among(messages["message_id"][unsure], presence["message_id"])
    call = codes(messages["call_id"])
    of_dialog = np.isin(call, call[proven]) & (call >= 0)
    known = messages["message_id"].notna().to_numpy(dtype=np.bool_)
    answers = ~truth(messages["is_request"])
    notifies = ~is_one_of(messages["method"], "SUBSCRIBE")
    kept: pd.DataFrame = messages[
        methods & of_dialog & known & (named | unnamed) & ~(answers & notifies)
    ]
    return kept


def _by_call(messages: pd.DataFrame) -> Iterator[tuple[str, list[Message]]]:
    messages = messages.sort_values("call_id", kind="stable")
    message_id, *others = (plain(messages[name]) for name in _MESSAGE_COLUMNS)
    times = nanoseconds(messages["time"]).tolist()
    rows = map(Message, message_id, times, *others)
    pairs = zip(messages["call_id"].tolist(), rows, strict=True)
    for call_id, group in groupby(pairs, key=lambda pair: pair[0]):
        yield str(call_id), [row for _, row in group]


def _told(presence: pd.DataFrame) -> dict[str, list[Told]]:
    """Return what each message says of contacts: states, and that there was a document at all."""
    states = presence[["availability", "presence", "basic"]].notna().any(axis=1)
    again = presence.duplicated(["message_id", "contact_uri", "part"])
    presence = presence[states | ~again]
    found: dict[str, list[Told]] = {}
    for row in map(Told, *(plain(presence[name]) for name in Told._fields)):
        found.setdefault(row.message_id, []).append(row)
    return found


def _actions(bodies: pd.DataFrame) -> dict[str, list[Action]]:
    """Return what the lists in requests ask for."""
    lists = bodies[is_one_of(bodies["media_type"], *_LISTS) & bodies["value"].notna()]
    found: dict[str, list[Action]] = {}
    for message_id, value in zip(lists["message_id"], lists["value"], strict=True):
        for action in json.loads(value)["actions"]:
            uris = [one["uri"] for one in action["resources"] if one["uri"]]
            categories = ",".join(action["categories"]) or None
            name = (action["name"] or "subscribe").lower()
            found.setdefault(message_id, []).append(
                Action(name, tuple(dict.fromkeys(uris)), categories)
            )
    return found


# --- one dialog ---------------------------------------------------------------------------------


def _rows(call_id: str, dialog: PresenceDialog) -> Iterator[Row]:
    for contact in dialog.contacts:
        row = _row(contact, dialog)
        if row["time"] is not None:
            yield row | {"call_id": call_id}


def _row(contact: Contact, dialog: PresenceDialog) -> Row:
    asked = contact.requests[0].message if contact.requests else None
    final = contact.final
    answered = contact.told or final is not None or dialog.notified is not None
    told_first = next((state[0] for state in contact.states), None)
    where = asked or told_first or (contact.present[0] if contact.present else None)
    where = where or dialog.first
    expires = [one.expires_s for one in (final, asked) if one and one.expires_s is not None]
    return {
        **_place(where),
        "message_id": asked.message_id if asked else None,
        "src_ip": asked.src_ip if asked else None,
        "seen": _seen(asked is not None, answered),
        "form": contact.form,
        **_subscriber(asked, where),
        "contact_uri": contact.uri,
        "categories": contact.categories,
        "expires_s": next(iter(expires), None),
        "requests": len(contact.requests),
        "response_status": final.status_code if final else None,
        "response_s": _seconds(asked, final),
        **_answer(contact, dialog, asked),
        **_presence(contact, asked),
        "notifications": dialog.notifications,
        "end_time": contact.ended,
        "route_marks": _marks(contact, dialog),
    }


def _marks(contact: Contact, dialog: PresenceDialog) -> str | None:
    """Return what tells where a contact is; what marks a batch, marks it for all its contacts."""
    alone = contact.form in (SINGLE, LIST) or contact.unasked
    return " ".join(sorted(dialog.marks)) if alone else None


def _place(message: Message | None) -> Row:
    names = ("time", "capture", "frame_number", "flow_id")
    return {name: getattr(message, name, None) for name in names}


def _seen(request: bool, answer: bool) -> str:
    return "both" if request and answer else "request" if request else "answer"


def _seconds(asked: Message | None, then: Message | None) -> float | None:
    if asked is None or then is None or NEVER in (asked.time, then.time):
        return None
    return (then.time - asked.time) / 1e9 if then.time >= asked.time else None


def _subscriber(asked: Message | None, seen: Message | None) -> Row:
    if asked is None:
        notifies = seen is not None and seen.is_request
        return {"subscriber_uri": getattr(seen, "to_uri" if notifies else "from_uri", None)}
    return {
        "subscriber_uri": asked.from_uri,
        "subscriber_kind": _kind(asked),
        "user_agent": asked.user_agent,
    }


def _kind(asked: Message) -> str | None:
    """Return what kind of endpoint asks.

    UCMA gives an application's endpoint a server's GRUU; with a user's endpoint the same library
    has a user's.
    """
    gruus = f"{asked.contact_uri or ''} {asked.from_uri or ''}".lower()
    product = (asked.user_agent or "").lower()
    if "opaque=srvr:" in gruus or "opaque=app:" in gruus:
        return "trusted application"
    if product.startswith("rtcc/"):
        return "UCMA application"
    if product.startswith(_USERS) or "opaque=user:" in gruus:
        return "user"
    return None


def _answer(contact: Contact, dialog: PresenceDialog, asked: Message | None) -> Row:
    """Return what became of a contact's subscription, and which message told it."""
    word, message, decisive = _outcome(contact, dialog)
    made: Row = {
        "answer": word,
        "last_state": contact.states[-1][2] if contact.states else None,
        "answer_message_id": message.message_id if message else None,
        "answer_time": message.time if message else None,
        "answer_s": _seconds(asked, message),
    }
    if word == ACTIVE and contact.states and contact.states[-1][2] == TERMINATED:
        decisive = contact.states[-1]
    if word == REFUSED and message:
        return made | {
            "status_code": message.status_code,
            "diagnostics_code": message.diagnostics_code,
        }
    if decisive is None:
        return made
    told, reason = decisive[1], decisive[3]
    names = ("status_code", "diagnostics_code", "pool_fqdn")
    return made | {"reason": reason} | {name: getattr(told, name, None) for name in names}


def _outcome(
    contact: Contact, dialog: PresenceDialog
) -> tuple[str | None, Message | None, tuple[Message, Told | None, str, str | None] | None]:
    active = next((one for one in contact.states if one[2] == ACTIVE), None)
    if active:
        return ACTIVE, active[0], active
    if contact.present:
        return ACTIVE, contact.present[0], None
    decided = [one for one in contact.states if one[2] != PENDING] or contact.states
    if decided:
        return decided[0][2], decided[0][0], decided[0]
    final = contact.final
    if final and final.final >= 300:
        return REFUSED, final, None
    if contact.requests and (final or dialog.notified):
        return SILENT, None, None
    return None, None, None


def _presence(contact: Contact, asked: Message | None) -> Row:
    if contact.present is None:
        return {}
    message, told = contact.present
    return {
        "presence_message_id": message.message_id,
        "presence_s": _seconds(asked, message),
        "availability": told.availability,
        "presence": told.presence,
        "basic": told.basic,
        "activity": told.activity,
        "reachable_s": _seconds(asked, contact.reachable),
    }


def _add_routes(rows: list[Row]) -> None:
    """Tell where each contact is, by the rules for calls."""
    frame = pd.DataFrame(
        {
            "route_marks": pd.Series([row["route_marks"] for row in rows], dtype="string"),
            "from_uri": pd.Series([row["subscriber_uri"] for row in rows], dtype="string"),
            "to_uri": pd.Series([row["contact_uri"] for row in rows], dtype="string"),
            "user_agent": pd.Series([None] * len(rows), dtype="string"),
            "method": pd.Series(["SUBSCRIBE"] * len(rows), dtype="string"),
            "is_request": pd.Series([True] * len(rows), dtype="boolean"),
            "status_code": pd.Series([None] * len(rows), dtype="Int64"),
        }
    )
    each = np.arange(len(rows), dtype=np.int64)
    found, _ = routes(frame, Groups(each, len(rows)), each)
    for row, route in zip(rows, found, strict=True):
        row["route"] = route

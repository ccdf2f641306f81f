"""Tables → what a conference's joins are made of, and what else is known of them.

:func:`dialogs_in` and :func:`invitations_in` make the objects that
:func:`pipelines.conferences.joins_of` puts together; :class:`Evidence` answers questions about one
dialog or one participant, each by a look into a dict, however many rows there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

import pandas as pd

from pipelines.conferences import FOCUS, SECOND, Dialog, Invitation, address_of, part_of
from pipelines.grouping import NEVER, nanoseconds, plain

ICE_WITHIN = 30 * SECOND
"""An INVITE with remote candidates so soon after the 2xx tells that ICE found a path."""
MEDIA_FAILED = range(21, 35)
"""Error ids by which a client tells that media found no path ([MS-OCER] §7)."""
NO_REASON_GIVEN = (1011, 1034, 1036, 1037)
"""Error ids that say only that the next hop did not tell why ([MS-OCER] §7)."""
_VERBS = ("addUser", "endorseUser")
_CHALLENGED = "challenge"


def records(table: pd.DataFrame, *times: str) -> Iterator[Any]:
    """Yield rows as named tuples of plain values, None where missing, times in nanoseconds."""
    columns = [
        [None if moment == NEVER else moment for moment in nanoseconds(table[name]).tolist()]
        if name in times
        else plain(table[name])
        for name in table.columns
    ]
    return map(_record(tuple(table.columns)), *columns)


@lru_cache(maxsize=64)
def _record(names: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple("Record", names)


def _having(table: pd.DataFrame, name: str, values: Iterable[str | None]) -> pd.DataFrame:
    """Return the rows in which a column has one of `values`, of which there may be none."""
    wanted = [value for value in values if value is not None]
    # Columns of Arrow's text do not compare with an empty list in pandas 2.1.
    found: pd.DataFrame = table[table[name].isin(wanted)] if wanted else table.iloc[:0]
    return found


# --- dialogs and invitations --------------------------------------------------------------------


def dialogs_in(
    transactions: pd.DataFrame, messages: pd.DataFrame, dialogs: pd.DataFrame
) -> list[Dialog]:
    """Return the openings of dialogs with focuses and MCUs; those inside a dialog are none."""
    transactions = _with_conferences(transactions)
    opening = (transactions["method"] == "INVITE") & transactions["to_tag"].isna()
    rows = list(records(transactions[opening], "start_time", "final_time"))
    rows.sort(key=lambda row: (row.call_id or "", row.from_tag or "", _when(row)))
    made = [
        one
        for _, copies in groupby(rows, key=lambda row: (row.call_id, row.from_tag))
        if (one := _dialog(list(copies))) is not None
    ]
    _add_endpoints(made, messages)
    _add_ends(made, dialogs)
    return made


def _with_conferences(transactions: pd.DataFrame) -> pd.DataFrame:
    """Return the transactions of which From or To names a part of a conference."""
    sender, to = (
        transactions[name].str.contains("app:conf:", case=False, regex=False)
        for name in ("from_uri", "to_uri")
    )
    named = sender.fillna(value=False).astype(bool) | to.fillna(value=False).astype(bool)
    found: pd.DataFrame = transactions[named]
    return found


def _when(row: Any) -> int:
    known = row.start_time if row.start_time is not None else row.final_time
    return known if known is not None else 0


def _dialog(rows: list[Any]) -> Dialog | None:
    """Return the opening that the transactions of one Call-ID and From tag make."""
    first = rows[0]
    to, sender = part_of(first.to_uri), part_of(first.from_uri)
    part = to or sender
    if part is None or first.call_id is None or (to is None and part.kind == FOCUS):
        return None
    counting = [row for row in rows if row.outcome != _CHALLENGED] or rows
    near = [row for row in counting if row.flow_id == first.flow_id]
    final = _final(near) or _final(counting)
    return Dialog(
        first.call_id,
        part,
        (first.from_uri if to else first.to_uri) or "",
        called=to is None,
        capture=first.capture,
        flow_id=first.flow_id,
        time=first.start_time,
        answer_time=final.final_time if final else None,
        status=final.status_code if final else None,
        request_id=first.request_message_id,
        final_id=final.final_message_id if final else None,
    )


def _final(rows: list[Any]) -> Any:
    answered = [row for row in rows if row.status_code is not None]
    success = (row for row in answered if row.status_code < 300)
    return next(success, answered[-1] if answered else None)


def _add_endpoints(dialogs: list[Dialog], messages: pd.DataFrame) -> None:
    by_id = {one.request_id or one.final_id: one for one in dialogs}
    for row in records(_having(messages, "message_id", by_id)):
        one = by_id[row.message_id]
        one.epid = row.to_epid if one.called else row.from_epid
        if row.is_request and not one.called:
            one.product = row.user_agent


def _add_ends(dialogs: list[Dialog], table: pd.DataFrame) -> None:
    ends: dict[str, Any] = {}
    ours = _having(table[table["end_time"].notna()], "call_id", [one.call_id for one in dialogs])
    for row in records(ours, "end_time"):
        ends.setdefault(row.call_id, row)
    for one in dialogs:
        end = ends.get(one.call_id)
        if end is not None:
            one.end_time, one.ended_by = end.end_time, end.ended_by


def invitations_in(
    invites: pd.DataFrame, transactions: pd.DataFrame, messages: pd.DataFrame
) -> list[Invitation]:
    """Return the invitations, each with its acceptance on the hop nearest to who was invited."""
    made: dict[str, Invitation] = {}
    for row in records(invites, "time"):
        part = part_of(row.focus_uri)
        conference = part.conference if part else ("", row.conference_id or "")
        one = Invitation(row.call_id, row.message_id, conference, row.to_uri or "", row.time,
                         row.capture, row.answer_s, row.status_code)  # fmt: skip
        made.setdefault(row.call_id, one)
    answered = (transactions["method"] == "INVITE") & transactions["status_code"].notna()
    rows = _having(transactions[answered], "call_id", made)
    for row in sorted(records(rows, "start_time", "final_time"), key=_when):
        one = made[row.call_id]
        if 200 <= row.status_code < 300:
            one.accept_time, one.flow_id = row.final_time, row.flow_id
            one.capture = row.capture
        one.final_id = row.final_message_id
    by_final = {one.final_id: one for one in made.values() if one.accept_time is not None}
    for row in records(_having(messages, "message_id", by_final)):
        by_final[row.message_id].epid = row.to_epid
    return list(made.values())


# --- what else is known -------------------------------------------------------------------------

Participant = tuple[tuple[str, str], str]
"""Conference, and address of a participant."""


@dataclass(slots=True)
class Evidence:
    """Answers to questions about a dialog or a participant."""

    commands: dict[str, Any] = field(default_factory=dict)
    """Call-ID → the command by which its caller asked to be added."""
    ice: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Call-ID → when an INVITE with ICE's conclusion was answered, ascending."""
    diagnoses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """message_id → error id and its reason."""
    failed_media: dict[str, Any] = field(default_factory=dict)
    """Call-ID → the BYE by which a side told that media found no path."""
    connected: dict[tuple[Participant, str], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Participant and modality → when a roster showed it as connected, ascending."""
    lobby: dict[Participant, list[tuple[int, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Participant → when its focus endpoint was on hold, connected or gone, ascending."""
    traces: dict[tuple[Participant, bool], int] = field(default_factory=dict)
    """Participant and whether with the focus → the last request of any dialog with it."""
    rosters: set[tuple[str, str]] = field(default_factory=set)
    """Conferences with a roster."""
    recordings: dict[str | None, str | None] = field(default_factory=dict)
    """Capture → the recording that it is part of: one clock, one view of the network."""
    ends: dict[str | None, int] = field(default_factory=dict)
    """Recording → its end."""
    lost: dict[str, int] = field(default_factory=dict)
    """Flow → bytes that the capture lacks."""
    own_flows: dict[tuple[str | None, str], set[str | None]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """Recording and address → flows with requests that came straight from that person's client."""
    own_last: dict[tuple[tuple[str | None, str], str], int] = field(default_factory=dict)
    """The same, and epid → the last request that only that person's own servers see."""

    # --- reading

    def add_commands(self, table: pd.DataFrame) -> None:
        """Take `conference_commands`: of each dialog the first by which its caller was added."""
        joins = table["verb"].isin(_VERBS) & table["mcu_uri"].isna() & (table["kind"] != "notify")
        for row in records(table[joins], "time"):
            self.commands.setdefault(row.call_id, row)

    def add_media(self, table: pd.DataFrame) -> None:
        """Take `media_streams`."""
        concluded = table["ice_concluded"].astype("boolean").fillna(value=False)
        rows = table[concluded & table["answer_time"].notna()].sort_values("answer_time")
        for row in records(rows, "answer_time"):
            self.ice[row.call_id].append(row.answer_time)

    def add_diagnostics(self, table: pd.DataFrame) -> None:
        """Take `diagnostics`, rows of one message in order of position."""
        for row in records(table[table["code"].notna()], "time"):
            known = self.diagnoses.get(row.message_id)
            if known is None or row.code not in NO_REASON_GIVEN:
                self.diagnoses[row.message_id] = (row.code, row.reason or "")
            bye = row.method == "BYE" and row.status_code is None
            if bye and row.code in MEDIA_FAILED:
                self.failed_media.setdefault(row.call_id, row)

    def add_roster(self, table: pd.DataFrame) -> None:
        """Take `conference_participants`."""
        for row in records(table.sort_values("time", kind="stable"), "time"):
            part = part_of(row.conference_uri)
            conference = part.conference if part else ("", row.conference_id or "")
            self.rosters.add(conference)
            if row.level == "endpoint":
                self._add_endpoint((conference, address_of(row.user_uri)), row)

    def _add_endpoint(self, who: Participant, row: Any) -> None:
        kind = (row.session_type or FOCUS).lower()
        gone = row.change == "removed"
        if row.status == "connected" and not gone:
            self.connected[who, kind].append(row.time)
        # The lobby shows as an endpoint of the focus on hold; on hold with an MCU is music on hold.
        if kind == FOCUS:
            status = "gone" if gone else row.status or ""
            changes = self.lobby[who]
            if not changes or changes[-1][1] != status:
                changes.append((row.time, status))

    def add_traces(self, transactions: pd.DataFrame) -> None:
        """Take the transactions with conferences, of which dialogs leave traces without opening."""
        for row in records(_with_conferences(transactions), "start_time", "final_time"):
            to, sender = part_of(row.to_uri), part_of(row.from_uri)
            for part, other in ((to, row.from_uri), (sender, row.to_uri)):
                if part is not None:
                    # The id alone, too: an invitation may name its organiser in another way.
                    for conference in (part.conference, ("", part.conference_id)):
                        key = (conference, address_of(other)), part.kind == FOCUS
                        self.traces[key] = max(self.traces.get(key, 0), _when(row))

    def add_places(self, captures: pd.DataFrame, flows: pd.DataFrame) -> None:
        """Take `captures` and `flows`."""
        for row in records(captures, "end_time"):
            where = self.recordings[row.capture] = row.recording or row.capture
            self.ends[where] = max(self.ends.get(where, 0), row.end_time or 0)
        for row in records(flows[flows["lost_bytes"] > 0]):
            self.lost[row.flow_id] = row.lost_bytes

    def add_clients(self, messages: pd.DataFrame, addresses: set[str]) -> None:
        """Take the requests of `messages` whose From is one of `addresses`."""
        senders = messages["from_uri"].astype(object)
        ours = [one for one in senders.dropna().unique() if address_of(one) in addresses]
        requests = messages["is_request"].astype("boolean").fillna(value=False)
        for row in records(_having(messages[requests], "from_uri", ours), "time"):
            key = self.recording_of(row.capture), address_of(row.from_uri)
            straight = row.via_count == 1
            to_itself = address_of(row.to_uri) == key[1] or part_of(row.to_uri) is not None
            if straight:
                self.own_flows[key].add(row.flow_id)
            if (straight or to_itself) and row.from_epid:
                endpoint = key, row.from_epid
                self.own_last[endpoint] = max(self.own_last.get(endpoint, 0), row.time)

    # --- answering

    def sees_client(self, invitation: Invitation) -> bool:
        """Return whether requests of the invited person's client would pass the capture.

        They do where such a request came over the connection that the acceptance took, or where
        the endpoint that accepted, by its epid, sent one after it. A capture beside the inviter
        shows the acceptance and nothing more.
        """
        key = self.recording_of(invitation.capture), address_of(invitation.user_uri)
        same_flow = invitation.flow_id in self.own_flows.get(key, ())
        last = self.own_last.get((key, invitation.epid or ""), 0)
        return same_flow or last > (invitation.accept_time or invitation.time)

    def left_traces(self, who: Participant, *, with_focus: bool, since: int | None) -> bool:
        """Return whether a dialog of a participant was seen at work after a moment."""
        return self.traces.get((who, with_focus), 0) > (since or 0)

    def ice_of(self, dialog: Dialog) -> int | None:
        """Return when ICE's conclusion was answered, if that was soon after the 2xx."""
        start = dialog.answer_time or 0
        found = _next(self.ice.get(dialog.call_id, []), start)
        return None if found is None or found > start + ICE_WITHIN else found

    def connected_of(self, who: Participant, kind: str, since: int) -> int | None:
        """Return when a roster first showed a modality as connected after `since`."""
        return _next(self.connected.get((who, kind), []), since)

    def lost_by(self, flow_ids: Iterable[str | None]) -> int | None:
        """Return how many bytes the capture lacks of some flows; None where there is none."""
        flows = {one for one in flow_ids if one is not None}
        return sum(self.lost.get(one, 0) for one in flows) if flows else None

    def lobby_of(self, who: Participant, since: int) -> tuple[int | None, int | None, bool]:
        """Return since when it waited in the lobby, when it was let in, and whether it was not."""
        changes = self.lobby.get(who, [])
        held = None
        for time, status in changes[bisect_left(changes, (since, "")) :]:
            if status == "on-hold":
                held = time if held is None else held
            elif held is None:
                return None, None, False
            elif status == "connected":
                return held, time, False
            else:
                return held, None, True
        return held, None, False

    def recording_of(self, capture: str | None) -> str | None:
        """Return the recording that a capture is part of."""
        return self.recordings.get(capture, capture)

    def end_of(self, capture: str | None) -> int | None:
        """Return when the recording of a capture ends; None when that is not known."""
        return self.ends.get(self.recording_of(capture)) or None


def _next(times: list[int], since: int) -> int | None:
    place = bisect_left(times, since)
    return times[place] if place < len(times) else None

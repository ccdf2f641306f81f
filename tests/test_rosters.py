"""Documents of a conference's state, folded."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import dissectors.bodies  # noqa: F401  fills the table
from dissectors.body import decode_part, part_of, to_plain
from pipelines.rosters import MAX_ENDPOINTS, MAX_MEDIA, Roster, Value, in_versions

AV = 'session-type="audio-video"'


def document(state: str, version: int | None, users: str | None, **more: Any) -> Value:
    told = f' version="{version}"' if version is not None else ""
    listed = f"<users>{users}</users>" if users is not None else ""
    xml = f'<conference-info entity="sip:f" state="{state}"{told}>{listed}</conference-info>'
    part = part_of({"content-type": "application/conference-info+xml"}, xml.encode(), "1", "")
    value = to_plain(decode_part(part))
    assert isinstance(value, dict)
    return {**value, **more}


def user(uri: str, state: str = "full", *endpoints: str) -> str:
    return f'<user entity="{uri}" state="{state}">{"".join(endpoints)}</user>'


def endpoint(status: str, state: str = "full", media: str = "") -> str:
    return f'<endpoint entity="e" state="{state}" {AV}><status>{status}</status>{media}</endpoint>'


def media(status: str, number: int = 1) -> str:
    return f'<media id="{number}"><type>audio</type><status>{status}</status></media>'


def pushed(*documents: Value) -> list[list[tuple[str, str, str | None, str | None]]]:
    """Return level, change, status before and after of each change, document by document."""
    roster = Roster()
    return [
        [
            (one.level, one.change, one.previous_status, one.endpoint.get("status"))
            for one in changes
        ]
        for changes in map(roster.push, documents)
    ]


def test_a_whole_document_then_changes() -> None:
    assert pushed(
        document("full", 1, user("sip:a", "full", endpoint("connected"))),
        document("partial", 2, user("sip:b", "full", endpoint("dialing-out"))),
        document("partial", 3, user("sip:b", "partial", endpoint("connected", "partial"))),
        document("partial", 4, user("sip:a", "deleted")),
    ) == [
        [("user", "added", None, None), ("endpoint", "added", None, "connected")],
        [("user", "added", None, None), ("endpoint", "added", None, "dialing-out")],
        [("endpoint", "changed", "dialing-out", "connected")],
        [("user", "removed", None, None), ("endpoint", "removed", "connected", "connected")],
    ]


def test_media_come_change_and_go() -> None:
    found = pushed(
        document("full", 1, user("sip:a", "full", endpoint("connected"))),
        document(
            "partial",
            2,
            user("sip:a", "partial", endpoint("connected", "partial", media("sendrecv"))),
        ),
        document(
            "partial",
            3,
            user("sip:a", "partial", endpoint("connected", "partial", media("recvonly"))),
        ),
        document("partial", 4, user("sip:a", "partial", endpoint("connected", "full"))),
    )
    assert [[one[:2] for one in changes] for changes in found[1:]] == [
        [("media", "added")],
        [("media", "changed")],
        [("media", "removed")],
    ]


def test_who_is_not_in_a_whole_document_has_left() -> None:
    found = pushed(
        document("full", 1, user("sip:a") + user("sip:b")), document("full", 5, user("sip:B"))
    )
    # The name of sip:B changed its case, which is a change of what is told, not of who it is.
    assert [one[:2] for one in found[1]] == [("user", "removed"), ("user", "changed")]


def test_who_is_not_in_a_partial_document_stays() -> None:
    assert pushed(document("full", 1, user("sip:a")), document("partial", 2, ""))[1] == []


def test_the_end_of_a_conference() -> None:
    found = pushed(document("full", 1, user("sip:a")), document("deleted", 2, None))
    assert [one[:2] for one in found[1]] == [("user", "removed")]


def test_copies_and_outdated_documents_change_nothing() -> None:
    late = document("partial", 2, user("sip:a", "deleted"))
    found = pushed(
        document("full", 1, user("sip:a")), document("partial", 3, user("sip:b")), late, late
    )
    assert found[2:] == [[], []]


def test_a_missing_document_is_told_until_the_next_whole_one() -> None:
    roster = Roster()
    told = []
    for one in (
        document("partial", 4, user("sip:a")),
        document("full", 5, user("sip:a")),
        document("partial", 6, user("sip:b")),
        document("partial", 8, user("sip:c")),
        document("partial", 9, user("sip:d")),
        document("full", 10, user("sip:a")),
    ):
        roster.push(one)
        told.append(roster.complete)
    assert told == [False, True, True, False, False, True]


def test_a_cut_document_removes_nobody() -> None:
    cut = document("full", 2, user("sip:b"), problems=["XML was read up to a break"])
    roster = Roster()
    roster.push(document("full", 1, user("sip:a")))
    assert [(one.change, one.user["entity"]) for one in roster.push(cut)] == [("added", "sip:b")]
    assert not roster.complete


def test_documents_are_put_in_the_order_of_their_versions() -> None:
    numbers = [1, 3, 2, 4]
    documents = [(n, document("full" if n == 1 else "partial", n, "")) for n in numbers]
    assert [place for place, _ in in_versions(documents)] == [1, 2, 3, 4]


def test_a_whole_document_with_a_lower_version_begins_anew() -> None:
    documents = [
        (place, document(state, version, ""))
        for place, (state, version) in enumerate(
            [("full", 8), ("partial", 9), ("full", 1), ("partial", 3), ("partial", 2)]
        )
    ]
    assert [place for place, _ in in_versions(documents)] == [0, 1, 2, 4, 3]


def test_documents_without_versions_stay_in_the_order_of_time() -> None:
    documents = [(n, document("partial", version, "")) for n, version in enumerate([5, None, 1])]
    assert [place for place, _ in in_versions(documents)] == [0, 1, 2]


_USER = st.builds(user, st.sampled_from(["sip:a", "sip:b", ""]),
                  st.sampled_from(["full", "partial", "deleted", "odd"]),
                  st.sampled_from(["", endpoint("connected"), endpoint("x", "deleted"),
                                   endpoint("on-hold", "partial", media("sendrecv"))]))  # fmt: skip
_DOCUMENT = st.builds(document, st.sampled_from(["full", "partial", "deleted", ""]),
                      st.none() | st.integers(0, 6),
                      st.none() | st.lists(_USER, max_size=3).map("".join))  # fmt: skip


@given(st.lists(_DOCUMENT, max_size=6))
def test_changes_add_up_to_the_roster(documents: list[Value]) -> None:
    roster = Roster()
    present: set[str] = set()
    for _, one in in_versions([(None, document) for document in documents]):
        for change in roster.push(one):
            if change.level == "user":
                key = (change.user["entity"] or "").lower()
                assert (key in present) == (change.change != "added")
                (present.discard if change.change == "removed" else present.add)(key)
    whole = document("full", None, "")
    assert {(one.user["entity"] or "").lower() for one in roster.push(whole)} == present


# --- hostile ones ---------------------------------------------------------------------------------


def test_more_endpoints_than_are_followed() -> None:
    endpoints = [f'<endpoint entity="e{n}"/>' for n in range(MAX_ENDPOINTS + 5)]
    roster = Roster()
    changes = roster.push(document("full", 1, user("sip:a", "full", *endpoints)))
    assert [one.level for one in changes].count("endpoint") == MAX_ENDPOINTS
    assert not roster.complete


def test_endpoints_that_come_one_by_one_are_bounded_too() -> None:
    roster = Roster()
    roster.push(document("full", 1, user("sip:a")))
    for n in range(MAX_ENDPOINTS + 5):
        more = f'<endpoint entity="e{n}"/>'
        changes = roster.push(document("partial", n + 2, user("sip:a", "partial", more)))
        assert len(changes) == (n < MAX_ENDPOINTS)
    assert not roster.complete


def test_media_are_bounded() -> None:
    media = [f'<media id="{n}"/>' for n in range(MAX_MEDIA + 5)]
    one = endpoint("connected", "full", "".join(media))
    roster = Roster()
    changes = roster.push(document("full", 1, user("sip:a", "full", one)))
    assert [one.level for one in changes].count("media") == MAX_MEDIA
    assert not roster.complete

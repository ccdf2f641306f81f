from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipelines.analyses  # noqa: F401  (importing it fills the registry)
from pipelines import read_capture
from pipelines.schema import CONFERENCE_JOINS
from tests.analyses.conferences import CONFERENCE, command, invitation, joins, roster
from tests.analyses.script import TEXT_TYPES, at

FIXTURES = Path(__file__).parents[2] / "fixtures"

INVITATION = """
    1.0 app>fe   INVITE call=i by=app for=carol vias=1
    1.1 fe>carol INVITE call=i by=app for=carol vias=2
    5.0 carol>fe 200    call=i by=app for=carol
    5.1 fe>app   200    call=i by=app for=carol
"""
FOCUS = """
    5.3 carol>fe INVITE call=f by=carol to=focus vias=1
    5.8 fe>carol 200    call=f by=carol to=focus
"""
AUDIO = """
    6.3 carol>fe INVITE call=m by=carol to=av vias=1
    7.2 fe>carol 200    call=m by=carol to=av
"""
INVITED = (invitation("1-1-1", 1.0), invitation("1-2-1", 1.1))
ADDED = (command("1-5-1", 5.3), command("1-6-1", 5.8, "success"))


def only(script: str, *told: dict[str, Any], **more: Any) -> pd.Series:
    found = joins(script, *told, **more)
    assert len(found) == 1, found.T.to_string()
    return found.iloc[0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_three_dialogs_are_one_join(text: str) -> None:
    row = only(
        INVITATION + FOCUS + AUDIO,
        *INVITED,
        *ADDED,
        roster(1, 6.0, "carol", focus="connected"),
        roster(2, 7.9, "carol", focus="connected", av="connected"),
        text=text,
    )
    assert (row["conference_id"], row["user_uri"]) == (CONFERENCE, "sip:carol@contoso.com")
    assert (row["entry"], row["modality"], row["outcome"]) == ("invited", "audio-video", "joined")
    ids = ("invitation_call_id", "focus_call_id", "media_call_id")
    assert [row[name] for name in ids] == ["i", "f", "m"]
    names = ("accept_s", "begin_s", "focus_s", "add_user_s", "client_s", "media_s", "connected_s")
    assert [row[name] for name in names] == pytest.approx([4.1, 0.3, 0.5, 0.5, 0.5, 0.9, 1.6])
    assert row["join_s"] == pytest.approx(2.2)  # from the acceptance: a person took the rest
    assert row["joined_time"] == at(7.2)
    assert pd.isna(row["not_seen"])
    assert pd.isna(row["stopped_at"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_nothing(text: str) -> None:
    nothing = joins("", text=text)
    full = joins(FOCUS + AUDIO, text=text)
    assert list(nothing.columns) == list(CONFERENCE_JOINS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]
    assert joins("0 alice>fe INVITE\n1 fe>alice 200\n2 alice>fe BYE", text=text).empty


def test_without_invitation() -> None:
    row = only(FOCUS + AUDIO)
    assert (row["entry"], row["outcome"]) == ("direct", "joined")
    assert row["join_s"] == pytest.approx(1.9)
    assert pd.isna(row["accept_s"])


def test_by_telephone() -> None:
    phone = (FOCUS + AUDIO).replace("by=carol", "from_uri=sip:+15555550142@contoso.com;user=phone")
    assert only(phone)["entry"] == "telephone"


def test_the_mcu_calls() -> None:
    row = only("1 fe>erin INVITE call=o by=av for=erin\n9 erin>fe 200 call=o by=av for=erin")
    assert (row["entry"], row["outcome"]) == ("called", "joined")
    assert row["user_uri"] == "sip:erin@contoso.com"
    assert row["media_s"] == pytest.approx(8)
    assert pd.isna(row["join_s"]), "a person took the time to answer"
    refused = only("1 fe>erin INVITE call=o by=av for=erin\n9 erin>fe 603 call=o by=av for=erin")
    assert refused["outcome"] == "declined"


def test_a_row_for_each_modality() -> None:
    chat = AUDIO.replace("call=m", "call=n").replace("to=av", "to=chat")
    found = joins(FOCUS + AUDIO + chat)
    assert found["modality"].tolist() == ["audio-video", "chat"]
    assert found["join_id"].nunique() == 1
    assert found["later"].tolist() == [False, False]


def test_a_modality_that_was_added_later_counts_for_itself() -> None:
    chat = """
        95.0 carol>fe INVITE call=n by=carol to=chat
        95.4 fe>carol 200    call=n by=carol to=chat
    """
    row = joins(FOCUS + AUDIO + chat).iloc[1]
    assert row["later"]
    assert row["join_s"] == pytest.approx(0.4)
    assert pd.isna(row["client_s"])


def test_only_the_first_modality_may_take_its_time() -> None:
    """A second one after twelve seconds is a person's; a first one after twelve is slow."""
    slow = AUDIO.replace("6.3", "17.8").replace("7.2", "18.7")
    assert not only(FOCUS + slow)["later"]
    chat = AUDIO.replace("call=m", "call=n").replace("to=av", "to=chat")
    assert joins(FOCUS + chat + slow)["later"].tolist() == [False, True]


def test_a_modality_that_was_left_and_joined_again_is_told_twice() -> None:
    again = AUDIO.replace("6.3", "40").replace("7.2", "41").replace("call=m", "call=n")
    found = joins(f"{FOCUS}{AUDIO}\n 30 carol>fe BYE call=m by=carol to=av\n{again}")
    assert found["media_call_id"].tolist() == ["m", "n"]
    assert found["tries"].tolist() == [1, 1]


def test_a_second_try_of_a_modality() -> None:
    refused = AUDIO.replace("200", "503").replace("call=m", "call=x")
    again = AUDIO.replace("6.3", "7.5").replace("7.2", "8.0")
    row = only(FOCUS + refused + again)
    assert (row["outcome"], row["tries"], row["media_call_id"]) == ("joined", 2, "m")
    assert row["media_s"] == pytest.approx(1.7), "from the first try"


def test_a_second_try_with_the_focus() -> None:
    refused = FOCUS.replace("200", "503").replace("call=f", "call=x")
    again = FOCUS.replace("5.3", "6.0").replace("5.8", "6.2")
    row = only(refused + again + AUDIO)
    assert (row["outcome"], row["focus_call_id"]) == ("joined", "f")
    assert row["focus_s"] == pytest.approx(0.9)


def test_a_challenge_is_part_of_the_first_try() -> None:
    challenge = """
        5.0 carol>fe INVITE call=f by=carol to=focus
        5.1 fe>carol 407    call=f by=carol to=focus
    """
    again = FOCUS.replace("call=f", "call=f cseq=2")
    row = only(challenge + again + AUDIO)
    assert (row["outcome"], row["tries"]) == ("joined", 1)
    assert row["focus_s"] == pytest.approx(0.8)
    assert only(challenge)["status_code"] == 407
    unanswered = only(challenge + "\n".join(again.splitlines()[:2]))
    assert (unanswered["outcome"], unanswered["not_seen"]) == ("incomplete", "answer of the focus")


def test_two_endpoints_of_a_person_join_each_for_itself() -> None:
    phone = (FOCUS + AUDIO).replace("call=f", "call=f2").replace("call=m", "call=m2")
    both = (FOCUS + AUDIO).replace("by=carol", "by=carol from_epid=aa")
    found = joins(both + phone.replace("by=carol", "by=carol from_epid=bb"))
    assert found["epid"].tolist() == ["aa", "bb"]
    assert found["focus_call_id"].tolist() == ["f", "f2"]
    assert found["media_call_id"].tolist() == ["m", "m2"]


def test_ice_ends_the_join() -> None:
    """Whether the second INVITE tells it is the table of media streams' to say."""
    folder = FIXTURES / "conference_join"
    trace = read_capture(folder / "conference_join.pcapng", keys=folder / "sslkeys.log", workers=1)
    [truth] = json.loads((folder / "expected" / "truth.json").read_text())["conference_joins"]
    row = trace.conference_joins.iloc[0]
    for name in ("conference_id", "user_uri", "invitation_call_id", "focus_call_id"):
        assert row[name] == truth[name]
    for name in ("accept_s", "focus_s", "client_s", "media_s"):
        assert row[name] == pytest.approx(truth[name], abs=1e-3)
    assert [row["media_call_id"]] == truth["media_call_ids"]
    assert row["joined_time"] == row["ice_time"] > row["media_answer_time"]


@pytest.mark.parametrize("folder", ["conference_join_stopped"])
def test_the_fixtures_tell_their_truth(folder: str) -> None:
    truth = json.loads((FIXTURES / folder / "expected" / "truth.json").read_text())
    for told in truth["conference_joins"]:
        path = FIXTURES / folder / told["capture"]
        row = read_capture(path, keys=path.with_suffix(".keys.log"), workers=1).conference_joins
        for name, value in told.items():
            found = row[name].iloc[0]
            if value is None:
                assert pd.isna(found), (told["capture"], name)
            else:
                assert found == (pytest.approx(value, abs=1e-3) if name[-2:] == "_s" else value)


# --- joins that stop ----------------------------------------------------------------------------

REGISTERS = "\n0.5 carol>fe REGISTER call=r by=carol for=carol vias=1"


def test_accepted_and_no_focus_asked() -> None:
    row = only(INVITATION + REGISTERS, *INVITED)
    assert (row["outcome"], row["stopped_at"]) == ("incomplete", "focus")
    assert row["client_seen"]
    assert row["waited_s"] == pytest.approx(95)


def test_the_inviters_side_shows_nothing_of_the_client() -> None:
    near = "\n".join(line for line in INVITATION.splitlines() if "app" in line.split(" INV")[0])
    row = only(near.replace("carol>fe", "fe>app"), *INVITED)
    assert (row["outcome"], row["client_seen"]) == ("unknown", False)
    assert row["not_seen"] == "dialog with the focus"


def test_a_focus_dialog_whose_beginning_was_lost() -> None:
    rest = "\n 9 carol>fe INFO call=f by=carol to=focus\n 9.1 fe>carol 200 INFO call=f by=carol"
    row = only(INVITATION + REGISTERS + rest.replace("INFO call", "INFO to_tag=b call"),
               *INVITED)  # fmt: skip
    assert row["outcome"] == "unknown"


def test_another_endpoint_of_the_same_person_proves_nothing() -> None:
    accepted = INVITATION.replace("carol>fe 200   ", "carol>fe 200 to_epid=aa")
    other = "\n 30 desk>fe REGISTER call=r by=carol for=carol vias=1 from_epid=EPID"
    row = only(accepted + other.replace("EPID", "bb"), *INVITED)
    assert (row["outcome"], row["client_seen"]) == ("unknown", False)
    assert only(accepted + other.replace("EPID", "aa"), *INVITED)["outcome"] == "incomplete"


def test_an_invitation_without_body_cannot_be_followed() -> None:
    """Logs may leave bodies out."""
    script = INVITATION.replace("INVITE ", "INVITE type=application/ms-conf-invite+xml ")
    found = joins(script + REGISTERS + FOCUS)
    assert found["outcome"].tolist() == ["unknown", "incomplete"]
    assert found["not_seen"].iloc[0] == "focus-uri of the invitation, dialog with the focus"


def test_an_organiser_who_is_named_in_another_way() -> None:
    named = "sip:g.gray@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4"
    found = joins(INVITATION + REGISTERS + FOCUS + AUDIO, invitation("1-1-1", 1.0, named))
    assert found["outcome"].tolist() == ["unknown", "joined"]


@pytest.mark.parametrize(
    ("status", "outcome"), [("", "unanswered"), ("603", "declined"), ("486", "declined")]
)
def test_an_invitation_that_nobody_accepts(status: str, outcome: str) -> None:
    lines = [line for line in INVITATION.splitlines() if status or " 200 " not in line]
    row = only("\n".join(lines).replace(" 200 ", f" {status} "), *INVITED)
    assert (row["outcome"], row["stopped_at"]) == (outcome, "invitation")


def test_who_is_in_already_need_not_join() -> None:
    late = INVITATION
    for seconds in ("1.0", "1.1", "5.0", "5.1"):
        late = late.replace(f"    {seconds}", f"    {float(seconds) + 200}")
    found = joins(f"{FOCUS}{AUDIO}{late}", invitation("1-5-1", 201), end=400)
    assert found["outcome"].tolist() == ["joined", "present"]


@pytest.mark.parametrize(
    ("answer", "outcome", "where"),
    [("403", "refused", "focus"), ("487", "left", "focus"), ("100", "incomplete", "focus")],
)
def test_the_focus_does_not_take_it(answer: str, outcome: str, where: str) -> None:
    told = {"message_id": "1-2-1", "call_id": "f", "code": 3014, "reason": "no", "position": 1}
    row = only(FOCUS.replace(" 200 ", f" {answer} "), diagnostics=(told,))
    assert (row["outcome"], row["stopped_at"]) == (outcome, where)
    if outcome == "refused":
        assert (row["status_code"], row["diagnostics_code"]) == (403, 3014)
        assert row["reason"] == "403 3014 no"
        assert row["stop_message_id"] == "1-2-1"


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("failure", "refused", "unauthorized"),
        ("pending", "incomplete", "addUser stayed pending"),
        ("success", "incomplete", "no INVITE to an MCU"),
    ],
)
def test_what_add_user_says(code: str, outcome: str, reason: str) -> None:
    why = "unauthorized" if code == "failure" else ""
    row = only(FOCUS, command("1-1-1", 5.3), command("1-2-1", 5.8, code, why))
    assert (row["outcome"], row["reason"]) == (outcome, reason)
    assert row["stopped_at"] == ("media" if code == "success" else "addUser")


@pytest.mark.parametrize(
    ("bye", "outcome"),
    [("carol>fe BYE call=f by=carol to=focus", "left"),
     ("fe>carol BYE call=f from=b to_tag=f by=focus for=carol", "incomplete")],
)  # fmt: skip
def test_who_ends_it_before_there_is_media(bye: str, outcome: str) -> None:
    row = only(f"{FOCUS}\n 8 {bye}")
    assert (row["outcome"], row["stopped_at"]) == (outcome, "media")
    assert row["waited_s"] == pytest.approx(2.2)


def test_media_that_finds_no_path() -> None:
    told = {"message_id": "1-5-1", "call_id": "m", "code": 23, "reason": "no path", "position": 1}
    told |= {"method": "BYE", "time": at(20)}
    row = only(f"{FOCUS}{AUDIO}\n 20 carol>fe BYE call=m by=carol to=av", diagnostics=(told,))
    assert (row["outcome"], row["stopped_at"]) == ("incomplete", "ice")
    assert (row["diagnostics_code"], row["reason"]) == (23, "23 no path")
    assert pd.isna(row["join_s"])


def test_a_conference_of_which_only_answers_were_captured() -> None:
    answers = "\n".join(line for line in (FOCUS + AUDIO).splitlines() if " 200 " in line)
    row = only(answers)
    assert row["outcome"] == "joined"
    assert row["not_seen"] == ("INVITE to the focus, answer to addUser, INVITE to the MCU, roster")
    for name in ("focus_s", "media_s", "join_s"):
        assert pd.isna(row[name])


def test_a_conference_of_which_only_requests_were_captured() -> None:
    asked = "\n".join(line for line in (FOCUS + AUDIO).splitlines() if "INVITE" in line)
    row = only(asked)
    assert (row["outcome"], row["stopped_at"]) == ("incomplete", "media")
    assert row["not_seen"] == "answer of the focus, answer of the MCU"


def test_media_without_a_focus_dialog() -> None:
    row = only(AUDIO)
    assert pd.isna(row["entry"])
    assert (row["outcome"], row["not_seen"]) == ("joined", "dialog with the focus, roster")


def test_two_clocks_are_not_compared() -> None:
    other = FOCUS.replace("by=carol", "by=carol capture=fe")
    row = joins(INVITATION + other, *INVITED).iloc[0]
    assert pd.isna(row["begin_s"])
    one = joins(INVITATION + other, *INVITED, recordings={"fe": "edge"}).iloc[0]
    assert one["begin_s"] == pytest.approx(0.3), "files of a rotated set have one clock"


def test_bytes_that_are_missing_are_told() -> None:
    assert only(FOCUS + AUDIO, lost_bytes=700)["lost_bytes"] == 700


# --- the lobby ----------------------------------------------------------------------------------


def test_the_lobby_is_a_persons_time() -> None:
    late = AUDIO.replace("6.3", "66.3").replace("7.2", "67.2")
    held = roster(1, 6.0, "carol", focus="on-hold")
    row = only(FOCUS + late, held, roster(2, 66.0, "carol", focus="connected"))
    assert (row["outcome"], row["lobby_s"]) == ("joined", pytest.approx(60))
    assert row["join_s"] == pytest.approx(67.2 - 5.3 - 60)
    assert row["client_s"] == pytest.approx(0.3)
    assert not row["later"]


@pytest.mark.parametrize(
    ("told", "bye", "outcome"),
    [
        ((), "", "lobby"),
        ((roster(2, 30.0, "carol"),), "", "refused"),
        ((), "\n 30 carol>fe BYE call=f by=carol to=focus", "left"),
    ],
    ids=["waits", "not let in", "leaves"],
)
def test_who_is_not_let_in(told: tuple[Any, ...], bye: str, outcome: str) -> None:
    held = roster(1, 6.0, "carol", focus="on-hold")
    row = only(FOCUS + bye, held, *told)
    assert (row["outcome"], row["stopped_at"]) == (outcome, "lobby")


# --- anything -----------------------------------------------------------------------------------

LINES = st.lists(
    st.builds(
        "{} {} {} call={} by={} {}".format,
        st.integers(0, 90),
        st.sampled_from(["carol>fe", "fe>carol", "app>fe"]),
        st.sampled_from(["INVITE", "200", "503", "487", "180", "200 BYE", "BYE", "INFO"]),
        st.sampled_from("ifmn"),
        st.sampled_from(["carol", "carol", "focus", "av", "app"]),
        st.sampled_from(["to=focus", "to=av", "to=chat", "for=carol"]),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(LINES, st.sampled_from(["focus", "av"]))
def test_any_messages_make_rows_that_keep_their_word(lines: list[str], part: str) -> None:
    held = roster(1, 20.0, "carol", **{part: "on-hold"})
    found = joins("\n".join(lines), held, roster(2, 30.0, "carol", **{part: "connected"}))
    joined = found["outcome"] == "joined"
    assert found["outcome"].notna().all()
    assert found.loc[joined, "stopped_at"].isna().all()
    assert found.loc[joined, "media_answer_time"].notna().all()
    assert found.loc[~joined, ["joined_time", "join_s"]].isna().all(axis=None)
    for name in found.columns:
        if name.endswith("_s"):
            assert not (found[name] < 0).any(), name
    dialogs = found["media_call_id"].dropna()
    assert dialogs.is_unique

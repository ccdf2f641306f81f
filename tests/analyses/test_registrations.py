from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fixtures.workshop.expected import read
from pipelines import read_capture
from pipelines.analyses.registrations import registrations
from pipelines.schema import BODIES, CAPTURES, FLOWS, REGISTRATIONS, TLS_SESSIONS
from tests.analyses.script import TEXT_TYPES, at, messages, typed

ASK = "from=r epid=e1 expires=7200 to_uri=sip:alice@contoso.com call=r1"
OK = f"{ASK} ua=RTC/5.0 bindings=7200+sip:pc"


def table(
    script: str,
    text: str = "string[pyarrow]",
    end: float | None = None,
    bodies: list[dict[str, Any]] | None = None,
    flows: list[dict[str, Any]] | None = None,
    tls: list[dict[str, Any]] | None = None,
) -> pd.DataFrame:
    captures = [] if end is None else [{"recording": "edge", "end_time": at(end)}]
    rows = messages(script, text)
    return registrations(
        rows,
        rows,
        rows,
        typed(bodies or [], BODIES, text),
        typed(captures, CAPTURES, text),
        typed(flows or [], FLOWS, text),
        typed(tls or [], TLS_SESSIONS, text),
    )


def only(script: str, **options: Any) -> pd.Series:
    found = table(script, **options)
    assert len(found) == 1, found.T.to_string()
    return found.iloc[0]


def ask(time: float, cseq: int, more: str = "", who: str = "pc>fe") -> str:
    return f"{time} {who} REGISTER {ASK} bindings=-+sip:pc cseq={cseq} {more}\n"


def say(time: float, status: int, cseq: int, more: str = "", who: str = "fe>pc") -> str:
    binding = "bindings=7200+sip:pc" if status == 200 else ""
    return f"{time} {who} {status} REGISTER {ASK} {binding} cseq={cseq} {more}\n"


NTLM = (
    ask(0, 1)
    + say(0.1, 401, 1, "schemes=NTLM+Kerberos+TLS-DSK")
    + ask(0.2, 2, "schemes=NTLM")
    + say(0.3, 401, 2, "schemes=NTLM")
    + ask(0.4, 3, "schemes=NTLM")
    + say(0.5, 200, 3, "schemes=NTLM")
)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_challenges_are_inside_one_attempt(text: str) -> None:
    row = only(NTLM, text=text)
    assert (row["outcome"], row["kind"], row["fate"]) == ("registered", "initial", "open")
    assert (row["requests"], row["challenges"], row["auth_scheme"]) == (3, 2, "NTLM")
    assert row["offered_schemes"] == "NTLM Kerberos TLS-DSK"
    assert (row["delay_s"], row["status_code"], row["expires_s"]) == (0.5, 200, 7200)
    assert (row["expiry_time"], row["refreshes"]) == (at(7200.5), 0)
    assert (row["epid"], row["client"], row["server"]) == ("e1", "pc", "fe")


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("0 a>b OPTIONS", text=text)
    full = table(NTLM, text=text)
    assert list(nothing.columns) == list(REGISTRATIONS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]
    assert len(nothing) == 0


@pytest.mark.parametrize(
    ("challenges", "outcome"), [(1, "challenged"), (3, "challenged"), (4, "challenge_loop")]
)
def test_the_fourth_challenge_is_a_loop(challenges: int, outcome: str) -> None:
    script = "".join(
        ask(n, n, "schemes=NTLM" if n > 1 else "") + say(n + 0.1, 401, n, "schemes=NTLM")
        for n in range(1, challenges + 1)
    )
    row = only(script)
    assert (row["outcome"], row["challenges"], row["status_code"]) == (outcome, challenges, 401)
    assert pd.isna(row["delay_s"]) and pd.isna(row["fate"])


def test_four_challenges_and_then_success_is_no_loop() -> None:
    script = "".join(ask(n, n) + say(n + 0.1, 401, n) for n in range(1, 5))
    assert only(script + ask(5, 5) + say(5.1, 200, 5))["outcome"] == "registered"


def test_a_redirection_to_the_home_server_is_followed() -> None:
    row = only(
        ask(0, 1)
        + say(0.1, 301, 1, "contact_uri=sip:fe2.contoso.com")
        + ask(0.3, 1, "call=r2", who="pc>fe2")
        + say(0.6, 200, 1, "call=r2", who="fe2>pc")
    )
    assert (row["outcome"], row["redirected_to"]) == ("registered", "sip:fe2.contoso.com")
    assert bool(row["redirect_followed"]) and row["server"] == "fe2"
    assert (row["delay_s"], row["requests"]) == (0.6, 2)


def test_a_redirection_that_is_not_followed() -> None:
    row = only(ask(0, 1) + say(0.1, 301, 1, "contact_uri=sip:fe2.contoso.com"), end=100)
    assert (row["outcome"], bool(row["redirect_followed"])) == ("redirected", False)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (403, "rejected"),
        (404, "rejected"),
        (408, "timed_out"),
        (423, "rejected"),
        (500, "failed"),
        (503, "failed"),
        (504, "timed_out"),
        (603, "rejected"),
    ],
)
def test_failures(status: int, outcome: str) -> None:
    row = only(ask(0, 1) + say(0.1, status, 1, "diag=4004"))
    assert (row["outcome"], row["status_code"], row["diagnostics_code"]) == (outcome, status, 4004)


def test_two_hops_are_one_attempt() -> None:
    row = only(
        ask(0, 1, who="pc>edge")
        + ask(0.1, 1, who="edge>fe")
        + say(0.5, 200, 1, who="fe>edge")
        + say(0.6, 200, 1, who="edge>pc")
    )
    assert (row["requests"], row["delay_s"]) == (1, 0.6)


def test_the_far_hop_stands_in_for_a_response_that_was_lost() -> None:
    row = only(
        ask(0, 1, who="pc>edge") + ask(0.1, 1, who="edge>fe") + say(0.5, 200, 1, who="fe>edge")
    )
    assert (row["outcome"], row["delay_s"]) == ("registered", 0.5)


def test_responses_alone() -> None:
    row = only(say(0.1, 200, 1))
    assert (row["outcome"], row["requests"]) == ("registered", 0)
    assert (row["client"], row["server"]) == ("pc", "fe")
    assert pd.isna(row["delay_s"]) and pd.isna(row["start_time"])


def test_requests_alone_tell_nothing() -> None:
    row = only(ask(0, 1), end=100)
    assert row["outcome"] == "unknown" and "direction" in row["outcome_reason"]


@pytest.mark.parametrize(("end", "outcome"), [(10, "unknown"), (40, "timed_out")])
def test_no_answer_counts_when_the_capture_goes_on(end: float, outcome: str) -> None:
    script = ask(0, 1) + "1 fe>pc OPTIONS call=other\n"
    assert only(script, end=end)["outcome"] == outcome


def test_no_answer_counts_only_when_no_bytes_are_missing() -> None:
    script = ask(0, 1) + "1 fe>pc OPTIONS call=other\n"
    row = only(script, end=100, flows=[{"flow_id": "fe-pc", "lost_bytes": 100}])
    assert row["outcome"] == "unknown" and "missing" in row["outcome_reason"]


def test_a_challenge_that_was_lost() -> None:
    row = only(ask(0, 1) + ask(0.2, 2, "schemes=NTLM") + say(0.4, 200, 2))
    assert (row["outcome"], row["requests"], row["challenges"]) == ("registered", 2, 0)


# --- the binding --------------------------------------------------------------------------------

SECOND = ask(3600, 4) + say(3600.2, 200, 4)


def test_a_refresh() -> None:
    found = table(NTLM + SECOND, end=5000)
    assert found["kind"].tolist() == ["initial", "refresh"]
    assert found["fate"].tolist() == ["refreshed", "open"]
    assert found["registration_id"].nunique() == 1
    assert found["refreshes"].tolist() == [1, pd.NA]
    assert found["fate_time"][0] == at(3600.2)


def test_an_endpoint_that_begins_anew_replaces_its_binding() -> None:
    found = table(NTLM + ask(60, 1, "call=r2") + say(60.2, 200, 1, "call=r2"))
    assert found["kind"].tolist() == ["initial", "initial"]
    assert found["fate"].tolist() == ["replaced", "open"]


@pytest.mark.parametrize(("end", "fate"), [(7210, "open"), (7300, "lapsed")])
def test_a_binding_that_is_not_refreshed_lapses_where_the_capture_goes_on(
    end: float, fate: str
) -> None:
    row = only(NTLM, end=end)
    assert row["fate"] == fate
    assert fate == "open" or row["fate_time"] == at(7200.5)


def test_a_refresh_that_comes_too_late() -> None:
    found = table(NTLM + ask(7300, 4) + say(7300.2, 200, 4), end=7400)
    assert found["fate"].tolist() == ["lapsed", "open"]
    assert found["kind"].tolist() == ["initial", "initial"]


def test_a_refresh_without_known_outcome_leaves_it_open_whether_the_binding_lapsed() -> None:
    found = table(NTLM + ask(3600, 4), end=7300, flows=[{"flow_id": "fe-pc", "lost_bytes": 9}])
    assert found["outcome"].tolist() == ["registered", "unknown"]
    assert found["fate"].tolist()[0] == "unknown"


def test_a_connection_that_stayed_closed_may_have_carried_the_refresh() -> None:
    flow = {"flow_id": "x", "client_ip": "pc", "server_ip": "fe2", "server_port": 5061}
    row = only(
        NTLM,
        end=8000,
        flows=[flow | {"end_time": at(7000)}],
        tls=[{"flow_id": "x", "opened": False}],
    )
    assert row["fate"] == "unknown" and "TLS" in row["fate_reason"]


def test_another_endpoint_of_the_user_at_the_same_address() -> None:
    other = ask(7100, 1, "epid=e2 call=r9") + say(7100.1, 200, 1, "epid=e2 call=r9")
    found = table(NTLM + other, end=8000)
    assert found["fate"].tolist() == ["unknown", "open"]


def test_signing_out() -> None:
    script = ask(60, 4, "expires=0") + say(60.1, 200, 4, "bindings=- expires=-")
    found = table(NTLM + script, end=9000)
    assert found["outcome"].tolist() == ["registered", "removed"]
    assert found["kind"].tolist() == ["initial", "removal"]
    assert found["fate"].astype(object).tolist()[0] == "removed"
    assert pd.isna(found["fate"][1])


def test_a_star_takes_all_bindings_back() -> None:
    script = ask(60, 4, "expires=0 bindings=-+*") + say(60.1, 200, 4, "bindings=- expires=-")
    assert table(NTLM + script)["fate"].tolist()[0] == "removed"


EVENT = "90 fe>pc NOTIFY call=n to_uri=sip:alice@contoso.com to_epid=e1 event=registration-notify"


def test_the_server_ends_it() -> None:
    text = {"media_type": "text/registration-event", "text": "deregistered;event=deactivated\r\n"}
    found = table(
        NTLM + f"{EVENT} diag=4141 type=text/registration-event",
        end=9000,
        bodies=[{"message_id": "1-7-1", "call_id": "n", **text}],
    )
    row = found.iloc[0]
    assert (row["fate"], row["fate_time"], row["fate_message_id"]) == (
        "deregistered",
        at(90),
        "1-7-1",
    )
    assert (row["fate_reason"], row["fate_diagnostics_code"]) == ("deactivated", 4141)


def test_the_server_ends_it_and_the_body_is_not_there() -> None:
    row = only(NTLM + EVENT, end=9000)
    assert row["fate"] == "deregistered" and pd.isna(row["fate_reason"])


def test_an_event_about_another_endpoint() -> None:
    assert only(NTLM + EVENT.replace("e1", "e7"), end=9000)["fate"] == "lapsed"


def test_the_binding_of_ones_own_contact_counts() -> None:
    many = "bindings=60+sip:other\n300+sip:PC"
    row = only(ask(0, 1, "epid=- contact_uri=sip:pc") + say(1, 200, 1, "epid=- expires=-"))
    assert row["expires_s"] == 7200
    script = messages(ask(0, 1, "contact_uri=sip:pc") + say(1, 200, 1))
    script.loc[1, "bindings"] = many.removeprefix("bindings=").replace("+", " ")
    empty = (typed([], one) for one in (BODIES, CAPTURES, FLOWS, TLS_SESSIONS))
    assert registrations(script, script, script, *empty)["expires_s"].tolist() == [300]


def test_endpoints_without_epid_are_told_by_contact_or_call_id() -> None:
    bare = "epid=- contact_uri=sip:pc"
    same = ask(0, 1, bare) + say(0.1, 200, 1, bare) + ask(60, 1, f"{bare} call=r2")
    found = table(same + say(60.1, 200, 1, f"{bare} call=r2"))
    assert found["fate"].tolist() == ["replaced", "open"]
    other = same.replace("sip:pc call", "sip:tel call") + say(60.1, 200, 1, "epid=- call=r2")
    assert table(other)["fate"].tolist() == ["open", "open"]


def test_a_query_changes_nothing() -> None:
    found = table(NTLM + ask(60, 4, "bindings=- expires=-") + say(60.1, 200, 4), end=100)
    assert found["outcome"].tolist() == ["registered", "answered"]
    assert found["kind"].tolist() == ["initial", "query"]
    assert found["fate"].tolist()[0] == "open"


def test_many_attempts_take_no_long_time() -> None:
    one = messages(ask(0, 1) + say(0.5, 200, 1))
    count = 20_000
    rows = one.loc[one.index.repeat(count)].sort_index(kind="stable").reset_index(drop=True)
    numbers = pd.Series([*range(count), *range(count)])
    rows["cseq"] = pd.array(numbers, dtype="Int64")
    rows["time"] = rows["first_time"] = rows["time"] + pd.to_timedelta(numbers, "s")
    empty = (typed([], table) for table in (BODIES, CAPTURES, FLOWS, TLS_SESSIONS))
    found = registrations(rows, rows, rows, *empty)
    assert found["fate"].value_counts().to_dict() == {"refreshed": count - 1, "open": 1}


# --- captures -----------------------------------------------------------------------------------

FOLDER = Path(__file__).parents[2] / "fixtures" / "registrations"


@pytest.mark.parametrize("name", read(FOLDER, "truth")["captures"])
def test_captures_tell_what_was_scripted(name: str) -> None:
    entry = read(FOLDER, "truth")["captures"][name]
    trace = read_capture(FOLDER / name, keys=[FOLDER / entry["keys"]], workers=1)
    found = trace.registrations
    for told in entry["registrations"]:
        asked = told | {"kind": told.get("kind", "initial")}
        same = (found["user_uri"] == asked["user_uri"]) & (found["kind"] == asked["kind"])
        rows = found[same]
        assert len(rows)
        for column, value in asked.items():
            assert rows[column].iloc[0] == value or (value is None and rows[column].isna().iloc[0])


def test_captures_tell_what_became_of_the_bindings() -> None:
    def fates(name: str) -> list[str]:
        found = read_capture(FOLDER / name, keys=[FOLDER / "sslkeys.log"], workers=1).registrations
        return found["fate"].astype("object").dropna().tolist()

    assert fates("sign_in.pcapng") == ["refreshed", "deregistered", "open", "removed"]
    assert fates("lapsed.pcapng") == ["refreshed", "lapsed", *["refreshed"] * 3, "open"]
    assert set(fates("frames_missing.pcapng")) == {"refreshed", "open"}


def test_the_user_was_disabled() -> None:
    trace = read_capture(FOLDER / "sign_in.pcapng", keys=[FOLDER / "sslkeys.log"], workers=1)
    ended = trace.registrations[trace.registrations["fate"] == "deregistered"].iloc[0]
    assert (ended["fate_reason"], ended["fate_diagnostics_code"]) == ("unregistered", 4141)

"""The table `subscriptions` of the captures whose truth tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dissectors.errors import DissectError
from dissectors.sip.framing import decode_datagram
from fixtures.presence_batch import make as presence_batch
from fixtures.workshop import contoso
from fixtures.workshop.expected import read
from fixtures.workshop.trace_log import TraceLog
from pipelines import Trace, read_capture
from pipelines.tables import Tabulator
from tests.pipelines.values import some_flow

FIXTURES = Path(__file__).parents[2] / "fixtures"
BATCH, SKYPE = FIXTURES / "presence_batch", FIXTURES / "presence_skype"


def trace_of(folder: Path, name: str) -> Trace:
    keys = read(folder, "truth")["captures"][name]["keys"]
    return read_capture(folder / name, keys=folder / keys, workers=1)


def captures_of(folder: Path) -> list[Any]:
    truth = json.loads((folder / "expected" / "truth.json").read_text())
    return [pytest.param(folder, name, id=f"{folder.name}-{name}") for name in truth["captures"]]


@pytest.mark.parametrize(("folder", "capture"), [*captures_of(BATCH), *captures_of(SKYPE)])
def test_what_is_told_of_each_contact(folder: Path, capture: str) -> None:
    truth = [row for row in read(folder, "truth")["subscriptions"] if row["capture"] == capture]
    found = trace_of(folder, capture).subscriptions
    found = found[~found.duplicated("contact_uri")].set_index("contact_uri")
    assert set(found.index) >= {row["contact_uri"] for row in truth}
    for row in truth:
        for name in set(row) - {"capture", "contact_uri"}:
            value = found.loc[row["contact_uri"], name]
            assert row[name] == (None if pd.isna(value) else value)


@pytest.mark.parametrize(
    ("folder", "capture", "severity", "words"),
    [
        (BATCH, "request_lost.pcap", "error", "The request itself was not captured"),
        (BATCH, "edge_side.pcap", "error", "The whole SUBSCRIBE was refused"),
        (BATCH, "silent.pcap", "warning", "neither a state nor a refusal"),
        (BATCH, "told_in_lost_frames.pcap", "note", "bytes of this connection"),
        (SKYPE, "edge.pcap", "warning", "no presence followed"),
        (SKYPE, "whole_site.pcap", "error", "no presence followed"),
        (SKYPE, "shown_as_offline.pcap", "error", "was shown closed only"),
        (SKYPE, "in_lost_frames.pcap", "note", "bytes of this connection"),
    ],
)
def test_how_sure_it_is(folder: Path, capture: str, severity: str, words: str) -> None:
    found = trace_of(folder, capture).findings
    about = found[found["rule"].str.contains("presence")]
    assert about["severity"].tolist() == [severity]
    assert words in about["explanation"].iloc[0]


def test_states_come_after_the_request() -> None:
    found = trace_of(BATCH, "told_later.pcap").subscriptions.set_index("contact_uri")
    erin = found.loc["sip:erin@contoso.com"]
    assert erin["presence_s"] == pytest.approx(2.097, abs=1e-4)
    assert (erin["presence"], erin["availability"]) == ("do-not-disturb", 9500)
    assert erin["response_s"] == pytest.approx(0.134, abs=1e-4)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("active;expires=28800", "active"),
        ("Terminated ; reason=Rejected;retry-after=5", "terminated;reason=rejected"),
        (";reason=", None),
        ("", None),
    ],
)
def test_the_state_of_a_subscription(header: str, value: str | None) -> None:
    head = f"NOTIFY sip:a@b SIP/2.0\r\nCall-ID: c\r\nSubscription-State: {header}\r\n\r\n"
    message = decode_datagram(head.encode(), 5, 1_000_000_000, 0)[0]
    assert not isinstance(message, DissectError)
    tabulator = Tabulator(1, "a.pcap")
    tabulator.add_message(some_flow(), "udp", message)
    (row,) = tabulator.drain()["messages"].to_pylist()
    assert row["subscription_state"] == value


# --- as text, in the logs of the servers


@pytest.mark.parametrize("name", presence_batch.CASES)
def test_the_front_end_s_log_tells_the_same(name: str, tmp_path: Path) -> None:
    case = presence_batch.CASES[name]
    site = presence_batch.perform(case)
    path = tmp_path / "front_end.txt"
    last = presence_batch.START + 90_000_000_000
    log = TraceLog().observe(site, contoso.FRONT_END)
    log.diagnostic(last, LogType="diagnostic", Severity="information", Text="Connection closed")
    path.write_bytes(log.text)
    trace = read_capture(path)
    answers = dict(
        zip(trace.subscriptions["contact_uri"], trace.subscriptions["answer"], strict=True)
    )
    if case.lost:  # a log loses nothing
        assert "silent" not in answers.values()
    elif not case.asked_again:
        assert answers == case.truth
        assert trace.findings.groupby("rule", observed=True)["count"].sum().to_dict() == (
            case.findings
        )


@pytest.mark.parametrize("page", ["page.md", "page.html"])
def test_a_published_log(page: str) -> None:
    (found,) = read_capture(FIXTURES / "tracelog_kinds" / page).findings.to_dict("records")
    assert (found["rule"], found["severity"]) == ("presence_forbidden_untrusted", "error")
    assert "sip:frank@contoso.com" in found["explanation"]


ARTICLES = FIXTURES.parents[1] / "shared" / "seeds"


def test_an_article_s_excerpt_gives_its_author_s_finding() -> None:
    """Its list is cut and its URIs are masked; status and error id are there."""
    path = next(iter(sorted(ARTICLES.glob("000_*.txt"))), None)
    if path is None:
        pytest.skip("the articles are not beside the checkout")
    trace = read_capture(path)
    (row,) = trace.subscriptions.to_dict("records")
    assert (row["seen"], row["answer"], row["reason"]) == ("both", "terminated", "forbidden")
    assert (row["status_code"], row["diagnostics_code"]) == (403, 2157)
    assert row["answer_s"] == pytest.approx(0.134)
    (found,) = trace.findings.to_dict("records")
    assert (found["rule"], found["severity"]) == ("presence_forbidden_untrusted", "error")
    assert "Office 365" in found["explanation"] and "user endpoint" in found["advice"]

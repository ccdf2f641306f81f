"""The table `subscriptions` of the captures whose truth tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fixtures.workshop.expected import read
from pipelines import Trace, read_capture

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

"""Compressed SIP in the tables: each message with its frame, and the flow's algorithm."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.workshop.expected import read
from pipelines import read_capture

FOLDER = Path(__file__).parents[2] / "fixtures" / "compressed"


@pytest.mark.parametrize("name", ["lz77_8k.pcap", "lz77_64k.pcap"])
def test_the_tables_tell_the_messages_and_the_algorithm(name: str) -> None:
    truth = read(FOLDER, "truth")["captures"][name]
    trace = read_capture(FOLDER / name, keys=[FOLDER / truth["keys"]])
    assert trace.flows["compression"].tolist() == [truth["compression"]]
    assert trace.flows["application"].tolist() == ["sips"]
    assert trace.messages["frame_number"].tolist() == [
        row["frame_number"] for row in truth["messages"]
    ]
    assert trace.expert.empty


def test_without_compression_the_column_is_missing() -> None:
    folder = FOLDER.parent / "presence_forbidden"
    trace = read_capture(folder / "presence_forbidden.pcap", keys=[folder / "sslkeys.log"])
    assert trace.flows["compression"].isna().all()

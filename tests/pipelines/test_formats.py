"""Every format and container, as third parties write them, against what tshark says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fixtures.formats import make
from pipelines import read_capture
from pipelines.ingest import CaptureFile

FOLDER = Path(make.__file__).parent
RECORDED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected/tshark.json").read_text())
NOT_FOR_TSHARK = ("tcpdump.pcap.xz", "tcpdump.pcap.bz2", "tcpdump.pcap.zst.gz")

FORMATS = {
    "editcap_snoop.snoop": "snoop",
    "editcap_netmon1.cap": "netmon",
    "editcap_netmon2.cap": "netmon",
    "editcap_netmon2_1.cap": "netmon",
}
COMPRESSIONS = {
    ".gz": ["gzip"],
    ".zst": ["zstd"],
    ".lz4": ["lz4"],
    ".xz": ["xz"],
    ".bz2": ["bzip2"],
}


def seen(path: Path | str) -> dict[str, Any]:
    """Return what lyncshark sees, in the words of ``expected/tshark.json``."""
    times: list[int] = []
    lengths: list[int] = []
    for batch in CaptureFile(str(path)).batches():
        times += batch.time_ns.tolist()
        lengths += batch.wire_length.tolist()
        assert batch.frame_number[-1] == len(times)
    messages = read_capture(path, workers=1).messages.astype(object)
    rows = messages[["frame_number", "method", "status_code"]].itertuples(index=False)
    starts = [[frame, method if status is pd.NA else str(status)] for frame, method, status in rows]
    return {
        "packets": len(times),
        "times_ns": times,
        "lengths": lengths,
        "messages": starts,
    }


@pytest.mark.parametrize("name", RECORDED)
def test_every_format_gives_what_tshark_sees(name: str) -> None:
    assert seen(FOLDER / name) == RECORDED[name]


@pytest.mark.parametrize("name", [*NOT_FOR_TSHARK, "captures.zip/tcpdump.pcap"])
def test_what_tshark_cannot_open_gives_the_same(name: str) -> None:
    assert seen(FOLDER / name) == RECORDED["tcpdump.pcap"]


def test_members_of_an_archive() -> None:
    trace = read_capture(FOLDER / "captures.zip")
    assert list(trace.captures["capture"]) == ["tcpdump.pcap", "editcap_snoop.snoop"]
    assert list(trace.captures["packets"]) == [15, 15]


@pytest.mark.parametrize("path", make.captures(FOLDER), ids=lambda path: path.name)
def test_formats_and_compressions_are_named(path: Path) -> None:
    capture = CaptureFile(str(path))
    for _ in capture.batches():
        pass
    known = FORMATS.get(path.name, "pcapng" if path.suffix == ".pcapng" else "pcap")
    assert capture.format == known
    assert capture.compression == COMPRESSIONS.get(path.suffix, [])
    assert capture.size == path.stat().st_size


def test_all_files_but_the_time_agree() -> None:
    base = RECORDED["tcpdump.pcap"]
    for name, row in RECORDED.items():
        if name == "mergecap.pcapng":
            assert row["packets"] == base["packets"] + 6
        else:
            assert (row["lengths"], row["messages"]) == (base["lengths"], base["messages"]), name


def test_the_readme_names_every_file() -> None:
    readme = (FOLDER / "README.md").read_text()
    names = {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".md")}
    unnamed = {name for name in names if name not in readme and Path(name).suffix not in readme}
    assert not unnamed - {"expected", "__pycache__"}


@pytest.mark.oracle
@pytest.mark.parametrize("name", RECORDED)
def test_tshark_still_says_so(name: str) -> None:
    assert make.tshark_sees(FOLDER / name) == RECORDED[name]

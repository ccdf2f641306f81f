"""Every fixture is whole, small, and can be made again; tshark's recorded view fits its truth."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest

from fixtures.workshop.expected import compare, read

FIXTURES = Path(__file__).parents[1] / "fixtures"
NO_CAPTURES = {"workshop", "bodies", "formats", "tracelog_kinds", "__pycache__"}
FOLDERS = sorted(
    path for path in FIXTURES.iterdir() if path.is_dir() and path.name not in NO_CAPTURES
)
RECORDED_NOT_SCRIPTED = {"sipp_tls"}
CAPTURE_LIMIT, ALL_LIMIT = 300_000, 3_000_000  # bytes

each_fixture = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def captures(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng")}


def test_the_cases_are_there() -> None:
    names = {folder.name for folder in FOLDERS}
    assert names >= {
        "skype_ringback",
        "presence_forbidden",
        "conference_join",
        "push_missed",
        "damaged",
        "transports",
        "sipp_tls",
    }


@each_fixture
def test_a_fixture_is_whole(folder: Path) -> None:
    assert (folder / "make.py").is_file()
    readme = (folder / "README.md").read_text()
    for heading in ("## Purpose", "## Origin", "## Licence", "## What a tool should say"):
        assert heading in readme
    truth = read(folder, "truth")["captures"]
    assert set(truth) == captures(folder)
    assert all(name in readme for name in truth), "the README names every capture"
    for entry in truth.values():
        assert entry["keys"] is None or (folder / entry["keys"]).stat().st_size > 0
    named = {entry["keys"] for entry in truth.values()}
    assert {path.name for path in folder.glob("*.log")} <= named


def test_fixtures_are_small() -> None:
    sizes = {path: path.stat().st_size for folder in FOLDERS for path in folder.glob("*.pcap*")}
    assert max(sizes.values()) < CAPTURE_LIMIT
    assert sum(sizes.values()) < ALL_LIMIT


@each_fixture
def test_tshark_recorded_the_truth_but_for_what_is_explained(folder: Path) -> None:
    truth, recorded = read(folder, "truth")["captures"], read(folder, "tshark")["captures"]
    differences = read(folder, "differences")
    assert set(recorded) == set(truth)
    for name, entry in truth.items():
        told = differences.get(name, {"tshark_lacks": [], "tshark_adds": []})
        seen = compare(entry, recorded[name]["messages"])
        assert seen == (told["tshark_lacks"], told["tshark_adds"]), name


@each_fixture
def test_differences_say_who_is_right_and_why(folder: Path) -> None:
    for name, entry in read(folder, "differences").items():
        assert entry["who_is_right"] in ("truth.json", "tshark")
        assert len(entry["why"]) > 40, name
        assert entry["tshark_lacks"] or entry["tshark_adds"], name


@each_fixture
def test_made_again_the_truth_is_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS picks new random numbers and keys; messages, frames and times stay."""
    if folder.name in RECORDED_NOT_SCRIPTED:
        pytest.skip("recorded from live programs; the README says how")
    if folder.name == "transports" and not shutil.which("editcap"):
        pytest.skip("editcap is not installed")
    if folder.name == "exported_pdu" and not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    module = importlib.import_module(f"fixtures.{folder.name}.make")
    monkeypatch.setattr(module, "record_tshark", lambda *_: None)
    module.make(tmp_path)
    assert read(tmp_path, "truth") == read(folder, "truth")
    assert captures(tmp_path) == captures(folder)
    for name in captures(folder):
        assert (tmp_path / name).stat().st_size == pytest.approx(
            (folder / name).stat().st_size, rel=0.02
        )

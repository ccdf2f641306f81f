"""The SIP messages of every fixture: tshark now, tshark as recorded, and lyncshark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.workshop import tshark_view
from fixtures.workshop.expected import Row, compare, essence, read, views
from fixtures.workshop.tshark_view import View

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = [
    pytest.param(folder.parent, view, id=f"{folder.parent.name}/{view.capture.name}")
    for folder in sorted(FIXTURES.glob("*/expected"))
    for view in views(folder.parent)
]


@pytest.mark.oracle
@pytest.mark.parametrize(("folder", "view"), CASES)
def test_tshark_sees_what_was_recorded(folder: Path, view: View) -> None:
    now = tshark_messages(view)
    recorded = read(folder, "tshark")
    if tshark_view.version() == recorded["tshark"]:
        assert essence(now) == essence(recorded["captures"][view.capture.name]["messages"])
    else:  # another version may have learnt something, but must not lose more
        truth = read(folder, "truth")["captures"][view.capture.name]
        lacks, adds = compare(truth, now)
        known = read(folder, "differences").get(view.capture.name, {})
        assert [row for row in lacks if row not in known.get("tshark_lacks", [])] == []
        assert [row for row in adds if row not in known.get("tshark_adds", [])] == []


@pytest.mark.oracle
@pytest.mark.parametrize(("folder", "view"), CASES)
def test_lyncshark_sees_what_tshark_sees(folder: Path, view: View) -> None:
    """Count, order, frame, time, method, status, Call-ID and CSeq; known differences apart."""
    if view.capture.name in read(folder, "differences"):
        pytest.skip("tshark is known to be wrong here; the truth is compared below")
    assert essence(our_messages(view)) == essence(tshark_messages(view))


@pytest.mark.parametrize(("folder", "view"), CASES)
def test_lyncshark_sees_the_truth(folder: Path, view: View) -> None:
    """Without tshark: what the script sent, or SIPp logged, and nothing else."""
    truth = read(folder, "truth")["captures"][view.capture.name]
    whole = [row for row in our_messages(view) if not _is_rest(row, truth.get("damaged", []))]
    assert compare(truth, whole) == ([], [])


@pytest.mark.parametrize(("folder", "view"), CASES)
def test_lyncshark_tells_what_is_wrong(folder: Path, view: View) -> None:
    """Each fault is in `expert`, in its layer, with its frame and the number of bytes."""
    faults = our_trace(view).expert
    truth = read(folder, "truth")["captures"][view.capture.name]
    for told in truth.get("told", []):
        rows = faults[faults["layer"] == told["layer"]]
        if "frame_number" in told:
            rows = rows[rows["frame_number"] == told["frame_number"]]
        assert any(str(told.get("bytes", "")) in text for text in rows["summary"]), told
    if not truth.get("told") and not truth.get("damaged"):
        assert not (faults["severity"] == "error").any()


_read_by_tshark: dict[Path, list[dict[str, Any]]] = {}
_read_by_us: dict[Path, Any] = {}


def tshark_messages(view: View) -> list[dict[str, Any]]:
    """Return tshark's rows; it is asked once per capture."""
    if view.capture not in _read_by_tshark:
        _read_by_tshark[view.capture] = tshark_view.sip_messages(view)
    return _read_by_tshark[view.capture]


def our_trace(view: View) -> Any:
    """Return lyncshark's trace; each capture is read once."""
    from pipelines import read_capture

    if view.capture not in _read_by_us:
        _read_by_us[view.capture] = read_capture(
            view.capture, keys=[view.keys] if view.keys else [], workers=1
        )
    return _read_by_us[view.capture]


def our_messages(view: View) -> list[dict[str, Any]]:
    """Return lyncshark's messages with the keys that tshark's rows have.

    No capture needs a decode-as rule: the content tells what a port carries.
    """
    trace = our_trace(view)
    names = ["frame_number", "method", "status_code", "call_id", "cseq"]
    table = trace.messages
    rows = table[[*names, "content_length", "body_length"]].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    times = table["time"].dt.as_unit("ns").astype("int64")
    return [row | {"time_ns": time} for row, time in zip(rows, times, strict=True)]


def _is_rest(row: Row, damaged: list[Row]) -> bool:
    """Say whether a row is what the capture left of a message: shown, but cut short."""
    cut = (row["content_length"] or 0) > (row["body_length"] or 0)
    names = ("call_id", "method", "status_code")
    return cut and any(all(row[name] == rest[name] for name in names) for rest in damaged)

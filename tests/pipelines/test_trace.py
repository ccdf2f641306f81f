"""The face for notebooks, and that the work can be divided without changing its result."""

from __future__ import annotations

import struct
from pathlib import Path

import pandas as pd
import pytest

from pipelines import portions, read_capture, results, row_order, shelf, spool
from pipelines.errors import UsageError
from pipelines.schema import TABLES

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURE = FIXTURES / "skype_ringback" / "skype_ringback.pcapng"
KEYS = FIXTURES / "skype_ringback" / "sslkeys.log"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_a_plain_frame_with_its_columns(name: str) -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    frame = getattr(trace, name)
    assert type(frame) is pd.DataFrame
    assert tuple(frame.columns) == TABLES[name].names
    assert frame is getattr(trace, name)


def test_types_are_those_of_the_schema() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    messages = trace.messages
    assert str(messages["time"].dtype) == "datetime64[ns, UTC]"
    assert str(messages["status_code"].dtype) == "Int64"
    assert str(messages["is_request"].dtype) == "boolean"
    assert isinstance(messages["method"].dtype, pd.CategoricalDtype)
    assert str(trace.calls["setup_delay_s"].dtype) == "float64"
    assert messages["status_code"].isna().any()
    assert not (messages["reason_phrase"] == "").any()


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_tables(workers: int) -> None:
    alone = read_capture(CAPTURE, keys=KEYS, workers=1)
    together = read_capture(CAPTURE, keys=KEYS, workers=workers)
    for name in TABLES:
        pd.testing.assert_frame_equal(
            getattr(alone, name), getattr(together, name), check_categorical=False
        )


def test_small_chunks_and_portions_give_the_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_capture(CAPTURE, keys=KEYS, workers=1)
    expected = {name: getattr(whole, name) for name in TABLES}
    for module in (shelf, portions):
        monkeypatch.setattr(module, "STRETCH_ROWS", 7)
    monkeypatch.setattr(row_order, "LOT_ROWS", 5)
    monkeypatch.setattr(portions, "PORTION_BYTES", 1000)
    for module in (spool, results):
        monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    divided = read_capture(CAPTURE, keys=KEYS, workers=1)
    for name in TABLES:
        keys = [column for column in ("call_id", "call_key") if column in TABLES[name].names]
        pd.testing.assert_frame_equal(
            _sorted(expected[name], keys), _sorted(getattr(divided, name), keys),
            check_categorical=False,
        )  # fmt: skip


def _sorted(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame


def test_several_captures_are_one_trace() -> None:
    other = FIXTURES / "push_missed" / "push_missed.pcapng"
    trace = read_capture(
        CAPTURE, other, keys=[KEYS, FIXTURES / "push_missed" / "sslkeys.log"], workers=1
    )
    assert list(trace.captures["capture"]) == ["skype_ringback.pcapng", "push_missed.pcapng"]
    assert trace.messages["message_id"].is_unique
    assert trace.messages["time"].is_monotonic_increasing
    assert len(trace.push_notifications) == 3


def test_a_trace_shows_itself() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    assert repr(trace) == "<Trace of skype_ringback.pcapng: 167 SIP messages, 14 calls>"
    assert "calls" in dir(trace)
    html = trace._repr_html_()
    assert "12.31 s to ringback" in html
    assert "<script" not in html


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(AttributeError, match="no table 'cals'"):
        _ = read_capture(CAPTURE, keys=KEYS).cals


def test_a_ladder_is_a_drawing() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    slow = trace.calls.sort_values("ringback_delay_s").dropna(subset="ringback_delay_s")
    svg = trace.ladder(slow["call_id"].iloc[-1])._repr_svg_()
    assert svg.startswith("<svg")
    assert "INVITE" in svg
    with pytest.raises(KeyError):
        trace.ladder("nothing")


def test_a_body_is_decoded_on_demand() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    offers = trace.bodies[trace.bodies["media_type"] == "application/sdp"]
    row = offers.iloc[0]
    body = trace.body(row["message_id"], row["part"])
    assert isinstance(body, dict)
    assert body["media"][0]["media"] == row["media"]
    with pytest.raises(KeyError):
        trace.body("9-9-9")


def test_keys_of_media_are_taken_out() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    texts = trace.bodies["text"].dropna()
    assert texts.str.contains("inline:").any()
    assert not texts.str.contains(r"inline:[^<]", regex=True).any()


def test_what_cannot_be_read_raises_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_capture(tmp_path / "missing.pcap")
    with pytest.raises(TypeError):
        read_capture()


def test_secrets_behind_their_packets_are_used(tmp_path: Path) -> None:
    """A decryption secrets block at the end of a capture opens what stands before it."""
    log = KEYS.read_bytes()
    body = struct.pack("<II", 0x544C534B, len(log)) + log + bytes(-len(log) % 4)
    block = struct.pack("<II", 10, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    late = tmp_path / "late.pcapng"
    late.write_bytes(CAPTURE.read_bytes() + block)
    for workers in (1, 2):
        trace = read_capture(late, workers=workers)
        assert trace.tls_sessions["opened"].all()
        assert len(trace.messages) == 167
        assert len(trace.captures) == 1


def test_secrets_behind_their_window_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.ingest.WINDOW", 10_000)
    test_secrets_behind_their_packets_are_used(tmp_path)

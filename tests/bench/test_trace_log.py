"""The benchmark's log holds what it says: each message once, with the body that was sent."""

from __future__ import annotations

from pathlib import Path

from pipelines import read_capture
from tests.bench.trace_log import write_log


def test_every_record_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, 300)
    trace = read_capture(path, workers=1)
    assert len(trace.messages) == 300
    assert set(trace.messages["body_state"]) == {"whole", "absent"}
    assert (trace.messages["content_length"] == trace.messages["body_length"]).all()
    assert set(trace.expert["severity"]) <= {"note"}

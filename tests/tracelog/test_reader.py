"""Windows of a file, in any encoding, give the same records."""

from __future__ import annotations

import pytest

from dissectors.capture.reader import MAX_PROBLEMS
from tests.tracelog.texts import DIAGNOSTIC, NOISE, call_ids, read, record

LOG = NOISE + record("c1", headers="Subject: Grüße “x”\n") + DIAGNOSTIC + NOISE + record("c2")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_reads_the_same(encoding: str) -> None:
    told = read(LOG)
    data = LOG.encode(encoding)
    assert read(data).logged == told.logged
    assert read(data, *range(1000, len(data), 1000)).logged == told.logged
    assert call_ids(told.logged) == ["c1", "c2"]
    assert told.records == 3


def test_an_empty_window_and_an_empty_file() -> None:
    assert not read(b"").recognised
    assert call_ids(read(LOG, 0, 10, 10).logged) == ["c1", "c2"]


def test_a_record_of_nothing_known_is_told() -> None:
    head = record().partition("\n")[0]
    (problem,) = read(f"{head}\nHello: you\n$$end_record\n").problems
    assert "neither" in problem.summary


def test_a_start_line_that_is_none_is_told() -> None:
    reader = read(record().replace("OPTIONS sip:bob@fabrikam.com SIP/2.0", "nonsense"))
    assert [problem.frame_number for problem in reader.problems] == [1]
    assert reader.logged == []


def test_problems_are_bounded() -> None:
    bad = record().replace("OPTIONS sip:bob@fabrikam.com SIP/2.0", "nonsense")
    assert len(read(bad * (MAX_PROBLEMS + 50)).problems) == MAX_PROBLEMS

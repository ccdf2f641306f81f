"""Records are found whatever stands between them, however the text is cut."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Truncated
from dissectors.tracelog import split
from dissectors.tracelog.split import RawRecord, RecordSplitter
from tests.tracelog.texts import DIAGNOSTIC, NOISE, read, record

PACKET = (
    "01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: Data Received - 10.0.0.1:5061 "
    "(To Local Address: 10.0.0.2:50123) 4 bytes:\n\n\n"
    "01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: End of Data Received - 10.0.0.1:5061\n"
)
LOG = (
    f"Log of something\n{NOISE}{record('c1')}\n{NOISE}{NOISE}{DIAGNOSTIC}{PACKET}{record('c2')}end"
).encode()


def pieces(data: bytes, *cuts: int) -> list[RawRecord | DissectError]:
    splitter = RecordSplitter()
    found: list[RawRecord | DissectError] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        found += splitter.push(data[start:end])
    return [*found, *splitter.finish()]


def records(data: bytes, *cuts: int) -> list[RawRecord]:
    return [one for one in pieces(data, *cuts) if isinstance(one, RawRecord)]


def test_records_are_found_among_other_lines() -> None:
    found = records(LOG)
    assert [one.kind for one in found] == ["trace", "trace", "packet", "trace"]
    assert all(one.whole for one in found)
    assert [one.line_number for one in found] == [
        LOG[: LOG.index(one.data)].count(b"\n") + 1 for one in found
    ]
    assert found == [one for one in pieces(LOG) if not isinstance(one, DissectError)]


def test_byte_by_byte_and_cut_anywhere_are_the_same() -> None:
    whole = records(LOG)
    assert records(LOG, *range(1, len(LOG))) == whole
    for cut in range(len(LOG)):
        assert records(LOG, cut) == whole


def test_each_whole_record_comes_once_wherever_the_log_is_cut_off() -> None:
    ends = [LOG.index(one.data) + len(one.data) + len(b"$$end_record") for one in records(LOG)]
    for cut in range(len(LOG)):
        kept = [one for one in records(LOG[:cut]) if one.whole and one.kind == "trace"]
        assert len(kept) == sum(end <= cut for end in (ends[0], ends[1], ends[3]))


def test_each_whole_record_comes_once_wherever_the_log_begins() -> None:
    texts = [one.data for one in records(LOG)]
    for cut in range(len(LOG)):
        kept = [one.data for one in records(LOG[cut:]) if one.kind != "fields"]
        # Of a packet only the time can be cut off: its words are what it begins with.
        assert all(text.endswith(one) for text, one in zip(texts[::-1], kept[::-1], strict=False))
        assert len(kept) >= sum(LOG.index(text) >= cut for text in texts)


def test_a_cut_is_told() -> None:
    text = record().encode()
    (fault,) = [one for one in pieces(text[:-20]) if isinstance(one, DissectError)]
    assert isinstance(fault, Truncated)
    (fault, *_) = [one for one in pieces(text[-40:]) if isinstance(one, DissectError)]
    assert "begins inside" in fault.summary
    faults = [one for one in pieces(text[:-20] + b"\n" + text) if isinstance(one, DissectError)]
    assert [fault.severity for fault in faults] == ["warning"]


def test_a_record_in_the_middle_of_a_sentence_is_none() -> None:
    assert records(b"Look for TL_INFO(TF_PROTOCOL) [0] and its Start-Line: INVITE\n") == []


def test_words_of_marks_in_a_body_end_nothing() -> None:
    body = "Data Received - 1.2.3.4 5 bytes\nEnd of Sending Packet\nStart-Line: x\nthe end"
    (found,) = records(record(body=body).encode())
    assert found.data.endswith(b"the end\n")


def test_a_quotation_keeps_its_prefix() -> None:
    quoted = "".join(f"> {line}\n" for line in record().splitlines()).encode()
    (found,) = records(quoted)
    assert found.prefix == b"> "


def test_a_record_without_head_begins_with_its_first_field() -> None:
    text = b"The request was:\n\n" + record(head="").encode()
    (found,) = records(text)
    assert found.kind == "fields"
    assert found.data.startswith(b"Trace-Correlation-Id")
    assert found.line_number == 3


def test_a_page_may_be_one_line() -> None:
    page = b"<p>" + record().replace("\n", "<br>").encode() * 3 + b"</p>"
    assert len(records(b"x" * (3 << 20) + page)) == 3


def test_a_record_beyond_the_bound_is_told_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "MAX_RECORD", 20_000)
    data = (record("c1") + record("c2", body="x\n" * 20_000) + record("c3")).encode()
    found = pieces(data, *range(1000, len(data), 1000))
    assert [type(one) for one in found if isinstance(one, DissectError)] == [LimitExceeded]
    assert [b"c1" in one.data for one in found if isinstance(one, RawRecord)] == [True, False]


def test_memory_is_bounded() -> None:
    splitter = RecordSplitter()
    chunk = (NOISE * 2000 + record()).encode()
    tracemalloc.start()
    for _ in range(40):
        list(splitter.push(chunk))
    assert tracemalloc.get_traced_memory()[1] < 8 * len(chunk)
    tracemalloc.stop()


WORDS = ["$$end_record", "TL_INFO(TF_PROTOCOL) [", "$$begin_record", "Start-Line:", "Peer: x\n"]
WORDS += [
    "Data Received - 1 2 bytes:",
    "End of Data Received",
    "\n",
    "> ",
    " ",
    "<p>",
    "Message-Body:",
]
WORDS += [
    "INVITE sip:a SIP/2.0\n",
    "Message-Type: request\n",
    "Via: \u201c\n",
    "\r\n",
    "a: b\n",
    "0",
]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.data())
def test_any_text_in_any_pieces_gives_the_same(words: list[str], data: st.DataObject) -> None:
    text = "".join(words).encode()
    cut = data.draw(st.integers(0, len(text)))
    assert records(text, cut) == records(text)
    read(text)

"""Records that hold a message as it was on the wire."""

from __future__ import annotations

import pytest

from dissectors.sip.message import SipRequest
from tests.tracelog.test_uccapilog import sip
from tests.tracelog.texts import DIAGNOSTIC, HEAD, NOISE, call_ids, only_message, read, record

HEAD_LINE = HEAD + "(S4,SipMessage.DataLoggingHelper:sipmessage.cs(613))[3422424]\n"
OUTGOING = (
    ">>>>>>>>>>>>Outgoing SipMessage c=[<SipTlsConnection_1A>], 10.0.0.2:50123->10.0.0.1:5061\n"
)
INCOMING = (
    "<<<<<<<<<<<<Incoming SipMessage c=[<SipTlsConnection_1A>], 10.0.0.2:50123<-10.0.0.1:5061\n"
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("way", "direction"), [(OUTGOING, "outgoing"), (INCOMING, "incoming"), ("", None)]
)
def test_the_message_and_what_stands_around_it(
    line_end: str, way: str, direction: str | None
) -> None:
    message = sip("c1", "two\r\nlines").replace("\r\n", "\n")
    text = f"{NOISE}{HEAD_LINE}{way}{message}\n------------EndOfOutgoing SipMessage\n\n{NOISE}"
    found = only_message(text.replace("\n", line_end))
    assert isinstance(found.message, SipRequest)
    assert (found.message.body, found.body_state) == (b"two\r\nlines", "whole")
    assert found.faults == []
    context = found.context
    assert (context.direction, context.component) == (direction, "S4")
    assert context.correlation_id == "3422424"
    ends = ("10.0.0.2:50123", "10.0.0.1:5061") if direction else (None, None)
    assert (context.local, context.peer) == ends


def test_records_of_both_kinds_stand_side_by_side() -> None:
    text = f"{HEAD_LINE}{OUTGOING}{sip('a')}\n{record('b')}{DIAGNOSTIC}{HEAD_LINE}{sip('c')}"
    assert call_ids(read(text).logged) == ["a", "b", "c"]


def test_a_body_that_is_cut_is_told() -> None:
    cut = sip("a", "x" * 50)[:-20]
    assert only_message(HEAD_LINE + OUTGOING + cut).body_state == "truncated"

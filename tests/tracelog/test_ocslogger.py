"""Records of OCSLogger and CLSLogger: fields, messages, bodies, diagnostics."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import LimitExceeded
from dissectors.sip.message import SipRequest, SipResponse
from dissectors.tracelog.record import LogDiagnostic, LoggedMessage
from tests.tracelog.texts import (
    DIAGNOSTIC,
    HEAD,
    NOISE,
    SIP_HEADERS,
    WHERE,
    call_ids,
    only_diagnostic,
    only_message,
    read,
    record,
)

XML = '<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:a@a.test"/>'


def test_every_field_is_read() -> None:
    found = only_message(NOISE + record())
    context = found.context
    assert context.line_number == 2
    assert context.local_time_ns == 1_326_862_843_101_000_000
    assert (context.level, context.process, context.thread) == ("TL_INFO", "06E4", "0EB4")
    assert (context.component, context.machine) == ("SIPStack", None)
    assert (context.correlation_id, context.instance_id) == ("2003888399", "0000C23F")
    assert (context.direction, context.peer) == ("incoming", "fe01.contoso.com:61182")
    assert (context.source, context.destination) == ("internal edge", "external edge")
    assert isinstance(found.message, SipRequest)
    assert found.message.method == "OPTIONS"
    assert found.message.get("call-id") == "c1"
    assert found.faults == []


def test_clslogger_names_the_machine_and_the_correlation() -> None:
    head = r"TL_INFO(TF_PROTOCOL) [POOL01\FE01]0584.0A44::03/02/2017-07:10:46.230.0000773E "
    head += WHERE + " [156659184] $$begin_record\n"
    fields = "Instance-Id: 1\nDirection: outgoing\nPeer: 192.0.2.1:5061\nMessage-Type: request\n"
    reader = read(record(head=head, fields=fields))
    context = reader.logged[0].context
    assert (context.machine, context.correlation_id) == (r"POOL01\FE01", "156659184")
    assert reader.format == "clslogger"


def test_fields_may_follow_on_the_line_of_the_head() -> None:
    head = HEAD + "Instance-Id: 1B54A30 Direction: outgoing\n"
    found = only_message(record(head=head, fields="Message-Type: request\n"))
    assert (found.context.instance_id, found.context.direction) == ("1B54A30", "outgoing")


def test_line_ends_make_no_difference() -> None:
    text = record(headers="Content-Type: text/plain\nContent-Length: 8\n", body="one\r\ntwo")
    for variant in (
        text,
        text.replace("\r\n", "\n"),
        text.replace("\n", "\r\n").replace("\r\r", "\r"),
    ):
        found = only_message(variant)
        assert found.message.body == b"one\r\ntwo"
        assert found.body_state == "whole"


@pytest.mark.parametrize(
    ("body", "length", "kept", "state"),
    [
        ("-", 0, "", "absent"),
        ("\u2013", 0, "", "absent"),
        ("", 0, "", "absent"),
        ("-", 830, "", "deleted"),
        ("-", 1, "-", "whole"),
        ("----****MESSAGE BODY DELETED****----", 830, "", "deleted"),
        ("\u2014-****MESSAGE BODY DELETED****\u2014-", 830, "", "deleted"),
        ("hello", 5, "hello", "whole"),
        ("\nhello", 6, "\nhello", "whole"),
        ("a\n\nb", 6, "a\r\n\r\nb", "whole"),
        ("a\nb\n", 6, "a\r\nb\r\n", "whole"),
        ("Gr\u00fc\u00dfe", 7, "Gr\u00fc\u00dfe", "whole"),
        ("hel", 9, "hel", "truncated"),
        ("<list uri=", None, "<list uri=", "truncated"),
        ("some text\u2026", None, "some text\u2026", "truncated"),
        (XML, None, XML, "whole"),
        (XML.replace('"', "\u201d"), len(XML), XML, "whole"),
        ("say \u201cso\u201d", 12, "say \u201cso\u201d", "whole"),
    ],
)
def test_the_body_and_what_became_of_it(
    body: str, length: int | None, kept: str, state: str
) -> None:
    header = "" if length is None else f"Content-Length: {length}\n"
    found = only_message(record(headers=header, body=body))
    assert (found.message.body.decode(), found.body_state) == (kept, state)
    assert found.message.truncated == (state == "truncated")
    assert bool(found.faults) == found.message.truncated


def test_a_log_in_a_code_page() -> None:
    text = record(headers="Subject: Müller\nContent-Length: 7\n", body="Grüße").encode("cp1252")
    found = only_message(text)
    assert found.message.get("subject") == "Müller"
    assert found.message.body.decode() == "Grüße"


def test_typographic_quotes_are_straightened_where_they_delimit() -> None:
    text = record().replace('"', "\u201d")
    found = only_message(text)
    assert found.message.get("from") == '"Alice"<sip:alice@contoso.com>;tag=11;epid=22'
    assert found.context.source == "internal edge"
    assert [fault.severity for fault in found.faults] == ["note"]


def test_typographic_quotes_of_a_display_name_stay() -> None:
    text = record().replace('"Alice"', '"\u201cAl\u201d Archer"')
    found = only_message(text)
    assert "\u201cAl\u201d" in (found.message.get("from") or "")
    assert found.faults == []


@pytest.mark.parametrize("prefix", ["> ", "    ", "\t"])
def test_quotations_and_indented_text(prefix: str) -> None:
    found = only_message("".join(f"{prefix}{line}\n" for line in record().splitlines()))
    assert found.message.get("call-id") == "c1"
    assert found.faults == []


def test_doubled_line_ends() -> None:
    text = record(headers="Content-Length: 8\n", body="one\ntwo").replace("\n", "\n\n")
    found = only_message("Prose.\n\n" + text)
    assert found.message.body == b"one\r\ntwo"
    assert len(found.message.headers) == 6


def test_the_source_of_a_web_page() -> None:
    import html

    text = "<br />\n".join(html.escape(record(headers="", body=XML)).splitlines())
    found = only_message(f"<!DOCTYPE html><body><p>{text}</p>")
    assert found.message.body.decode() == XML
    assert found.message.get("to") == "<sip:bob@fabrikam.com>"


def test_a_record_without_head_has_no_time() -> None:
    found = only_message("Prose:\n" + record(head=""))
    assert found.context.local_time_ns is None
    assert found.context.peer == "fe01.contoso.com:61182"


def test_a_record_without_start_line_is_not_guessed_at() -> None:
    sip = SIP_HEADERS.format(cseq=4, method="SUBSCRIBE", call_id="c9")
    request, response = (
        only_message(f"{HEAD}\nDirection: incoming\nMessage-Type: {kind}\n{sip}\nProse.\n").message
        for kind in ("request", "response")
    )
    assert isinstance(request, SipRequest)
    assert (request.method, request.request_uri) == ("SUBSCRIBE", "")
    assert isinstance(response, SipResponse)
    assert response.status_code == 0
    assert len(response.headers) == 5


def test_an_edited_multipart_body_is_of_its_part_s_type() -> None:
    headers = "Content-Type: multipart/related; type=x\nContent-Type: application/rlmi+xml\n"
    sip = SIP_HEADERS.format(cseq=4, method="SUBSCRIBE", call_id="c9")
    found = only_message(f"{HEAD}\nMessage-Type: response\n{sip}{headers}{XML}\n\nProse.\n")
    assert found.message.get("content-type") == "application/rlmi+xml"
    assert found.message.body.decode() == XML


def test_a_record_cut_in_its_head_tells_so() -> None:
    found = only_message(record()[:-60])
    assert found.message.truncated
    assert found.body_state == "truncated"


def test_headers_beyond_the_bound_are_told() -> None:
    reader = read(record(headers="Subject: x\n" * 10_000))
    assert [type(problem) for problem in reader.problems] == [LimitExceeded]


@pytest.mark.parametrize(
    "filling", [" ", "\t", "\n", " \n", "<a ", "a: ", "(1", "> ", "\u201c", "TL_"]
)
def test_text_that_is_made_to_take_long_does_not(filling: str) -> None:
    many = filling * 60_000
    for text in (record(body=many), record(headers=many), record(fields=many), record(head=many)):
        read(text)
        read(text.replace("Start-Line", "Start").replace("Message-", "M-"))


# --- diagnostics --------------------------------------------------------------------------------


def test_a_diagnostic_explains_a_message() -> None:
    found = only_diagnostic(DIAGNOSTIC)
    assert (found.log_type, found.severity) == ("diagnostic", "error")
    assert found.text == "No route to the domain"
    assert found.result_code == 0xC3E93D6F
    assert found.result_name == "SIPPROXY_E_EPROUTING_MSG_ALLOWED_DOMAIN_NO_SRV_MATCH"
    assert (found.call_id, found.cseq, found.method) == ("c1", 7, "INVITE")
    assert found.start_line == "INVITE sip:bob@fabrikam.com SIP/2.0"
    assert found.context.peer == "192.0.2.7:5061"
    assert found.data == {"domain": "fabrikam.com", "fqdn1": "sip.fabrikam.com:5061"}


def test_a_diagnostic_without_a_begin() -> None:
    text = NOISE.replace("Enter", "Exit - no route") + DIAGNOSTIC.partition("\n")[2]
    assert only_diagnostic(text).call_id == "c1"


def test_a_result_on_the_line_of_the_text() -> None:
    text = DIAGNOSTIC.replace("domain\nResult-Code", "domain Result-Code")
    found = only_diagnostic(text)
    assert (found.text, found.result_code) == ("No route to the domain", 0xC3E93D6F)


def test_a_connection_s_diagnostic_and_a_text_of_two_lines() -> None:
    text = DIAGNOSTIC.replace("diagnostic\n", "connection\n").replace(
        "Peer: 192.0.2.7:5061", "Local-IP: 192.0.2.1:49152\nPeer-IP: 192.0.2.7:5061\nPeer-FQDN: x.y"
    )
    found = only_diagnostic(text.replace("the domain", "the\ndomain"))
    assert found.text == "No route to the domain"
    assert (found.context.peer, found.context.local) == ("192.0.2.7:5061", "192.0.2.1:49152")
    assert found.data["peer-fqdn"] == "x.y"


# --- all of it ----------------------------------------------------------------------------------

LOG = (NOISE + record("c1") + DIAGNOSTIC + NOISE + record("c2", body="x" * 9)).encode()


def test_cut_off_anywhere_every_whole_record_comes_once() -> None:
    for cut in range(len(LOG)):
        found = read(LOG[:cut])
        ended = LOG[:cut].count(b"$$end_record")
        assert call_ids(found.logged) == ["c1", "c2"][: (ended + 1) // 2]
        if cut > LOG.index(b"$$begin_record\n") + 14:
            assert found.recognised


def test_begun_anywhere_every_whole_record_comes_once() -> None:
    for cut in range(len(LOG)):
        found = call_ids(read(LOG[cut:]).logged)
        assert found.count("c2") <= 1
        assert cut > LOG.rindex(b"TL_INFO(TF_PROTOCOL)") or found[-1] == "c2"


@settings(max_examples=100)
@given(st.data())
def test_damage_does_not_crash(data: st.DataObject) -> None:
    text = bytearray(LOG)
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    for one in read(bytes(text)).logged:
        assert isinstance(one, (LoggedMessage, LogDiagnostic))


# --- what others published ----------------------------------------------------------------------


@pytest.mark.corpus
def test_a_support_article_s_records(corpus: Path) -> None:
    path = corpus / "ms-trace-logs" / "msdocs-test-csfederatedpart-fail.md"
    message, diagnostic = read(path.read_bytes()).logged
    assert isinstance(message, LoggedMessage)
    assert message.message.get("call-id") == "017b06f397b14886bba5edf97ea206bd"
    assert message.context.peer == "lyncservr.contoso.com:61182"
    assert isinstance(diagnostic, LogDiagnostic)
    assert diagnostic.result_name == "SIPPROXY_E_ROUTING"
    assert diagnostic.call_id == "c00bc6180f284b948be61febf274d05e"


@pytest.mark.corpus
def test_an_article_without_records_has_none(corpus: Path) -> None:
    path = corpus / "ms-trace-logs" / "msdocs-sfb-online-users-cant-im.md"
    assert not read(path.read_bytes()).recognised

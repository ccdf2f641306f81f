"""Bodies of calls, conferences, IM and quality: single things; test_samples has whole samples."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dissectors.bodies  # noqa: F401  fills the table
from dissectors.bodies.cccp import ConferenceControl
from dissectors.bodies.conference_info import ConferenceInfo
from dissectors.bodies.im_iscomposing import IsComposing
from dissectors.bodies.imdn import MessageNotification
from dissectors.bodies.json_tree import MAX_SIZE, JsonDocument
from dissectors.bodies.media_relay_auth import MediaRelayAuth
from dissectors.bodies.ms_filetransfer import FileTransfer
from dissectors.bodies.msmsgs_invite import MessengerInvitation
from dissectors.bodies.multipart import Multipart
from dissectors.bodies.reporterror import ErrorReport
from dissectors.bodies.sipfrag import SipFragment
from dissectors.bodies.text import PlainText
from dissectors.bodies.vq_rtcpxr import QualityReport
from dissectors.bodies.vq_rtcpxr_text import VoiceQualityReport
from dissectors.body import decode_part, part_of, readable_text, to_plain, walk_parts
from dissectors.errors import DissectError, LimitExceeded, Malformed
from fixtures.bodies.make import HERE

Kind = TypeVar("Kind")

TYPES = {
    "application/conference-info+xml": ConferenceInfo,
    "application/vq-rtcpxr+xml": QualityReport,
    "application/msrtc-reporterror+xml": ErrorReport,
    "application/im-iscomposing+xml": IsComposing,
    "message/imdn+xml": MessageNotification,
    "application/ms-filetransfer+xml": FileTransfer,
    "application/msrtc-media-relay-auth+xml": MediaRelayAuth,
    "application/json": JsonDocument,
    "text/x-msmsgsinvite": MessengerInvitation,
    "message/sipfrag": SipFragment,
    "application/vq-rtcpxr": VoiceQualityReport,
}


def decode(kind: type[Kind], data: str | bytes, content_type: str = "") -> Kind:
    """Return a body's value, which must be of type `kind`."""
    content_type = content_type or next(name for name, one in TYPES.items() if one is kind)
    data = data.encode() if isinstance(data, str) else data
    value = decode_part(part_of({"content-type": content_type}, data, "1", ""))
    assert isinstance(value, kind)
    return value


@pytest.mark.parametrize("content_type", [name for name in TYPES if "xml" in name])
def test_another_root_is_refused(content_type: str) -> None:
    with pytest.raises(Malformed):
        decode_part(part_of({"content-type": content_type}, b"<presence/>", "1", ""))


@pytest.mark.parametrize(
    ("folder", "sample"),
    [
        ("conference_info", "full.xml"),
        ("vq_rtcpxr", "audio.xml"),
        ("reporterror", "gateway_timeout.xml"),
        ("im_iscomposing", "active.xml"),
        ("imdn", "delivered.xml"),
        ("ms_filetransfer", "publish.xml"),
        ("media_relay_auth", "granted.xml"),
        ("x_ms_mim", "add_user.xml"),
    ],
)
def test_misdeclared_samples_decode_like_the_right_one(folder: str, sample: str) -> None:
    entries = json.loads((HERE / folder / "expected.json").read_text("utf-8"))
    right = entries[sample]["value"]
    for other in ("declared_utf16.xml", "utf16.xml", "wrong_namespace.xml"):
        assert entries[other]["value"] == right
    assert entries["truncated.xml"]["value"]["problems"]
    assert entries["truncated.xml"]["value"] != right


@pytest.mark.parametrize("content_type", TYPES)
@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_value_or_an_error(content_type: str, data: bytes) -> None:
    beginnings = (b"", b"<a>", b'{"a":', b"SIP/2.0 200 OK\r\n", b"VQSessionReport\nDialogID:")
    for one in (beginning + data for beginning in beginnings):
        part = part_of({"content-type": content_type}, one, "1", "")
        try:
            value = decode_part(part)
        except DissectError:
            continue
        json.dumps(to_plain(value), allow_nan=False).encode()


# --- conference control ---------------------------------------------------------------------------


def test_diagnostics_of_an_answer_are_no_command() -> None:
    xml = (
        '<response code="failure"><diagnostics-info><entry><key>HRESULT</key><value>0x80</value>'
        "</entry><entry/></diagnostics-info><addUser/></response>"
    )
    value = decode(ConferenceControl, xml, "application/cccp+xml")
    assert value.diagnostics == {"HRESULT": "0x80"}
    assert [verb.name for verb in value.verbs] == ["addUser"]


# --- conference state -----------------------------------------------------------------------------


def test_a_document_without_users_does_not_say_that_there_are_none() -> None:
    assert decode(ConferenceInfo, "<conference-info/>").users is None
    empty = decode(ConferenceInfo, "<conference-info><users/></conference-info>")
    assert (empty.users, empty.users_state, empty.state) == ((), None, None)


@pytest.mark.parametrize(
    ("xml", "locked"),
    [
        ("", None),
        ("<conference-state><locked>true</locked></conference-state>", True),
        (
            "<conference-view><entity-view><entity-state/></entity-view><entity-view>"
            "<entity-state><locked>TRUE</locked></entity-state></entity-view></conference-view>",
            True,
        ),
        ("<conference-view/>", None),
    ],
)
def test_where_the_lock_stands(xml: str, locked: bool | None) -> None:
    assert decode(ConferenceInfo, f"<conference-info>{xml}</conference-info>").locked is locked


def test_the_key_of_a_conference_stays_out() -> None:
    data = (HERE / "conference_info" / "full.xml").read_bytes()
    part = part_of({"content-type": "application/conference-info+xml"}, data, "1", "")
    assert readable_text(part) is None
    assert "c2VjcmV0" not in json.dumps(to_plain(decode_part(part)))


# --- quality reports ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session_id", "dialog"),
    [
        ("c1;from-tag=a;to-tag=b", ("c1", "a", "b")),
        ("c1@host; to-tag=b", ("c1@host", None, "b")),
        ("c1", ("c1", None, None)),
        ("", (None, None, None)),
        (";;from-tag", (None, None, None)),
    ],
)
def test_the_dialog_of_a_report(session_id: str, dialog: tuple[str | None, ...]) -> None:
    xml = f'<VQReportEvent><VQSessionReport SessionId="{session_id}"/></VQReportEvent>'
    (session,) = decode(QualityReport, xml).sessions
    assert (session.call_id, session.from_tag, session.to_tag) == dialog
    assert (session.media_lines, session.caller, session.dialog) == ((), None, {})


def test_every_leaf_of_a_media_line_is_kept() -> None:
    xml = (
        '<VQReportEvent><VQSessionReport><MediaLine Label="x"><InboundStream Id="1"><A><B>1</B>'
        '</A><A q="2"/></InboundStream><InboundStream/><New><Leaf>3</Leaf></New><Separator/>'
        "</MediaLine></VQSessionReport></VQReportEvent>"
    )
    (line,) = decode(QualityReport, xml).sessions[0].media_lines
    assert [(one.direction, one.id) for one in line.streams] == [
        ("inbound", "1"),
        ("inbound", None),
    ]
    assert line.streams[0].metrics == {"A/B": "1", "A[2]@q": "2"}
    assert line.metrics == {"New/Leaf": "3"}


# --- instant messages -----------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [("type", "active"), ("idle", "idle"), (None, None)])
def test_keyboard_activity(status: str | None, state: str | None) -> None:
    inside = f'<status status="{status}"/>' if status else ""
    value = decode(IsComposing, f"<KeyboardActivity>{inside}</KeyboardActivity>")
    assert value.state == state


@pytest.mark.parametrize("kind", ["delivery", "display", "processing"])
def test_kinds_of_notifications(kind: str) -> None:
    xml = f"<imdn><{kind}-notification><status><failed/></status></{kind}-notification></imdn>"
    (one,) = decode(MessageNotification, xml).recipients
    assert (one.kind, one.status, one.uri) == (kind, "failed", None)


@pytest.mark.parametrize("content_type", ["text/html", "text/rtf", "application/rtf"])
def test_texts_with_markup_are_told_as_sent(content_type: str) -> None:
    assert decode(PlainText, "<b>3</b>", content_type).text == "<b>3</b>"


def test_attributes_and_elements_of_a_file_transfer() -> None:
    xml = '<request><downloadFile><fileInfo id="{1}" name="a" size="9"/></downloadFile></request>'
    value = decode(FileTransfer, xml)
    assert (value.verb, value.file_id, value.file_name, value.file_size) == (
        "downloadFile",
        "{1}",
        "a",
        9,
    )


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["granted.xml", "truncated.xml"])
def test_credentials_of_the_relay_stay_out(sample: str) -> None:
    data = (HERE / "media_relay_auth" / sample).read_bytes()
    content_type = "application/msrtc-media-relay-auth+xml"
    for end in range(0, len(data), 3):
        part = part_of({"content-type": content_type}, data[:end], "1", "")
        shown = readable_text(part) or ""
        with suppress(DissectError):
            shown += json.dumps(to_plain(decode_part(part)))
        assert not [secret for secret in ("c2VjcmV0", "AgAAJLm3") if secret in shown]


def test_keys_of_a_file_transfer_stay_out() -> None:
    data = (HERE / "msmsgs_invite" / "accepted.txt").read_bytes()
    part = part_of({"content-type": "text/x-msmsgsinvite"}, data, "1", "")
    shown = json.dumps(to_plain(decode_part(part))) + (readable_text(part) or "")
    assert "c2VjcmV0" not in shown and "26354" not in shown


# --- fragments of SIP -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status", "method", "headers"),
    [
        ("SIP/2.0 100 Trying", 100, None, 0),
        ("SIP/2.0 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n", 503, None, 1),
        ("BYE sip:a@contoso.com SIP/2.0\r\n", None, "BYE", 0),
        ("To: <sip:a@contoso.com>\r\nX: y", None, None, 2),
    ],
)
def test_fragments(text: str, status: int | None, method: str | None, headers: int) -> None:
    value = decode(SipFragment, text)
    assert (value.status_code, value.method, len(value.headers)) == (status, method, headers)


@pytest.mark.parametrize("text", ["", "\r\n\r\n", "hello", "\0"])
def test_what_is_no_fragment(text: str) -> None:
    with pytest.raises(Malformed):
        decode(SipFragment, text)


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("{}", "object", {"": "{}"}),
        ("[[],{}]", "array", {"[1]": "[]", "[2]": "{}"}),
        ('{"a":[1,{"b":null}]}', "object", {"a[1]": 1, "a[2]/b": None}),
        ("-0.5e1", "number", {"": -5.0}),
        ("1e999", "number", {"": "1e999"}),
        ("true", "boolean", {"": True}),
        ('"\\ud800"', "string", {"": "\ufffd"}),
        ('{"\\ud800":1}', "object", {"\ufffd": 1}),
        ('{"Password":"x","pin":[7]}', "object", {"Password": "<redacted>", "pin[1]": 7}),
    ],
)
def test_json(text: str, kind: str, values: dict[str, Any]) -> None:
    found = decode(JsonDocument, text)
    assert (found.kind, found.values) == (kind, values)


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "[" * 66 + "]" * 66, '{"' + "k" * 300_000 + '":[' + "1," * 9000 + "1]}"],
)
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises((LimitExceeded, Malformed)):
        decode(JsonDocument, text)


def test_long_json_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        decode(JsonDocument, " " * (MAX_SIZE + 1))


def _lists_and_objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)


_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.recursive(_SCALARS, _lists_and_objects, max_leaves=10))
def test_whatever_python_writes_is_read(value: Any) -> None:
    decode(JsonDocument, json.dumps(value))


# --- multipart of every kind ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mixed", "alternative", "related", "report", "signed", "new"])
def test_every_multipart_is_taken_apart(kind: str) -> None:
    data = "--b\r\nContent-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n--b--\r\n"
    part = part_of({"content-type": f"multipart/{kind};boundary=b"}, data.encode(), "1", "")
    (_, outer), (_, inner) = walk_parts(part)
    assert isinstance(outer, Multipart)
    assert isinstance(inner, SipFragment) and inner.status_code == 200


# --- what no linter sees --------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/x-ms-mim", "text/x-ms-mim"])
@pytest.mark.parametrize("path", sorted((HERE / "hostile").iterdir()), ids=lambda path: path.stem)
def test_hostile_xml_under_a_name_without_xml_is_refused(content_type: str, path: Path) -> None:
    with pytest.raises((Malformed, LimitExceeded)):
        decode_part(part_of({"content-type": content_type}, path.read_bytes(), "1", ""))


LARGE = {
    "application/conference-info+xml": (
        "<conference-info><users>",
        '<user entity="u"><endpoint><media id="1"><type>audio</type></media></endpoint></user>',
        "</users></conference-info>",
    ),
    "application/vq-rtcpxr+xml": (
        "<VQReportEvent><VQSessionReport>",
        "<MediaLine><InboundStream><A>1</A></InboundStream></MediaLine>",
        "</VQSessionReport></VQReportEvent>",
    ),
    "application/msrtc-reporterror+xml": (
        "<reportError>",
        "<error><diagHeader>1;reason=x</diagHeader></error>",
        "</reportError>",
    ),
    "application/cccp+xml": ("<notify>", "<verb><user/></verb>", "</notify>"),
    "application/json": ("[0", ',{"a":[1,2]}', "]"),
    "text/x-msmsgsinvite": ("A: b\n", "Name: value\n", ""),
    "message/sipfrag": ("SIP/2.0 200 OK\r\n", "Name: value\r\n", "\r\n"),
    "application/vq-rtcpxr": ("VQSessionReport\nLocalMetrics:\n", "Delay:RTD=1 IAJ=2\n", ""),
    "message/imdn+xml": ("<imdn>", "<recipient><status>200</status></recipient>", "</imdn>"),
    "application/msrtc-media-relay-auth+xml": (
        "<response>",
        "<mediaRelay><location/></mediaRelay>",
        "</response>",
    ),
    "application/ms-filetransfer+xml": ("<request>", "<a><b>c</b></a>", "</request>"),
}


def _work(content_type: str, data: str) -> int:
    """Return how many calls decoding takes: the same on a slow machine and on a fast one."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    part = part_of({"content-type": content_type}, data.encode(), "1", "")
    sys.setprofile(count)
    try:
        decode_part(part)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("content_type", LARGE)
def test_work_grows_as_the_body_does(content_type: str) -> None:
    begin, middle, end = LARGE[content_type]
    small, large = (_work(content_type, begin + middle * n + end) for n in (200, 1600))
    assert large <= 9 * small

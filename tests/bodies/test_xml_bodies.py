"""What the decoders of XML bodies make of single things; whole samples are in test_samples."""

from __future__ import annotations

import pytest

import dissectors.bodies  # noqa: F401  fills the table
from dissectors.bodies.cccp import ConferenceControl
from dissectors.bodies.generic_xml import XmlDocument
from dissectors.bodies.ms_conf_invite import ConferenceInvite
from dissectors.bodies.push_notification import PushNotification
from dissectors.bodies.rlmi import ResourceList
from dissectors.body import decode_part, part_of
from dissectors.errors import Malformed

FOCUS = "sip:megan@contoso.com;gruu;opaque=app:conf:focus:id:H6GJ2K9P"


def _decode(content_type: str, xml: str) -> object:
    return decode_part(part_of({"content-type": content_type}, xml.encode(), "1", ""))


def _rlmi(xml: str) -> ResourceList:
    value = _decode("application/rlmi+xml", xml)
    assert isinstance(value, ResourceList)
    return value


def _cccp(xml: str) -> ConferenceControl:
    value = _decode("application/cccp+xml", xml)
    assert isinstance(value, ConferenceControl)
    return value


def _invite(xml: str) -> ConferenceInvite:
    value = _decode("Application/MS-Conf-Invite+XML", xml)
    assert isinstance(value, ConferenceInvite)
    return value


@pytest.mark.parametrize(
    "content_type",
    ["application/rlmi+xml", "application/cccp+xml", "application/ms-conf-invite+xml"],
)
def test_another_root_is_refused(content_type: str) -> None:
    with pytest.raises(Malformed):
        _decode(content_type, "<presence/>")


# --- rlmi ---


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), (" 7 ", 7), ("-1", None), ("x", None), ("", None), ("9" * 30, None), ("٣", None)],
)
def test_numbers_of_rlmi(text: str, number: int | None) -> None:
    assert _rlmi(f'<list version="{text}"/>').version == number


@pytest.mark.parametrize(
    ("text", "flag"),
    [("true", True), ("1", True), ("FALSE", False), ("0", False), ("maybe", None)],
)
def test_flags_of_rlmi(text: str, flag: bool | None) -> None:
    assert _rlmi(f'<list fullState="{text}"/>').full_state is flag


def test_attributes_of_rlmi_in_another_case_and_unknown_ones() -> None:
    value = _rlmi(
        '<rl:list xmlns:rl="urn:ietf:params:xml:ns:rlmi" URI="u" fullstate="true">'
        '<rl:name xml:lang="de">Alle</rl:name><rl:resource Uri="r">'
        '<rl:instance ID="1" STATE="active" cid="&lt;c&gt;" MsDiagCode="5" extra="kept"/>'
        "</rl:resource></rl:list>"
    )
    assert (value.uri, value.full_state, value.names) == ("u", True, ("Alle",))
    (instance,) = value.resources[0].instances
    assert (instance.id, instance.state, instance.cid) == ("1", "active", "c")
    assert (instance.ms_diag_code, instance.other_attributes) == (5, {"extra": "kept"})


# --- cccp ---


def test_any_verb_is_a_verb() -> None:
    value = _cccp('<notify notifyId="4"><somethingNew level="2"><x/></somethingNew></notify>')
    assert (value.kind, value.notify_id) == ("notify", "4")
    assert [verb.name for verb in value.verbs] == ["somethingNew"]
    assert value.verbs[0].attributes == {"level": "2"}


def test_a_response_without_a_verb_has_its_code() -> None:
    value = _cccp(f'<response code="pending" requestId="1" from="{FOCUS}" to="sip:a@b"/>')
    assert (value.code, value.request_id, value.verbs) == ("pending", "1", ())
    assert value.conference_id == "H6GJ2K9P"


@pytest.mark.parametrize(
    "inside",
    [
        f'<getUsers><conferenceKeys confEntity="{FOCUS}"/></getUsers>',
        f'<deleteUser><userKeys confEntity="{FOCUS}" userEntity="sip:a@b"/></deleteUser>',
        f'<modifyEndpointMedia><mediaKeys confEntity="{FOCUS}"/></modifyEndpointMedia>',
        f'<addConference><conference-info entity="{FOCUS}"/></addConference>',
        f'<first/><second><conferenceKeys confEntity="{FOCUS}"/></second>',
    ],
)
def test_where_the_conference_stands(inside: str) -> None:
    value = _cccp(f'<request to="sip:factory@contoso.com">{inside}</request>')
    assert value.conference_id == "H6GJ2K9P"
    assert value.verbs[-1].conf_entity == FOCUS


def test_a_new_conference_has_no_id_yet() -> None:
    value = _cccp('<request><addConference><conference-info entity=""/></addConference></request>')
    assert value.conference_id is None
    assert value.verbs[0].conf_entity is None


def test_the_reason_of_the_root_counts_before_that_of_the_verb() -> None:
    xml = '<response code="failure"{}><addUser reason="unauthorized"/></response>'
    assert _cccp(xml.format("")).reason == "unauthorized"
    assert _cccp(xml.format(' reason="timeout"')).reason == "timeout"


def test_users_of_a_whole_roster_are_bounded_but_not_lost() -> None:
    users = "".join(f'<user entity="sip:u{number}@contoso.com"/>' for number in range(1500))
    value = _cccp(f"<notify><roster>{users}</roster></notify>")
    assert len(value.verbs[0].users) == 1000
    assert value.values["notify/roster/user[1500]@entity"] == "sip:u1499@contoso.com"


# --- ms-conf-invite ---


@pytest.mark.parametrize(
    ("xml", "modalities"),
    [
        ('<audio available="true"/><video available="TRUE"/>', ("audio", "video")),
        ('<data-conf available="1"/><im available="false"/>', ("data-conf",)),
        ("<audio/><im available=''/>", ()),
    ],
)
def test_modalities_of_an_invitation(xml: str, modalities: tuple[str, ...]) -> None:
    assert _invite(f"<Conferencing>{xml}</Conferencing>").modalities == modalities


def test_an_invitation_that_names_its_conference_itself() -> None:
    assert (
        _invite("<Conferencing><conference-id>X1</conference-id></Conferencing>").conference_id
        == "X1"
    )


def test_an_empty_invitation() -> None:
    value = _invite("<Conferencing/>")
    assert (value.version, value.focus_uri, value.conference_id) == (None, None, None)
    assert (value.subject, value.first_im, value.modalities) == (None, None, ())
    assert value.values == {"Conferencing": ""}


# --- push notification and any other XML ---


def test_the_media_type_of_a_push_notification_is_known_in_any_case() -> None:
    content_type = 'application/vnd.microsoft.lync.pushNotification+xml; charset="Unicode (UTF-8)"'
    value = _decode(content_type, '<notification><device type="wp7"/></notification>')
    assert value == PushNotification(
        "notification", "Unicode (UTF-8)", {"notification/device@type": "wp7"}, ()
    )


def test_the_namespace_of_other_xml_is_told() -> None:
    value = _decode("application/x+xml", '<p:a xmlns:p="urn:p" xmlns="urn:q"><b/></p:a>')
    assert value == XmlDocument("a", "urn:p", {"a/b": ""}, ())

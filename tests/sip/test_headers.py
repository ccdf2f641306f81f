"""Values of headers, as Lync and the standards' examples write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError, Malformed
from dissectors.sip import headers
from dissectors.sip.headers import (
    MicrosoftOpaque,
    NameAddr,
    SipUri,
    Via,
    decode_cseq,
    decode_media_type,
    decode_name_addr,
    decode_opaque,
    decode_parameters,
    decode_session_expires,
    decode_uri,
    decode_via,
    name_addr_fault,
    split_values,
)


@pytest.mark.parametrize(
    ("value", "name", "uri", "parameters"),
    [
        (
            '"UCMA Application"<sip:app@a.test>;epid=732E4388A6;tag=3337a42636',
            "UCMA Application",
            "sip:app@a.test",
            {"epid": "732E4388A6", "tag": "3337a42636"},
        ),
        (
            '<sip: edge.a.test;gruu;opaque=srvr:McxExternal:AbaS4>;automata;actor="attendant";text',
            None,
            "sip: edge.a.test;gruu;opaque=srvr:McxExternal:AbaS4",
            {"automata": "", "actor": "attendant", "text": ""},
        ),
        ("sip:a@b.test;tag=1;x", None, "sip:a@b.test", {"tag": "1", "x": ""}),
        ("Alice A. <sip:a@b.test> ; TAG = xY", "Alice A.", "sip:a@b.test", {"tag": "xY"}),
        (r'"A \"B\" <C>" <sip:a@b.test>', 'A "B" <C>', "sip:a@b.test", {}),
        ('"" <sip:a@b.test>;tag=1', None, "sip:a@b.test", {"tag": "1"}),
        ('"Mr. J. User <sip:j@b.test>', "Mr. J. User", "sip:j@b.test", {}),
        ("<sip:a@b.test", None, "sip:a@b.test", {}),
        ('"A" sip:a@b.test;tag=1', "A", "sip:a@b.test", {"tag": "1"}),
        ("“Brendan”<sip:b@b.test>;tag=1", "“Brendan”", "sip:b@b.test", {"tag": "1"}),
        ("tel:+14255550100;phone-context=x", None, "tel:+14255550100", {"phone-context": "x"}),
        ("*", None, "*", {}),
        (
            '<sip:a@b.test>;+sip.instance="<urn:uuid:4E26;x>";gruu="sip:a;opaque=user:epid:T;gruu"',
            None,
            "sip:a@b.test",
            {"+sip.instance": "<urn:uuid:4E26;x>", "gruu": "sip:a;opaque=user:epid:T;gruu"},
        ),
        ("<sip:a@b.test>;tag=1;tag=2", None, "sip:a@b.test", {"tag": "1"}),
    ],
)
def test_name_addr(value: str, name: str | None, uri: str, parameters: dict[str, str]) -> None:
    assert decode_name_addr(value) == NameAddr(name, uri, parameters)
    assert decode_name_addr(f"  {value}\t") == NameAddr(name, uri, parameters)


@pytest.mark.parametrize("value", ["", "  ", "<>", '"name"', ";tag=1", "Name <>;tag=1"])
def test_without_a_uri_there_is_no_name_addr(value: str) -> None:
    with pytest.raises(Malformed):
        decode_name_addr(value)


def test_tag_and_epid() -> None:
    sender = decode_name_addr("<sip:a@b.test>;EPID=73AB;Tag=aBc")
    assert (sender.tag, sender.epid) == ("aBc", "73AB")
    assert decode_name_addr("<sip:a@b.test;tag=x>").tag is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ('"A, B"<sip:a@b.test>;tag=1', None),
        ("Alice A. <sip:a@b.test>", None),
        ("sip:a@b.test;tag=1", None),
        ("<sip:a@b.test?Route=x,y>", None),
        ("*", None),
        ("Bell, Alexander <sip:a@b.test>", "needs quotes"),
        ('"Mr. J. User <sip:j@b.test>', "not closed"),
        ("sip:a@b.test?Route=x", "not in <>"),
        ("< sip:a@b.test >", "white space"),
        ("<a@b.test>", "without a scheme"),
        ("<sip:a@b.test", "no >"),
        ("<sip:a@b.test>;;;;", "separators"),
    ],
)
def test_faults_of_name_addr(value: str, fault: str | None) -> None:
    found = name_addr_fault(value)
    assert (found is None) if fault is None else (found and fault in found)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        (",, ,", []),
        ("a, b ,c", ["a", "b", "c"]),
        ('"a, b" <sip:c,d@e>, <sip:f>', ['"a, b" <sip:c,d@e>', "<sip:f>"]),
        ('"never closed, <sip:a>', ['"never closed, <sip:a>']),
        ("<sip:a, <sip:b>", ["<sip:a, <sip:b>"]),
    ],
)
def test_values_are_split_at_their_commas(value: str, items: list[str]) -> None:
    assert split_values(value) == items


def test_one_line_with_two_vias() -> None:
    line = (
        "SIP/2.0/TLS 192.0.2.15:55243;branch=z9hG4bK6C6;branched=FALSE;ms-received-port=55243,"
        'SIP/2.0/TLS 192.0.2.16:55241;ms-internal-info="a,b;c";ms-received-cid=13A0800'
    )
    first, second = (decode_via(item) for item in split_values(line))
    assert first.branch == "z9hG4bK6C6"
    assert first.parameters["branched"] == "FALSE"
    assert second == Via(
        "SIP/2.0",
        "TLS",
        "192.0.2.16:55241",
        {"ms-internal-info": "a,b;c", "ms-received-cid": "13A0800"},
    )
    assert second.branch is None


@pytest.mark.parametrize(
    ("value", "via"),
    [
        ("SIP / 2.0 / UDP 192.0.2.2;branch=x", Via("SIP/2.0", "UDP", "192.0.2.2", {"branch": "x"})),
        (
            "SIP/2.0/TCP [2001:db8::9]:5060 ;rport",
            Via("SIP/2.0", "TCP", "[2001:db8::9]:5060", {"rport": ""}),
        ),
        ("SIP/2.0/TCP t1.test : 5060", Via("SIP/2.0", "TCP", "t1.test:5060", {})),
        (
            "SIP  / 2.0  /TCP  a.test ;\tbranch = z9;",
            Via("SIP/2.0", "TCP", "a.test", {"branch": "z9"}),
        ),
    ],
)
def test_via(value: str, via: Via) -> None:
    assert decode_via(value) == via


@pytest.mark.parametrize("value", ["", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=x", "a b c"])
def test_what_is_no_via(value: str) -> None:
    with pytest.raises(Malformed):
        decode_via(value)


def test_cseq() -> None:
    cseq = decode_cseq("0009   INVITE")
    assert (cseq.number, cseq.method) == (9, "INVITE")
    assert decode_cseq("4294967295 newMethod").number == 4294967295


@pytest.mark.parametrize(
    "value",
    ["", "1", "INVITE 1", "-1 INVITE", "36893488147419103232 REGISTER", "1 INVITE x", "٣ INVITE"],
)
def test_what_is_no_cseq(value: str) -> None:
    with pytest.raises(Malformed):
        decode_cseq(value)


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        ("application/SDP", "application/sdp", {}),
        (
            'application/vnd.microsoft.lync.pushNotification+xml; charset="Unicode (UTF-8)"',
            "application/vnd.microsoft.lync.pushnotification+xml",
            {"charset": "Unicode (UTF-8)"},
        ),
        (
            'multipart/related; type="application/rlmi+xml";start=resourceList; boundary=----=_Ne;',
            "multipart/related",
            {"type": "application/rlmi+xml", "start": "resourceList", "boundary": "----=_Ne"},
        ),
        ("text / plain ; CHARSET = UTF-8", "text/plain", {"charset": "UTF-8"}),
        ("text/xml+msrtc.pidf", "text/xml+msrtc.pidf", {}),
    ],
)
def test_media_type(value: str, media_type: str, parameters: dict[str, str]) -> None:
    decoded = decode_media_type(value)
    assert (decoded.media_type, decoded.parameters) == (media_type, parameters)


@pytest.mark.parametrize("value", ["", "text", "text/", "/plain", ";charset=x"])
def test_what_is_no_media_type(value: str) -> None:
    with pytest.raises(Malformed):
        decode_media_type(value)


def test_session_expires() -> None:
    timer = decode_session_expires("1800;refresher=UAC")
    assert (timer.delta_s, timer.refresher) == (1800, "uac")
    assert decode_session_expires(" 90 ").refresher is None
    for value in ("", "x", ";refresher=uac", "9" * 40):
        with pytest.raises(Malformed):
            decode_session_expires(value)


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        (
            "sip:org@A.Test;gruu;opaque=app:conf:focus:id:JL3GPNYP",
            SipUri(
                "sip", "org", "a.test", None,
                {"gruu": "", "opaque": "app:conf:focus:id:JL3GPNYP"}, "",
            ),
        ),
        (
            "sips:a.test:5061;transport=tls",
            SipUri("sips", None, "a.test", 5061, {"transport": "tls"}, ""),
        ),
        ("sip: edge.a.test;gruu", SipUri("sip", None, "edge.a.test", None, {"gruu": ""}, "")),
        ("SIP:a@[2001:db8::1]:5070", SipUri("sip", "a", "[2001:db8::1]", 5070, {}, "")),
        ("sip:[2001:db8::1]", SipUri("sip", None, "[2001:db8::1]", None, {}, "")),
        ("sip:2001:db8::1", SipUri("sip", None, "2001:db8::1", None, {}, "")),
        ("sip:a@b.test:x", SipUri("sip", "a", "b.test:x", None, {}, "")),
        ("sip:a@b.test:99999", SipUri("sip", "a", "b.test:99999", None, {}, "")),
        (
            "sip:+14255550100;ext=1@a.test;user=phone?Subject=x&y",
            SipUri("sip", "+14255550100;ext=1", "a.test", None, {"user": "phone"}, "Subject=x&y"),
        ),
        ("tel:+14255550100;ext=1", SipUri("tel", "+14255550100", "", None, {"ext": "1"}, "")),
        (
            "sip:bob@mail.test@fed.test;x=c@d",
            SipUri("sip", "bob@mail.test", "fed.test", None, {"x": "c@d"}, ""),
        ),
        ("sip:bob(mail.test)@msn.test", SipUri("sip", "bob(mail.test)", "msn.test", None, {}, "")),
        (
            "sip:user;par=u%40example.net@example.com",
            SipUri("sip", "user;par=u%40example.net", "example.com", None, {}, ""),
        ),
    ],
)  # fmt: skip
def test_uri(uri: str, parts: SipUri) -> None:
    assert decode_uri(uri) == parts


def test_what_a_uri_says() -> None:
    assert decode_uri("sip:a@b.test;gruu;opaque=user:epid:T").gruu
    assert decode_uri("sip:a@b.test;opaque=x").opaque == "x"
    assert decode_uri("sip:1@b.test;USER=Phone").is_phone
    assert decode_uri("tel:1").is_phone
    assert not decode_uri("sip:1@b.test").is_phone
    assert decode_uri("sip:a@B.test:5060;x").address == "sip:a@b.test"
    assert decode_uri("sip:b.test").address == "sip:b.test"
    assert decode_uri("tel:+1").address == "tel:+1"
    for nothing in ("", "a.test", ":", "a b:c", "1a:b"):
        with pytest.raises(Malformed):
            decode_uri(nothing)


@pytest.mark.parametrize(
    ("opaque", "parts", "conference"),
    [
        ("app:conf:focus:id:X1", MicrosoftOpaque("app", "conf:focus", "X1"), "X1"),
        ("app:conf:audio-video:id:X1", MicrosoftOpaque("app", "conf:audio-video", "X1"), "X1"),
        ("app:conf:focusfactory", MicrosoftOpaque("app", "conf:focusfactory", None), None),
        ("app:voicemail", MicrosoftOpaque("app", "voicemail", None), None),
        ("user:epid:6Abh-Xg_AA", MicrosoftOpaque("user", "epid", "6Abh-Xg_AA"), None),
        ("srvr:McxExternal:AbaS4", MicrosoftOpaque("srvr", "McxExternal", "AbaS4"), None),
        ("srvr:HomeServer:a:b", MicrosoftOpaque("srvr", "HomeServer", "a:b"), None),
        ("state:F", MicrosoftOpaque("state", "F", None), None),
        ("", MicrosoftOpaque("", "", None), None),
    ],
)
def test_opaque(opaque: str, parts: MicrosoftOpaque, conference: str | None) -> None:
    assert decode_opaque(opaque) == parts
    assert decode_opaque(opaque).conference_id == conference


def test_long_values_are_not_remembered() -> None:
    cached = headers.decode_via.__wrapped__  # type: ignore[attr-defined]
    long = f"SIP/2.0/TLS {'a' * 500}.test"
    assert decode_via(long) == cached(long)
    assert decode_via(long) is not decode_via(long)
    assert decode_via("SIP/2.0/TLS b.test") is decode_via("SIP/2.0/TLS b.test")


names = st.text("abcXYZ-_.", min_size=1, max_size=8)


@given(st.dictionaries(names.map(str.lower), st.text(max_size=12), max_size=5))
def test_any_quoted_parameters_come_back(parameters: dict[str, str]) -> None:
    text = "".join(
        ';{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in parameters.items()
    )
    assert decode_parameters(text) == parameters


@given(st.text('"\\<>;,:=/@ ?[]*asip1.', max_size=40))
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    for decode in (
        decode_name_addr, decode_via, decode_cseq, decode_media_type, decode_session_expires,
        decode_uri, decode_opaque, decode_parameters, split_values, name_addr_fault,
    ):  # fmt: skip
        try:
            decode(text)
        except DissectError as error:
            assert error.layer == "sip"

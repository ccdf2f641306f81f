"""ms-diagnostics and its siblings, in all the shapes they are met."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError, Malformed
from dissectors.sip.diagnostics import (
    COMPONENTS,
    Diagnostics,
    component_of,
    decode_diagnostics,
    decode_diagnostics_value,
)
from dissectors.sip.message import decode_head


def _one(value: str) -> Diagnostics:
    [diagnostics] = decode_diagnostics_value("ms-diagnostics", value)
    return diagnostics


@pytest.mark.parametrize(
    ("value", "code", "subcode", "reason", "source", "parameters"),
    [
        ("1034", 1034, None, None, None, {}),
        ("1034;", 1034, None, None, None, {}),
        (" 1034 ; reason = x ", 1034, None, "x", None, {}),
        ('24033.7;reason="a"', 24033, 7, "a", None, {}),
        (
            '1010;reason="Certificate trust failure; peer, too";ErrorType="The peer\'s";'
            'tls-target="sip.a.test";HRESULT="0x80090322(SEC_E_WRONG_PRINCIPAL)";source="edge.a.test"',
            1010,
            None,
            "Certificate trust failure; peer, too",
            "edge.a.test",
            {
                "errortype": "The peer's",
                "tls-target": "sip.a.test",
                "hresult": "0x80090322(SEC_E_WRONG_PRINCIPAL)",
            },
        ),
        ('30000;Reason="Success"', 30000, None, "Success", None, {}),
        ("30000;Reason=”Success”", 30000, None, "Success", None, {}),
        ("1;source=“a;b”;reason=„c, d“", 1, None, "c, d", "a;b", {}),
        ('1;reason="he said “no; never”"', 1, None, "he said “no; never”", None, {}),
        (
            '30007;Reason="Push Notification synthetic transaction succeeded',
            30007,
            None,
            "Push Notification synthetic transaction succeeded",
            None,
            {},
        ),
        (
            "12006;Source= application.a.test ;REASON=no quotes, at all;flag",
            12006,
            None,
            "no quotes, at all",
            "application.a.test",
            {"flag": ""},
        ),
        (
            '51007;reason="x";CalleeMediaDebug="audio:ICEWarn=0x0,LocalSite=10.0.0.1:5,PortRange=1:2"',
            51007,
            None,
            "x",
            None,
            {"calleemediadebug": "audio:ICEWarn=0x0,LocalSite=10.0.0.1:5,PortRange=1:2"},
        ),
        ("4;ports=1,2;x=3,4,5;y", 4, None, None, None, {"ports": "1,2", "x": "3,4,5", "y": ""}),
        # Quotes that are missing, of two kinds, or unescaped inside a text.
        (
            '1017; reason="Cannot route"; summary="in the message',
            1017,
            None,
            "Cannot route",
            None,
            {"summary": "in the message"},
        ),
        (
            '1010;reason=Trust failure";source=edge.a.test',
            1010,
            None,
            "Trust failure",
            "edge.a.test",
            {},
        ),
        (
            '1010;reason="Trust; failure;source="edge.a.test";HRESULT="0x1"',
            1010,
            None,
            "Trust; failure",
            "edge.a.test",
            {"hresult": "0x1"},
        ),
        ('1;reason="User "bob" is unknown";source="a"', 1, None, 'User "bob" is unknown', "a", {}),
        ('1;reason="User "bob"', 1, None, 'User "bob', None, {}),
        ('1;reason="ends "inside', 1, None, 'ends "inside', None, {}),
        ('30000;Reason=”Success”;source="a.test"', 30000, None, "Success", "a.test", {}),
        ("30000;Reason=”Success", 30000, None, "Success", None, {}),
        ('1;reason="a “b”";x=“c; d”', 1, None, "a “b”", None, {"x": "c; d"}),
        ('1 ;; Source = a.test ; ; REASON = "b" ;', 1, None, "b", "a.test", {}),
        ("1;reason=a=b;x==c", 1, None, "a=b", None, {"x": "=c"}),
        (r'1;reason="a \"b\" c"', 1, None, 'a "b" c', None, {}),
        ('1;reason=""', 1, None, None, None, {}),
    ],
)
def test_value(
    value: str,
    code: int,
    subcode: int | None,
    reason: str | None,
    source: str | None,
    parameters: dict[str, str],
) -> None:
    expected = Diagnostics(
        "ms-diagnostics", code, subcode, reason, source, parameters, value.strip()
    )
    assert _one(value) == expected


def test_diagnoses_that_a_relay_joined() -> None:
    value = '1034;reason="a, b";source="x",10003;source="y";reason="c" , 5.2 ; Reason=d'
    joined = decode_diagnostics_value("ms-diagnostics-public", value)
    assert [(one.code, one.subcode, one.reason) for one in joined] == [
        (1034, None, "a, b"),
        (10003, None, "c"),
        (5, 2, "d"),
    ]
    assert {one.value for one in joined} == {value}


@pytest.mark.parametrize(
    "value", ["", "reason=x", ";1", "12a;reason=x", "9" * 12, "-1", "1.x", "٣"]
)
def test_without_an_error_id_it_is_refused(value: str) -> None:
    with pytest.raises(Malformed):
        decode_diagnostics_value("ms-diagnostics", value)


def test_all_diagnoses_of_a_message_topmost_first() -> None:
    message = decode_head(
        b"SIP/2.0 404 Not Found\r\n"
        b'MS-Diagnostics: 1034;reason="no answer";Domain="skype.test";source="sip.a.test"\r\n'
        b"Via: SIP/2.0/TLS a\r\n"
        b'ms-diagnostics: 10003;reason="x"\r\n'
        b"ms-diagnostics: nonsense\r\n"
        b"ms-diagnostics-other: 1\r\n"
        b'ms-diagnostics-public: 10003;reason="x"\r\n'
        b"ms-client-diagnostics: 23\r\n\r\n"
    )
    message.frames, message.time_ns = (3, 9), 77
    faults: list[DissectError] = []
    found = decode_diagnostics(message, faults)
    assert [(one.header, one.code) for one in found] == [
        ("ms-diagnostics", 1034),
        ("ms-diagnostics", 10003),
        ("ms-diagnostics-public", 10003),
        ("ms-client-diagnostics", 23),
    ]
    assert found[0].parameters == {"domain": "skype.test"}
    assert found[0].component == "SIP stack"
    [fault] = faults
    assert (fault.frame_number, fault.time_ns, fault.severity) == (9, 77, "warning")
    assert decode_diagnostics(message) == found


def test_a_message_without_diagnostics_has_none() -> None:
    assert decode_diagnostics(decode_head(b"SIP/2.0 200 OK\r\nVia: a\r\n")) == []


@pytest.mark.parametrize(
    ("code", "component"),
    [
        (0, "common and client media"),
        (999, "common and client media"),
        (1000, "SIP stack"),
        (2157, "presence"),
        (10421, "Mediation Server"),
        (18500, None),
        (30007, "push notification"),
        (51004, "client"),
        (52999, "client"),
        (53000, None),
        (999999999, None),
        (-1, None),
    ],
)
def test_component(code: int, component: str | None) -> None:
    assert component_of(code) == component


def test_the_ranges_are_in_order_and_apart() -> None:
    assert all(first <= last for first, last, _ in COMPONENTS)
    assert all(one[1] < two[0] for one, two in pairwise(COMPONENTS))


MEDIA = (
    '23;reason="x";CallerMediaDebug="audio:ICEWarn=0x3a0,LocalSite=10.0.0.1:5,video:ICEWarn=0x0";'
    'MediaChanBlob="NetworkErr=no error,ErrTime=0";MediaType="audio";source="a"'
)


def test_what_tells_of_media_is_split() -> None:
    one = _one(MEDIA)
    assert one.tree == {
        "callermediadebug": {
            "audio": {"ICEWarn": "0x3a0", "LocalSite": "10.0.0.1:5"},
            "video": {"ICEWarn": "0x0"},
        },
        "mediachanblob": {"NetworkErr": "no error", "ErrTime": "0"},
        "mediatype": "audio",
    }
    assert [media.ice_warn for media in one.media] == [0x3A0, 0, None]
    assert _one("1;x=y").media == ()


_WORD = st.text("abc.-XY", min_size=1, max_size=5)
_TEXT = st.text('ab ;,="\\“', max_size=8)


@given(st.lists(st.tuples(_WORD, _TEXT, st.sampled_from(["", " ", "\t "])), max_size=5))
def test_what_is_well_formed_is_read_as_the_grammar_says(sent: list[tuple[str, str, str]]) -> None:
    """Each value comes back as it was before it was quoted (RFC 3261 §25.1, quoted-string)."""
    value, expected = "7", {}
    for number, (name, text, blank) in enumerate(sent):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        value += f'{blank};{blank}{name}{number}{blank}={blank}"{quoted}"'
        expected[f"{name}{number}".lower()] = text
    [one] = decode_diagnostics_value("ms-diagnostics", value)
    assert one.parameters == expected


@pytest.mark.parametrize("piece", ['a="b', 'a="b";', '";a="', "a=b;", '"', "“", ';a="b"c', "= "])
def test_hostile_values_take_linear_time(piece: str) -> None:
    begin = time.process_time()
    decode_diagnostics_value("ms-diagnostics", "1;" + piece * 20_000)
    assert time.process_time() - begin < 5


@given(st.text('0123456789.;="\\, “”reasonRSource', max_size=60))
def test_any_text_gives_diagnoses_or_an_error(text: str) -> None:
    try:
        diagnoses = decode_diagnostics_value("ms-diagnostics", text)
    except DissectError:
        return
    assert diagnoses
    assert all(one.code >= 0 and one.reason != "" and one.source != "" for one in diagnoses)

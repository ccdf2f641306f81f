"""What REGISTER and its responses say of credentials and bindings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.sip.message import decode_head
from pipelines.register_headers import MAX_BINDINGS, register_columns


def columns(*headers: str) -> tuple[str | None, str | None]:
    lines = ["REGISTER sip:contoso.com SIP/2.0", "CSeq: 1 REGISTER", *headers, "", ""]
    return register_columns(decode_head("\r\n".join(lines).encode()), "REGISTER")


@pytest.mark.parametrize(
    ("headers", "schemes"),
    [
        ([], None),
        (['Authorization: NTLM qop="auth", gssapi-data=""'], "NTLM"),
        (["Proxy-Authorization: TLS-DSK realm=x"], "TLS-DSK"),
        (["WWW-Authenticate: NTLM x=1", "WWW-Authenticate: Kerberos x=1"], "NTLM Kerberos"),
        (['Authentication-Info: nextnonce="47364c23432d2e131a5fb210812c"'], None),
        (['Authentication-Info: NTLM rspauth="01", srand="2"'], "NTLM"),
        (["Authorization: Negotiate"], "Negotiate"),
        (["Authorization: "], None),
        (["Authorization: " + "x" * 100 + " y"], None),
    ],
)
def test_schemes(headers: list[str], schemes: str | None) -> None:
    assert columns(*headers)[0] == schemes


@pytest.mark.parametrize(
    ("contacts", "bindings"),
    [
        ([], None),
        (["*"], "- *"),
        (["<sip:a@1>;expires=60"], "60 sip:a@1"),
        (["<sip:a@1>;expires=60, <sip:b@2>"], "60 sip:a@1\n- sip:b@2"),
        (["<sip:a@1>", '<sip:b@2;x=","> ; Expires="7"'], '- sip:a@1\n7 sip:b@2;x=","'),
        (["<sip:a@1>;expires=-1"], "- sip:a@1"),
        (["<sip:a@1>;expires=" + "9" * 40], "- sip:a@1"),
    ],
)
def test_bindings(contacts: list[str], bindings: str | None) -> None:
    assert columns(*(f"Contact: {one}" for one in contacts))[1] == bindings


def test_many_bindings_are_not_all_told() -> None:
    found = columns("Contact: " + ",".join(f"<sip:a@{n}>" for n in range(1000)))[1]
    assert found is not None and len(found.splitlines()) == MAX_BINDINGS


def test_other_methods_have_none() -> None:
    head = b"INVITE sip:a SIP/2.0\r\nContact: <sip:a@1>\r\nAuthorization: NTLM x\r\n\r\n"
    assert register_columns(decode_head(head), "INVITE") == (None, None)


@settings(max_examples=50)
@given(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=60))
def test_any_values(text: str) -> None:
    schemes, bindings = columns(f"Contact: {text}", f"Authorization: {text}")
    for line in bindings.split("\n") if bindings else []:
        expires, _, uri = line.partition(" ")
        assert expires == "-" or int(expires) >= 0
        assert uri
    assert schemes is None or " " not in schemes

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.analyses.calls import calls
from pipelines.schema import BODIES
from tests.analyses.script import TEXT_TYPES, messages, typed


def route(script: str, text: str = "string[pyarrow]") -> tuple[str, str]:
    found = calls(messages(script, text), typed([], BODIES, text))
    assert len(found) == 1
    reason = found["route_reason"].iloc[0]
    return found["route"].iloc[0], "" if pd.isna(reason) else reason


def uris(caller: str, callee: str) -> str:
    return f"from_uri={caller} to_uri={callee}"


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_internal(text: str) -> None:
    assert route("0 a>b INVITE", text) == ("internal", "both parties are at contoso.com")


@pytest.mark.parametrize(
    ("caller", "callee", "expected"),
    [
        ("sip:kim@contoso.com", "sip:lee@CONTOSO.com:5061;transport=tls", "internal"),
        ("sip:kim@contoso.com", "sip:lee@eu.contoso.com", "internal"),
        ("sip:kim@us.contoso.com", "sip:lee@eu.contoso.com", "internal"),
        ("sip:kim@contoso.co.uk", "sip:lee@fabrikam.co.uk", "federated"),
        ("sip:kim@contoso.com", "sip:lee@fabrikam.com", "federated"),
        ("sip:kim@contoso.com", "sip:lee@mycontoso.com", "federated"),
        ("sips:kim@contoso.com", "sip:lee@fabrikam.com", "federated"),
        ("sip:sipp@127.0.0.1:5060", "sip:service@127.0.0.1:5070", "internal"),
        ("sip:sipp@10.0.0.1", "sip:service@10.0.0.2", "unknown"),
        ("sip:sipp@[2001:db8::1]", "sip:service@contoso.com", "unknown"),
        ("sip:anonymous@anonymous.invalid", "sip:lee@contoso.com", "unknown"),
        ("-", "sip:lee@contoso.com", "unknown"),
        ("-", "-", "unknown"),
        ("sip:kim@contoso.com", "sip:joe@skypeids.net", "skype"),
        ("sip:kim@contoso.com", "sip:joe(gmail.com)@msn.com", "skype"),
        ("sip:joe@live.com", "sip:kim@contoso.com", "skype"),
        ("sip:joe@outlook.de", "sip:kim@contoso.com", "skype"),
        ("sip:joe@hotmail.co.uk", "sip:kim@contoso.com", "skype"),
        ("sip:joe@alive.com", "sip:kim@contoso.com", "federated"),
        ("sip:kim@contoso.com", "sip:+4930123@contoso.com;user=phone", "pstn"),
        ("sip:kim@contoso.com", "tel:+4930123", "pstn"),
        ("sip:+4930123;ext=5@contoso.com;user=phone", "sip:kim@contoso.com", "pstn"),
        (
            "sip:kim@fabrikam.com",
            "sip:lee@contoso.com;gruu;opaque=app:conf:audio-video:id:X1",
            "conference",
        ),
        (
            "sip:lee@contoso.com;gruu;opaque=app:conf:chat:id:X1",
            "sip:kim@contoso.com",
            "conference",
        ),
        ("sip:a@b@contoso.com", "sip:lee@contoso.com", "internal"),
        ("sip:kim@contoso.com;opaque=x@y", "sip:lee@contoso.com", "internal"),
        ("sip:112;phone-context=x@contoso.com", "sip:lee@contoso.com", "internal"),
        ("sip:contoso.com;transport=tls", "sip:lee@contoso.com?subject=a", "internal"),
        ("nonsense", ";;;@", "unknown"),
    ],
)
def test_by_uri(caller: str, callee: str, expected: str) -> None:
    found, reason = route(f"0 a>b INVITE {uris(caller, callee)}")
    assert found == expected
    assert bool(reason) is (expected != "unknown")


FEDERATED = uris("sip:kim@contoso.com", "sip:lee@fabrikam.com")


@pytest.mark.parametrize(
    ("marks", "inside", "between"),
    [
        ("network:federation", "hybrid", "federated"),
        ("source:directpartner", "hybrid", "federated"),
        ("host:lync.com", "hybrid", "federated"),
        ("split:splitintra", "hybrid", "hybrid"),
        ("network:publiccloud", "skype", "skype"),
        ("host:federation.messenger.msn.com", "skype", "skype"),
        ("mediation", "pstn", "pstn"),
        ("mediation+split:splitintra", "pstn", "pstn"),
        ("phone", "pstn", "pstn"),
        ("conf:audio-video", "conference", "conference"),
        ("conf:focus", "internal", "federated"),
        ("network:internet+source:internetuser", "internal", "federated"),
        ("user-data:ms-publiccloud", "internal", "federated"),
    ],
)
@pytest.mark.parametrize("where", ["0 a>b INVITE {}", "0 a>b INVITE {} \n 1 b>a 180 {}"])
def test_by_marks(marks: str, inside: str, between: str, where: str) -> None:
    # The marks of a response count as those of the request do.
    def script(parties: str) -> str:
        *empty, marked = [parties] * where.count("{}")
        return where.format(*empty, f"{marked} marks={marks}")

    assert route(script(""))[0] == inside
    assert route(script(FEDERATED))[0] == between


def test_a_number_that_belongs_to_a_colleague() -> None:
    number = uris("sip:kim@contoso.com", "sip:+4930123@contoso.com;user=phone") + " marks=phone"
    answer = f"\n 1 b>a 180 {number} ua=UCCAPI/15.0"
    assert route(f"0 a>b INVITE {number}" + answer)[0] == "internal"
    assert route(f"0 a>b INVITE {number} ua=UCCAPI/15.0")[0] == "pstn"
    gateway = answer.replace("UCCAPI/15.0", "RTCC/4.0.0.0").replace("=phone", "=mediation+phone", 2)
    assert route(f"0 a>b INVITE {number}" + gateway)[0] == "pstn"


def test_the_reason_names_what_told() -> None:
    assert route(f"0 a>b INVITE {FEDERATED}")[1] == (
        "contoso.com and fabrikam.com differ; no header told more"
    )
    skype = uris("sip:kim@contoso.com", "sip:joe@skypeids.net")
    assert route(f"0 a>b INVITE {skype}")[1] == "To is at skypeids.net"


def test_marks_of_another_call_do_not_count() -> None:
    script = "0 a>b INVITE \n 1 a>b INVITE call=c2 marks=mediation"
    found = calls(messages(script), typed([], BODIES))
    assert found["route"].tolist() == ["internal", "pstn"]

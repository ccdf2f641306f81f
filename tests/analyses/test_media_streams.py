from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from fixtures.bodies.make import HERE
from pipelines.analyses.media_streams import MAX_ROWS, media_streams
from pipelines.schema import BODIES, MEDIA_STREAMS
from tests.analyses.script import TEXT_TYPES, at, body, messages, typed

LYNC, OLD, VIDEO = (
    (HERE / "sdp" / f"{name}.sdp").read_text("utf-8")
    for name in ("lync_offer", "ocs_2007", "video_offer")
)
HEAD = "v=0\no=- 0 0 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\n"
PCMU = HEAD + "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n"
PCMA = HEAD.replace("10.0.0.1", "10.0.0.2") + "m=audio 5000 RTP/AVP 101 8\n"
CALL = "0 a>b INVITE\n1 b>a 180\n2 b>a 200\n2.1 a>b ACK\n"


def table(
    script: str, sdp: dict[int, str | list[dict[str, Any]]], text: str = "string[pyarrow]"
) -> pd.DataFrame:
    """Return the rows of a script; `sdp` gives the description of a line, by its number."""
    bodies = []
    for number, told in sdp.items():
        parts = told if isinstance(told, list) else [{"sdp": told}]
        for part in parts:
            row = body(f"1-{number}-1", number, "application/sdp", part.pop("sdp"))
            bodies.append(row | part)
    return media_streams(messages(script, text), typed(bodies, BODIES, text))


def only(script: str, sdp: dict[int, Any], **options: Any) -> pd.Series[Any]:
    found = table(script, sdp, **options)
    assert len(found) == 1, found
    return found.iloc[0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_an_offer_and_its_answer(text: str) -> None:
    row = only(CALL, {1: PCMU, 3: PCMA}, text=text)
    assert (row["offer_message_id"], row["answer_message_id"]) == ("1-1-1", "1-3-1")
    assert (row["time"], row["answer_time"], row["answer_status_code"]) == (at(0), at(2), 200)
    assert (row["method"], row["from_tag"], row["to_tag"]) == ("INVITE", "a", "b")
    assert (row["media"], row["protocol"], row["position"]) == ("audio", "RTP/AVP", 1)
    assert (row["offered_ip"], row["offered_port"]) == ("10.0.0.1", 4000)
    assert (row["answered_ip"], row["answered_port"]) == ("10.0.0.2", 5000)
    assert row["offered_codecs"] == "PCMU/8000,PCMA/8000,telephone-event/8000"
    assert (row["answered_codecs"], row["codec"]) == ("101,PCMA/8000", "101")
    assert (bool(row["refused"]), bool(row["encrypted"]), bool(row["hold"])) == (False,) * 3
    assert row["offerer_uri"] == "sip:alice@contoso.com" and pd.isna(row["offered_ice"])
    assert (row["offered_host_candidates"], row["answered_tcp_candidates"]) == (0, 0)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_nothing(text: str) -> None:
    nothing, full = table(CALL, {}, text), table(CALL, {1: PCMU, 3: PCMA}, text)
    assert len(nothing) == 0
    assert list(nothing.columns) == list(MEDIA_STREAMS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


def test_what_lync_says() -> None:
    row = only(CALL, {1: LYNC, 3: LYNC.replace("1 client", "1 server")})
    assert (row["label"], row["codec"], row["encryption"]) == (
        "main-audio",
        "G722/8000",
        "optional",
    )
    assert row["offered_crypto"] == "AES_CM_128_HMAC_SHA1_80"
    assert bool(row["encrypted"]) and bool(row["cryptoscale"]) and not bool(row["ice_concluded"])
    kinds = ("host", "srflx", "relay", "udp", "tcp")
    assert [row[f"offered_{kind}_candidates"] for kind in kinds] == [1, 1, 2, 3, 1]
    assert row["offered_ice"] == row["answered_ice"] == "rfc5245"


def test_an_answer_in_the_old_ice() -> None:
    row = only(CALL, {1: VIDEO, 3: OLD})
    assert (row["offered_ice"], row["answered_ice"]) == ("rfc5245", "draft-6")
    assert (row["offered_host_candidates"], row["offered_udp_candidates"]) == (2, 2)
    assert pd.isna(row["answered_host_candidates"])
    assert (row["answered_udp_candidates"], row["answered_tcp_candidates"]) == (1, 1)
    assert row["offered_codecs"] == "X-H264UC/90000,x-rtvc1/90000,x-ulpfecuc/90000"
    assert row["offered_bypass_id"] == "2F1AE0C4-9D3B-4B5E-8C7F-1A2B3C4D5E6F"
    assert bool(row["ice_concluded"]) and row["encryption"] == "required"


def test_the_part_for_ocs_2007_is_no_offer() -> None:
    fallback = {"sdp": OLD, "part": "1.1", "disposition": "session; ms-proxy-2007fallback"}
    real = {"sdp": LYNC, "part": "1.2", "disposition": "session; handling=optional"}
    row = only(CALL, {1: [dict(fallback), dict(real)], 3: LYNC})
    assert row["offered_ice"] == "rfc5245" and not bool(row["fallback"])
    row = only(CALL, {1: [dict(real), dict(fallback)], 3: LYNC})
    assert row["offered_ice"] == "rfc5245"
    assert bool(only(CALL, {1: [fallback], 3: LYNC})["fallback"])


def test_the_offer_in_the_response_and_the_answer_in_ack() -> None:
    row = only(CALL, {3: PCMU, 4: PCMA})
    assert (row["offer_message_id"], row["answer_message_id"]) == ("1-3-1", "1-4-1")
    assert pd.isna(row["answer_status_code"]) and row["to_tag"] == "b"
    assert row["offerer_uri"] == "sip:bob@contoso.com"


def test_the_offer_in_a_reliable_response_and_the_answer_in_prack() -> None:
    script = "0 a>b INVITE\n1 b>a 183\n1.1 a>b PRACK cseq=2\n1.2 b>a 200 PRACK cseq=2\n2 b>a 200\n"
    row = only(script, {2: PCMU, 3: PCMA})
    assert (row["offer_message_id"], row["answer_message_id"]) == ("1-2-1", "1-3-1")


def test_prack_and_update_offer_too() -> None:
    script = CALL + "3 a>b UPDATE cseq=2\n3.1 b>a 200 UPDATE cseq=2\n"
    found = table(script, {1: PCMU, 3: PCMA, 5: PCMU, 6: PCMA})
    assert found["method"].tolist() == ["INVITE", "UPDATE"]


def test_the_2xx_counts_before_early_media() -> None:
    script = "0 a>b INVITE\n1 b>a 183\n1.5 b>a 183\n2 b>a 200\n"
    row = only(script, {1: PCMU, 2: LYNC, 4: PCMA})
    assert (row["answer_status_code"], row["answered_port"]) == (200, 5000)
    row = only(script, {1: PCMU, 2: PCMA, 3: LYNC})
    assert (row["answer_status_code"], row["answered_port"]) == (183, 5000)


def test_each_fork_answers() -> None:
    script = "0 a>b INVITE\n1 b>a 183 to=b1\n1 b>a 183 to=b2\n2 b>a 200 to=b1\n"
    found = table(script, {1: PCMU, 2: PCMA, 3: PCMA, 4: PCMA})
    assert sorted(found["to_tag"]) == ["b1", "b2"]
    assert found["offer_message_id"].tolist() == ["1-1-1"] * 2


def test_the_answer_on_the_offers_hop_counts() -> None:
    script = "0 a>p INVITE\n0.1 p>b INVITE\n1 b>p 200\n1.1 p>a 200\n"
    row = only(script, {1: PCMU, 2: PCMU, 3: LYNC, 4: PCMA})
    assert (row["offer_message_id"], row["answer_message_id"]) == ("1-1-1", "1-4-1")
    assert only(script, {1: PCMU, 3: PCMA})["answer_message_id"] == "1-3-1"


@pytest.mark.parametrize("script", ["0 a>b INVITE\n1 b>a 488\n", "0 a>b INVITE\n1 b>a 100\n"])
def test_what_is_not_answered_makes_no_row(script: str) -> None:
    assert len(table(script, {1: PCMU, 2: PCMA})) == 0


def test_lines_that_are_refused_or_missing() -> None:
    two = PCMU + "m=video 4002 RTP/AVP 34\n"
    found = table(CALL, {1: two, 3: PCMA.replace("5000", "0")})
    assert found["position"].tolist() == [1, 2]
    assert bool(found["refused"].iloc[0]) and pd.isna(found["codec"].iloc[0])
    assert pd.isna(found["refused"].iloc[1]) and pd.isna(found["answered_port"].iloc[1])


@pytest.mark.parametrize(
    ("offer", "hold"),
    [
        (PCMU, False),
        (PCMU + "a=sendonly\n", True),
        (PCMU + "a=inactive\n", True),
        (PCMU + "a=recvonly\n", False),
        (PCMU.replace("c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0"), True),
        (PCMU.replace("t=0 0", "a=sendonly\nt=0 0"), True),
        (PCMU + "c=IN IP4 0.0.0.0\n", True),
    ],
)
def test_hold(offer: str, hold: bool) -> None:
    assert bool(only(CALL, {1: offer, 3: PCMA})["hold"]) is hold


def test_what_is_no_rtp_has_no_codec() -> None:
    message = HEAD + "m=message 5060 sip null\n"
    row = only(CALL, {1: message, 3: message})
    assert pd.isna(row["codec"]) and pd.isna(row["offered_codecs"]) and row["media"] == "message"


def test_a_re_invite_of_the_callee() -> None:
    script = CALL + "5 b>a INVITE from=b to=a cseq=7\n6 a>b 200 from=b to=a cseq=7\n"
    found = table(script, {1: PCMU, 3: PCMA, 5: PCMA + "a=sendonly\n", 6: PCMU})
    assert found["hold"].tolist() == [False, True]
    assert found["from_tag"].tolist() == ["a", "b"]


def test_descriptions_that_are_kept_as_text() -> None:
    rows = [body(f"1-{n}-1", n, "application/sdp", PCMU) for n in (1, 3)]
    rows = [row | {"value": None, "text": PCMU} for row in rows]
    rows.append(rows[0] | {"message_id": "1-2-1", "text": "nothing"})
    assert len(media_streams(messages(CALL), typed(rows, BODIES))) == 1


def test_a_flood_of_branches_is_bounded() -> None:
    offer = HEAD + "m=audio 4000 RTP/AVP 0\n" * 300
    script = "0 a>b INVITE\n" + "".join(f"1 b>a 183 to=b{n}\n" for n in range(9))
    found = table(script, dict.fromkeys(range(2, 11), PCMA) | {1: offer})
    assert len(found) == MAX_ROWS // 300 * 300

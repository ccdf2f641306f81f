from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.conference_invites import conference_invites
from pipelines.analyses.transactions import transactions
from pipelines.schema import BODIES, CONFERENCE_INVITES
from tests.analyses.script import TEXT_TYPES, at, body, messages, typed

INVITATION = """
<Conferencing version="2.0">
  <focus-uri>sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4</focus-uri>
  <subject>Budget</subject>
  <audio available="true"/><video available="false"/><im available="true"><first-im/></im>
</Conferencing>"""

TYPE = "application/ms-conf-invite+xml"

SCRIPT = f"""
    0.0 kim>fe   INVITE type={TYPE}
    0.1 fe>alice INVITE type={TYPE}
    0.5 alice>fe 180
    0.6 fe>kim   180
    7.0 alice>fe 200
    7.1 fe>kim   200
    7.2 kim>fe   ACK
    7.3 kim>fe   BYE cseq=2
"""


def table(script: str, bodies: list[dict[str, Any]], text: str = "string[pyarrow]") -> pd.DataFrame:
    rows = messages(script, text)
    return conference_invites(rows, typed(bodies, BODIES, text), transactions(rows))


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_invitation(text: str) -> None:
    found = table(SCRIPT, [body("1-1-1", 0, TYPE, INVITATION)], text)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["message_id"], row["time"], row["frame_number"]) == ("1-1-1", at(0), 1)
    assert row["focus_uri"] == "sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4"
    assert (row["conference_id"], row["subject"]) == ("X1Y2Z3W4", "Budget")
    assert row["modalities"] == "audio,im"
    assert (row["status_code"], row["answer_s"]) == (200, 7.1)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", [], text)
    full = table(SCRIPT, [body("1-1-1", 0, TYPE, INVITATION)], text)
    assert list(nothing.columns) == list(CONFERENCE_INVITES.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]
    assert len(table("0 a>b INVITE \n 1 b>a 200", [])) == 0


def test_a_body_that_the_log_left_out() -> None:
    row = table(SCRIPT, []).iloc[0]
    assert row["status_code"] == 200
    assert pd.isna(row["focus_uri"]) and pd.isna(row["modalities"])


def test_a_body_that_only_the_second_copy_has() -> None:
    broken = {"message_id": "1-1-1", "call_id": "c1", "media_type": TYPE}
    row = table(SCRIPT, [broken, body("1-2-1", 0.1, TYPE, INVITATION)]).iloc[0]
    assert (row["message_id"], row["conference_id"]) == ("1-1-1", "X1Y2Z3W4")


def test_a_part_of_a_multipart_body() -> None:
    script = "0 kim>fe INVITE type=multipart/mixed \n 1 fe>kim 603"
    row = table(script, [body("1-1-1", 0, TYPE, INVITATION)]).iloc[0]
    assert (row["conference_id"], row["status_code"], row["answer_s"]) == ("X1Y2Z3W4", 603, 1)


def test_challenged() -> None:
    found = table(
        f"0 kim>fe INVITE type={TYPE} \n 1 fe>kim 407 \n 2 kim>fe INVITE cseq=2 type={TYPE}"
        "\n 9 fe>kim 200 cseq=2",
        [],
    )
    assert found["status_code"].tolist() == [200]
    assert found["answer_s"].tolist() == [9]


def test_unanswered() -> None:
    row = table(f"0 kim>fe INVITE type={TYPE} \n 1 fe>kim 180", []).iloc[0]
    assert pd.isna(row["status_code"]) and pd.isna(row["answer_s"])


def test_the_near_hop_shows_no_responses() -> None:
    script = "\n".join(line for line in SCRIPT.splitlines() if "fe>kim" not in line)
    row = table(script, []).iloc[0]
    assert (row["status_code"], row["answer_s"]) == (200, 7)

from __future__ import annotations

import pytest

from pipelines.grouping import codes
from pipelines.matching import MessageKeys, first_bits, match_transactions
from tests.analyses.script import TEXT_TYPES, at, messages


def keys(script: str, text: str = "string[pyarrow]") -> MessageKeys:
    return MessageKeys.of(messages(script, text))


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_hops(text: str) -> None:
    found = keys(
        "0 a>b INVITE \n 1 b>a 200 \n 2 a>b INVITE transport=udp \n 3 a>c INVITE"
        "\n 4 a>b INVITE transport=log \n 5 c>d INVITE transport=log",
        text,
    )
    hop, pair = found.hop, found.pair
    assert hop[0] == hop[1] != hop[2]
    assert pair[0] == pair[1] == pair[2] != pair[3]
    assert hop[4] == hop[5] and pair[4] == pair[5]
    assert len(set(hop.tolist())) == 4


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_tags_are_comparable(text: str) -> None:
    found = keys("0 a>b BYE from=x to=y \n 1 b>a BYE from=y to=x \n 2 a>b INVITE from=-", text)
    assert found.from_tag[0] == found.to_tag[1] != found.from_tag[1]
    assert found.from_tag[2] == found.to_tag[2] == -1


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_branches(text: str) -> None:
    found = keys(
        "0 a>b BYE branch=z9hG4bK1 \n 1 a>b BYE branch=z9hG4bK \n 2 a>b BYE branch=1"
        "\n 3 a>b BYE branch=- \n 4 a>b BYE branch=Z9HG4BKx",
        text,
    )
    assert found.unique_branch.tolist() == [True, False, False, False, True]
    assert found.branch[3] == -1
    assert len(set(found.branch.tolist())) == 5


def test_status() -> None:
    found = keys("0 a>b BYE status_code=200 \n 1 b>a 481 BYE")
    assert found.status.tolist() == [-1, 481]
    assert found.status_of(found.status * 0 + 1).tolist() == [481, 481]


def test_first_bits() -> None:
    rows = messages("1 a>b BYE first_time=0.5 \n 2 a>b BYE first_time=-")
    assert first_bits(rows).tolist() == [at(0.5).value, at(2).value]


def test_match_transactions() -> None:
    rows = messages("0 a>b INFO \n 1 b>a 200 INFO \n 2 a>b INFO cseq=2 \n 3 a>b INFO call=c2")
    groups = match_transactions(MessageKeys.of(rows), codes(rows["method"]))
    assert groups.of_row.tolist() == [0, 0, 1, 2]

"""Every version and suite that a stack of this machine speaks, on real connections."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dissectors.tls.info import VERSION_NAMES
from tests.tls.coverage import TLS13, TOOLS, Case, cases, page
from tests.tls.judgement import judge

DOCUMENT = Path(__file__).parents[2] / "docs" / "tls.md"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("case", cases(), ids=str)
def test_case(case: Case) -> None:
    if (case.stack == TOOLS or case.version == TLS13) and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    judge(case.record(), VERSION_NAMES[case.version], case.code)


def test_the_document_tells_no_less_than_is_tried() -> None:
    """A machine with fewer stacks sees fewer connections; none sees one that is not in there."""
    told = set(DOCUMENT.read_text(encoding="utf-8").splitlines())
    for line in page():
        if line.startswith("| TLS_"):
            suite, *cells = line.strip("| ").split(" |")
            (row,) = [row for row in told if row.startswith(f"| {suite} |")]
            stands = row.strip("| ").split(" |")[1:]
            for cell, stood in zip(cells, stands, strict=False):
                assert set(cell) <= set(stood), suite

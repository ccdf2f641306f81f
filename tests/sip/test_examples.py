"""The examples in the docstrings of dissectors.sip say what is true."""

from __future__ import annotations

import doctest

import pytest

from dissectors.sip import abnf, diagnostics, headers


@pytest.mark.parametrize("module", [abnf, diagnostics, headers])
def test_examples(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted > 0
    assert results.failed == 0

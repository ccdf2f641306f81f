"""Values of XML Schema's simple types, as attributes and texts spell them.

Each takes the text or None, and returns None for what is missing or is no such value: a document
with one odd number is still worth its other fields.

References
----------
XML Schema Part 2 §3.2.2 (boolean), §3.2.4 (float), §3.3.13 (integer).
"""

from __future__ import annotations

import re

_FLOAT = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?\Z", re.ASCII)


def integer_of(text: str | None) -> int | None:
    """Return a number without sign, of at most 18 digits, or None.

    Examples
    --------
    >>> integer_of(" 42 "), integer_of("-1"), integer_of(None)
    (42, None, None)
    """
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def number_of(text: str | None) -> float | None:
    """Return a finite decimal number, or None.

    .NET in some countries writes a comma for the point; that is no number.

    Examples
    --------
    >>> number_of("3.52"), number_of("-1e2"), number_of("NaN"), number_of("3,52")
    (3.52, -100.0, None, None)
    """
    decimal = (text or "").strip()
    return float(decimal) if _FLOAT.match(decimal) else None


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def boolean_of(text: str | None) -> bool | None:
    """Return true, false, 1 or 0 in any case as a bool, or None."""
    return _BOOLEANS.get((text or "").strip().lower())

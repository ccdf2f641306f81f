"""What a user can have done wrong, told in one line."""

from __future__ import annotations


class UsageError(Exception):
    """Something that the user gave cannot be used; the text is the one line to print.

    Commands print it on stderr, without a traceback, and exit with 2.
    """


class DiskFailed(RuntimeError):
    """Rows that wait to become tables could not be written."""

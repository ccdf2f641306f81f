"""Availability: the number that Lync publishes → the presence that its clients show.

References
----------
[MS-PRES] §3.7.5.5.
"""

from __future__ import annotations

from bisect import bisect_right

_STARTS = (0, 3000, 4500, 6000, 7500, 9000, 12000, 15000, 18000)
_WORDS = (
    "unknown",
    "online",
    "idle",
    "busy",
    "busy-idle",
    "do-not-disturb",
    "be-right-back",
    "away",
    "offline",
)


def presence_word(availability: int | None) -> str | None:
    """Return the presence that an availability means, or None for None and for negative ones.

    ============  ===============  ============================================================
    from          word             clients show
    ============  ===============  ============================================================
    0             unknown          unknown, or offline
    3000          online           available
    4500          idle             available, but inactive
    6000          busy             busy, in a call, in a meeting
    7500          busy-idle        busy, but inactive
    9000          do-not-disturb   do not disturb, presenting
    12000         be-right-back    be right back
    15000         away             away, off work
    18000         offline          offline
    ============  ===============  ============================================================

    Examples
    --------
    >>> presence_word(6500)
    'busy'
    """
    if availability is None or availability < 0:
        return None
    return _WORDS[bisect_right(_STARTS, availability) - 1]


# Other vocabularies: RFC 4480 §3.2 (RPID activities), MSN's substatus, Lync's activity tokens.
_SPELLINGS = {
    "available": "online",
    "online": "online",
    "idle": "idle",
    "busy": "busy",
    "busyidle": "busy-idle",
    "busy-idle": "busy-idle",
    "meeting": "busy",
    "in-a-meeting": "busy",
    "in-a-conference": "busy",
    "on-the-phone": "busy",
    "onthephone": "busy",
    "do-not-disturb": "do-not-disturb",
    "dnd": "do-not-disturb",
    "be-right-back": "be-right-back",
    "berightback": "be-right-back",
    "away": "away",
    "offline": "offline",
}


def spelled_presence(word: str | None) -> str | None:
    """Return the presence that a word of another vocabulary means, or None where that is not plain.

    Examples
    --------
    >>> spelled_presence("onthephone")
    'busy'
    """
    return _SPELLINGS.get(word.strip().lower()) if word else None

"""Where a call goes: inside the organisation, to a partner, to Skype, to the telephone network.

No header says it. It is told from what the messages of a call carry (the words of
:func:`pipelines.message_columns.route_marks`), from its URIs, and from who answered; the first rule
that holds decides:

=========== =====================================================================================
conference  From, To or Request-URI is an MCU of a conference (``opaque=app:conf:…``)
skype       From or To is a Microsoft account or a Skype ID, or the messages went through Skype's
            federation proxy or the public cloud
pstn        a Mediation Server answered or called; or a party is a telephone number and no Lync
            client answered it (a number may belong to a colleague)
hybrid      the domain is split between premises and Microsoft's hosting; or both parties have one
            SIP domain and yet the call went through federation or Microsoft's hosting
federated   the Edge marked the call as a federated partner's; or the hosts of Microsoft's hosting
            carried it between two domains; or, when nothing else tells, the SIP domains of the
            parties differ
internal    the SIP domains of the parties are the same, or one organisation's by their names
unknown     the parties' domains do not tell, or are missing
=========== =====================================================================================

That different domains mean a federated call is a guess where no mark supports it: an organisation
may own several domains, and the capture does not say which. ``route_reason`` then says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.grouping import Booleans, Groups, Integers, codes, is_one_of, take

Texts = npt.NDArray[np.object_]

_SKYPE_DOMAINS = re.compile(
    r"skypeids\.net|skype\.com|msn\.com|(?:live|hotmail|outlook)\.(?:com?\.)?[a-z]{2,3}"
)
"""Domains of Skype IDs and Microsoft accounts; other addresses come as ``user(domain)@msn.com``."""

_SUFFIX_LABEL = 3
"""Longest second-level label that is rather a registry's (``co.uk``, ``com.au``) than a name."""


@dataclass(frozen=True, slots=True)
class _Party:
    """What one URI tells."""

    domain: str
    """Host in lower case; empty when there is none that means anything."""
    is_skype: bool
    """Whether the domain is Skype's or of Microsoft accounts."""
    is_phone: bool
    """Whether it is a telephone number (RFC 3966; RFC 3261 §19.1.1, user=phone)."""
    is_conference: bool
    """Whether it is a part of a conference ([MS-CONFBAS])."""


def routes(messages: pd.DataFrame, calls: Groups, start: Integers) -> tuple[Texts, Texts]:
    """Return the route of each call and what told it.

    Parameters
    ----------
    messages : DataFrame
        Columns ``route_marks``, ``from_uri``, ``to_uri``, ``user_agent``, ``is_request`` and
        ``status_code`` of `messages`.
    calls : Groups
        The calls that the messages belong to.
    start : (calls.count,) int64
        Row of each call's first INVITE.

    Returns
    -------
    route, reason : (calls.count,) object
        Text; an empty reason stands for none.
    """
    marked = _marks(messages["route_marks"], calls)
    callers, callees = (_parties(messages[name], start) for name in ("from_uri", "to_uri"))
    by_lync = calls.any(_is_lync_answer(messages))
    from_domain, to_domain = callers["domain"], callees["domain"]
    same, named = _compare(from_domain, to_domain)
    crossing = marked["federation"] | marked["hosted"]
    between = _join(from_domain, " and ", to_domain)
    is_phone = callers["is_phone"] | callees["is_phone"] | marked["phone"]
    rules: list[tuple[str, Booleans, str | Texts]] = [
        ("conference", callees["is_conference"] | marked["conference"], "To is a conference's MCU"),
        ("conference", callers["is_conference"], "From is a conference's MCU"),
        ("skype", callees["is_skype"], _join("To is at ", to_domain)),
        ("skype", callers["is_skype"], _join("From is at ", from_domain)),
        ("skype", marked["public cloud"], "ms-source-network is publiccloud"),
        ("skype", marked["skype proxy"], "went through federation.messenger.msn.com"),
        ("pstn", marked["mediation"], "a Mediation Server called or answered"),
        ("pstn", is_phone & ~by_lync, "a party is a telephone number"),
        ("hybrid", marked["split"], "ms-split-domain-info says SplitIntra"),
        ("hybrid", same & crossing, _join("crossed the Edge inside one domain, ", to_domain)),
        ("federated", marked["federation"], "the Edge marked it as a federated partner's"),
        ("federated", marked["hosted"], "went through hosts of lync.com"),
        ("federated", named & ~same, _join(between, " differ; no header told more")),
        ("internal", same, _join("both parties are at ", to_domain)),
    ]
    conditions = [condition for _, condition, _ in rules]
    route = np.select(conditions, [word for word, _, _ in rules], default="unknown")
    reasons = [np.asarray(reason, dtype=object) for _, _, reason in rules]
    return route.astype(object), np.select(conditions, reasons, default="")


def is_skype(uri: str) -> bool:
    """Return whether a URI is a Skype ID or a Microsoft account."""
    return _party(uri).is_skype


_MARKS = {
    "public cloud": ("network:publiccloud",),
    "skype proxy": ("host:federation.messenger.msn.com",),
    "mediation": ("mediation",),
    "phone": ("phone",),
    "split": ("split:splitintra",),
    "federation": ("network:federation", "source:directpartner"),
    "hosted": ("host:lync.com",),
}


def _marks(column: pd.Series[Any], calls: Groups) -> dict[str, Booleans]:
    """Return for each kind of mark the calls of which any message has it."""
    numbers = codes(column)
    samples = take(column, Groups(numbers, int(numbers.max(initial=-1)) + 1).first())
    words = [set() if pd.isna(sample) else set(sample.lower().split()) for sample in samples]
    found = {}
    for kind, wanted in _MARKS.items():
        found[kind] = calls.any(_having(numbers, [not one.isdisjoint(wanted) for one in words]))
    mcu = [any(word.startswith("conf:") and word != "conf:focus" for word in one) for one in words]
    return found | {"conference": calls.any(_having(numbers, mcu))}


def _having(numbers: Integers, by_number: list[bool]) -> Booleans:
    # The entry at the end is for -1: a message without marks.
    return np.array([*by_number, False], dtype=np.bool_)[numbers]


def _parties(column: pd.Series[Any], rows: Integers) -> dict[str, Any]:
    numbers, uris = pd.factorize(pd.Series(take(column, rows)))
    parties = [*map(_party, uris), _party("")]
    kinds = {"domain": object, "is_skype": bool, "is_phone": bool, "is_conference": bool}
    return {
        name: np.array([getattr(party, name) for party in parties], dtype=kind)[numbers]
        for name, kind in kinds.items()
    }


@lru_cache(maxsize=65536)
def _party(uri: str) -> _Party:
    scheme, _, rest = uri.lower().partition(":")
    # The user may have parameters of its own, as tel URIs have (RFC 3261 §19.1.6).
    head = rest.partition(";")[0]
    address = (head if "@" in head else rest).rpartition("@")[2]
    host = re.split(r"[;?>:]", address, maxsplit=1)[0] if scheme in ("sip", "sips") else ""
    return _Party(
        domain="" if host.endswith(".invalid") else host,
        is_skype=_SKYPE_DOMAINS.fullmatch(host) is not None,
        is_phone=scheme == "tel" or ";user=phone" in rest,
        is_conference="opaque=app:conf:" in rest,
    )


def _is_lync_answer(messages: pd.DataFrame) -> Booleans:
    agents = messages["user_agent"]
    numbers = codes(agents)
    samples = take(agents, Groups(numbers, int(numbers.max(initial=-1)) + 1).first())
    clients = [
        not pd.isna(sample) and sample.upper().startswith(("UCCAPI", "CPE/")) for sample in samples
    ]
    status = messages["status_code"].astype("Int64")
    answers = ((status >= 180) & (status < 300)).to_numpy(dtype=np.bool_, na_value=False)
    return answers & is_one_of(messages["method"], "INVITE") & _having(numbers, clients)


def _compare(one: Texts, other: Texts) -> tuple[Booleans, Booleans]:
    """Return where two domains are one organisation's, and where they are domains at all."""
    pairs = list(zip(one.tolist(), other.tolist(), strict=True))
    same = {pair: _same_organisation(*pair) for pair in set(pairs)}
    named = {pair: all(map(_is_name, pair)) for pair in same}
    return (
        np.array([same[pair] for pair in pairs], dtype=np.bool_),
        np.array([named[pair] for pair in pairs], dtype=np.bool_),
    )


def _same_organisation(one: str, other: str) -> bool:
    """Return whether two domains are equal, one below the other, or sisters below one name."""
    if not one or not other:
        return False
    if one == other:
        return True
    if not (_is_name(one) and _is_name(other)):
        return False
    if one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    parent, sister = one.partition(".")[2], other.partition(".")[2]
    return parent == sister and "." in parent and len(parent.partition(".")[0]) > _SUFFIX_LABEL


def _is_name(domain: str) -> bool:
    """Return whether a host is a domain name: not missing, nor an address."""
    return bool(domain) and not domain.rpartition(".")[2].isdigit() and "[" not in domain


def _join(*pieces: str | Texts) -> Texts:
    joined: Texts = np.asarray("", dtype=object)
    for piece in pieces:
        joined = joined + np.asarray(piece, dtype=object)
    return joined

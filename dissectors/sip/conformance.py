"""What a whole message lacks or says wrongly, although it can be read.

A capture is often taken because two stacks do not agree what a message says; so what one of them
may refuse is told, as a warning, and the message is used all the same.
"""

from __future__ import annotations

import re

from dissectors.errors import DissectError, Malformed
from dissectors.sip.headers import decode_cseq, name_addr_fault, split_values
from dissectors.sip.message import SipMessage, SipRequest, SipResponse

_MANDATORY = frozenset({"to", "from", "cseq", "call-id", "via"})
_LISTS = ("via", "contact")
# Max-Forwards = "Max-Forwards" HCOLON 1*DIGIT; its value is 0 to 255 (§20.22)
_MAX_FORWARDS = re.compile(r"0*(?:[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])")
_MAX_CSEQ = (1 << 31) - 1


def check_message(message: SipRequest | SipResponse, faults: list[DissectError]) -> None:
    """Append to `faults` what the headers of a message lack or say wrongly.

    Max-Forwards, mandatory too, is not asked for: RFC 2543 did not know it.

    Parameters
    ----------
    message : SipRequest or SipResponse
        Message whose headers are looked at, none of them decoded beforehand.
    faults : list of DissectError
        Told here, each as a warning.

    References
    ----------
    RFC 3261 §8.1.1 (mandatory headers), §20 (their values); RFC 4475 §3.1.2 (what goes wrong).
    """
    first_values = message.first_values
    if not first_values.keys() >= _MANDATORY:
        missing = ", ".join(sorted(_MANDATORY - first_values.keys()))
        _tell(faults, f"mandatory headers are missing: {missing}", "RFC 3261 §8.1.1")
    for name in ("from", "to"):
        value = first_values.get(name)
        fault = None if value is None else name_addr_fault(value)
        if fault is not None:
            _tell(faults, f"{name}: {fault}: {str(value)[:60]!r}", "RFC 3261 §20.10")
    for name in _LISTS:
        value = first_values.get(name)
        if value is not None:
            _check_list(name, value, faults)
    _check_numbers(message, faults)
    date = first_values.get("date")
    if date is not None and not date.endswith("GMT"):
        _tell(faults, f"Date is not in GMT: {date[:40]!r}", "RFC 3261 §20.17")
    if isinstance(message, SipRequest) and "?" in message.request_uri:
        _check_request_uri(message.request_uri, faults)


def _check_list(name: str, value: str, faults: list[DissectError]) -> None:
    """Check the first line of Via or Contact."""
    if value[-1:] in (",", ";") or ";;" in value or ",," in value:
        _tell(faults, f"{name}: separators without a value: {value[:60]!r}", "RFC 3261 §7.3.1")
    elif name == "contact":
        # Most Contacts are one name-addr that is remembered, and need no splitting.
        several = "," in value and name_addr_fault(value) is not None
        for item in split_values(value) if several else (value,):
            fault = name_addr_fault(item)
            if fault is not None:
                _tell(faults, f"contact: {fault}: {item[:60]!r}", "RFC 3261 §20.10")
                return


def _check_numbers(message: SipMessage, faults: list[DissectError]) -> None:
    first_values = message.first_values
    sent = first_values.get("cseq")
    if sent is not None:
        try:
            cseq = decode_cseq(sent)
        except DissectError as error:
            error.severity = "warning"
            faults.append(error)
        else:
            if cseq.number > _MAX_CSEQ:
                _tell(faults, f"CSeq {cseq.number} is not below 2**31", "RFC 3261 §8.1.1.5")
            if isinstance(message, SipRequest) and cseq.method != message.method:
                summary = f"CSeq {sent[:30]!r} does not name the method {message.method[:20]}"
                _tell(faults, summary, "RFC 3261 §8.1.1.5")
    forwards = first_values.get("max-forwards")
    if forwards is not None and not _MAX_FORWARDS.fullmatch(forwards):
        _tell(faults, f"Max-Forwards is {forwards[:20]!r}", "RFC 3261 §20.22")


def _check_request_uri(uri: str, faults: list[DissectError]) -> None:
    if "?" in uri[uri.find("@") + 1 :]:
        _tell(faults, f"Request-URI carries headers: {uri[:60]!r}", "RFC 3261 §19.1.1")


def _tell(faults: list[DissectError], summary: str, spec: str) -> None:
    faults.append(Malformed(summary, layer="sip", spec=spec, severity="warning"))

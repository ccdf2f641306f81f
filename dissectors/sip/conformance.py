"""What a whole message lacks or says wrongly, although it can be read.

A capture is often taken because two stacks do not agree what a message says; so what one of them
may refuse is told, as a warning, and the message is used all the same.
"""

from __future__ import annotations

from dissectors.errors import DissectError, Malformed
from dissectors.sip.headers import decode_cseq, name_addr_fault, split_values
from dissectors.sip.message import SipMessage, SipRequest, SipResponse

_MANDATORY = ("via", "from", "to", "call-id", "cseq")
_SEPARATORS = (",", ";")
_FORWARDS = frozenset(map(str, range(256)))
"""Values of Max-Forwards (RFC 3261 §20.22), which may have zeros before them."""
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
    get = message.first_values.get
    sender, recipient, via, cseq = get("from"), get("to"), get("via"), get("cseq")
    if not (sender and recipient and via and cseq and get("call-id")):
        _tell_missing(message, faults)
    _check_name_addr("from", sender or "", faults)
    _check_name_addr("to", recipient or "", faults)
    _check_via(via or "", faults)
    _check_contact(get("contact") or "", faults)
    if cseq:
        _check_cseq(cseq, message, faults)
    _check_forwards(get("max-forwards", "0"), faults)
    date = get("date")
    if date and not date.endswith("GMT"):
        _tell(faults, f"Date is not in GMT: {date[:40]!r}", "RFC 3261 §20.17")
    if isinstance(message, SipRequest) and "?" in message.request_uri:
        _check_request_uri(message.request_uri, faults)


def _tell_missing(message: SipMessage, faults: list[DissectError]) -> None:
    missing = [name for name in _MANDATORY if not message.first_values.get(name)]
    _tell(faults, f"mandatory headers are missing: {', '.join(missing)}", "RFC 3261 §8.1.1")


def _check_name_addr(name: str, value: str, faults: list[DissectError]) -> None:
    fault = name_addr_fault(value) if value else None
    if fault is not None:
        _tell(faults, f"{name}: {fault}: {value[:60]!r}", "RFC 3261 §20.10")


def _check_via(value: str, faults: list[DissectError]) -> None:
    if value[-1:] in _SEPARATORS or ";;" in value or ",," in value:
        _tell(faults, f"via: separators without a value: {value[:60]!r}", "RFC 3261 §7.3.1")


def _check_contact(value: str, faults: list[DissectError]) -> None:
    """Check the first line of Contact, which as a rule is one name-addr that is remembered."""
    if value and name_addr_fault(value) is not None:
        odd = [item for item in split_values(value) if name_addr_fault(item) is not None]
        _check_name_addr("contact", odd[0] if odd else "", faults)


def _check_cseq(value: str, message: SipRequest | SipResponse, faults: list[DissectError]) -> None:
    try:
        cseq = decode_cseq(value)
    except DissectError as error:
        error.severity = "warning"
        faults.append(error)
        return
    if cseq.number > _MAX_CSEQ:
        _tell(faults, f"CSeq {cseq.number} is not below 2**31", "RFC 3261 §8.1.1.5")
    if isinstance(message, SipRequest) and cseq.method != message.method:
        summary = f"CSeq {value[:30]!r} does not name the method {message.method[:20]}"
        _tell(faults, summary, "RFC 3261 §8.1.1.5")


def _check_forwards(value: str, faults: list[DissectError]) -> None:
    if value not in _FORWARDS and (value.lstrip("0") or value[:1]) not in _FORWARDS:
        _tell(faults, f"Max-Forwards is {value[:20]!r}", "RFC 3261 §20.22")


def _check_request_uri(uri: str, faults: list[DissectError]) -> None:
    if "?" in uri[uri.find("@") + 1 :]:
        _tell(faults, f"Request-URI carries headers: {uri[:60]!r}", "RFC 3261 §19.1.1")


def _tell(faults: list[DissectError], summary: str, spec: str) -> None:
    faults.append(Malformed(summary, layer="sip", spec=spec, severity="warning"))

"""Names of the HRESULTs that Lync writes into diagnostics: why TLS, DNS or routing failed.

References
----------
[MS-ERREF] §2.1 (HRESULT), §2.2 (Win32 codes, which an HRESULT carries in 0x8007xxxx).
"""

from __future__ import annotations

import re

HRESULTS: dict[int, tuple[str, str]] = {
    0x80070005: ("E_ACCESSDENIED", "access is denied"),
    0x80072746: ("WSAECONNRESET", "the peer reset the connection"),
    0x8007274C: ("WSAETIMEDOUT", "the peer did not answer in time"),
    0x8007274D: ("WSAECONNREFUSED", "the peer refused the connection"),
    0x80072751: ("WSAEHOSTUNREACH", "no route leads to the peer"),
    0x80072AF9: ("WSAHOST_NOT_FOUND", "DNS does not know the host"),
    0x80090308: ("SEC_E_INVALID_TOKEN", "the peer's TLS or authentication data make no sense"),
    0x8009030C: ("SEC_E_LOGON_DENIED", "the credentials were refused"),
    0x80090322: ("SEC_E_WRONG_PRINCIPAL", "the certificate does not carry the expected name"),
    0x80090325: ("SEC_E_UNTRUSTED_ROOT", "the certificate's root is not trusted"),
    0x80090326: ("SEC_E_ILLEGAL_MESSAGE", "a TLS message was unexpected or badly formed"),
    0x80090327: ("SEC_E_CERT_UNKNOWN", "the certificate could not be processed"),
    0x80090328: ("SEC_E_CERT_EXPIRED", "the certificate has expired"),
    0x80090331: ("SEC_E_ALGORITHM_MISMATCH", "no cipher suite or version in common"),
    0x80090349: ("SEC_E_CERT_WRONG_USAGE", "the certificate is not for this use"),
    0x80092010: ("CRYPT_E_REVOKED", "the certificate is revoked"),
    0x80092012: ("CRYPT_E_NO_REVOCATION_CHECK", "whether it is revoked could not be checked"),
    0x80092013: ("CRYPT_E_REVOCATION_OFFLINE", "the revocation list could not be reached"),
    0x800B0101: ("CERT_E_EXPIRED", "a certificate of the chain is not valid at this time"),
    0x800B0109: ("CERT_E_UNTRUSTEDROOT", "the chain ends in a root that is not trusted"),
    0x800B010A: ("CERT_E_CHAINING", "no chain to a trusted root could be built"),
    0x800B010F: ("CERT_E_CN_NO_MATCH", "the certificate's name is not the host's"),
    0xC3E93C5E: ("SIPPROXY_E_ROUTING", "the proxy could not route the message"),
    0xC3E93D67: (
        "SIPPROXY_E_ROUTING_MSG_CERT_MISMATCH",
        "the certificate does not fit the domain that the message is for",
    ),
    0xC3E93D6F: (
        "SIPPROXY_E_EPROUTING_MSG_ALLOWED_DOMAIN_NO_SRV_MATCH",
        "the SRV record's host does not fit the allowed domain",
    ),
}
"""HRESULT → its name, and what it means."""

_HRESULT = re.compile(r"[ \t]*0[xX]([0-9A-Fa-f]{8})(?![0-9A-Fa-f])[ \t]*(?:\(([\w ]{1,80})\))?")


def describe_hresult(text: str) -> str | None:
    """Return number, name and meaning of an HRESULT as diagnostics write it; None if it is none.

    Examples
    --------
    >>> describe_hresult("0x80090325(SEC_E_UNTRUSTED_ROOT)")
    "0x80090325 SEC_E_UNTRUSTED_ROOT: the certificate's root is not trusted"
    >>> describe_hresult("0x80090399")
    '0x80090399'
    """
    found = _HRESULT.match(text)
    if found is None:
        return None
    number, told = f"0x{found[1].upper()}", found[2]
    name, meaning = HRESULTS.get(int(found[1], 16), (told, None))
    if name is None:
        return number
    return f"{number} {name}: {meaning}" if meaning else f"{number} {name}"

"""The ClientHello in SSL 2.0's clothes, by which old clients offer SSL 3.0 and TLS.

Clients that may fall back to SSL 2.0 (Windows XP and Server 2003 among them) begin so; what follows
is SSL 3.0 or TLS.

References
----------
RFC 5246 appendix E.2; RFC 6101 appendix E.
"""

from __future__ import annotations

from struct import Struct

HEADER = Struct(">HBHHHH")
"""Length with its highest bit set, type, version; lengths of suites, session id and challenge."""

_CLIENT_HELLO = 1
_SSL20 = 2


def hello_length(data: bytes) -> int:
    """Return the length of a ClientHello in SSL 2.0's clothes, or 0 where there is none.

    Parameters
    ----------
    data : bytes
        The first bytes of a stream; eleven tell.
    """
    if len(data) < HEADER.size or not data[0] & 0x80:
        return 0
    length, message, version, specs, session_id, challenge = HEADER.unpack_from(data)
    length &= 0x7FFF
    right = message == _CLIENT_HELLO and (version == _SSL20 or version >> 8 == 3)
    # The sum can only be right when the three lengths are those of a ClientHello.
    whole = length == 9 + specs + session_id + challenge and 16 <= challenge <= 32
    return 2 + length if right and whole and specs % 3 == 0 and session_id in (0, 16) else 0


def offers_tls(data: bytes) -> bool:
    """Tell whether a hello offers SSL 3.0 or later, and not only SSL 2.0."""
    return data[3:5] >= b"\3\0"


def undressed(data: bytes) -> bytes:
    """Return the ClientHello that says the same in the clothes of SSL 3.0 and TLS.

    Parameters
    ----------
    data : bytes
        The whole hello, for which :func:`hello_length` is not 0.
    """
    _, _, _, specs, session_id, _ = HEADER.unpack_from(data)
    start: int = HEADER.size + specs
    suites = [data[at : at + 3] for at in range(HEADER.size, start, 3)]
    # Suites of SSL 2.0 itself do not begin with a zero.
    known = b"".join(suite[1:] for suite in suites if suite[0] == 0)
    challenge = data[start + session_id :]
    body = data[3:5] + challenge.rjust(32, b"\0")
    body += bytes([session_id]) + data[start : start + session_id]
    body += len(known).to_bytes(2, "big") + known + b"\1\0"
    return bytes([_CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body

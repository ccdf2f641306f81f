"""What clients tell of their media in ms-client-diagnostics: blobs of ``name=value`` at commas.

::

    CallerMediaDebug="audio:ICEWarn=0x3a0,LocalSite=10.0.0.1:50034,RemoteSite=…,PortRange=…"
    MediaChanBlob="NetworkErr=no error,ErrTime=0,RTPSeq=0,…,BlobVer=1"

The first kind names a modality before its first value, and may go on with another modality. No
specification describes them; names and values are kept as sent.

References
----------
Microsoft Lync Server 2010 Resource Kit, chapter 9 (ICE protocol warning flags).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dissectors.sip.abnf import LWS

_ITEM = re.compile(r"(?:([A-Za-z][\w\-]{0,40}):)?([A-Za-z][\w.\- ]{0,60})=")

ICE_WARNINGS: tuple[tuple[int, str], ...] = (
    (0x001, "TURN server (A/V Edge) unreachable"),
    (0x002, "no UDP port allocated on the TURN server"),
    (0x004, "sending by UDP to the TURN server failed"),
    (0x008, "no TCP port allocated on the TURN server"),
    (0x010, "sending by TCP to the TURN server failed"),
    (0x020, "no direct connectivity"),
    (0x040, "no UDP connectivity through NAT"),
    (0x080, "no UDP connectivity through the TURN server"),
    (0x100, "no TCP connectivity through NAT"),
    (0x200, "no TCP connectivity through the TURN server"),
)
"""Flag of ``ICEWarn`` and what it means, for Lync 2010 and later.

Flags 0x20 to 0x200 also stand where another path was found sooner, and calls work all the same.
[MS-QoE] §2.2.1.7.1 has another table, of an older product, for its IceWarningFlags.
"""

_FLAG = re.compile(r"0[xX]([0-9A-Fa-f]{1,8})\Z")


@dataclass(frozen=True, slots=True)
class MediaDebug:
    """What one blob tells of one modality."""

    modality: str | None
    """``audio``, ``video``, ``application-sharing``; None in a blob that names none."""
    values: Mapping[str, str]
    """Values by name, both as sent; those of a repeated name are joined by a comma."""

    @property
    def ice_warn(self) -> int | None:
        """Flags of ICEWarn; None where there are none, or no hexadecimal number."""
        flags = _FLAG.match(self.values.get("ICEWarn", ""))
        return int(flags[1], 16) if flags else None


def decode_media_debug(blob: str) -> tuple[MediaDebug, ...]:
    """Split CallerMediaDebug, CalleeMediaDebug or MediaChanBlob into its values.

    What has no name continues the value before it.

    Examples
    --------
    >>> [one] = decode_media_debug("audio:ICEWarn=0x320,LocalSite=10.0.0.1:50034,,RemoteSite=")
    >>> one.modality, one.ice_warn, one.values["LocalSite"]
    ('audio', 800, '10.0.0.1:50034')
    """
    found: list[tuple[str | None, dict[str, list[str]]]] = []
    last: list[str] | None = None
    for sent in blob.split(","):
        piece = sent.strip(LWS)
        item = _ITEM.match(piece)
        if item is None:
            if piece and last is not None:
                last.append(piece)
            elif piece:
                found.append((None, {"": [piece]}))
            continue
        modality, name = item[1], item[2].strip(LWS)
        if modality is not None or not found:
            found.append((modality, {}))
        last = found[-1][1].setdefault(name, [])
        last.append(piece[item.end() :].strip(LWS))
    return tuple(MediaDebug(modality, _joined(values)) for modality, values in found)


def _joined(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: ",".join(several) for name, several in values.items()}


def ice_warnings(flags: int) -> tuple[str, ...]:
    """Return what the flags of an ICEWarn mean, those without a known meaning by their number.

    Examples
    --------
    >>> ice_warnings(0x4000021)
    ('TURN server (A/V Edge) unreachable', 'no direct connectivity', 'flag 0x4000000')
    """
    known = [meaning for flag, meaning in ICE_WARNINGS if flags & flag]
    others = [f"flag {1 << bit:#x}" for bit in range(10, 32) if flags & 1 << bit]
    return (*known, *others)

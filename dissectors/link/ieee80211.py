"""IEEE 802.11 frames, bare and behind the headers of capture programs.

Only data that is not encrypted carries packets; all else is counted by what it is. A check sequence
(FCS) behind the frame is not looked for: the lengths of what it carries cut it off.

References
----------
IEEE 802.11-2020 §9.2.3, §9.3.2.1 (data) and §9.3.2.2 (A-MSDU); https://www.radiotap.org;
https://www.tcpdump.org/linktypes/LINKTYPE_PPI.html and LINKTYPE_IEEE802_11_PRISM.
"""

from __future__ import annotations

import struct

from dissectors.link.rare_links import LLC, Inside, Opened, open_link, rare_links

_TYPES = ("management", "control", "data", "extension")
_DATA = 2
_TO_DS, _FROM_DS, _MORE_FRAGMENTS, _PROTECTED, _HT_CONTROL = 0x01, 0x02, 0x04, 0x40, 0x80
_NO_DATA, _QOS = 0x4, 0x8  # in the subtype
_A_MSDU = 0x80  # in the QoS control field
_AVS_MAGIC = 0x80211000
_TSFT, _FLAGS = 1 << 0, 1 << 1  # in radiotap's it_present
_DATA_PAD = 0x20  # in radiotap's flags


@rare_links.register(105)
def open_ieee80211(frame: bytes) -> Opened:
    """Open a frame that begins with its MAC header."""
    return _open(frame, padded=False)


def _open(frame: bytes, *, padded: bool) -> Opened:
    """Open a frame; `padded`: the card filled its header up to a multiple of four bytes."""
    control, flags = frame[0], frame[1]
    kind, subtype = control >> 2 & 3, control >> 4
    if kind != _DATA:
        return f"802.11 {_TYPES[kind]}"
    if subtype & _NO_DATA:
        return "802.11 no data"
    if flags & _PROTECTED:
        return "802.11 encrypted"
    if flags & _MORE_FRAGMENTS or frame[22] & 0x0F:
        return "802.11 fragment"
    at = 24 + (6 if flags & _TO_DS and flags & _FROM_DS else 0)
    aggregated = False
    if subtype & _QOS:
        aggregated = bool(frame[at] & _A_MSDU)
        at += 6 if flags & _HT_CONTROL else 2
    at += -at % 4 if padded else 0
    return _subframes(frame, at) if aggregated else [(LLC, frame[at:])]


def _subframes(frame: bytes, at: int) -> Opened:
    """Cut an A-MSDU: each subframe has two addresses and a length, and is padded to four bytes."""
    inside: list[Inside] = []
    while at + 14 + 8 <= len(frame):
        length = int.from_bytes(frame[at + 12 : at + 14], "big")
        inside.append((LLC, frame[at + 14 : at + 14 + length]))
        at += (14 + length + 3) & ~3
    return inside or "802.11 a-msdu without packet"


@rare_links.register(127)
def open_radiotap(frame: bytes) -> Opened:
    """Open a frame behind a radiotap header, whose flags tell of padding."""
    length = struct.unpack_from("<H", frame, 2)[0]
    return _open(frame[length:], padded=bool(_radiotap_flags(frame) & _DATA_PAD))


def _radiotap_flags(frame: bytes) -> int:
    """Return the field "flags", which stands right behind the time where that is present."""
    present = struct.unpack_from("<I", frame, 4)[0]
    if not present & _FLAGS:
        return 0
    at, word = 8, present
    while word >> 31:
        word = struct.unpack_from("<I", frame, at)[0]
        at += 4
    if present & _TSFT:
        at = (at + 7) // 8 * 8 + 8
    return frame[at]


@rare_links.register(119)
def open_prism(frame: bytes) -> Opened:
    """Open a frame behind a Prism header, or behind the AVS header that some drivers wrote instead.

    The length is in the byte order of the machine: the one that fits counts.
    """
    magic, length = struct.unpack_from(">II", frame)
    if magic & 0xFFFFF000 != _AVS_MAGIC:
        length = min(length, struct.unpack_from("<I", frame, 4)[0])
    return open_ieee80211(frame[length:])


@rare_links.register(163)
def open_avs(frame: bytes) -> Opened:
    """Open a frame behind an AVS header, which tells its length."""
    return open_ieee80211(frame[struct.unpack_from(">I", frame, 4)[0] :])


@rare_links.register(192)
def open_ppi(frame: bytes) -> Opened:
    """Open a frame behind Per-Packet Information, which names the link type of the rest."""
    _version, _flags, length, link_type = struct.unpack_from("<BBHI", frame)
    return open_link(link_type, frame[length:])

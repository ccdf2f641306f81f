"""Names for people."""

from __future__ import annotations

import re

import scapy.data

from dissectors.errors import Fault
from dissectors.link.link_layer import link_types
from dissectors.link.names import LINK_TYPES, describe_link_type, link_type_name
from dissectors.link.rare_links import rare_links
from tests.link.frames import decode, faults, udp


def test_every_link_type_that_is_decoded_has_a_name() -> None:
    assert (set(link_types) | set(rare_links)) - {12, 14} <= set(LINK_TYPES)


def test_names_agree_with_scapy() -> None:
    """Scapy lists some of the same numbers; its names differ in words, so one word must agree."""
    theirs = {n: k for k, n in vars(scapy.data).items() if k.startswith("DLT_")}
    same = [number for number in theirs if number in LINK_TYPES]
    assert len(same) > 30
    for number in same:
        words = set(theirs[number].split("_")[1:]) | {"RADIOTAP", "ETHERNET", "C", "5"}
        assert words & set(re.split("[_ ]", LINK_TYPES[number])), number


def test_descriptions() -> None:
    assert describe_link_type(147) == "link type 147 (USER0)"
    assert describe_link_type(4000) == "link type 4000"
    assert link_type_name(113) == "LINUX_SLL"
    assert link_type_name(4000) == "4000"


def test_a_link_type_that_is_not_decoded_is_counted_by_name() -> None:
    decoded = decode(udp(), udp(), udp(), link_type=[147, 189, 147])
    assert decoded.others == {"link type 147 (USER0)": 2, "link type 189 (USB_LINUX)": 1}
    assert [fault for _, fault in faults(decoded)] == [Fault.LINK_UNKNOWN] * 3

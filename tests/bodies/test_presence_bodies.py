"""Bodies of presence and of the user's own data; whole samples are in test_samples.

lxml, which shares no code with our reader, says what stands in the samples.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import dissectors.bodies  # noqa: F401  fills the table
from dissectors.bodies.event_categories import EventCategories
from dissectors.bodies.pidf import Pidf
from dissectors.bodies.registration_event import MAX_SIZE, RegistrationEvent
from dissectors.bodies.rlmi import ResourceList
from dissectors.bodies.roaming_provisioning import Provisioning
from dissectors.bodies.soap import SoapEnvelope
from dissectors.bodies.xpidf import Xpidf
from dissectors.body import REDACTED, bodies, decode_part, part_of, to_plain
from dissectors.errors import DissectError, LimitExceeded
from dissectors.presence.state import State
from fixtures.bodies.make import HERE

PRESENCE_TYPES = [
    "application/msrtc-adrl-categorylist+xml",
    "application/adrl+xml",
    "application/msrtc-event-categories+xml",
    "application/msrtc-category-publish+xml",
    "application/msrtc-fault+xml",
    "application/msrtc-setcontainermembers+xml",
    "application/msrtc-presence-setsubscriber+xml",
    "application/vnd-microsoft-roaming-self+xml",
    "application/vnd-microsoft-roaming-contacts+xml",
    "application/vnd-microsoft-roaming-provisioning-v2+xml",
    "application/pidf+xml",
    "application/xpidf+xml",
    "text/xml+msrtc.pidf",
    "application/soap+xml",
    "text/registration-event",
]


def _decode(content_type: str, data: bytes) -> Any:
    return decode_part(part_of({"content-type": content_type}, data, "1", ""))


def _sample(name: str) -> tuple[Any, etree._Element]:
    """Return what we make of a sample, and lxml's tree of it."""
    folder, _, file = name.partition("/")
    entry = json.loads((HERE / folder / "expected.json").read_text("utf-8"))[file]
    data = (HERE / name).read_bytes()
    return _decode(entry["content_type"], data), etree.fromstring(data)


# --- lxml's opinion ---

EVERY = "//*[local-name()='{}']"


def _texts(tree: etree._Element, name: str) -> list[str]:
    return [(element.text or "").strip() for element in tree.xpath(EVERY.format(name))]


def _values(tree: etree._Element, name: str, attribute: str) -> list[str]:
    return [str(value) for value in tree.xpath(f"{EVERY.format(name)}/@{attribute}")]


@pytest.mark.parametrize("name", ["event_categories/everything.xml", "event_categories/busy.xml"])
def test_states_are_those_that_lxml_reads(name: str) -> None:
    value, tree = _sample(name)
    states = [one.content for one in value.categories if isinstance(one.content, State)]
    assert [one.name for one in value.categories] == _values(tree, "category", "name")
    published = [one.publish_time for one in value.categories if one.publish_time]
    assert published == _values(tree, "category", "publishTime")
    assert [str(state.availability) for state in states] == _texts(tree, "availability")
    tokens = [state.activity.token for state in states if state.activity]
    assert tokens == _values(tree, "activity", "token")


def test_publications_and_containers_are_those_that_lxml_reads() -> None:
    value, tree = _sample("category_publish/machine_state.xml")
    (published,) = value.publications
    for field, attribute in (("instance", "instance"), ("container", "container")):
        told = [str(getattr(one, field)) for one in published.publications]
        assert told == _values(tree, "publication", attribute)
    value, tree = _sample("roaming_self/data.xml")
    assert [str(one.id) for one in value.containers] == _values(tree, "container", "id")
    members = [member.type for one in value.containers for member in one.members]
    assert members == _values(tree, "member", "type")


def test_contacts_and_resources_are_those_that_lxml_reads() -> None:
    value, tree = _sample("roaming_contacts/list.xml")
    assert [one.uri for one in value.contacts] == _values(tree, "contact", "uri")
    assert [one.name for one in value.groups] == _values(tree, "group", "name")
    value, tree = _sample("adrl_categorylist/batch.xml")
    watched = [one.uri for action in value.actions for one in action.resources]
    assert watched == _values(tree, "resource", "uri")
    assert list(value.actions[0].categories) == _values(tree, "category", "name")


def test_pidf_is_what_lxml_reads() -> None:
    value, tree = _sample("pidf/rpid.xml")
    assert [one.basic for one in value.tuples] == _texts(tree, "basic")
    notes = [note for one in (*value.tuples, *value.persons) for note in one.notes]
    assert sorted([*notes, *value.notes]) == sorted(_texts(tree, "note"))


# --- single things ---


def test_a_resubscription_names_its_pool() -> None:
    instance = b'<instance state="resubscribe" poolfqdn="p"/>'
    value = _decode("application/rlmi+xml", b"<list><resource>" + instance + b"</resource></list>")
    assert isinstance(value, ResourceList)
    (instance,) = value.resources[0].instances
    assert (instance.state, instance.pool_fqdn, instance.cid) == ("resubscribe", "p", None)


@pytest.mark.parametrize(
    ("data", "state", "event"),
    [
        (b"deregistered;event=rejected", "deregistered", "rejected"),
        (b"deregistered", "deregistered", None),
        (b"\xef\xbb\xbfderegistered; EVENT=Unregistered \r\n", "deregistered", "unregistered"),
    ],
)
def test_events_of_a_registration(data: bytes, state: str, event: str | None) -> None:
    value = _decode("Text/Registration-Event", data)
    assert isinstance(value, RegistrationEvent)
    assert (value.state, value.event, value.problems) == (state, event, ())


def test_an_endless_registration_event_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        _decode("text/registration-event", b"a" * (MAX_SIZE + 1))


def test_activities_of_pidf_wherever_they_stand() -> None:
    activities = "<activities><activity>busy</activity></activities>"
    for where in ("<tuple><status>{}</status></tuple>", "<tuple>{}</tuple>", "<person>{}</person>"):
        xml = f"<presence>{where.format(activities)}</presence>".encode()
        value = _decode("application/pidf+xml", xml)
        assert isinstance(value, Pidf)
        assert [one.activities for one in (*value.tuples, *value.persons)] == [("busy",)]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sip:a@b;method=SUBSCRIBE", "sip:a@b"),
        ("sip:a@b;user=ip", "sip:a@b;user=ip"),
        ("", None),
    ],
)
def test_the_presentity_of_xpidf(uri: str, told: str | None) -> None:
    value = _decode(
        "application/xpidf+xml", f'<presence><presentity uri="{uri}"/></presence>'.encode()
    )
    assert isinstance(value, Xpidf)
    assert value.uri == told


def test_secrets_do_not_enter_a_value() -> None:
    soap = b"<Envelope><Body><m><password>hunter2</password></m></Body></Envelope>"
    value = _decode("application/soap+xml", soap)
    assert isinstance(value, SoapEnvelope)
    assert value.methods[0].parameters == {"password": REDACTED}
    group = (
        b'<provisioningGroup name="g" pin="hunter2"><secret>hunter2</secret></provisioningGroup>'
    )
    settings_ = _decode(
        "application/vnd-microsoft-roaming-provisioning-v2+xml",
        b"<provisioningGroupList>" + group + b"</provisioningGroupList>",
    )
    assert isinstance(settings_, Provisioning)
    assert "hunter2" not in json.dumps([to_plain(value), to_plain(settings_)])


# --- hostile bytes ---


def test_the_types_of_this_file_are_registered() -> None:
    assert set(PRESENCE_TYPES) <= set(bodies)


_NAMES = st.sampled_from(
    [
        *("categories", "category", "state", "note", "contactCard", "calendarData", "freeBusy"),
        *("presence", "tuple", "status", "presentity", "atom", "address", "userInfo", "devices"),
        *("publish", "publications", "publication", "device", "routing", "preamble", "lines"),
        *("roamingData", "containers", "container", "subscribers", "contactList", "contact"),
        *("batchSub", "action", "Envelope", "Body", "Fault", "details", "provisioningGroupList"),
    ]
)
_VALUES = st.text("abc123 \u00e9:;=,-", max_size=6)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["uri", "name", "instance", "id", "version", "type", "groups", "expires"]),
    _VALUES,
    max_size=3,
)


def _element(name: str, attributes: dict[str, str], inside: str | list[str]) -> str:
    told = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{told}>{''.join(inside)}</{name}>"


_TREES = st.recursive(
    st.builds(_element, _NAMES, _ATTRIBUTES, _VALUES),
    lambda inner: st.builds(_element, _NAMES, _ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200) | _TREES.map(str.encode), cut=st.integers(0, 400))
def test_any_bytes_give_a_value_or_an_error(data: bytes, cut: int) -> None:
    for media_type in PRESENCE_TYPES:
        for piece in (data, data[:cut]):
            try:
                value = _decode(media_type, piece)
            except DissectError:
                continue
            json.dumps(to_plain(value)).encode()


def _work(function: Callable[[], object]) -> int:
    """Return how many lines of Python `function` runs, each turn of a loop counted."""
    count = 0

    def tally(_frame: object, _event: str, _argument: object) -> Any:
        nonlocal count
        count += 1
        return tally

    before = sys.gettrace()
    sys.settrace(tally)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


STATE = "<category name='state'><state a='1'><availability>3500</availability></state></category>"
REPEATED = [
    ("application/msrtc-event-categories+xml", "<categories>{}</categories>", STATE),
    (
        "application/msrtc-event-categories+xml",
        '<categories><category name="n"><note>{}</note></category></categories>',
        '<body type="personal">t</body>',
    ),
    (
        "application/msrtc-event-categories+xml",
        '<categories><category name="s"><state>{}</state></category></categories>',
        "<availability>3500</availability><unknown/>",
    ),
    (
        "application/msrtc-category-publish+xml",
        "<publish>{}</publish>",
        "<publications><publication/></publications>",
    ),
    ("application/pidf+xml", "<presence>{}</presence>", "<tuple><note>a</note></tuple><x/>"),
    ("application/xpidf+xml", "<presence>{}</presence>", "<atom><address/></atom>"),
    (
        "text/xml+msrtc.pidf",
        "<presentity><devices>{}</devices></presentity>",
        "<devicePresence><states><state/></states></devicePresence>",
    ),
    (
        "application/soap+xml",
        "<Envelope><Body>{}</Body></Envelope>",
        "<m><URI>a</URI></m><Array/>",
    ),
    (
        "application/vnd-microsoft-roaming-contacts+xml",
        "<contactList>{}</contactList>",
        '<contact uri="a" groups="1 2 3"/><group id="1"/>',
    ),
    (
        "application/msrtc-adrl-categorylist+xml",
        "<batchSub>{}</batchSub>",
        '<action><adhocList><resource uri="a"/></adhocList></action>',
    ),
]


def test_work_is_counted_inside_comprehensions() -> None:
    def squared(names: list[int]) -> int:
        return sum(len([other for other in names if other == name]) for name in names)

    small, large = list(range(10)), list(range(100))
    assert _work(lambda: squared(large)) > 50 * _work(lambda: squared(small))


@pytest.mark.parametrize(("media_type", "around", "piece"), REPEATED)
def test_work_grows_with_length_and_not_with_its_square(
    media_type: str, around: str, piece: str
) -> None:
    small, large = (around.format(piece * count).encode() for count in (100, 1000))
    work = _work(lambda: _decode(media_type, small))
    assert 8 * work < _work(lambda: _decode(media_type, large)) < 12 * work


def test_a_document_of_one_presentity_is_its_own() -> None:
    value = _decode("application/msrtc-event-categories+xml", b'<categories uri="sip:a@b"/>')
    assert value == EventCategories("sip:a@b", (), ())

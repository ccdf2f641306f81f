"""Categories: what decides how one is read, and when one is cleared."""

from __future__ import annotations

import pytest

from dissectors.markup import decode_xml
from dissectors.presence.category import Category, OtherContent, categories_of
from dissectors.presence.contact_card import ContactCard
from dissectors.presence.endpoint import LegacyInterop
from dissectors.presence.state import State


def _categories(xml: str) -> tuple[tuple[Category, ...], list[str]]:
    document = decode_xml(f"<categories>{xml}".encode())
    problems: list[str] = []
    return categories_of(document.root.children, document, problems), problems


def _category(xml: str) -> Category:
    (found,), _ = _categories(f"{xml}</categories>")
    return found


def test_the_element_decides_and_not_the_name() -> None:
    found = _category('<category name="pic"><legacyInterop availability="3500"/></category>')
    assert found.content == LegacyInterop(3500, "online")
    other = _category('<category name="state"><status level="2">fine</status></category>')
    assert other.content == OtherContent("status", {"status@level": "2", "status": "fine"})


def test_attributes_in_another_case() -> None:
    found = _category(
        '<publication CategoryName="note" Instance="7" publishtime="t" CONTAINER="2"/>'
    )
    assert (found.name, found.instance, found.publish_time, found.container) == ("note", 7, "t", 2)


@pytest.mark.parametrize(
    ("xml", "cleared"),
    [
        ('<category name="note"/></categories>', True),
        ('<category name="note" instance="4"> </category></categories>', True),
        ('<category name="note"><note/></category></categories>', False),
        ('<category name="note">text</category></categories>', False),
        ('<category name="note">', None),
        ('<category name="note"><note>', False),
    ],
)
def test_an_empty_category_is_cleared_unless_the_document_breaks_off(
    xml: str, cleared: bool | None
) -> None:
    (found,), _ = _categories(xml)
    assert found.cleared is cleared


def test_only_the_last_category_of_a_broken_document_is_uncertain() -> None:
    found, _ = _categories('<category name="note"/><category name="state"/><category')
    assert [one.cleared for one in found] == [True, None]


def test_a_second_element_is_told() -> None:
    _, problems = _categories("<category><note/><state/></category></categories>")
    assert problems == ["a category holds 2 elements; the first was read"]


@pytest.mark.parametrize("kind", ["aggregateState", "s:aggregateState"])
def test_the_type_of_a_state_has_no_prefix(kind: str) -> None:
    found = _category(
        f'<category><s:state xmlns:s="urn:s" xmlns:xsi="urn:x" xsi:type="{kind}"/></category>'
    )
    assert isinstance(found.content, State)
    assert (found.content.type, found.content.availability) == ("aggregateState", None)


@pytest.mark.parametrize(
    ("xml", "automaton"),
    [("", None), ("<automaton/>", True), ("<automaton>false</automaton>", False)],
)
def test_whether_a_contact_is_a_machine(xml: str, automaton: bool | None) -> None:
    found = _category(f"<category><contactCard>{xml}</contactCard></category>")
    assert isinstance(found.content, ContactCard)
    assert found.content.automaton is automaton

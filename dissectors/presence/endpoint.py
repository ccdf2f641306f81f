"""Categories about endpoints: ``device``, ``services``, ``legacyInterop``.

References
----------
[MS-PRES] (device, services, legacyInterop).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import other_values
from dissectors.markup import Element
from dissectors.presence.availability import presence_word
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class Capability:
    """One kind of communication (a child of ``capabilities``)."""

    name: str
    """Name of the element: text, voice, video, applicationSharing, …"""
    attributes: dict[str, str]
    """render, capture, publish, deviceAvailability, … as sent."""


@dataclass(frozen=True, slots=True)
class Device:
    """One endpoint of a user."""

    endpoint_id: str | None
    """``endpointId``: GUID of the endpoint."""
    uri: str | None
    """``uri`` of its capabilities."""
    preferred: bool | None
    """``preferred`` of its capabilities."""
    capabilities: tuple[Capability, ...]
    """What it can do."""
    time_zone: str | None
    """``timezone``: offset from UTC."""
    machine_name: str | None
    """``machineName``: the computer."""
    other: dict[str, str]
    """Further children: path → value."""


@dataclass(frozen=True, slots=True)
class Service:
    """Under which URI somebody can be reached, and how (``service``)."""

    uri: str | None
    """``uri``."""
    capabilities: tuple[Capability, ...]
    """What can be done there."""


@dataclass(frozen=True, slots=True)
class Services:
    """What somebody can do over all endpoints."""

    services: tuple[Service, ...]
    """``service``, in order."""
    other: dict[str, str]
    """Further children: path → value."""


@dataclass(frozen=True, slots=True)
class LegacyInterop:
    """Availability for peers that read no other category.

    Published into containers 0 and 100, it makes the server show the presence of a trusted
    application to Skype and other public providers.
    """

    availability: int | None
    """``availability``."""
    presence: str | None
    """What it means, as :func:`~dissectors.presence.availability.presence_word`."""


_DEVICE_CHILDREN = frozenset(("capabilities", "timezone", "machineName"))
_SERVICES_CHILDREN = frozenset(("service",))


def device_of(element: Element) -> Device:
    """Return what a ``device`` element tells."""
    capabilities = element.child("capabilities")
    return Device(
        element.get("endpointId"),
        capabilities.get("uri") if capabilities else None,
        boolean_of(capabilities.get("preferred")) if capabilities else None,
        _capabilities(capabilities),
        element.child_text("timezone"),
        element.child_text("machineName"),
        other_values(element, _DEVICE_CHILDREN),
    )


def services_of(element: Element) -> Services:
    """Return what a ``services`` element tells."""
    services = [
        Service(child.get("uri"), _capabilities(child.child("capabilities")))
        for child in element.all("service")
    ]
    return Services(tuple(services), other_values(element, _SERVICES_CHILDREN))


def _capabilities(element: Element | None) -> tuple[Capability, ...]:
    children = element.children if element else []
    return tuple([Capability(child.name, child.attributes) for child in children])


def legacy_interop_of(element: Element) -> LegacyInterop:
    """Return what a ``legacyInterop`` element tells."""
    availability = integer_of(element.get("availability"))
    return LegacyInterop(availability, presence_word(availability))

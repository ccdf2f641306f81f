"""Values that several tests need."""

from __future__ import annotations

from dissectors.transport.flow import Flow


def some_flow(number: int = 3, protocol: int = 17) -> Flow:
    """Return a flow from 10.0.0.1:5060 to 10.0.0.2:5061."""
    return Flow(
        number=number,
        key=b"",
        protocol=protocol,
        endpoints=((4, 0, 0x0A000001, 5060), (4, 0, 0x0A000002, 5061)),
        low_direction=0,
        initiator="first",
        tunnel="",
        start_time_ns=0,
        end_time_ns=0,
    )

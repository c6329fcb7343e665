"""How a customer is named on the command line."""

from __future__ import annotations

from cli.errors import CliError


def addressable(address: str) -> str:
    """`namespace:value` as it is, if it can stand in a path of the API.

    The gateway decodes a path before it looks for its route, and a decoded slash or question mark splits it.
    """
    named(address)
    if "/" in address or "?" in address:
        raise CliError(f"{address}: a value with / or ? cannot stand in an address; use another identifier")
    return address


def named(address: str) -> str:
    """`namespace:value` as it is, for a body."""
    if ":" not in address:
        raise CliError(f"{address}: a profile is addressed as namespace:value")
    return address

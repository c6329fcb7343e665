"""Which addresses a webhook may go to: public unicast ones, and those that are opened explicitly."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

type Address = IPv4Address | IPv6Address

#: the only part of IPv6 from which addresses are given to hosts on the internet; mapped, compatible, NAT64, local and
#: link-local addresses, all of which can stand for a private one, lie outside
_IPV6_UNICAST: Final = IPv6Network("2000::/3")
#: 6to4, which carries an IPv4 address; Python counts some of its relatives as global
_EXCEPT: Final = (
    IPv6Network("2002::/16"),
    IPv6Network("64:ff9b::/96"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("192.0.0.0/24"),
)


class AllowedAddresses:
    """CIDRs that are opened although they are not public: empty on AWS, loopback on the local cloud."""

    def __init__(self, cidrs: Iterable[str] = ()) -> None:
        """Raises ValueError for what is no CIDR."""
        self._networks = tuple(ip_network(cidr.strip()) for cidr in cidrs if cidr.strip())

    def opens(self, address: Address) -> bool:
        """Whether the address lies in one of the CIDRs; a mapped address lies in none."""
        return any(address.version == network.version and address in network for network in self._networks)


def parse(text: str) -> Address | None:
    """The address that a resolver's answer names, None for what is none; a zone (`fe80::1%eth0`) makes it none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could have given us this address as the place of an endpoint."""
    if isinstance(address, IPv6Address) and address not in _IPV6_UNICAST:
        return False
    if any(address.version == network.version and address in network for network in _EXCEPT):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved

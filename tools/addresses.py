"""Which addresses a page may be fetched from. Pure, apart from `system_resolver`.

Without these rules a results page could make us read services inside the network we run in (server-side request
forgery): loopback, the office network, a cloud's metadata service.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import BadInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> addresses as text. Raises OSError when there are none."""

ORDINARY_PORTS: Final = frozenset({80, 443})

_NAMED: Final[tuple[tuple[str, Network], ...]] = tuple(
    (kind, ipaddress.ip_network(network))
    for kind, network in (
        ("metadata", "169.254.169.254/32"),
        ("metadata", "100.100.100.200/32"),
        ("metadata", "168.63.129.16/32"),
        ("metadata", "192.0.0.192/32"),
        ("metadata", "fd00:ec2::254/128"),
        ("shared (CGNAT)", "100.64.0.0/10"),
        ("reserved", "192.0.0.0/24"),
        ("reserved", "192.88.99.0/24"),
        ("reserved", "2001::/23"),
        ("reserved", "3fff::/20"),
        ("reserved", "5f00::/16"),
        ("reserved", "64:ff9b:1::/48"),
        ("site-local", "fec0::/10"),
    )
)
"""What `ipaddress` does not know, or knows only in some Python releases (IANA special-purpose registries)."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


def refusal_of_address(address: Address) -> str:
    """Why no connection is made to `address`, in words such as "private address 10.0.0.5"; "" when it is public."""
    kind = _kind(address)
    embedded = embedded_ipv4(address)
    if not kind and embedded is not None:
        kind = _kind(embedded)
    return f"{kind} address {address}" if kind else ""


def embedded_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped, compatible, 6to4 (RFC 3056) or NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _kind(address: Address) -> str:
    """The kind of a non-public address; "" for a public one. A mapped address is judged by what it maps to."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return _kind(address.ipv4_mapped)
    for kind, network in _NAMED:
        if address.version == network.version and address in network:
            return kind
    checks = (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("private", address.is_private),
        ("reserved", address.is_reserved and embedded_ipv4(address) is None),
        ("non-public", not address.is_global and embedded_ipv4(address) is None),
    )
    return next((kind for kind, holds in checks if holds), "")


@dataclass(frozen=True, slots=True)
class AllowedPrivate:
    """Places that may be reached although they are private: hosts, hosts with a port, networks."""

    hosts: frozenset[str] = frozenset()
    places: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowedPrivate:
        """From texts such as "intranet", "localhost:8000", "[::1]:8000", "10.1.0.0/16". Raises BadInput."""
        hosts: set[str] = set()
        places: set[tuple[str, int]] = set()
        networks: list[Network] = []
        for entry in entries:
            text = entry.strip().lower()
            network, (host, port) = _network(text), _host_and_port(text)
            if network is not None:
                networks.append(network)
            elif not host or "/" in text:
                raise BadInput(
                    f"Allowed private host {entry[:80]!r} is not a host, host:port or network like 10.0.0.0/8."
                )
            elif port is None:
                hosts.add(host)
            else:
                places.add((host, port))
        return cls(frozenset(hosts), frozenset(places), tuple(networks))

    def holds(self, host: str, port: int, address: Address) -> bool:
        named = host.rstrip(".").lower()
        inside = any(address.version == network.version and address in network for network in self.networks)
        return inside or named in self.hosts or (named, port) in self.places


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _host_and_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    usable = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    return (host.strip("[]"), int(port)) if usable else ("", None)


def refusal(host: str, port: int, address: Address, allowed: AllowedPrivate) -> str:
    """Why `host` at `address` and `port` is not fetched from; "" when it may be."""
    if allowed.holds(host, port, address):
        return ""
    return refusal_of_address(address) or ("" if port in ORDINARY_PORTS else f"port {port}, only 80 and 443 are used")


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the operating system says, as for any other program. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))

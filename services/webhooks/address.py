"""Which addresses may be dialled. In: an IP address; out: why it is refused, or None. Pure: an explicit table, because `ipaddress.is_global` lets
NAT64, 6to4, v4-compatible, multicast and site-local forms through.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and successors), RFC 4291, 6052, 7915, 5214, the clouds' metadata documentation.
"""

from __future__ import annotations

import functools
import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ALLOWABLE = frozenset({"loopback", "private network"})
"""What the setting `webhook_allow_private` lets through: the demo's receiver and closed networks; never link-local, metadata or multicast."""

_TABLE: tuple[tuple[str, str], ...] = (
    ("168.63.129.16/32", "cloud metadata"),
    ("169.254.0.0/16", "link-local, cloud metadata"),
    ("192.0.0.0/24", "protocol assignments, cloud metadata"),
    ("100.64.0.0/10", "carrier-grade NAT, cloud metadata"),
    ("127.0.0.0/8", "loopback"),
    ("10.0.0.0/8", "private network"),
    ("172.16.0.0/12", "private network"),
    ("192.168.0.0/16", "private network"),
    ("0.0.0.0/8", "this network"),
    ("192.0.2.0/24", "documentation"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT relay"),
    ("192.175.48.0/24", "AS112"),
    ("192.88.99.0/24", "6to4 relay"),
    ("198.18.0.0/15", "benchmarks"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::/128", "unspecified"),
    ("fd00:ec2::/32", "cloud metadata"),
    ("fd20:ce::/32", "cloud metadata"),
    ("fc00::/7", "private network"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("64:ff9b:1::/48", "local translation"),
    ("100::/64", "discard"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/32", "Teredo"),
    ("2001:2::/48", "benchmarks"),
    ("2001:10::/28", "ORCHID"),
    ("2001:20::/28", "ORCHIDv2"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
)
FORBIDDEN: tuple[tuple[Network, str], ...] = tuple((ipaddress.ip_network(network), name) for network, name in _TABLE)
_UNICAST = IPv6Network("2000::/3")

_EMBEDDING = tuple((IPv6Network(network), name) for network, name in (("::ffff:0:0/96", "IPv4-mapped"), ("::ffff:0:0:0/96", "IPv4-translated"), ("64:ff9b::/96", "NAT64")))
"""Prefixes whose last 32 bits are the IPv4 address that is really reached."""
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def refusal(address: Address, *, allow_private: bool = False) -> str | None:
    """Why `address` may not be dialled, in words for people; None when it may."""
    kind = _kind(address)
    if kind is None or (allow_private and kind in ALLOWABLE):
        return None
    return f"{address} is no public address ({kind})"


@functools.lru_cache(4096)
def _kind(address: Address) -> str | None:
    """The name of the forbidden range `address` stands in, or of the IPv4 address inside it."""
    listed = next((name for network, name in FORBIDDEN if network.version == address.version and address in network), None)
    if listed is not None or isinstance(address, IPv4Address):
        return listed
    return _kind_of_embedding(address)


def _kind_of_embedding(address: IPv6Address) -> str | None:
    inside = IPv4Address(int(address) & 0xFFFFFFFF)
    for network, name in _EMBEDDING:
        if address in network:
            kind = _kind(inside)
            return f"{name} of {inside}: {kind}" if kind else None
    if address in _COMPATIBLE:
        return f"IPv4-compatible of {inside}, deprecated"
    if address not in _UNICAST:
        return "not global unicast"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        kind = _kind(inside)
        return f"ISATAP of {inside}: {kind}" if kind else None
    return None

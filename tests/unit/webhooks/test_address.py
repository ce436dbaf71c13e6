"""The corpus of addresses: what is never dialled, what is."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.address import FORBIDDEN, refusal

HOSTILE = """
127.0.0.1 127.255.255.254 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254 169.254.170.2 100.64.0.1 100.100.100.200 100.127.255.255
0.0.0.0 0.1.2.3 192.0.0.1 192.0.0.170 192.0.0.192 192.0.2.1 198.51.100.7 203.0.113.9 198.18.0.1 198.19.255.255 192.88.99.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
168.63.129.16 :: ::1 ::127.0.0.1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 ::ffff:0:a9fe:a9fe
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::10.1.2.3 64:ff9b:1::1 64:ff9b:1::808:808 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1 febf::1 fec0::1 feff::1 ff02::1 ff0e::1
4000::1 8000::1 e000::1 1::1 2a00:1450:4001:800::5efe:7f00:1 2a00:1450:4001:800:200:5efe:a9fe:a9fe 2a00:1450:4001:800:0:5efe:10.0.0.1
""".split()  # noqa: SIM905 - a table is easier to add to
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.255.255 172.15.255.255 172.32.0.1 191.255.255.255 192.0.1.1 192.167.255.255
192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 200.48.225.130 2606:4700:4700::1111 2a00:1450:4001:800::200e 2001:4860:4860::8888 2001:1200::1 ::ffff:8.8.8.8 64:ff9b::808:808
""".split()  # noqa: SIM905 - a table is easier to add to


@pytest.mark.parametrize("written", HOSTILE)
def test_hostile(written: str) -> None:
    why = refusal(ipaddress.ip_address(written))
    assert why
    assert "(" in why


@pytest.mark.parametrize("written", PUBLIC)
def test_public(written: str) -> None:
    assert refusal(ipaddress.ip_address(written)) is None


@pytest.mark.parametrize(
    ("written", "passes"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("fd12::1", True),
        ("8.8.8.8", True),
        ("169.254.169.254", False),
        ("fd00:ec2::254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_the_setting_lets_private_networks_through_and_nothing_else(written: str, passes: bool) -> None:
    assert (refusal(ipaddress.ip_address(written), allow_private=True) is None) is passes


@given(st.sampled_from([network for network, _ in FORBIDDEN]), st.integers(0, 2**128))
def test_every_address_of_the_table_is_refused(network: ipaddress.IPv4Network | ipaddress.IPv6Network, offset: int) -> None:
    assert refusal(network[offset % network.num_addresses])


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:0:0", "::ffff:0:0:0", "64:ff9b::"]))
def test_what_carries_a_v4_address_is_judged_by_it(inside: int, prefix: str) -> None:
    carrier = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | inside)
    assert (refusal(carrier) is None) is (refusal(ipaddress.IPv4Address(inside)) is None)

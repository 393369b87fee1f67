from __future__ import annotations

import ipaddress

import pytest

from core.errors import BadInput
from tools.addresses import AllowedPrivate, refusal, refusal_of_address


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("127.0.0.1", "loopback"), ("127.8.9.10", "loopback"), ("::1", "loopback"),
        ("0.0.0.0", "unspecified"), ("::", "unspecified"),
        ("10.0.0.5", "private"), ("172.16.0.1", "private"), ("192.168.1.1", "private"), ("fd12::1", "private"),
        ("169.254.1.1", "link-local"), ("fe80::1", "link-local"), ("fec0::1", "site-local"),
        ("169.254.169.254", "metadata"), ("fd00:ec2::254", "metadata"), ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"), ("100.64.0.1", "CGNAT"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"),
        ("240.0.0.1", ""), ("255.255.255.255", ""), ("192.0.2.1", ""), ("198.18.0.1", ""), ("0.1.2.3", ""),
        ("2001:db8::1", ""), ("2001::1", "reserved"), ("64:ff9b:1::1", "reserved"), ("100::1", ""),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:10.0.0.5", "private"), ("::ffff:169.254.169.254", "metadata"),
        ("::127.0.0.1", ""), ("2002:7f00:1::", ""), ("2002:a00:5::1", "private"),
        ("64:ff9b::7f00:1", "loopback"), ("64:ff9b::a00:5", "private"), ("64:ff9b::a9fe:a9fe", "metadata"),
    ],
)  # fmt: skip
def test_addresses_inside_are_refused(text: str, kind: str) -> None:
    refused = refusal_of_address(ipaddress.ip_address(text))
    assert kind in refused and refused.endswith(f"address {ipaddress.ip_address(text)}")


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"])
def test_public_addresses_pass(text: str) -> None:
    assert refusal_of_address(ipaddress.ip_address(text)) == ""


def test_only_ordinary_ports_of_public_hosts_are_used() -> None:
    public = ipaddress.ip_address("93.184.216.34")
    assert [refusal("a.example", port, public, AllowedPrivate()) for port in (80, 443)] == ["", ""]
    assert "port 6379" in refusal("a.example", 6379, public, AllowedPrivate())


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "holds"),
    [
        ("localhost", "localhost", 8000, "127.0.0.1", True),
        ("LOCALHOST", "localhost.", 1, "::1", True),
        ("localhost:8000", "localhost", 8000, "127.0.0.1", True),
        ("localhost:8000", "localhost", 8001, "127.0.0.1", False),
        ("localhost", "other", 80, "127.0.0.1", False),
        ("127.0.0.1", "anything", 9, "127.0.0.1", True),
        ("127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1", True),
        ("127.0.0.1:8000", "127.0.0.1", 9000, "127.0.0.1", False),
        ("[::1]:8000", "::1", 8000, "::1", True),
        ("::1", "::1", 80, "::1", True),
        ("10.0.0.0/8", "intranet", 8080, "10.2.3.4", True),
        ("10.0.0.0/8", "intranet", 8080, "11.2.3.4", False),
    ],
)
def test_a_listed_place_is_let_through_and_no_other(
    entry: str, host: str, port: int, address: str, holds: bool
) -> None:
    assert AllowedPrivate.parse([entry]).holds(host, port, ipaddress.ip_address(address)) is holds


@pytest.mark.parametrize("entry", ["", " ", "host:", "host:x", "host:0", "host:99999", "http://host/", "10.0.0.0/99"])
def test_a_place_that_cannot_be_meant_is_refused(entry: str) -> None:
    with pytest.raises(BadInput, match="not a host, host:port or network"):
        AllowedPrivate.parse([entry])

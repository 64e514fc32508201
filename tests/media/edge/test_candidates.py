import ipaddress

import pytest
from aioice import Candidate

from media.edge.candidates import announced_addresses, candidates


def test_ipv6_comes_first_and_tcp_last():
    lines = candidates(["192.0.2.1", "2001:db8::1"], 5000, tcp=True)
    assert [line.split()[2:3] + line.split()[4:] for line in lines] == [
        ["udp", "2001:db8::1", "5000", "typ", "host"],
        ["udp", "192.0.2.1", "5000", "typ", "host"],
        ["tcp", "2001:db8::1", "5000", "typ", "host", "tcptype", "passive"],
        ["tcp", "192.0.2.1", "5000", "typ", "host", "tcptype", "passive"],
    ]
    priorities = [int(line.split()[3]) for line in lines]
    assert priorities == sorted(priorities, reverse=True) and len(set(priorities)) == 4
    assert all(0 < priority < 2**31 for priority in priorities)
    assert len({line.split()[0] for line in lines}) == 4


def test_aioice_reads_them():
    for line in candidates(["192.0.2.1"], 5000, tcp=True):
        assert Candidate.from_sdp(line).host == "192.0.2.1"


def test_a_bound_address_is_announced_as_it_is():
    assert announced_addresses(["192.0.2.1"]) == ("192.0.2.1",)


@pytest.mark.parametrize(("wildcards", "versions"), [(["0.0.0.0"], {4}), (["0.0.0.0", "::"], {4, 6})])
def test_a_wildcard_announces_the_interfaces_with_loopback_last(wildcards, versions):
    found = [ipaddress.ip_address(address) for address in announced_addresses(wildcards)]
    assert ipaddress.ip_address("127.0.0.1") in found
    assert {address.version for address in found} <= versions
    assert not any(address.is_link_local or address.is_unspecified for address in found)
    v4 = [address.is_loopback for address in found if address.version == 4]
    assert v4 == sorted(v4)

"""Addresses as people write them."""

import pytest

from crdtnode.errors import InvalidAddress
from crdtnode.transport.addresses import (
    format_address,
    is_loopback,
    is_wildcard,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.5", ("10.0.0.5", 27380)),
        ("10.0.0.5:4000", ("10.0.0.5", 4000)),
        ("db-1.example.org", ("db-1.example.org", 27380)),
        ("db-1.example.org.:9", ("db-1.example.org.", 9)),
        ("my_host:65535", ("my_host", 65535)),
        ("::1", ("::1", 27380)),
        ("[fd00::7]", ("fd00::7", 27380)),
        ("[fd00::7]:4000", ("fd00::7", 4000)),
        ("fe80::1%eth0", ("fe80::1%eth0", 27380)),
    ],
)
def test_an_address_is_a_host_and_maybe_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    assert parse_address(format_address(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":5",
        "a:",
        "a:b",
        "a:-1",
        "a:0",
        "a:65536",
        "a:٣",
        "a b",
        "a\n",
        "1.2.3",
        "1.2.3.400",
        "-a",
        "a..b",
        "[::1",
        "[::1]5",
        "[a]:5",
        "::1:zz",
        "x" * 300,
        "a:1:2",
        "http://a",
        "a:123456",
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InvalidAddress, match="is no address"):
        parse_address(text)


def test_port_zero_is_allowed_where_one_may_be_picked() -> None:
    assert parse_address("127.0.0.1:0", any_port=True) == ("127.0.0.1", 0)


def test_only_this_machine_is_loopback_and_only_all_addresses_a_wildcard() -> None:
    assert [is_loopback(h) for h in ("::1", "127.9.9.9", "localhost", "10.0.0.1", "a", "::")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert [is_wildcard(h) for h in ("0.0.0.0", "::", "127.0.0.1", "localhost")] == [
        True,
        True,
        False,
        False,
    ]

"""The shopping cart."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import ORCart, ORMap, PayloadError


def test_two_adds_at_once_onto_one_base_count_it_once() -> None:
    here, there = ORCart[str]("here"), ORCart[str]("there")
    there.join(here.add("tea", 2))
    here.add("tea", 1)
    there.add("tea", 1)
    here.join(there)
    assert here["tea"] == 4


def test_removing_takes_what_was_seen_and_leaves_the_rest() -> None:
    here, there = ORCart[str]("here"), ORCart[str]("there")
    there.join(here.add("tea", 2))
    there.add("tea", 3)
    here.remove("tea")
    here.join(there)
    there.join(here)
    assert here == there == {"tea": 3}
    assert here.canonical() == there.canonical()


def test_a_cart_reads_like_a_dict() -> None:
    cart = ORCart[Any]("me")
    cart.add("tea")
    cart.add("tea", 4)
    cart.add(1, 2)
    cart.add(True, 3)
    assert cart == cart.clone()
    assert len(cart) == 3
    assert cart["tea"] == 5
    assert cart.value == {"tea": 5, 1: 2}  # a dict merges 1 and True
    assert sorted(cart.values()) == [2, 3, 5]
    assert cart.get("milk") is None
    cart.clear()
    assert cart == {}
    assert not cart.initial


def test_adding_none_of_an_item_changes_nothing() -> None:
    cart = ORCart[str]("me")
    assert cart.add("tea", 0).initial
    assert cart.initial


@pytest.mark.parametrize(
    ("item", "quantity", "error"),
    [
        ("tea", -1, ValueError),
        ("tea", 1.0, TypeError),
        ("tea", True, TypeError),
        ([], 1, TypeError),
        (float("nan"), 1, ValueError),
    ],
)
def test_a_wrong_item_or_quantity_is_refused(item: Any, quantity: Any, error: Any) -> None:
    cart = ORCart[Any]("me")
    with pytest.raises(error):
        cart.add(item, quantity)
    with pytest.raises(KeyError):
        cart.remove(item)
    assert cart.discard(item).initial
    assert cart.initial


@pytest.mark.parametrize("amounts", [[1], [0, 1], [-1, 1], [1, 0], [1, 1, 1, 1], [], "x"])
def test_a_payload_that_no_cart_writes_is_refused(amounts: Any) -> None:
    with pytest.raises(PayloadError):
        ORCart.from_payload({"r": [[["tea", amounts]], [0, 2], [0, 2]]})


def test_a_cart_in_a_map_keeps_what_the_remover_had_not_seen() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    cart = here.open("ann", ORCart)
    cart.add("tea", 2)
    there.join(here)
    there.open("ann", ORCart).add("tea", 3)
    here.remove("ann")
    here.join(there)
    assert here.value == {"ann": {"tea": 3}}
    assert cart == {"tea": 3}
    assert here.put("bob", cart).value == {"bob": {"tea": 3}}


def test_a_cart_fits_into_the_innermost_map() -> None:
    whole = ORMap[str]("me")
    fourth = whole.open("a", ORMap).open("b", ORMap).open("c", ORMap)
    fourth.open("cart", ORCart).add("tea")
    assert ORMap.from_payload(whole.payload) == whole

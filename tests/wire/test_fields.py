"""Every field has one exact type and a range; one wrong field and there is no message."""

import copy

from msgpack import packb, unpackb
import pytest

from crdtnode.errors import MalformedMessage
from crdtnode.wire import codec
from crdtnode.wire import fields as f
from crdtnode.wire import messages as m

STRANGE: list[object] = [None, True, -1, 2**64 - 1, 1.0, float("nan"), "", "\n", [], [[]], {}, [0]]


def parts(body: bytes) -> list[object]:
    """Cut a body into its one or two values."""
    value, rest = codec.unpack(body)
    return [value, unpackb(rest)] if rest else [value]


def places(value: object) -> list[list[object]]:
    """Find the path to everything within a value."""
    if isinstance(value, list):
        inner = [[n, *path] for n, x in enumerate(value) for path in places(x)]
        return [[n] for n in range(len(value))] + [path for path in inner if path]
    return []


def put(value: object, path: list[object], new: object) -> None:
    for step in path[:-1]:
        value = value[step]  # type: ignore[index]  # a path leads through lists
    value[path[-1]] = new  # type: ignore[index]  # a path leads through lists


def test_a_field_of_another_type_or_range_never_gives_a_message_of_wrong_types(
    sample: m.Message,
) -> None:
    values = parts(codec.encode(sample))
    for path in places(values):
        for strange in STRANGE:
            bent = copy.deepcopy(values)
            put(bent, path, strange)
            body = b"".join(map(packb, bent))
            try:
                heard = codec.decode(body)
            except MalformedMessage:
                continue
            if not isinstance(heard, m.UnknownKind):  # the strange value is lawful there
                assert codec.decode(codec.encode(heard)) == heard


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 10])
def test_a_number_is_whole_exact_and_below_its_bound(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.whole(value, 10)


@pytest.mark.parametrize("value", [0, 1, None, "true"])
def test_a_truth_value_is_no_number(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.flag(value)


@pytest.mark.parametrize(
    "value", [b"a", 1, "", "a\nb", "a\x00", "\x7f", "\x85", "\u2028", "x" * 256, "é" * 128]
)
def test_a_name_is_short_and_cannot_break_a_line(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.text(value)


@pytest.mark.parametrize("value", ["a", "x" * 255, "é" * 127, "👩\u200d💻", "\u3000", "a\u202fb"])
def test_a_name_may_be_in_any_script(value: str) -> None:
    assert f.text(value) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "A" * 21,
        "A" * 23,
        "A" * 21 + "B",  # the last character has only two bits
        "A" * 20 + "+A",
        "A" * 20 + "/A",
        "A" * 20 + "=A",
        "A" * 21 + "é",
        "A" * 21 + " ",
    ],
)
def test_an_id_is_written_in_one_way_only(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.ident(value)


def test_an_id_of_any_bytes_comes_back() -> None:
    for raw in (bytes(16), b"\xff" * 16, b"\xfb\xf0" * 8, bytes(range(16))):
        assert len(f.put_ident(raw)) == 22
        assert f.ident(f.put_ident(raw)) == raw
    assert f.echo(f.put_echo(b"")) == b""


@pytest.mark.parametrize("value", ["0011aaf", "0011aafg", "0011AAFF", 1, "0011aaff0"])
def test_a_key_id_is_eight_hex_digits(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.key_id(value)


@pytest.mark.parametrize(
    "value",
    [
        "h:1",
        ["h"],
        ["h", 0],
        ["h", 65536],
        ["h", True],
        ["", 1],
        ["h h", 1],
        ["h:1", 1],
        ["[::1]", 1],
        ["h\n", 1],
        ["é", 1],
        ["x" * 254, 1],
        [1, 1],
    ],
)
def test_an_address_is_a_host_and_a_port(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.address(value)


@pytest.mark.parametrize("host", ["h", "10.0.0.5", "::1", "fe80::1%eth0", "a-b_c.example"])
def test_a_host_is_a_name_or_an_ip_address(host: str) -> None:
    assert f.address([host, 65535]) == (host, 65535)


@pytest.mark.parametrize("value", [(), [1] * 5, [1, -1], [1, True], [1, 1.0], [1, 16], ["1"]])
def test_a_list_of_numbers_is_short_and_exact(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.wholes(value, 4, 16)


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [1] * 6, [1, 2**64]])
def test_pairs_travel_flat_and_bounded(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.rows(value, 2)


@pytest.mark.parametrize("value", [[], [1], [1, 2, 2**32], [1] * (3 + f.HISTORY), [1, 2, True]])
def test_what_is_wanted_names_a_place_a_version_and_low_halves(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.wanted(value)


@pytest.mark.parametrize(
    "value",
    [
        ["t@1", 17, 0, True, []],
        ["t@1", 2, 256, True, []],
        ["t@1", 0, 1, True, []],
        ["t@1", 0, 0, 1, []],
        ["t@1", 0, 0, False, []],
        ["t@1", 0, 0, False, [0] * 17],
        ["t@1", 16, 0, False, [0] * 16],
        ["t@1", 0, 0, True, [0] * (2 * f.LEAVES + 2)],
    ],
)
def test_a_trie_node_lies_within_the_trie(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.trie_node(value)


@pytest.mark.parametrize(
    "value", [[], {"": "x"}, {"k": 1}, {"k": "\n"}, {str(n): "" for n in range(f.TAGS + 1)}]
)
def test_tags_are_few_short_texts(value: object) -> None:
    with pytest.raises(MalformedMessage):
        f.tags(value)


def test_lists_are_bounded() -> None:
    with pytest.raises(MalformedMessage):
        f.many([["h", 1]] * (f.ADDRESSES + 1), f.address, f.ADDRESSES)
    with pytest.raises(MalformedMessage):
        f.many({}, f.address, f.ADDRESSES)


def item(**changed: object) -> list[object]:
    """Write an item as it travels, with one field changed."""
    fields: dict[str, object] = {
        "tag": "t@1",
        "name": "x",
        "life": 1,
        "base": 0,
        "form": 0,
        "payloads": [1],
        "version": 5,
        "of": 0,
        "context": None,
    }
    return list((fields | changed).values())


@pytest.mark.parametrize(
    "row",
    [
        item(tag=""),
        item(tag=1),
        item(name="a\nb"),
        item(name="é" * 128),
        item(life=0),
        item(life=2**53),
        item(life=True),
        item(base=-1),
        item(base=1.0),
        item(version=-1),
        item(version=True),
        item(of=-1),
        item(of=None),
        item(form=3),
        item(form=True),
        item(payloads={}),
        item(payloads=[0] * 4097),
        item(payloads=[b""]),
        item(payloads=[float("inf")]),
        item(context=[float("nan")]),
        item()[:8],
        {},
    ],
)
def test_an_item_with_one_wrong_field_spoils_the_batch(row: object) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode_items(packb([item(), row]))


def test_an_item_may_have_long_names_and_fields_of_a_newer_version() -> None:
    long = item(tag="t" * 255, name="é" * 127)
    first, second = codec.decode_items(packb([long, [*item(), "new"]]))
    assert (first.tag, first.name) == ("t" * 255, "é" * 127)
    assert second == m.Item("t@1", "x", 1, 0, 0, (1,), 5)


@pytest.mark.parametrize("value", [{}, 1, [1] * 16_385])
def test_a_batch_is_a_list_of_bounded_length(value: object) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode_items(packb(value))


def test_a_batch_is_one_value() -> None:
    with pytest.raises(MalformedMessage):
        codec.decode_items(codec.NO_ITEMS * 2)

"""What `run` runs with."""

from pathlib import Path

import pytest

from crdtnode.cli.outcome import Failure
from crdtnode.cli.settings import combined

NOTHING: dict[str, object] = {"name": None, "join": (), "insecure": False}


def test_what_nobody_says_has_its_default() -> None:
    config = combined(None, NOTHING)
    assert (config.cluster, config.join, config.settings.probe_period) == ("default", [], 1.0)


def test_the_command_line_counts_more_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(
        'name = "from-file"\njoin = ["10.0.0.1"]\nlog_format = "json"\n'
        '[settings]\nprobe_period = 0.5\n[tags]\nrack = "1"\n'
    )
    config = combined(file, {**NOTHING, "name": "by-hand"})
    assert (config.name, config.join, config.log_format) == ("by-hand", ["10.0.0.1"], "json")
    assert (config.settings.probe_period, config.settings.probe_verdict) == (0.5, 0.5)
    assert config.tags == {"rack": "1"}
    assert combined(file, {**NOTHING, "join": ("a", "b")}).join == ["a", "b"]


def test_an_empty_text_is_not_taken_for_nothing() -> None:
    given = {"name": "", "cluster": "", "key_file": "", "join": ("",)}
    config = combined(None, given)
    assert (config.name, config.cluster, config.key_file, config.join) == ("", "", "", [""])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("join = [5]", "$.join[0]"),
        ('join = "10.0.0.1"', "$.join"),
        ("nam = 'x'", "unknown field `nam`"),
        ("[settings]\nprobe_perod = 1", "unknown field `probe_perod` - at `$.settings`"),
        ("[settings]\nprobe_period = 'x'", "$.settings.probe_period"),
        ("log_level = 'loud'", "$.log_level"),
        ("name = ", "is no TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "node.toml"
    file.write_text(text)
    with pytest.raises(Failure) as caught:
        combined(file, NOTHING)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"cannot read .*none\.toml: No such file"):
        combined(tmp_path / "none.toml", NOTHING)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Failure, match="is no TOML"):
        combined(tmp_path / "binary.toml", NOTHING)


def test_a_node_listens_to_others_only_where_strangers_are_kept_out(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert combined(None, NOTHING).address() == "127.0.0.1:27380"
    assert combined(None, {**NOTHING, "insecure": True}).address() == "0.0.0.0:27380"
    assert combined(None, {**NOTHING, "key_file": "k"}).address() == "0.0.0.0:27380"
    assert combined(None, {**NOTHING, "bind": "::1"}).address() == "::1"


def test_the_keyring_at_its_usual_place_is_used(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    usual = tmp_path / "crdtnode" / "keyring"
    usual.parent.mkdir()
    usual.write_text("")
    assert combined(None, NOTHING).keyring() == str(usual)
    assert combined(None, {**NOTHING, "key_file": "mine"}).keyring() == "mine"
    assert combined(None, {**NOTHING, "insecure": True}).keyring() is None

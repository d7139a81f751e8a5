"""``crdtnode demo`` on real text."""

from pathlib import Path
import subprocess
import sys

import pytest

from crdtnode.cli.demo.words import counter_of, operations, shares, words

DEMO = [sys.executable, "-m", "crdtnode", "demo"]


def test_words_are_what_a_reader_calls_words() -> None:
    assert words("Don't stop: it's 3 o'clock, snake_case!") == [
        "don't", "stop", "it's", "3", "o'clock", "snake", "case",
    ]  # fmt: skip


def test_shares_are_nearly_equal_and_lose_nothing() -> None:
    parts = shares(list("abcdefgh"), 3)
    assert [len(part) for part in parts] == [2, 3, 3]
    assert [letter for part in parts for letter in part] == list("abcdefgh")


def test_a_part_becomes_counters_a_set_and_a_register() -> None:
    assert operations(["a", "b", "a"], "ann") == [
        {"type": "pncounter@1", "name": "words.a", "method": "increment", "args": [2]},
        {"type": "pncounter@1", "name": "words.b", "method": "increment", "args": [1]},
        {"type": "orset@1", "name": "vocabulary", "method": "update", "args": [["a", "b"]]},
        {"type": "lwwregister@1", "name": "last", "method": "assign", "args": ["ann: b"]},
    ]


def test_an_empty_part_writes_nothing() -> None:
    assert operations([], "ann") == []


def test_a_word_of_any_length_has_a_counter_name_that_is_allowed() -> None:
    assert len(counter_of("ä" * 500).encode()) <= 255


@pytest.mark.process
def test_three_processes_agree_on_the_counts_of_a_text(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog sat on the cat " * 20)
    done = subprocess.run(
        [*DEMO, str(text)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  yes  ") == 3
    assert "During: cid is cut off" in done.stdout


@pytest.mark.process
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"...\n"], ids=["no UTF-8", "no words"])
def test_a_text_without_words_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(content)
    done = subprocess.run(
        [*DEMO, str(text)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1

"""What an object remembers once it was read follows all that comes afterwards."""

from typing import Any

import pytest

from crdt.testing import subject_of
from tests.crdt.kinds import BUILT_IN


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.__name__)
def test_a_whole_state_that_holds_what_was_read_and_more_is_shown_once(kind: type[Any]) -> None:
    subject = subject_of(kind)
    writer, reader = subject.new(), subject.new()
    for turn in range(24):
        try:
            subject.acts[turn % len(subject.acts)](writer, turn)
        except (KeyError, ValueError):
            continue
        subject.read(reader)
        reader.join(writer.clone())
        assert subject.read(reader) == subject.read(kind.from_payload(writer.payload))

"""Settings."""

import math

import pytest

from crdtnode.config import Settings


def test_the_defaults_are_lawful_and_whole_seconds_are_seconds() -> None:
    assert Settings() == Settings(probe_period=1)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"probe_period": 0}, ValueError, "probe_period is more than 0 and finite, not 0"),
        ({"ack_delay": -1.0}, ValueError, "ack_delay is more than 0"),
        ({"hot_ping": math.nan}, ValueError, "hot_ping .* not nan"),
        ({"stream_idle": math.inf}, ValueError, "stream_idle .* not inf"),
        ({"leave_timeout": True}, TypeError, "leave_timeout is a number of seconds, not True"),
        ({"leave_timeout": "1"}, TypeError, "leave_timeout is a number of seconds, not '1'"),
        ({"retry_times": 0}, ValueError, "retry_times is at least 1, not 0"),
        ({"retry_times": 8.0}, TypeError, "retry_times is a whole number, not 8.0"),
        ({"work_items": True}, TypeError, "work_items is a whole number, not True"),
        ({"datagram_bytes": 100}, ValueError, "datagram_bytes is at least 512, not 100"),
        ({"datagram_bytes": 10_000}, ValueError, "datagram_bytes is at most 8192, not 10000"),
        ({"rejoin_first": 3.0}, ValueError, "rejoin_first is more than rejoin_most"),
    ],
)
def test_what_no_node_can_live_with_is_refused_by_name(
    settings: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        Settings(**settings)  # type: ignore[arg-type]  # that is the point

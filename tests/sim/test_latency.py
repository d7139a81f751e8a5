from random import Random

import pytest

from crdtnode.sim.latency import Latency


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5ms", Latency.constant(0.005)),
        ("1-20ms", Latency.uniform(0.001, 0.02)),
        ("500us - 2ms", Latency.uniform(0.0005, 0.002)),
        ("exp:10ms", Latency.exponential(0.01)),
        ("exp 1.5s", Latency.exponential(1.5)),
        ("2s", Latency.constant(2.0)),
    ],
)
def test_people_write_a_latency_in_a_few_characters(text: str, expected: Latency) -> None:
    assert Latency.parse(text) == expected


@pytest.mark.parametrize("text", ["", "5", "fast", "1-20", "20-1ms", "exp:10", "-5ms", "5 m s"])
def test_what_is_no_latency_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="latency"):
        Latency.parse(text)


@pytest.mark.parametrize(
    "latency",
    [Latency.constant(0.25), Latency.uniform(0.0005, 0.002), Latency.exponential(0.003)],
)
def test_its_text_reads_back_as_the_same_latency(latency: Latency) -> None:
    assert Latency.parse(str(latency)) == latency


def test_an_exponential_latency_has_its_mean_and_a_long_tail() -> None:
    chance = Random(1)
    drawn = [Latency.exponential(0.01).sample(chance.random()) for _ in range(20_000)]
    assert 0.0095 < sum(drawn) / len(drawn) < 0.0105
    assert min(drawn) >= 0.0001
    assert max(drawn) > 0.06


def test_a_uniform_latency_stays_between_its_ends() -> None:
    latency = Latency.uniform(0.002, 0.008)
    assert [latency.sample(chance) for chance in (0.0, 0.5)] == [0.002, 0.005]
    assert latency.sample(0.999999) < 0.008


def test_half_of_lognormal_times_are_below_the_median_and_one_in_a_hundred_above_the_p99() -> None:
    latency = Latency.lognormal(0.02, 0.1)
    assert latency.sample(0.5) == pytest.approx(0.02)
    assert latency.sample(0.99) == pytest.approx(0.1)
    assert 0 < latency.sample(0.0) < 0.01


def test_empirical_times_come_as_often_as_they_were_measured() -> None:
    latency = Latency.empirical([0.009, 0.001, 0.002])
    assert [latency.sample(chance) for chance in (0.0, 0.25, 0.5)] == [0.001, 0.0015, 0.002]
    assert latency.sample(0.75) == pytest.approx(0.0055)


@pytest.mark.parametrize(
    "latency",
    [Latency.lognormal(0.02, 0.1), Latency.empirical([0.001, 0.002, 0.004]), Latency.constant(2)],
)
def test_every_latency_can_be_written_as_it_is_shown(latency: Latency) -> None:
    assert Latency.parse(str(latency)) == latency


@pytest.mark.parametrize(
    "text", ["lognormal:0ms-5ms", "measured:1,2", "lognormal:5-6", "measured:"]
)
def test_half_a_latency_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="latency"):
        Latency.parse(text)


def test_measured_times_belong_to_an_empirical_latency_only() -> None:
    with pytest.raises(ValueError, match="empirical"):
        Latency.empirical([])
    with pytest.raises(ValueError, match="empirical"):
        Latency("uniform", 1, 2, (1, 2))

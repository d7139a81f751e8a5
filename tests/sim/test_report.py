"""What a run looked like: figures, files and pictures."""

from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
import json
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

from click.testing import CliRunner, Result
import pytest

from crdtnode import sim
from crdtnode.cli.simulate import simulate
from crdtnode.errors import NotSupported
from crdtnode.sim.report import Figures, Seeds, observe, write_report
from crdtnode.sim.report.events import events_of
from crdtnode.sim.report.figures import percentiles
from crdtnode.sim.report.page import page
from crdtnode.sim.report.picture import Path as Line
from crdtnode.sim.report.png import write_png
from crdtnode.sim.report.spans import Span, spans_of
from crdtnode.sim.report.term import drawn
from crdtnode.sim.report.timeline import COLOURS, PANEL, ROOTS, timeline
from crdtnode.sim.samples import Healing, Watched
from tests.sim.test_plan_documents import EVERY_FAULT

A, B = ("a", "b"), ("c",)
PLAN = sim.Plan(
    seed=7,
    nodes=("a", "b", "c"),
    network=sim.Network(latency=sim.Latency.constant(0.01)),
    writes=(
        sim.Write(1.0, "a", "gset@1", "tags", "add", ("x",)),
        sim.Write(3.0, "a", "gcounter@1", "visits", "increment", (3,)),
        sim.Write(3.5, "c", "gset@1", "tags", "add", ("<b>&",)),
        sim.Write(3.6, "c", "gset@1", "tags", "add", ("x",)),
    ),
    faults=(
        sim.Partition(2.0, (A, B)),
        sim.Crash(4.0, "b"),
        sim.Restart(5.0, "b"),
        sim.Heal(6.0),
    ),
    duration=8.0,
)


@cache
def watched() -> tuple[sim.Result, Watched]:
    return observe(PLAN)


def figures(seeds: Seeds | None = None) -> Figures:
    return Figures.of(*watched(), seeds)


def called(*arguments: object) -> Result:
    return CliRunner().invoke(simulate, list(map(str, arguments)))


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(4))
def test_watching_a_run_does_not_change_it(seed: int) -> None:
    plan = sim.Plan.random(seed=seed, nodes=4, duration=8)
    result, _ = observe(plan)
    assert result == sim.run(plan)


def test_whole_nodes_give_the_same_figures_as_their_engines_alone() -> None:
    assert Figures.of(*observe(PLAN, on="trio")).to_json() == figures().to_json()


def test_links_that_change_together_are_one_span() -> None:
    script = sim.Script(3)
    with script.net.rule("n1", "n2", loss=0.5):
        script.wait(1)
    (span,) = spans_of(script.plan())
    assert (span.kind, span.start, span.end) == ("bad link", 0.0, 1.0)
    assert "n1 -> n2" in span.text
    assert "n2 -> n1" in span.text


def test_samples_show_how_far_apart_the_nodes_are() -> None:
    before, during, down, after = (
        next(sample for sample in figures().samples if sample.at > at)
        for at in (1.5, 3.7, 4.5, 7.5)
    )
    assert (before.roots, before.missing) == (1, (0, 0, 0))
    assert (during.roots, during.missing) == (2, (1, 1, 1))
    assert down.missing == (1, None, 1)
    assert (after.roots, after.missing) == (1, (0, 0, 0))
    assert before.bytes < during.bytes < after.bytes


def test_every_update_arrives_once_at_every_other_node() -> None:
    result, chronicle = watched()
    updates = result.counts["updates"]
    assert updates == 3  # the second "x" changes nothing
    reached = [h for h in chronicle.history if h["event"] == "reached"]
    assert (
        len({(h["node"], h["type"], h["update"]) for h in reached}) == len(reached) == 2 * updates
    )
    assert len(chronicle.delays) == len(reached)
    delays = figures().delays
    assert 0.01 <= delays[0] < 0.02  # one way
    assert 2.5 < delays[-1] < 6.0  # from 3.5 s until after the heal
    written = [h for h in chronicle.history if h["event"] == "write"]
    assert [(h["at"], h["node"], h["args"]) for h in written] == [
        (1.0, "a", ["x"]),
        (3.0, "a", [3]),
        (3.5, "c", ["<b>&"]),
    ]


def test_each_heal_tells_how_long_it_took_until_all_were_equal() -> None:
    result, _ = watched()
    first, last = figures().healings
    assert first.at == 6.0
    assert first.after_s is not None
    assert 0.01 < first.after_s < 2.0  # a probe or two after the heal
    assert last.at == 8.0
    assert last.after_s == pytest.approx(result.converged_after_s, abs=1e-6)
    disturbed = sim.Plan(
        seed=1,
        nodes=("a", "b"),
        writes=(sim.Write(2.0, "a", "gset@1", "s", "add", (1,)),),
        faults=(
            sim.Partition(1.0, (("a",), ("b",))),
            sim.Heal(3.0),
            sim.Partition(3.0, (("a",), ("b",))),
        ),
        duration=5.0,
    )
    heals = Figures.of(*observe(disturbed)).healings
    assert [(heal.at, heal.after_s is None) for heal in heals] == [(3.0, True), (5.0, False)]


def test_flapping_heals_by_itself() -> None:
    groups = (("a",), ("b",))
    plan = sim.Plan(
        seed=1,
        nodes=("a", "b"),
        writes=(sim.Write(1.1, "a", "gset@1", "s", "add", (1,)),),
        faults=(sim.Flapping(1.0, groups, down=1.0, up=0.1, times=2),),
        duration=8.0,
    )
    heals = Figures.of(*observe(plan)).healings
    assert [heal.at for heal in heals] == [3.1, 8.0]


def test_faults_become_spans_of_time() -> None:
    assert spans_of(PLAN) == [
        Span("network", "cut", 2.0, 6.0, "partition a b | c at 2.000000 s"),
        Span("b", "down", 4.0, 5.0, "crash of b at 4.000000 s"),
    ]
    slow = (sim.Slow(1.0, "a", 0.1), sim.Slow(2.0, "a", 0.0), sim.ClockRate(2.0, "b", 1.1))
    cuts = (sim.Isolate(3.0, "a"), sim.Isolate(4.0, "b"), sim.Join(5.0, "c"))
    plan = sim.Plan(seed=1, nodes=("a", "b", "c"), faults=(*slow, *cuts), duration=9.0)
    assert [(s.row, s.kind, s.start, s.end) for s in spans_of(plan)] == [
        ("c", "down", 0.0, 5.0),
        ("a", "slow", 1.0, 2.0),
        ("b", "clock", 2.0, 9.0),
        ("network", "cut", 3.0, 4.0),
        ("network", "cut", 4.0, 9.0),
        ("c", "event", 5.0, 5.0),
    ]


def test_holds_last_until_the_last_one_is_released() -> None:
    faults = (
        sim.Hold(1.0, "a", "b"),
        sim.Hold(2.0, "b", "c"),
        sim.Release(3.0, "a", "b"),
        sim.Release(4.0),
    )
    plan = sim.Plan(seed=1, nodes=("a", "b", "c"), faults=faults, duration=9.0)
    (span,) = spans_of(plan)
    assert (span.kind, span.start, span.end) == ("held", 1.0, 4.0)
    assert "hold b -> c" in span.text


def test_a_heal_ends_flapping_and_a_crash_what_its_process_suffered() -> None:
    faults = (
        sim.Flapping(1.0, (("a",), ("b",)), down=1.0, up=1.0, times=3),
        sim.Heal(2.5),
        sim.Pause(3.0, "a"),
        sim.Slow(3.0, "a", 0.1),
        sim.Crash(4.0, "a"),
        sim.Leave(5.0, "b"),
        sim.Restart(6.0, "b"),
    )
    plan = sim.Plan(seed=1, nodes=("a", "b"), faults=faults, duration=9.0)
    assert [(s.kind, s.start, s.end) for s in spans_of(plan)] == [
        ("cut", 1.0, 2.5),
        ("paused", 3.0, 4.0),
        ("slow", 3.0, 4.0),
        ("down", 4.0, 9.0),
        ("left", 5.0, 6.0),
    ]


def test_nobody_lacks_what_an_object_had_before_it_was_removed() -> None:
    writes = tuple(sim.Write(at, "a", "gset@1", "x", "add", (at,)) for at in (1.0, 3.0))
    faults = (
        sim.Partition(0.5, (("a",), ("b",))),
        sim.Remove(2.0, "a", "gset@1", "x"),
        sim.Heal(4.0),
    )
    plan = sim.Plan(seed=1, nodes=("a", "b"), writes=writes, faults=faults, duration=6.0)
    result, chronicle = observe(plan)
    assert result.holds
    lacking = {sample.at: sample.missing for sample in chronicle.samples}
    assert next(m for at, m in lacking.items() if 2.1 < at < 2.9) == (0, 0)
    assert next(m for at, m in lacking.items() if 3.1 < at < 3.9) == (0, 1)
    assert chronicle.samples[-1].missing == (0, 0)


@pytest.mark.sweep
def test_whoever_holds_the_same_lacks_nothing() -> None:
    for seed in (44, 89, 98):
        result, chronicle = observe(sim.Plan.random(seed=seed, nodes=6))
        assert result.holds
        assert set(chronicle.samples[-1].missing) == {0}


def test_every_fault_has_a_span_with_a_colour() -> None:
    nodes = tuple(dict.fromkeys(node for fault in EVERY_FAULT for node in fault.nodes))
    plan = sim.Plan(seed=1, nodes=nodes, faults=EVERY_FAULT, duration=9.0)
    spans = spans_of(plan)
    assert {span.kind for span in spans} <= set(COLOURS)
    quiet = (sim.Heal, sim.Release, sim.Restore, sim.Restart, sim.Resume, sim.DiskMended)
    for fault in EVERY_FAULT:
        assert isinstance(fault, quiet) or str(fault) in {span.text for span in spans}
    assert all(span.start <= span.end <= 9.0 for span in spans)


def test_the_document_has_all_figures() -> None:
    document = json.loads(json.dumps(figures().to_json()))
    assert document["verdict"] == "holds"
    assert sim.Plan.from_json(document["plan"]) == PLAN
    assert document["trace_hash"] == sim.run(PLAN).trace_hash
    assert set(document["samples"]["missing"]) == {"a", "b", "c"}
    assert document["propagation_s"] == percentiles(figures().delays)
    cost = document["cost"]
    assert cost["bytes_per_update"] == pytest.approx(document["bytes"] / 3, abs=0.001)
    assert cost["bytes_per_update_and_node"] == pytest.approx(document["bytes"] / 9, abs=0.001)
    assert cost["messages_per_node_second"] == pytest.approx(
        document["messages"] / 3 / document["simulated_s"], abs=0.001
    )


def test_a_run_without_writes_and_faults_can_be_shown() -> None:
    found = Figures.of(*observe(sim.Plan(seed=1, nodes=("a",), duration=1.0)))
    assert "bytes_per_update" not in found.cost
    assert "nothing to show" in page(found, "again")
    assert "missing [0 throughout" in drawn(found)


class Page(HTMLParser):
    """Notes what a page would fetch, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [v for k, v in attrs if k in ("src", "href", "srcset", "data") and v]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_fetches_nothing_and_escapes_what_people_wrote() -> None:
    seeds = Seeds(20, {"holds": 20}, (0.1, 0.2), never=1)
    text = page(figures(seeds), "crdtnode <again>")
    parser = Page()
    parser.feed(text)
    assert parser.open == []
    assert parser.fetched == []
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&" not in text
    assert "crdtnode &lt;again&gt;" in text
    assert "holds 20" in text


def test_an_image_says_itself_what_its_colours_mean() -> None:
    plain, keyed = (timeline(figures(), key=key) for key in (False, True))
    words = [shape.text for shape in keyed.shapes[len(plain.shapes) :] if hasattr(shape, "text")]
    assert words == ["cut", "down"]
    assert keyed.height > plain.height


def test_a_run_in_which_all_were_down_stays_within_its_panel() -> None:
    faults = (sim.Crash(1.0, "a"), sim.Restart(2.0, "a"))
    plan = sim.Plan(seed=1, nodes=("a",), faults=faults, duration=3.0)
    seen = Figures.of(*observe(plan))
    assert min(sample.roots for sample in seen.samples) == 0
    (states,) = (s for s in timeline(seen).shapes if isinstance(s, Line) and s.stroke == ROOTS)
    heights = [y for _, y in states.points]
    assert max(heights) - min(heights) <= PANEL
    assert "Simulation of 1 node, seed 1" in page(seen, "again")


def test_a_heal_that_another_fault_followed_does_not_say_never() -> None:
    text = drawn(replace(figures(), healings=(Healing(3.0, None), Healing(6.0, None))))
    assert "healed at 3 s, all equal after: not before the next fault" in text
    assert "healed at 6 s, all equal after: never" in text


def test_a_violation_is_on_the_page() -> None:
    plan = sim.Plan.random(seed=0, nodes=5, duration=10, bound=0.001, partition="halves")
    text = page(Figures.of(*observe(plan)), "again")
    assert '<span class="verdict violated">violated</span>' in text
    assert "never there: update" in text


@pytest.mark.sweep
def test_many_nodes_share_rows() -> None:
    nodes = tuple(f"n{number:02}" for number in range(1, 42))
    crashes = tuple(sim.Crash(0.5, node) for node in nodes[:20])
    plan = sim.Plan(seed=1, nodes=nodes, faults=crashes, duration=0.6, bound=1.0)
    picture = timeline(Figures.of(*observe(plan)))
    words = [getattr(shape, "text", "") for shape in picture.shapes]
    assert "n01-n02" in words
    assert "7 more" in words
    assert picture.height < 800


def test_characters_draw_faults_divergence_and_delays() -> None:
    lines = drawn(figures()).splitlines()
    row = next(line for line in lines if line.strip().startswith("network"))
    assert 30 < row.count("=") < 40  # 4 of 8 seconds, on 72 columns
    assert any(line.strip().startswith("b [") and "x" in line for line in lines)
    assert any("states" in line for line in lines)
    assert lines[-1].startswith("an update costs")
    assert all(len(line) <= 100 and line.isascii() for line in lines)


def test_an_image_shows_the_same_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra plot")
    write_png(timeline(figures()), tmp_path / "new" / "run.png")
    with image.open(tmp_path / "new" / "run.png") as png:
        assert png.size[0] == 2000
        colours = {colour for _, colour in png.convert("RGB").getcolors(10**6)}
    for kind in ("cut", "down"):
        assert tuple(bytes.fromhex(COLOURS[kind][1:])) in colours


def test_without_pillow_an_image_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("crdtnode.sim.report.png.import_module", missing)
    with pytest.raises(NotSupported, match=r"pip install 'crdtnode\[plot\]'"):
        write_png(timeline(figures()), tmp_path / "run.png")


def test_the_command_writes_a_report_and_draws(tmp_path: Path) -> None:
    short = ("--nodes", 3, "--for", 3, "--seed", 1, "--partition", "halves")
    result = called(*short, "--report", tmp_path / "new", "--plot", "term")
    assert result.exit_code == 0, result.output
    assert "states" in result.stdout
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert names == ["history.jsonl", "report.html", "report.json"]
    document = json.loads((tmp_path / "new" / "report.json").read_text())
    assert document["trace_hash"] in result.stdout
    assert document["replay"].startswith("crdtnode simulate --seed 1 --nodes 3")
    history = [
        json.loads(line) for line in (tmp_path / "new" / "history.jsonl").read_text().splitlines()
    ]
    assert [h["at"] for h in history] == sorted(h["at"] for h in history)
    assert {h["event"] for h in history} == {"write", "reached", "fault"}
    plain = json.loads(called(*short, "--json", "--plot", "term").stdout)
    assert plain["trace_hash"] == document["trace_hash"]


def test_all_events_of_a_run_are_told_with_what_messages_say(tmp_path: Path) -> None:
    short = ("--nodes", 3, "--for", 3, "--seed", 1, "--partition", "halves")
    plain = called(*short)
    result = called(*short, "--events", tmp_path / "new" / "events.jsonl")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"wrote {tmp_path / 'new' / 'events.jsonl'}"
    trace = [line for line in plain.stdout.splitlines() if line.startswith("trace ")]
    assert trace[0] in result.stdout
    text = (tmp_path / "new" / "events.jsonl").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    kinds = {event["event"] for event in events}
    assert {"start", "write", "fault", "datagram", "stream"} <= kinds
    says = [event["says"] for event in events if event["event"] == "datagram"]
    assert any(text.startswith("Ping(") for text in says)
    assert any(text.startswith("Push(") for text in says)
    refused = called(*short, "--on", "real", "--events", tmp_path / "events.jsonl")
    assert (refused.exit_code, "--events goes with" in refused.output) == (2, True)


def test_sealed_datagrams_are_told_by_their_size() -> None:
    sealed = replace(PLAN, network=replace(PLAN.network, corrupt=0.01))
    datagrams = [event for event in events_of(sealed) if event["event"] == "datagram"]
    assert datagrams
    assert all("says" not in event and event["bytes"] > 48 for event in datagrams)


def test_a_sweep_reports_percentiles_over_its_seeds(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        "nodes = 3\nduration = 3\n[workload]\ncount = 9\n"
        "[[faults]]\nkind='isolate'\nat=1\nnode='n1'\n[[faults]]\nkind='heal'\nat=2\n"
    )
    result = called(
        *("sweep", "--seeds", "0:5", "--workers", 1, "--plan", tmp_path / "plan.toml"),
        *("--report", tmp_path / "out"),
    )
    assert result.exit_code == 0, result.output
    over = json.loads((tmp_path / "out" / "report.json").read_text())["over_seeds"]
    assert over["seeds"] == over["verdicts"]["holds"] == 5
    assert over["heals"] == 10
    assert 0 <= over["converged_after_s"]["p50"] <= over["converged_after_s"]["max"] < 15
    assert "5 seeds" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.process
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra plot")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs the Debian package chromium")
    write_report(figures(Seeds(9, {"holds": 9}, (0.1, 0.2))), watched()[1], tmp_path, "again")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    subprocess.run(
        [
            browser,
            *options,
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1100,1600",
            f"--screenshot={tmp_path / 'page.png'}",
            f"file://{tmp_path / 'report.html'}",
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with image.open(tmp_path / "page.png") as png:
        counted = {colour: count for count, colour in png.convert("RGB").getcolors(10**6)}
    cut, down = (counted.get(tuple(bytes.fromhex(COLOURS[k][1:])), 0) for k in ("cut", "down"))
    assert 3_000 < cut < 8_000  # 4 of 8 seconds of a row; a crash of 1 second takes a quarter
    assert cut / 5 < down < cut / 3

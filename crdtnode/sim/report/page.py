"""The report as one page: open it anywhere, it fetches nothing.

Rule of this file: HTML and nothing else; what is in it is decided by `figures` and the pictures.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

from crdtnode.sim.report.figures import Figures, percentiles
from crdtnode.sim.report.heals import heals_in_words
from crdtnode.sim.report.picture import seconds, short
from crdtnode.sim.report.shares import shares
from crdtnode.sim.report.svg import svg
from crdtnode.sim.report.timeline import COLOURS, HEALED, ROOTS, timeline
from crdtnode.sim.result import counted

EVENTS_MOST: Final = 500

_STYLE: Final = """
body{font:14px/1.5 system-ui,sans-serif;color:#1f2933;background:#f4f6f8;margin:0}
main{max-width:1040px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 8px}
p{margin:4px 0 10px;color:#525f6b}
.card{background:#fff;border:1px solid #dfe4e9;border-radius:8px;padding:12px 14px;overflow:auto}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(112px,1fr));gap:10px;margin:16px 0}
.tile b{display:block;font-size:18px}.tile span{color:#66727f;font-size:12px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:12px}
.verdict{display:inline-block;padding:2px 10px;border-radius:12px;color:#fff;font-size:15px;
vertical-align:2px;margin-left:8px}
.holds{background:#2b8a63}.violated{background:#c8414f}.unknown{background:#b8860b}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:4px 12px 4px 0;border-top:1px solid #edf0f3;vertical-align:top}
th{color:#66727f;font-weight:500;border-top:0}
td.n{font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;margin:4px 0 0;font-size:12px}
code{background:#eef1f4;padding:1px 5px;border-radius:4px;word-break:break-all}
svg{width:100%;height:auto;display:block;font-family:system-ui,sans-serif}
.time svg{min-width:760px}
.key span{display:inline-block;margin-right:14px;font-size:12px;color:#525f6b}
.key i{display:inline-block;width:11px;height:11px;margin-right:5px;vertical-align:-1px}
@media(prefers-color-scheme:dark){:root{color-scheme:dark}
body{color:#e3e7eb;background:#14181c}p,.tile span,th,.key span{color:#9aa7b4}
.card{background:#1d2329;border-color:#323a42}td,th{border-color:#2b323a}code{background:#2b323a}
svg,.key i{filter:invert(.89) hue-rotate(180deg)}}
"""


def page(figures: Figures, command: str) -> str:
    """Write the page.

    Args:
        figures: Of the run.
        command: What to type to run it again.
    """
    result = figures.result
    plan = result.plan
    title = f"Simulation of {counted(plan)}, seed {plan.seed}"
    verdict = str(result.verdict)
    parts = [
        f'<h1>{title}<span class="verdict {verdict}">{verdict}</span></h1>',
        f"<p>Again with: <code>{escape(command)}</code>; trace <code>{result.trace_hash}</code></p>",
        *(f"<p>{escape(limit)}</p>" for limit in figures.limits),
        _tiles(figures),
        "<h2>Over time</h2>",
        f'<div class="card time">{_key(figures)}{svg(timeline(figures))}</div>',
        "<h2>How long it took</h2>",
        f'<div class="pair">{_delays(figures)}{_convergence(figures)}</div>',
        "<h2>Checks</h2>",
        f'<div class="card">{_checks(figures)}</div>',
        "<h2>Plan</h2>",
        f'<div class="card">{_plan(figures)}</div>',
    ]
    head = f"<title>{title}: {verdict}</title><style>{_STYLE}</style>"
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{meta}{head}</head>\n<body><main>{body}</main></body></html>\n'


def _tiles(figures: Figures) -> str:
    result, cost = figures.result, figures.cost
    after, median = result.converged_after_s, percentiles(figures.delays).get("p50")
    tiles = [
        (f"{result.simulated_s:.4g} s", "simulated"),
        ("never" if after is None else seconds(after), "from the last heal to equal states"),
        (f"{result.counts['updates']:,}", "updates"),
        ("unknown" if median is None else seconds(median), "median delay of an update"),
        (f"{short(cost['bytes_per_node_second'])}B/s", "per node"),
    ]
    if "bytes_per_update" in cost:
        tiles.append((f"{short(cost['bytes_per_update'])}B", "per update, on all links"))
        tiles.append((short(cost["messages_per_update"]), "messages per update"))
    cells = (f'<div class="card tile"><b>{b}</b><span>{escape(s)}</span></div>' for b, s in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _key(figures: Figures) -> str:
    kinds = dict.fromkeys(span.kind for span in figures.spans)
    items = (f'<span><i style="background:{COLOURS[k]}"></i>{k}</span>' for k in kinds)
    return f'<div class="key">{"".join(items)}</div>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f'<td class="n">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _delays(figures: Figures) -> str:
    picture = shares("From a write until another node has it", figures.delays, ROOTS)
    found = percentiles(figures.delays)
    row = [f"{len(figures.delays):,}", *(seconds(value) for value in found.values())]
    table = _table(["arrivals", *found], [row])
    return f'<div class="card">{svg(picture)}{table}</div>'


def _convergence(figures: Figures) -> str:
    seeds = figures.seeds
    here = [healing.after_s for healing in figures.healings if healing.after_s is not None]
    values = list(seeds.converged) if seeds else here
    over = f", {seeds.seeds} seeds" if seeds else ""
    picture = shares(f"From a heal until all are equal{over}", values, HEALED)
    seed = f"seed {figures.result.plan.seed}"
    rows = [[seed, at, wait] for at, wait in heals_in_words(figures)]
    table = _table(["run", "heal at", "equal after"], rows)
    if seeds:
        found = percentiles(seeds.converged)
        verdicts = ", ".join(
            f"{verdict} {count}" for verdict, count in seeds.verdicts.items() if count
        )
        table += _table(
            ["seeds", "heals", "never equal", *found],
            [
                [
                    verdicts,
                    str(len(seeds.converged) + seeds.never),
                    str(seeds.never),
                    *map(seconds, found.values()),
                ]
            ],
        )
    return f'<div class="card">{svg(picture)}{table}</div>'


def _checks(figures: Figures) -> str:
    rows = []
    for found in figures.result.findings:
        violation = f"<pre>{escape(found.violation)}</pre>" if found.violation else ""
        badge = f'<span class="verdict {found.verdict}" style="font-size:11px;margin:0">{found.verdict}</span>'
        rows.append(
            f"<tr><td>{badge}</td><td>{escape(found.check)}</td>"
            f"<td>{escape(found.sentence)}{violation}</td></tr>"
        )
    broken = figures.result.broken_off
    note = f"<pre>{escape(broken)}</pre>" if broken else ""
    return f"<table>{''.join(rows)}</table>{note}"


def _plan(figures: Figures) -> str:
    plan = figures.result.plan
    events = plan.events
    lines = [f"{event.at:10.3f} s  {event}" for event in events[:EVENTS_MOST]]
    if len(events) > EVENTS_MOST:
        lines.append(f"and {len(events) - EVENTS_MOST} more; report.json has them all")
    said = (
        f"{counted(plan)}, {len(plan.writes)} writes and {len(plan.faults)} faults in "
        f"{plan.duration:g} s; {plan.network}"
    )
    listing = escape("\n".join(lines))
    return (
        f"<p>{escape(said)}</p><details><summary>All events</summary><pre>{listing}</pre></details>"
    )

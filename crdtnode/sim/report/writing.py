"""The files of a report.

Rule of this file: names of files, and what is in which.
"""

import json
from pathlib import Path

from crdtnode.sim.report.figures import Figures
from crdtnode.sim.report.page import page
from crdtnode.sim.samples import Watched


def write_report(figures: Figures, watched: Watched, folder: Path, command: str) -> list[Path]:
    """Write ``report.json``, ``history.jsonl`` and ``report.html``; the folder is made.

    Args:
        figures: Of the run.
        watched: Who watched it.
        folder: Where to; files of these names are replaced.
        command: What to type to run it again.

    Raises:
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {**figures.to_json(), "replay": command}
    history = sorted(watched.history, key=lambda happening: happening["at"])
    lines = (json.dumps(happening, default=repr) for happening in history)
    texts = {
        "report.json": json.dumps(document, indent=1) + "\n",
        "history.jsonl": "".join(f"{line}\n" for line in lines),
        "report.html": page(figures, command),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]

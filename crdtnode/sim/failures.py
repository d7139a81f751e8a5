"""Failure files: a run that went wrong, as a document that runs again anywhere.

Rule of this file: the plan stands in it event by event, not as a seed, so that it can be cut down,
edited and kept after the way in which seeds become plans has changed.

A failure file is JSON: ``format``, ``version``, the names of the ``violated`` checks, the
``trace_hash`` of the run, ``planted`` (the planted bug that it ran with, or null), ``made_by`` (the
version of crdtnode), ``explanation``, and the ``plan``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
import json
from pathlib import Path
import shlex
from typing import Any, Final, Self

from crdtnode.sim.document import nearest
from crdtnode.sim.link import PlanError
from crdtnode.sim.plan import FORMAT as PLAN_FORMAT
from crdtnode.sim.plan import Plan
from crdtnode.sim.planfile import FAILURE_FORMAT
from crdtnode.sim.result import Result
from crdtnode.sim.runs import run
from crdtnode.sim.sweeping import Outcome, settings_with
from crdtnode.sim.world import Progress

FORMAT: Final = FAILURE_FORMAT
VERSION: Final = 1
"""Raised by every change after which an older reader would see something else."""

_KEYS: Final = (
    "format",
    "version",
    "made_by",
    "violated",
    "trace_hash",
    "planted",
    "explanation",
    "plan",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plan, and what was found when it ran."""

    plan: Plan
    violated: tuple[str, ...] = ()
    """Names of the violated checks; none where nobody ran the plan yet."""
    trace_hash: str = ""
    planted: str | None = None
    """Name of the planted bug that it ran with."""
    explanation: str = ""
    made_by: str = ""
    """The version of crdtnode that found it."""

    @classmethod
    def of(cls, result: Result, planted: str | None = None) -> Self:
        """What is to be kept of a run."""
        return cls(
            plan=result.plan,
            violated=result.violated,
            trace_hash=result.trace_hash,
            planted=planted,
            explanation=result.explain().rpartition("\n")[0],
            made_by=version("crdtnode"),
        )

    @classmethod
    def of_outcome(cls, outcome: Outcome, plan: Plan, planted: str | None = None) -> Self:
        """What is to be kept of one seed of a sweep, whose plan is drawn again."""
        return cls(
            plan=plan,
            violated=outcome.violated,
            trace_hash=outcome.trace_hash,
            planted=planted,
            explanation=outcome.explanation.rpartition("\n")[0],
            made_by=version("crdtnode"),
        )

    def run(self, progress: Progress | None = None) -> Result:
        """Run it again."""
        return run(self.plan, progress=progress, **settings_with(self.planted))

    def to_json(self) -> dict[str, object]:
        """The document that `from_json` reads."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_by": self.made_by,
            "violated": list(self.violated),
            "trace_hash": self.trace_hash,
            "planted": self.planted,
            "explanation": self.explanation,
            "plan": self.plan.to_json(),
        }

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read the document that `to_json` gives, or that of a plan alone.

        Raises:
            PlanError: It is neither, or of another version.
        """
        if not isinstance(document, Mapping):
            raise PlanError(f"this is no failure file: it holds no object, but {document!r:.60}")
        if document.get("format") == PLAN_FORMAT:
            return cls(plan=Plan.from_json(document))
        if document.get("format") != FORMAT:
            raise PlanError(f"this is no failure file: the key 'format' must say {FORMAT!r}")
        if document.get("version") != VERSION:
            raise PlanError(
                f"this failure file has the version {document.get('version')!r}; "
                f"this crdtnode reads version {VERSION}"
            )
        for key in document:
            if key not in _KEYS:
                raise PlanError(f"{key} is unknown{nearest(key, _KEYS)}")
        planted = _typed(document, "planted", (str, type(None)))
        settings_with(planted)  # its types must be known before the plan is read
        if "plan" not in document:
            raise PlanError("plan is missing")
        return cls(
            plan=Plan.from_json(document["plan"]),
            violated=tuple(map(str, _typed(document, "violated", (list,)) or ())),
            trace_hash=_typed(document, "trace_hash", (str,)) or "",
            planted=planted,
            explanation=_typed(document, "explanation", (str,)) or "",
            made_by=_typed(document, "made_by", (str,)) or "",
        )

    def write(self, path: Path) -> None:
        """Write it to a file; folders are made.

        Raises:
            OSError: The file cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            OSError: There is none, or it cannot be read.
            PlanError: It is no failure file, or of another version; the message names the file.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except json.JSONDecodeError as error:
            hint = ""
            if path.suffix == ".toml":
                hint = f"; run a plan with: crdtnode simulate {shlex.quote(str(path))}"
            raise PlanError(f"{path} is no JSON: {error}{hint}") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise PlanError(f"{path} is no failure file: {error}") from error
        except PlanError as error:
            raise PlanError(f"{path}: {error}") from error


def _typed(document: Mapping[str, Any], key: str, types: tuple[type, ...]) -> Any:
    value = document.get(key)
    if value is not None and not isinstance(value, types):
        raise PlanError(f"{key} is of a wrong kind: {value!r:.60}")
    return value

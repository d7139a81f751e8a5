"""``NAME`` and ``TYPE/NAME``: which object somebody means.

Rule of this file: a type is written only where it could not be meant otherwise: a tag
(``orset@1``), or the plain name of a type that we ship (``orset``, ``ORSet``). Everything else
with a slash is a name. Where a bare name could mean several objects we do not guess.
"""

import re
from typing import Any

from crdtnode.cli.daemon import Daemon, Refused
from crdtnode.cli.outcome import Code, Failure

_TAG = re.compile(r"[a-z][a-z0-9_.-]*@[0-9]+")

SHORT = {
    "gcounter", "pncounter", "boundedcounter",
    "lwwregister", "mvregister", "maxregister", "minregister",
    "enablewinsflag", "disablewinsflag",
    "gset", "twopset", "uset", "pnset", "lwwset", "orset", "rwset",
    "gmap", "lwwmap", "ormap",
    "twoptwopgraph", "monotonicdag", "addremovepartialorder",
    "rga", "logoot", "sequence", "text", "tree", "orcart",
}  # fmt: skip
"""Types that may be written without a number: all of the catalogue, those to come included, so that
what a command line means does not change when they come. A test holds it to what there is."""


def split(written: str) -> tuple[str | None, str]:
    """Take ``TYPE/NAME`` apart; the type is None where none was written."""
    kind, slash, name = written.partition("/")
    if slash and (_TAG.fullmatch(kind) or kind.lower() in SHORT):
        return kind, name
    return None, written


def existing(daemon: Daemon, written: str) -> tuple[str, str]:
    """Return type tag and name of an object that exists.

    Raises:
        Failure: There is none, or a bare name means several.
    """
    kind, name = split(written)
    if kind is not None:
        return kind, name
    found = daemon.get("/v1/objects", name=name)["objects"]
    if not found:
        raise Failure(f"there is no object called {name!r}", Code.NO)
    if len(found) > 1:
        choices = " or ".join(f"{row['type']}/{row['name']}" for row in found)
        raise Failure(f"{name!r} is the name of several objects: say {choices}", Code.USAGE)
    return found[0]["type"], name


def explained(refusal: Refused, written: str) -> Failure:
    """Say how to name the object, where a bare name met one of another type."""
    choices: list[Any] = refusal.problem.get("choices", [])
    if not choices or split(written)[0] is not None:
        return refusal
    said = " or ".join(f"{choice}/{written}" for choice in choices)
    return Failure(f"{refusal.problem['detail']}: say {said}", Code.USAGE)

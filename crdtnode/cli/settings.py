"""What ``run`` runs with: the command line, over a file, over what suits most.

Rule of this file: an error names its place, as ``$.join[0]`` does.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import msgspec

from crdtnode.cli.outcome import Code, Failure
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.node.keyfile import default_path

_NOTHING = (None, False, ())


class RunConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All that a configuration file may say, under these names."""

    name: str | None = None
    cluster: str = "default"
    bind: str | None = None
    advertise: str | None = None
    join: list[str] = []
    key_file: str | None = None
    insecure: bool = False
    discover: bool = False
    api: str | None = None
    allow_faults: bool = False
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    peers: str | None = None
    tags: dict[str, str] = {}
    settings: Settings = msgspec.field(default_factory=Settings)

    def keyring(self) -> str | None:
        """Return the keyring file to use: the one named, else the default one if it is there."""
        if self.key_file is not None or self.insecure:
            return self.key_file
        path = default_path()
        return str(path) if path.exists() else None

    def address(self) -> str:
        """Return what to bind: everything where strangers are kept out, else this machine only."""
        if self.bind is not None:
            return self.bind
        open_to_hosts = self.keyring() is not None or self.insecure
        return f"{'0.0.0.0' if open_to_hosts else '127.0.0.1'}:{DEFAULT_PORT}"


def combined(file: Path | None, given: dict[str, Any]) -> RunConfig:
    """Return the configuration: what was given by hand counts more than the file.

    Args:
        file: A TOML file, or None.
        given: What the command line says; None, False and no values of a repeated option mean
            nothing. An empty text counts: whoever wrote ``--name "$UNSET"`` shall hear of it.

    Raises:
        Failure: The file cannot be read, or says something that is not allowed.
    """
    said = {} if file is None else _read(file)
    said.update({key: value for key, value in given.items() if value not in _NOTHING})
    try:
        _check_settings(said.get("settings"))
        return msgspec.convert(said, RunConfig)
    except msgspec.ValidationError as error:
        raise Failure(f"{file or 'command line'}: {error}", Code.USAGE) from None


def _read(file: Path) -> dict[str, Any]:
    import tomllib  # most daemons have no file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}", Code.USAGE) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{file} is no TOML: {error}", Code.USAGE) from None


def _check_settings(settings: object) -> None:
    """Refuse unknown settings; conversion to a dataclass would pass over them."""
    known = {field.name for field in fields(Settings)}
    if isinstance(settings, dict) and (unknown := sorted(set(settings) - known)):
        raise msgspec.ValidationError(
            f"Object contains unknown field `{unknown[0]}` - at `$.settings`"
        )

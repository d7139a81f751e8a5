"""``key``: the keyring file, which lets nodes meet and keeps strangers out."""

from pathlib import Path

import click

from crdtnode.cli.options import json_option
from crdtnode.cli.outcome import Code, Failure
from crdtnode.cli.output import print_document


@click.group()
def key() -> None:
    """Make the key that keeps strangers out."""


@key.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@json_option
def new(path: Path | None, as_document: bool) -> None:
    """Draw a new key and write it to PATH, or to ~/.config/crdtnode/keyring.

    The file is for its owner alone (mode 0600), and an existing one is never overwritten. Copy it
    to every host of the cluster; `crdtnode run` uses it by itself where it is at that place.
    """
    from crdtnode.errors import KeyringError  # the wire loads cryptography
    from crdtnode.node.keyfile import default_path, new_keyring

    path = path or default_path()
    try:
        new_keyring(path)
    except KeyringError as error:
        raise Failure(str(error), Code.NO) from None
    if as_document:
        print_document({"path": str(path.absolute())})
    else:
        click.echo(str(path))

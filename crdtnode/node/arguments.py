"""Whether what a caller passes is of the kind that is wanted.

Rule of this file: one error names the argument, before anything has happened.
"""

from collections.abc import Iterable

from crdtnode.errors import InvalidName
from crdtnode.registry.names import check_name


def expect(argument: str, value: object, kinds: Iterable[type]) -> None:
    """Check that an argument is of one of some kinds.

    Raises:
        TypeError: It is not; the message names it.
    """
    kinds = tuple(kinds)
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__.replace("NoneType", "None") for kind in kinds)
        raise TypeError(f"{argument}: expected {wanted}, not {type(value).__name__}")


def expect_name(argument: str, name: str) -> None:
    """Check that a name can be one.

    Raises:
        InvalidName: It cannot; the message names the argument.
    """
    try:
        check_name(name)
    except InvalidName as error:
        raise InvalidName(f"{argument}: {error}") from None

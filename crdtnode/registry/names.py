"""What an object may be called: 1-255 bytes of UTF-8 without control characters or line ends.

`crdtnode.wire.fields.text` takes the same names from others, and no others.
"""

from typing import Final
import unicodedata

from crdtnode.errors import InvalidName

NAME_BYTES_MOST: Final = 255
"""Longest name. Every message about an object repeats it."""

_REFUSED: Final = {"Cc", "Zl", "Zp"}
"""Categories of characters that no name holds: they would break lines of tables and logs."""


def check_name(name: object) -> str:
    """Return the name.

    Raises:
        TypeError: It is no str.
        InvalidName: It is empty, longer than 255 bytes in UTF-8, or holds control characters
            (line ends and NUL are some), separators of lines or lone surrogates.
    """
    if type(name) is not str:
        raise TypeError(f"a name is a str, not {type(name).__name__}")
    if name.isascii() and name.isprintable() and 0 < len(name) <= NAME_BYTES_MOST:
        return name
    if not name:
        raise InvalidName("a name cannot be empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName(f"a name is UTF-8 text, without lone surrogates: {name!r}") from None
    if size > NAME_BYTES_MOST:
        raise InvalidName(f"a name has at most {NAME_BYTES_MOST} bytes of UTF-8, not {size}")
    for character in name:
        if unicodedata.category(character) in _REFUSED:
            raise InvalidName(f"a name cannot hold the control character {character!r}")
    return name

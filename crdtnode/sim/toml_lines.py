"""In which line of a TOML text each value stands.

Rule of this file: the text was read by `tomllib` before, so it is valid TOML; only places are
looked for. They are spelled as in errors of plans: ``faults[2].node``.
"""

from collections import Counter
import re
from typing import Final

_BLANK: Final = re.compile(r"(?:\s|#[^\n]*)*")
_KEY: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_TEXT: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'{3}.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_BARE: Final = re.compile(r"[^,\]}\n#]*")


def lines_of(text: str) -> dict[str, int]:
    r"""The line, from 1, of every key, table and item of a list.

    Example:
        >>> lines_of('seed = 7\n[[faults]]\nkind = "heal"')
        {'seed': 1, 'faults': 2, 'faults[0]': 2, 'faults[0].kind': 3}
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


def line_of(place: str, lines: dict[str, int]) -> int | None:
    """The line of a place, or of the nearest thing around it that has one."""
    while place:
        if place in lines:
            return lines[place]
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return None


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[str, int] = {}
        self._text = text
        self._at = 0
        self._items: Counter[str] = Counter()
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        table = ""
        self._skip()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _header(self) -> str:
        line = self._line()
        many = self._text.startswith("[[", self._at)
        self._at += 1 + many
        *above, last = self._keys()
        self._at += 1 + many
        place = ""
        for key in above:
            place = _under(place, key)
            if self._items[place]:
                place = f"{place}[{self._items[place] - 1}]"
        place = _under(place, last)
        if many:
            self.lines.setdefault(place, line)
            self._items[place] += 1
            place = f"{place}[{self._items[place] - 1}]"
        self.lines.setdefault(place, line)
        return place

    def _pair(self, table: str) -> None:
        line, place = self._line(), table
        for key in self._keys():
            place = _under(place, key)
            self.lines.setdefault(place, line)
        self._at += 1  # the equals sign
        self._value(place)

    def _value(self, place: str) -> None:
        self._skip()
        opening = self._text[self._at]
        if opening not in "[{":
            match = (_TEXT if opening in "\"'" else _BARE).match(self._text, self._at)
            assert match is not None, "valid TOML"
            self._at = match.end()
            return
        self._at += 1
        self._skip()
        number = 0
        while self._text[self._at] not in "]}":
            if opening == "{":
                self._pair(place)
            else:
                item = f"{place}[{number}]"
                self.lines.setdefault(item, self._line())
                self._value(item)
                number += 1
            self._skip()
            if self._text[self._at] == ",":
                self._at += 1
                self._skip()
        self._at += 1

    def _keys(self) -> list[str]:
        keys = []
        while True:
            match = _KEY.match(self._text, self._at)
            assert match is not None, "valid TOML"
            self._at = match.end()
            keys.append(next(part for part in match.groups() if part is not None))
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._at)
        assert match is not None, "may be empty"
        self._at = match.end()

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


def _under(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key

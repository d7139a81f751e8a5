"""A picture as a PNG file, drawn with Pillow (the extra ``plot``).

Rule of this file: the only one that knows Pillow, which it imports when it is used.
"""

from importlib import import_module
from pathlib import Path as FilePath
from typing import Any, Final

from crdtnode.errors import NotSupported
from crdtnode.sim.report.picture import PAPER, Dot, Path, Picture, Rect, Shape, Text

SCALE: Final = 2
"""Pixels of the image for each of the picture."""

_DASH: Final = 4.0


def write_png(picture: Picture, path: FilePath) -> None:
    """Draw a picture into a file.

    Raises:
        NotSupported: Pillow is not installed.
        OSError: The file cannot be written.
    """
    try:
        image_of: Any = import_module("PIL.Image")
        draw_of: Any = import_module("PIL.ImageDraw")
        font_of: Any = import_module("PIL.ImageFont")
    except ImportError:
        raise NotSupported("a PNG needs Pillow: pip install 'crdtnode[plot]'") from None
    image = image_of.new("RGB", (picture.width * SCALE, picture.height * SCALE), PAPER)
    pencil = _Pencil(draw_of.Draw(image), font_of)
    for shape in picture.shapes:
        pencil.draw(shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG", optimize=True)


class _Pencil:
    def __init__(self, draw: Any, font_of: Any) -> None:
        self._draw = draw
        self._font_of = font_of
        self._fonts: dict[int, Any] = {}

    def draw(self, shape: Shape) -> None:
        match shape:
            case Rect(x, y, width, height, fill, _):
                box = (x * SCALE, y * SCALE, (x + width) * SCALE - 1, (y + height) * SCALE - 1)
                if box[2] >= box[0] and box[3] >= box[1]:
                    self._draw.rectangle(box, fill=fill)
            case Dot(x, y, radius, fill, _):
                around = (x - radius, y - radius, x + radius, y + radius)
                self._draw.ellipse([side * SCALE for side in around], fill=fill)
            case Path(points, stroke, width, dashed):
                scaled = [(x * SCALE, y * SCALE) for x, y in points]
                wide = max(1, round(width * SCALE))
                for piece in _dashes(scaled) if dashed else [scaled]:
                    self._draw.line(piece, fill=stroke, width=wide, joint="curve")
            case Text(x, y, text, size, anchor, fill, bold):
                place = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
                self._draw.text(
                    (x * SCALE, y * SCALE),
                    text,
                    font=self._font(size),
                    anchor=place,
                    fill=fill,
                    stroke_width=0.4 if bold else 0,
                    stroke_fill=fill,
                )

    def _font(self, size: int) -> Any:
        if size not in self._fonts:
            self._fonts[size] = self._font_of.load_default(size * SCALE)
        return self._fonts[size]


def _dashes(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """A vertical line in pieces; no other line is dashed."""
    (x, top), (_, bottom) = points
    pieces, y = [], top
    while y < bottom:
        pieces.append([(x, y), (x, min(bottom, y + _DASH * SCALE))])
        y += 2 * _DASH * SCALE
    return pieces

"""A picture as SVG.

Rule of this file: text in, text out; everything is escaped, and nothing is fetched from anywhere.
"""

from html import escape

from crdtnode.sim.report.picture import Dot, Path, Picture, Rect, Shape, Text


def svg(picture: Picture) -> str:
    """Draw a picture."""
    size = f'viewBox="0 0 {picture.width} {picture.height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
    body = "".join(map(_drawn, picture.shapes))
    return f'{head} aria-label="{escape(picture.label)}">{body}</svg>'


def _drawn(shape: Shape) -> str:
    match shape:
        case Rect(x, y, width, height, fill, title):
            box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
            return f'<rect {box} fill="{fill}">{_title(title)}</rect>'
        case Dot(x, y, radius, fill, title):
            place = f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"'
            return f'<circle {place} fill="{fill}">{_title(title)}</circle>'
        case Path(points, stroke, width, dashed):
            line = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
            dash = ' stroke-dasharray="4 3"' if dashed else ""
            style = f'fill="none" stroke="{stroke}" stroke-width="{_n(width)}"{dash}'
            return f'<polyline points="{line}" {style}/>'
        case Text(x, y, text, size, anchor, fill, bold):
            weight = ' font-weight="600"' if bold else ""
            style = f'font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}'
            return f'<text x="{_n(x)}" y="{_n(y)}" {style}>{escape(text)}</text>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

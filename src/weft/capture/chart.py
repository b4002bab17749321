"""Bar charts of link loads, for a terminal and as SVG. Pure text."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

_BARS = "▁▂▃▄▅▆▇█"
_DIGITS = "12345678"
_WIDTH, _BAR_HEIGHT, _LABEL_HEIGHT, _GAP = 640, 60, 18, 14


def bars(loads: Sequence[int], unicode: bool = True) -> str:
    """One character a link, as high as its load; `.` for an idle link. Without Unicode: 1 to 8."""
    steps = _BARS if unicode else _DIGITS
    highest = max(loads, default=0) or 1
    return "".join("." if not load else steps[(load * len(steps) - 1) // highest] for load in loads)


def svg(title: str, charts: Sequence[tuple[str, Sequence[int]]]) -> str:
    """A picture of several charts one below the other; the line across the bars is the mean."""
    step = _LABEL_HEIGHT + _BAR_HEIGHT + _GAP
    height = _LABEL_HEIGHT * 2 + step * len(charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif"'
        ' font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="4" y="{_LABEL_HEIGHT}" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (label, loads) in enumerate(charts):
        parts += _svg_chart(label, loads, _LABEL_HEIGHT * 2 + step * number)
    return "\n".join([*parts, "</svg>", ""])


def _svg_chart(label: str, loads: Sequence[int], top: int) -> list[str]:
    highest = max(loads, default=0) or 1
    mean = sum(loads) / max(1, len(loads))
    width = (_WIDTH - 8) / max(1, len(loads))
    bottom = top + _LABEL_HEIGHT + _BAR_HEIGHT
    parts = [f'<text x="4" y="{top + 12}">{escape(label)}</text>']
    for link, load in enumerate(loads):
        size = _BAR_HEIGHT * load / highest
        parts.append(
            f'<rect x="{4 + link * width:.1f}" y="{bottom - size:.1f}" width="{max(1, width - 2):.1f}"'
            f' height="{size:.1f}" fill="steelblue"><title>link {link}: {load}</title></rect>'
        )
    level = bottom - _BAR_HEIGHT * mean / highest
    parts.append(f'<line x1="4" y1="{level:.1f}" x2="{_WIDTH - 4}" y2="{level:.1f}" stroke="firebrick"/>')
    return parts

"""Two small plots as inline SVG, coloured by the page's own properties."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evals.metrics import Bin, Floats

_SIDE, _LEFT, _TOP, _BOTTOM = 260, 46, 12, 44
_WIDTH, _HEIGHT = _LEFT + _SIDE + 14, _TOP + _SIDE + _BOTTOM
_STEPS = 200
"""Points of a curve at most; more cannot be seen."""


def reliability_plot(bins: Sequence[Bin]) -> str:
    """Share of answerable questions over confidence, a point a bin; on the diagonal the confidence is right."""
    most = max((part.count for part in bins), default=1)
    points = "".join(
        f'<circle cx="{_x(part.confidence):.1f}" cy="{_y(part.answerable):.1f}" class="point" '
        f'r="{3 + 3 * part.count / most:.1f}"><title>{part.count} questions, confidence {part.confidence:.2f}, '
        f"answerable {part.answerable:.2f}</title></circle>"
        for part in bins
    )
    line = _path([(part.confidence, part.answerable) for part in bins], "curve")
    diagonal = _path([(0, 0), (1, 1)], "guide")
    said = "; ".join(f"{part.confidence:.2f} gives {part.answerable:.2f}" for part in bins)
    return _plot(
        "Reliability",
        f"Confidence against share answerable: {said}",
        "confidence",
        "share answerable",
        diagonal + line + points,
    )


def risk_plot(coverage: Floats, risk: Floats, highest: float = 1.0) -> str:
    """Share of answered questions that should not have been, over the share of questions answered."""
    step = max(1, len(coverage) // _STEPS)
    points = list(zip(coverage.tolist(), risk.tolist(), strict=True))
    kept = [*points[::step], *points[-1:]]
    said = (
        f"Risk {points[-1][1]:.2f} when all questions are answered, {points[len(points) // 2][1]:.2f} at half"
        if points
        else ""
    )
    scaled = [(x, y / highest) for x, y in kept]
    return _plot(
        "Risk and coverage",
        said,
        "share of questions answered",
        "share wrongly answered",
        _path(scaled, "curve"),
        highest,
    )


def _plot(title: str, said: str, x_name: str, y_name: str, inside: str, highest: float = 1.0) -> str:
    grid = "".join(
        f'<line x1="{_x(0)}" x2="{_x(1)}" y1="{_y(k / 4):.1f}" y2="{_y(k / 4):.1f}" class="grid"/>'
        f'<text x="{_LEFT - 6}" y="{_y(k / 4) + 4:.1f}" text-anchor="end">{highest * k / 4:.2f}</text>'
        f'<text x="{_x(k / 4):.1f}" y="{_TOP + _SIDE + 16}" text-anchor="middle">{k / 4:.2f}</text>'
        for k in range(5)
    )
    middle = _TOP + _SIDE / 2
    names = (
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>'
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">{escape(y_name)}</text>'
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}. {escape(said)}">{grid}{inside}{names}</svg></figure>'
    )


def _path(points: Sequence[tuple[float, float]], kind: str) -> str:
    if not points:
        return ""
    return f'<path class="{kind}" d="M{" L".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)}"/>'


def _x(share: float) -> float:
    return _LEFT + share * _SIDE


def _y(share: float) -> float:
    return _TOP + (1 - share) * _SIDE

#!/usr/bin/env python3
"""Draws how the stack's time grows: reads the lines of `growth_*` works, writes an SVG.

    benches/compare/run.sh --group stacks --only growth > growth.jsonl
    python benches/compare/plot.py growth.jsonl [--output docs/growth.svg]
"""

import argparse
import json
import math
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The panels: of each, the work, what grows, and that with what stays as it is.
PANELS = [
    ("growth_n", "rows", "rows of {cols} columns"),
    ("growth_p", "columns", "columns of {rows} rows"),
    ("growth_folds", "folds", "folds of {rows} rows of {cols} columns"),
    ("growth_members", "members", "members (boosting) on {rows} rows of {cols} columns"),
]
WIDTH, HEIGHT = 760, 650
# Of a panel, and of its margins.
PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP_X, GAP_Y = 290, 210, 62, 46, 90, 90
STYLE = """
    .card { fill: #ffffff }
    text { font: 12px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 13px }
    .axis { stroke: #57606a; fill: none }
    .grid { stroke: #d0d7de }
    .ideal { stroke: #8c959f; fill: none; stroke-width: 1.5; stroke-dasharray: 5 4 }
    .ours { stroke: #0969da; fill: none; stroke-width: 2 }
    .point { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117 }
      text { fill: #e6edf3 }
      .axis { stroke: #9198a1 }
      .grid { stroke: #30363d }
      .ideal { stroke: #767e88 }
      .ours { stroke: #58a6ff }
      .point { fill: #58a6ff }
    }
"""


def main():
    arguments = parse()
    lines = [json.loads(line) for path in arguments.lines for line in open(path) if line.startswith("{")]
    series = {work: points(lines, work) for work, _, _ in PANELS}
    if not any(series.values()):
        raise SystemExit("no lines of growth_n, growth_p, growth_folds or growth_members")
    Path(arguments.output).write_text(drawing(series))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="+", help="files of lines that `stacks.py` printed")
    parser.add_argument("--output", default=ROOT / "docs" / "growth.svg", help="docs/growth.svg if not given")
    return parser.parse_args()


def points(lines, work):
    """The sizes of a work, its seconds and those in proportion, by size: the last line of each counts."""
    found = {}
    for line in lines:
        if line["work"] == work:
            # A note begins with the size: "10000 rows: ...".
            found[int(line["note"].split()[0])] = line
    return [(size, line["ours_s"], line["peer_s"], line) for size, line in sorted(found.items())]


def drawing(series):
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        'aria-label="Seconds of fitting a stack over rows, columns, folds and members, beside growth in proportion">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
    ]
    for place, (work, name, fixed) in enumerate(PANELS):
        x = LEFT + place % 2 * (PANEL_WIDTH + GAP_X)
        y = TOP + place // 2 * (PANEL_HEIGHT + GAP_Y)
        parts.append(f'<g transform="translate({x} {y})">')
        parts += panel(series[work], name, fixed)
        parts.append("</g>")
    parts += legend()
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def panel(found, name, fixed):
    if not found:
        return [text(PANEL_WIDTH / 2, PANEL_HEIGHT / 2, f"{name}: not measured", "middle")]
    sizes = [size for size, *_ in found]
    seconds = [s for _, ours, ideal, _ in found for s in (ours, ideal)]
    span = math.log(sizes[-1] / sizes[0]) or 1.0
    across = scale(sizes[0] * math.exp(-0.06 * span), sizes[-1] * math.exp(0.16 * span), 0, PANEL_WIDTH)
    up = scale(min(seconds) / 1.4, max(seconds) * 1.4, PANEL_HEIGHT, 0)
    last = found[-1][3]
    parts = [text(0, -14, f"Seconds over {name}", css="title")]
    for tick in ticks(min(seconds) / 1.4, max(seconds) * 1.4):
        parts.append(f'<path class="grid" d="M0 {up(tick):.1f}H{PANEL_WIDTH}"/>')
        parts.append(text(-8, up(tick) + 4, f"{tick:g}", "end"))
    for size in sizes:
        parts.append(f'<path class="axis" d="M{across(size):.1f} {PANEL_HEIGHT}v5"/>')
        parts.append(text(across(size), PANEL_HEIGHT + 19, grouped(size), "middle"))
    label = fixed.format(rows=grouped(last["rows"]), cols=grouped(last["cols"]))
    parts.append(text(PANEL_WIDTH / 2, PANEL_HEIGHT + 38, label, "middle"))
    parts.append(f'<path class="axis" d="M0 0V{PANEL_HEIGHT}H{PANEL_WIDTH}"/>')
    parts.append(path("ideal", [(across(size), up(ideal)) for size, _, ideal, _ in found]))
    parts.append(path("ours", [(across(size), up(ours)) for size, ours, _, _ in found]))
    for size, ours, ideal, _ in found:
        parts.append(f'<circle class="point" cx="{across(size):.1f}" cy="{up(ours):.1f}" r="3.5"/>')
        if size != sizes[0]:
            # On the side of the line that the ideal is not on.
            x, y, anchor = (7, 15, "start") if ours < ideal else (-6, -7, "end")
            parts.append(text(across(size) + x, up(ours) + y, f"{ours / ideal:.2f}", anchor))
    return parts


def legend():
    y = HEIGHT - 14
    return [
        f'<path class="ours" d="M{LEFT} {y - 4}h30"/>', text(LEFT + 38, y, "measured"),
        f'<path class="ideal" d="M{LEFT + 120} {y - 4}h30"/>',
        text(LEFT + 158, y, "in proportion to the smallest size; the numbers are measured / in proportion"),
    ]


def scale(low, high, start, end):
    """A logarithmic axis."""
    return lambda value: start + (math.log(value) - math.log(low)) / (math.log(high) - math.log(low)) * (end - start)


def ticks(low, high):
    """1, 2, 5, 10, ... between; powers of ten alone if those are enough."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    tens = [10.0**k for k in decades if low <= 10.0**k <= high]
    return tens if len(tens) > 2 else [s * 10.0**k for k in decades for s in (1, 2, 5) if low <= s * 10.0**k <= high]


def path(css, points):
    return f'<path class="{css}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def text(x, y, content, anchor="start", css=None):
    attribute = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{content}</text>'


def grouped(number):
    """Thousands apart, by a narrow space."""
    return f"{number:,}".replace(",", "\u202f")


if __name__ == "__main__":
    main()

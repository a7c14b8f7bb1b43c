#!/usr/bin/env python3
"""Prints the lines of a run as a table in Markdown.

    run.sh --group stacks > lines.jsonl
    table.py lines.jsonl
"""

import json
import sys

HEAD = ["work", "threads", "rows x columns", "beside", "ours", "peer", "ratio", "memory, MB", "score", "agree"]


def main():
    print(row(HEAD))
    print("|" + "---|" * len(HEAD))
    for path in sys.argv[1:] or ["/dev/stdin"]:
        with open(path) as lines:
            for line in filter(str.strip, lines):
                print(row(cells(json.loads(line))))


def row(cells):
    return f"| {' | '.join(cells)} |"


def cells(line):
    score = both(line["ours_score"], line["peer_score"])
    return [
        line["work"], str(line["threads"]), f"{line['rows']:,} x {line['cols']:,}", line["peer"],
        seconds(line["ours_s"]), seconds(line["peer_s"]), f"{line['ratio']:.3g}",
        both(line["ours_mb"], line["peer_mb"]), f"{line['metric'] or ''} {score}".strip(),
        {None: "", True: "yes", False: "**no**"}[line["agree"]]]


def seconds(value):
    """With a unit of which there is one or more, and three digits."""
    unit, size = next((u, s) for u, s in [("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)] if value >= s or u == "ns")
    return f"{float(f'{value / size:.3g}'):g} {unit}"


def both(ours, peer):
    return ", ".join(f"{value:g}" for value in (ours, peer) if value is not None)


if __name__ == "__main__":
    main()

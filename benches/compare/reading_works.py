"""The pieces of work of reading: a file to a table."""

import math
import time

import data_set
from comparison import BUDGET_S, log, medians

# Sums are of as many numbers as there are rows, in one order or another.
TOLERANCE = 1e-9
# How much slower than polars ours may be.
SLOWER = 1.2


def work(name, file):
    """Reads a file, timed; `agree` if all columns have the same sums, and ours is not much slower."""

    def run(comparison, peers):
        arguments = comparison.arguments
        folder = comparison.file(arguments.rows, arguments.cols)
        for threads in arguments.threads:
            job = {"model": "reading", "file": file, "data": folder, "threads": threads}
            log(f"{name}: ours, {', '.join(peers)}")
            runs = {contestant: [] for contestant in ("ours", *peers)}
            start = time.monotonic()
            for _ in range(arguments.repeat):
                for contestant, figures in runs.items():
                    figures.append(comparison.execute(contestant, job))
                if time.monotonic() - start > BUDGET_S:
                    break
            ours = medians(runs["ours"])
            for peer in peers:
                theirs = medians(runs[peer])
                same = are_same(folder, ours["columns"], theirs["columns"])
                fast = peer != "polars" or ours["seconds"] <= SLOWER * theirs["seconds"]
                note = f"the table has {ours['table_mb']:.4g} MB, the peak {ours['mb'] / ours['table_mb']:.3g} times that"
                comparison.line(name, job, ours, theirs, agree=same and fast, note=note)

    return run


def are_same(folder, ours, theirs):
    """Whether missing cells, sums and numbers of levels are the same, column by column."""
    differing = [
        field["name"]
        for field, a, b in zip(data_set.meta(folder)["columns"], ours, theirs, strict=True)
        if a[0] != b[0] or a[2] != b[2] or not math.isclose(a[1], b[1], rel_tol=TOLERANCE, abs_tol=1e-6)
    ]
    if differing:
        log(f"columns differ: {differing[:10]}")
    return not differing


# The work, its peers, how it is run.
WORKS = [
    ("csv", ["polars", "pandas"], work("csv", "table.csv")),
    ("parquet", ["polars", "pandas"], work("parquet", "table.parquet")),
]

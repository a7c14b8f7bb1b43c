#!/usr/bin/env python3
"""Compares this checkout of stackfold with another one, an older one say: time, memory and bits.

Prints one JSON line for each piece of work; `ratio` is the other's seconds over ours, and `agree` says
whether both give the same bits. See README.md.
"""

import os
import subprocess
from pathlib import Path

from comparison import HERE, Comparison, command_line, log, medians
from works import BOOSTING
from stack_works import options

TRANSFORMS = {
    "strings": ("one_hot", "leave_one_out", "target"),
    "numbers": ("copy", "mean_standard", "median", "robust", "quantile"),
}


def main():
    arguments = parse()
    folder = Path(arguments.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(arguments, folder.resolve(), "")
    works = [(name, job) for name, job in jobs(comparison) if comparison.wanted(name)]
    # Only reading needs polars, which takes minutes to build.
    features = "reading" if any(name.startswith("reading") for name, _ in works) else ""
    roots = {"ours": HERE.parents[1], "before": Path(arguments.before).resolve()}
    programs = {contestant: build(root, features) for contestant, root in roots.items()}
    comparison.program = lambda contestant: [programs[contestant]]
    for name, job in works:
        run(comparison, name, job())


def parse():
    parser = command_line(__doc__)
    parser.add_argument("--before", required=True, help="the other checkout, whose `ours` is built and run")
    parser.add_argument("--rows", type=int, default=100_000, help="training rows")
    parser.add_argument("--cols", type=int, default=100, help="columns of numbers")
    parser.set_defaults(work_dir="target/compare-before", repeat=7)
    return parser.parse_args()


def build(root, features):
    """The program of a checkout, in a target folder of its own."""
    log(f"building {root}")
    target = root / "target" / "compare"
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "--locked", "--bin", "ours", "--features", features,
         "--manifest-path", str(root / "benches/compare/ours/Cargo.toml")],
        env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
    return str(target / "release" / "ours")


def jobs(comparison):
    """Names of works, and what makes the job of each."""
    arguments = comparison.arguments
    rows, cols = arguments.rows, arguments.cols
    table = lambda: {"data": comparison.synthetic(rows, cols, 20_000)}
    small = lambda: {"data": comparison.synthetic(20_000, cols, 20_000)}
    trees = {"n_trees": 100, "max_depth": 12}
    yield "boosting", lambda: {**table(), **BOOSTING, "n_trees": 100}
    yield "boosting_categorical", lambda: {**table(), **BOOSTING, "n_trees": 100, "categories": "native"}
    yield "random_forest", lambda: {**table(), **trees, "model": "random_forest"}
    yield "extra_trees", lambda: {**table(), **trees, "model": "extra_trees"}
    yield "predict", lambda: {**small(), **BOOSTING, "n_trees": 100, "measure": "predict", "calls": 50}
    yield "predict_row", lambda: {**small(), **BOOSTING, "n_trees": 100, "measure": "predict_row", "calls": 100_000}
    yield "network", lambda: {
        "data": comparison.mixed(20_000, cols, 5_000), "model": "network", "measure": "epoch", "categories": "native"}
    for columns, works in TRANSFORMS.items():
        make = comparison.strings if columns == "strings" else lambda n: comparison.numbers(n, cols, False)
        for work in works:
            for form in ("plain", "table"):
                yield f"{work}_{form}", lambda make=make, work=work, form=form: {
                    "data": make(2 * rows), "model": "transform", "transform": work, "input": form, "output": ""}
    yield "stack", lambda: {**small(), "model": "stack", "stack": options()}
    yield "blend", lambda: {**table(), "model": "stack", "stack": options(n_folds=0)}
    for member in ("boosting", "forest", "logistic", "naive_bayes"):
        yield f"cross_validation_{member}", lambda member=member: {
            **small(), "model": "stack", "stack": options([member], is_cross_validation=True)}
    yield "one_row", lambda: {
        **small(), "model": "stack", "stack": options(), "categories": "native", "measure": "predict_row", "calls": 20_000}
    for form in ("csv", "parquet"):
        yield f"reading_{form}", lambda form=form: {
            "data": comparison.file(2 * rows, cols), "model": "reading", "file": f"table.{form}"}


def run(comparison, name, job):
    """Both in turn, round after round, the first of a round in turn too."""
    log(name)
    predictions = str(comparison.folder / "predictions.f64")
    for threads in comparison.arguments.threads:
        runs = {"ours": [], "before": []}
        for turn in range(comparison.arguments.repeat):
            for contestant in sorted(runs, reverse=turn % 2 == 0):
                figures = comparison.execute(contestant, {**job, "threads": threads, "predictions": predictions})
                runs[contestant].append({**figures, "version": contestant})
        ours, before = (medians(figures) for figures in runs.values())
        least = [min(run["seconds"] for run in figures) for figures in runs.values()]
        ratios = [b["seconds"] / a["seconds"] for a, b in zip(*runs.values())]
        note = f"of the shortest {least[1] / least[0]:.3f}; of rounds {min(ratios):.3f} to {max(ratios):.3f}"
        same = all(ours.get(key) == before.get(key) for key in ("predictions_hash", "hash", "columns"))
        comparison.line(name, {**job, "threads": threads}, ours, before, agree=same, note=note)


if __name__ == "__main__":
    main()

"""Makes data, runs contestants in turn, prints lines."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

import data_set
import synthetic
import synthetic_columns
import synthetic_mixed
import synthetic_reading
import tables

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Rounds stop when a work has used this many seconds.
BUDGET_S = 150
SEED = 7
# Libraries with programs in `rust_peers`.
RUST = ("linfa", "smartcore", "ferrolearn", "featrs")


def log(text):
    print(text, file=sys.stderr, flush=True)


def numbers(text):
    """Whole numbers with commas between them, on the command line."""
    return [int(part) for part in text.split(",")]


def command_line(description, has_rounds=True):
    """A parser with the options that all groups have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--threads", type=numbers, default="2", help="numbers of threads, with commas")
    if has_rounds:
        parser.add_argument("--repeat", type=int, default=3, help="rounds, contestants in turn")
    parser.add_argument("--only", default="", help="parts of names `work/peer`, with commas: only those that match")
    parser.add_argument("--work-dir", help="keeps the data here for the next run")
    return parser


def run_works(arguments, works, features=""):
    """Runs the works, (name, peers, how it is run), that are wanted; ends the program.

    `features` are those of our program that the works need.
    """
    with tempfile.TemporaryDirectory(prefix="stackfold-compare-") as scratch:
        comparison = Comparison(arguments, Path(arguments.work_dir or scratch).resolve(), features)
        for work, peers, run in works:
            peers = [peer for peer in peers if comparison.wanted(f"{work}/{peer}")]
            if peers:
                try:
                    run(comparison, peers)
                except subprocess.CalledProcessError as error:
                    log(f"{work} failed: {error}")
                    comparison.failed = True
    sys.exit(comparison.failed)


class Comparison:
    """Makes data, runs contestants, prints lines."""

    def __init__(self, arguments, folder, features):
        self.arguments = arguments
        self.features = features
        self.folder = folder
        self.only = [part for part in arguments.only.split(",") if part]
        self.failed = False
        self.binaries = {}

    def wanted(self, name):
        return not self.only or any(part in name for part in self.only)

    # Data

    def synthetic(self, rows, cols, test_rows):
        return self.data(f"synthetic-{rows}-{cols}-{test_rows}", synthetic.write, rows, test_rows, cols, SEED)

    def mixed(self, rows, numbers, test_rows):
        return self.data(f"mixed-{rows}-{numbers}-{test_rows}", synthetic_mixed.write, rows, test_rows, numbers, SEED)

    def strings(self, rows, complete=False):
        name = f"strings-{rows}{'-complete' * complete}"
        return self.data(name, synthetic_columns.write_strings, rows, SEED, complete)

    def numbers(self, rows, cols, continuous, complete=False):
        name = f"numbers-{rows}-{cols}-{'continuous' if continuous else 'mixed'}{'-complete' * complete}"
        return self.data(name, synthetic_columns.write_numbers, rows, cols, continuous, SEED, complete)

    def file(self, rows, cols):
        return self.data(f"file-{rows}-{cols}", synthetic_reading.write, rows, cols, SEED)

    def table(self, name, split, n_rows=None):
        suffix = "" if n_rows is None else f"-{n_rows}"
        return self.data(f"{name}-{split}{suffix}", tables.write, name, split, n_rows)

    def data(self, name, write, *arguments):
        folder = self.folder / name
        if not (folder / "meta.json").exists():
            log(f"making {name}")
            write(folder, *arguments)
            truth = data_set.meta(folder).get("truth")
            if truth:
                log(f"best possible AUC {truth['best_auc']:.4f}, log loss {truth['best_log_loss']:.4f}")
        return folder

    # Contestants

    def run(self, contestant, job):
        """One fit in a process of its own; its figures, with the predictions as `predictions`."""
        predictions = self.folder / "predictions.f64"
        figures = self.execute(contestant, {**job, "predictions": str(predictions)})
        n_test = data_set.meta(job["data"])["n_test"]
        figures["predictions"] = np.fromfile(predictions, dtype="<f8").reshape(-1, n_test).T
        return figures

    def execute(self, contestant, job):
        """One job in a process of its own; the figures that it prints."""
        job = {
            "seed": SEED, "measure": "fit", "categories": "numbers", "calls": 1, "predictions": "",
            **job,
            "contestant": contestant, "data": str(job["data"]),
        }
        path = self.folder / "job.json"
        path.write_text(json.dumps(job))
        program = self.program(contestant)
        threads = str(job["threads"])
        environment = {
            **os.environ, "OMP_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([*program, str(path)], env=environment, stdout=subprocess.PIPE, check=True, text=True)
        figures = json.loads(done.stdout)
        if contestant in RUST:
            figures["version"] = f"{contestant} {locked_version(contestant)}"
        log(f"  {contestant}: {figures['seconds']:.6g} s, {show(figures['mb'])} MB, {job['threads']} threads")
        return figures

    def program(self, contestant):
        """The command that runs jobs, built before its first run if it is Rust."""
        if contestant == "ours":
            return [self.built("ours", "ours", "--features", self.features)]
        if contestant in RUST:
            return [self.built("rust_peers", f"{contestant}_peer", "--features", contestant)]
        return [sys.executable, str(HERE / "peer.py")]

    def built(self, crate, binary, *options):
        if binary not in self.binaries:
            target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target" / "compare"))
            manifest = HERE / crate / "Cargo.toml"
            log(f"building {binary}")
            subprocess.run(
                ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", str(manifest), "--bin", binary,
                 *options],
                env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
            self.binaries[binary] = str(target / "release" / binary)
        return self.binaries[binary]

    def rounds(self, work, entries):
        """Runs the entries, (contestant, job) by name, in turn, round after round; the medians of each."""
        log(f"{work}: {', '.join(entries)}")
        runs = {name: [] for name in entries}
        start = time.monotonic()
        for _ in range(self.arguments.repeat):
            for name, (contestant, job) in entries.items():
                runs[name].append(self.run(contestant, job))
            if time.monotonic() - start > BUDGET_S:
                break
        return {name: medians(figures) for name, figures in runs.items()}

    def beside(self, work, peers, job):
        """Ours and the peers on one job, in turn; the medians of each."""
        return self.rounds(work, {contestant: (contestant, job) for contestant in ("ours", *peers)})

    # Lines

    def line(self, work, job, ours, peer, scores=(None, None), metric=None, agree=None, note=None):
        """Prints the line of one work and peer; `rows` are the rows that the time is for."""
        meta = data_set.meta(job["data"])
        n_rows = {"predict": meta["n_test"], "predict_row": 1}.get(job.get("measure"), meta["n_train"])
        fields = {
            "work": work,
            "peer": peer["version"],
            "threads": job["threads"],
            "rows": n_rows,
            "cols": len(meta["columns"]),
            "ours_s": rounded(ours["seconds"]),
            "peer_s": rounded(peer["seconds"]),
            "ratio": rounded(peer["seconds"] / ours["seconds"]),
            "ours_mb": rounded(ours["mb"], 4),
            "peer_mb": rounded(peer["mb"], 4),
            "ours_score": rounded(scores[0], 5),
            "peer_score": rounded(scores[1], 5),
            "metric": metric,
            "agree": agree,
            "note": note,
        }
        print(json.dumps(fields), flush=True)


def locked_version(library):
    """The version of a Rust library that is built."""
    with open(HERE / "rust_peers" / "Cargo.lock", "rb") as lock:
        packages = tomllib.load(lock)["package"]
    return next(package["version"] for package in packages if package["name"] in (library, f"{library}-core"))


def medians(runs):
    """The last of the runs, with the medians of seconds and memory, those of a batch too."""
    middle = dict(runs[-1])
    if "batch" in middle:
        middle["batch"] = medians([run["batch"] for run in runs])
    for key in ("seconds", "mb"):
        values = [run[key] for run in runs if run[key] is not None]
        middle[key] = statistics.median(values) if values else None
    return middle


def rounded(number, digits=4):
    return None if number is None else float(f"{number:.{digits}g}")


def show(number):
    return "-" if number is None else f"{number:.0f}"


# Scores

SCORES = {
    "auc": roc_auc_score,
    "log_loss": log_loss,
    "accuracy": lambda y, p: accuracy_score(y, p.argmax(axis=1)),
    "r2": r2_score,
}


def score(metric, folder, figures):
    predictions = figures["predictions"]
    if predictions.shape[1] == 1:
        predictions = predictions[:, 0]
    return float(SCORES[metric](data_set.target(folder, "test"), predictions))


def close_enough(metric, ours, peer, tolerance):
    """Whether ours is no worse than the peer's by more than the tolerance; better is agreement too."""
    return ours <= peer + tolerance if metric == "log_loss" else ours >= peer - tolerance

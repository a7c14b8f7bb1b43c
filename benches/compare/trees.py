#!/usr/bin/env python3
"""Compares the histogram trees of stackfold with LightGBM, XGBoost and scikit-learn.

Prints one JSON line for each piece of work and peer; see README.md.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from comparison import Comparison, log
from works import WORKS


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="stackfold-compare-") as scratch:
        comparison = Comparison(arguments, Path(arguments.work_dir or scratch).resolve())
        for work, peers, run in WORKS:
            peers = [peer for peer in peers if comparison.wanted(f"{work}/{peer}")]
            if peers:
                try:
                    run(comparison, peers)
                except subprocess.CalledProcessError as error:
                    log(f"{work} failed: {error}")
                    comparison.failed = True
    sys.exit(comparison.failed)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--rows", type=int, default=260_753, help="training rows of the synthetic table")
    parser.add_argument("--cols", type=int, default=300, help="columns of the synthetic table")
    parser.add_argument("--test-rows", type=int, default=60_000, help="rows to score on")
    parser.add_argument("--predict-rows", type=int, default=100_000, help="rows of `predict`")
    parser.add_argument("--trees", type=int, default=200, help="trees of boosting; forests have half as many")
    parser.add_argument("--threads", type=numbers, default="2", help="numbers of threads, with commas")
    parser.add_argument("--growth-rows", type=numbers, default="10000,100000,1000000", help="sizes of `growth_n`")
    parser.add_argument("--growth-cols", type=numbers, default="30,300,2000", help="sizes of `growth_p`")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, contestants in turn")
    parser.add_argument("--only", default="", help="parts of names `work/peer`, with commas: only those that match")
    parser.add_argument("--work-dir", help="keeps the data here for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

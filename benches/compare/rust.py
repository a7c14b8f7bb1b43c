#!/usr/bin/env python3
"""Compares learners and transformers of stackfold with linfa, smartcore, ferrolearn and featrs.

Prints one JSON line for each piece of work and peer; see README.md.
"""

import argparse

from comparison import numbers, run_works
from rust_works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="training rows")
    parser.add_argument("--cols", type=int, default=30, help="columns of numbers; those of strings are 28")
    parser.add_argument("--test-rows", type=int, default=10_000, help="rows that learners predict")
    parser.add_argument("--trees", type=int, default=100, help="trees of forests and boosting")
    parser.add_argument("--threads", type=numbers, default="2", help="numbers of threads, with commas")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, contestants in turn")
    parser.add_argument("--only", default="", help="parts of names `work/peer`, with commas: only those that match")
    parser.add_argument("--work-dir", help="keeps the data here for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

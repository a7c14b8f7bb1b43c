#!/usr/bin/env python3
"""Compares stacks and cross-validation of stackfold with scikit-learn, mlxtend and vecstack.

Prints one JSON line for each piece of work and peer; see README.md.
"""

import argparse

from comparison import numbers, run_works
from stack_works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rows", type=int, default=260_753, help="training rows of the synthetic table")
    parser.add_argument("--cols", type=int, default=300, help="columns of the synthetic table")
    parser.add_argument("--test-rows", type=int, default=60_000, help="rows to score on")
    parser.add_argument("--row-rows", type=int, default=20_000, help="training rows of the stacks that predict single rows")
    parser.add_argument("--growth-rows", type=numbers, default="10000,100000,1000000", help="sizes of `growth_n`")
    parser.add_argument("--growth-cols", type=numbers, default="30,300,2000", help="sizes of `growth_p`")
    parser.add_argument("--growth-folds", type=numbers, default="2,5,10", help="sizes of `growth_folds`")
    parser.add_argument("--threads", type=numbers, default="2", help="numbers of threads, with commas")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, contestants in turn")
    parser.add_argument("--only", default="", help="parts of names `work/peer`, with commas: only those that match")
    parser.add_argument("--work-dir", help="keeps the data here for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares reading of CSV and Parquet files by stackfold, polars and pandas.

Prints one JSON line for each piece of work and peer; see README.md.
"""

import argparse

from comparison import numbers, run_works
from reading_works import WORKS


def main():
    run_works(parse(), WORKS, features="reading")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rows", type=int, default=260_753, help="rows of the files")
    parser.add_argument("--cols", type=int, default=299, help="columns of the files, 30 or more")
    parser.add_argument("--threads", type=numbers, default="2", help="numbers of threads, with commas")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, contestants in turn")
    parser.add_argument("--only", default="", help="parts of names `work/peer`, with commas: only those that match")
    parser.add_argument("--work-dir", help="keeps the data here for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

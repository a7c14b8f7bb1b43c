#!/usr/bin/env python3
"""Compares reading of CSV and Parquet files by stackfold, polars and pandas.

Prints one JSON line for each piece of work and peer; see README.md.
"""

from comparison import command_line, run_works
from reading_works import WORKS


def main():
    run_works(parse(), WORKS, features="reading")


def parse():
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=260_753, help="rows of the files")
    parser.add_argument("--cols", type=int, default=299, help="columns of the files, 30 or more")
    return parser.parse_args()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares learners and transformers of stackfold with linfa, smartcore, ferrolearn and featrs.

Prints one JSON line for each piece of work and peer; see README.md.
"""

from comparison import command_line, run_works
from rust_works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="training rows")
    parser.add_argument("--cols", type=int, default=30, help="columns of numbers; those of strings are 28")
    parser.add_argument("--test-rows", type=int, default=10_000, help="rows that learners predict")
    parser.add_argument("--trees", type=int, default=100, help="trees of forests and boosting")
    return parser.parse_args()


if __name__ == "__main__":
    main()

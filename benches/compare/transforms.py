#!/usr/bin/env python3
"""Compares the encoders, imputers and scalers of stackfold with scikit-learn, category_encoders, polars and pandas.

Prints one JSON line for each piece of work and peer; see README.md.
"""

from comparison import command_line, run_works
from transform_works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=260_753, help="rows of the synthetic columns")
    parser.add_argument("--cols", type=int, default=250, help="columns of numbers; those of strings are 28")
    return parser.parse_args()


if __name__ == "__main__":
    main()

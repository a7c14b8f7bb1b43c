#!/usr/bin/env python3
"""Compares the histogram trees of stackfold with LightGBM, XGBoost and scikit-learn.

Prints one JSON line for each piece of work and peer; see README.md.
"""

from comparison import command_line, numbers, run_works
from works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=260_753, help="training rows of the synthetic table")
    parser.add_argument("--cols", type=int, default=300, help="columns of the synthetic table")
    parser.add_argument("--test-rows", type=int, default=60_000, help="rows to score on")
    parser.add_argument("--predict-rows", type=int, default=100_000, help="rows of `predict`")
    parser.add_argument("--trees", type=int, default=200, help="trees of boosting; forests have half as many")
    parser.add_argument("--growth-rows", type=numbers, default="10000,100000,1000000", help="sizes of `growth_n`")
    parser.add_argument("--growth-cols", type=numbers, default="30,300,2000", help="sizes of `growth_p`")
    return parser.parse_args()


if __name__ == "__main__":
    main()

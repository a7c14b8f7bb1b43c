#!/usr/bin/env python3
"""Compares the network of stackfold with PyTorch and scikit-learn, and its embeddings with other encoders.

Prints one JSON line for each piece of work and peer; see README.md.
"""

import json

from comparison import command_line, run_works
from network_works import WORKS


def main():
    run_works(parse(), WORKS)


def parse():
    parser = command_line(__doc__, has_rounds=False)
    parser.add_argument("--rows", type=int, default=200_000, help="training rows of the synthetic table")
    parser.add_argument("--cols", type=int, default=200, help="numbers of the synthetic table, beside 28 codes")
    parser.add_argument("--test-rows", type=int, default=50_000, help="rows to score on")
    parser.add_argument("--epochs", type=int, default=5, help="epochs of `epoch`, two at least")
    parser.add_argument("--seeds", type=int, default=5, help="rounds of `epoch`, a seed each")
    parser.add_argument("--mnist-seeds", type=int, default=3, help="seeds of `mnist`")
    parser.add_argument("--splits", type=int, default=5, help="splits (of `adult_official`: seeds) of `tables`")
    parser.add_argument("--embedding-splits", type=int, default=3, help="splits of `embeddings`")
    parser.add_argument("--network", type=json.loads, default="{}", help="options of our network in `tables`, JSON")
    parser.add_argument(
        "--embedding", type=json.loads, default="{}",
        help="of the embedding encoder in `embeddings`, JSON: n_folds, rows_per_number, and options of its network")
    return parser.parse_args()


if __name__ == "__main__":
    main()

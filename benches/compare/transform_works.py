"""The pieces of work of encoders, imputers and scalers: fit and transform of training rows."""

import statistics
import time

import numpy as np

from comparison import BUDGET_S, log, medians

STRINGS, MIXED, CONTINUOUS = "strings", "mixed", "continuous"
# Without missing cells.
COMPLETE_STRINGS, COMPLETE = "complete strings", "complete"
# Differences are relative to 1 or the number, whichever is larger.
TOLERANCE = 1e-6
# A quantile of whole rank is one of the values; where scikit-learn's rounding puts it beside the value, that
# value's place moves by half the distance of two of the 1,000 quantiles.
HALF_A_QUANTILE = 0.501 / 999


def work(name, transform, columns, form="plain", tolerance=TOLERANCE, noise=0, note=None):
    """Fits and transforms, timed; `agree` if the matrices are the same up to the tolerance, and ours has
    the same bits on any number of threads."""

    def run(comparison, peers):
        arguments = comparison.arguments
        if columns in (STRINGS, COMPLETE_STRINGS):
            folder = comparison.strings(arguments.rows, columns == COMPLETE_STRINGS)
        else:
            folder = comparison.numbers(arguments.rows, arguments.cols, columns == CONTINUOUS, columns == COMPLETE)
        job = {"model": "transform", "transform": transform, "input": form, "noise": noise, "data": folder, "output": ""}
        hash_of_ours = comparison.execute("ours", {**job, "threads": 8})["hash"]
        differences = None
        for threads in arguments.threads:
            job |= {"threads": threads}
            log(f"{name}: ours, {', '.join(peers)}")
            runs = {contestant: [] for contestant in ("ours", *peers)}
            start = time.monotonic()
            for _ in range(arguments.repeat):
                for contestant, figures in runs.items():
                    compared = differences is None and tolerance is not None
                    output = str(comparison.folder / f"{contestant}.out") if compared else ""
                    figures.append(comparison.execute(contestant, {**job, "output": output}))
                if differences is None:
                    differences = {} if tolerance is None else {
                        peer: difference(comparison.folder, peer, runs) for peer in peers}
                if time.monotonic() - start > BUDGET_S:
                    break
            same_bits = all(figures["hash"] == hash_of_ours for figures in runs["ours"])
            for peer in peers:
                found = differences.get(peer)
                notes = [note, None if found is None else f"largest difference {found:.1g}", spread(runs, peer)]
                comparison.line(
                    name, job, medians(runs["ours"]), medians(runs[peer]),
                    agree=same_bits and (found is None or found <= tolerance), note="; ".join(filter(None, notes)))

    return run


def difference(folder, peer, runs):
    """The largest difference between our matrix and the peer's, whose columns may come in another order."""
    ours, other = (runs[contestant][0]["names"] for contestant in ("ours", peer))
    if sorted(ours) != sorted(other):
        log(f"names differ: {sorted(set(ours) ^ set(other))[:10]}")
        return np.inf
    a = np.memmap(folder / "ours.out", dtype="<f4", mode="r").reshape(len(ours), -1)
    b = np.memmap(folder / f"{peer}.out", dtype="<f8", mode="r").reshape(len(ours), -1)
    place = {name: j for j, name in enumerate(other)}
    largest = 0.0
    for j, name in enumerate(ours):
        x, y = a[j].astype(float), b[place[name]]
        if not (np.isnan(x) == np.isnan(y)).all():
            log(f"missing cells of {name} differ")
            return np.inf
        largest = max(largest, np.nanmax(np.abs(x - y) / np.maximum(1, np.abs(y)), initial=0.0))
    return float(largest)


def spread(runs, peer):
    """The smallest and the largest ratio among the rounds."""
    ratios = [theirs["seconds"] / own["seconds"] for own, theirs in zip(runs["ours"], runs[peer])]
    return f"ratios of rounds {min(ratios):.3g} to {max(ratios):.3g}, median {statistics.median(ratios):.3g}"


def tolerance(name, columns):
    return HALF_A_QUANTILE if name == "quantile" and columns == MIXED else TOLERANCE


SKLEARN, LEAVE_ONE_OUT = ["sklearn"], ["category_encoders", "pandas", "numpy"]
NOISE = "noise of 0.05, drawn by each in its own way"

# The work, its peers, how it is run.
WORKS = [
    ("one_hot", ["sklearn", "polars"], work("one_hot", "one_hot", STRINGS, tolerance=0)),
    ("one_hot_table", ["polars"], work("one_hot_table", "one_hot", STRINGS, "table", tolerance=0)),
    ("leave_one_out", LEAVE_ONE_OUT, work("leave_one_out", "leave_one_out", STRINGS)),
    ("leave_one_out_table", LEAVE_ONE_OUT[1:], work("leave_one_out_table", "leave_one_out", STRINGS, "table")),
    ("leave_one_out_noise", LEAVE_ONE_OUT,
     work("leave_one_out_noise", "leave_one_out", STRINGS, tolerance=None, noise=0.05, note=NOISE)),
    ("target", SKLEARN, work("target", "target", STRINGS)),
    ("target_table", SKLEARN, work("target_table", "target", STRINGS, "table")),
    ("copy", ["numpy"], work("copy", "copy", MIXED)),
    *[
        (name + suffix, SKLEARN, work(name + suffix, name, columns, form, tolerance(name, columns)))
        for name in ("mean_standard", "median", "robust", "quantile")
        for suffix, columns, form in (("", MIXED, "plain"), ("_table", MIXED, "table"), ("_continuous", CONTINUOUS, "plain"))
    ],
]

"""Seeded columns of strings, and of numbers, for encoders, imputers and scalers.

    meta.json     rows, target, columns (and the levels of each, for strings)
    codes.i32     strings as places among their column's levels, column after column, -1 where missing
    numbers.f64   numbers, column after column, NaN where missing
    y_train.f64   0 or 1
    folds.u8      five folds of the rows: stratified ones, or, of complete columns, blocks
"""

import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from synthetic import N_FACTORS, calibrate

# How many levels each text column of the Homesite data has.
HOMESITE = [8, 8, 2, 7, 12, 7, 2, 50, 60, 58, 55, 2, 2, 2, 19, 3, 4, 4, 2, 4, 2, 4, 2, 2, 2, 2, 3, 4]
N_FOLDS = 5


def folds(seed):
    return StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)


def write_strings(folder, n, seed, complete=False):
    """Columns with as many levels as Homesite's, of uneven frequency and names of 1 to 16 letters.

    One column in seven misses 1 % of its cells, unless they are complete; the target hangs on the
    levels of all.
    """
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((N_FACTORS, n), dtype=np.float32)
    codes, columns, logit = np.empty((len(HOMESITE), n), "<i4"), [], np.zeros(n)
    for j, n_levels in enumerate(HOMESITE):
        hidden = 0.6 * factors[j % N_FACTORS] + 0.8 * rng.standard_normal(n, dtype=np.float32)
        cuts = np.sort(rng.standard_normal(n_levels - 1)).astype(np.float32)
        codes[j] = rng.permutation(n_levels)[np.searchsorted(cuts, hidden)]
        logit += rng.standard_normal(n_levels)[codes[j]]
        if j % 7 == 3 and not complete:
            codes[j][rng.random(n) < 0.01] = -1
        columns.append({"name": f"text{j}", "n_codes": n_levels, "levels": _names(n_levels, j, rng)})
    p = calibrate(logit / logit.std(), 0.19, 0.9)
    y = np.random.default_rng([seed, 1]).random(n) < p
    _write(folder, {"codes.i32": codes}, columns, y, seed, complete)


def write_numbers(folder, n, n_columns, continuous, seed, complete=False):
    """A third of the columns (or all) continuous, the others whole numbers from -1 on, of 2 to 25
    values, like most of Homesite's. One column in five misses 5 % of its cells, unless they are
    complete."""
    rng = np.random.default_rng(seed)
    numbers = np.empty((n_columns, n), "<f8")
    for j in range(n_columns):
        hidden = rng.standard_normal(n)
        if continuous or j % 3 == 0:
            numbers[j] = np.exp(hidden) if j % 2 else 100 * hidden
        else:
            cuts = np.sort(rng.standard_normal(int(rng.integers(1, 25))))
            numbers[j] = np.searchsorted(cuts, hidden) - 1
        if j % 5 == 2 and not complete:
            numbers[j][rng.random(n) < 0.05] = np.nan
    columns = [{"name": f"number{j}", "n_codes": None} for j in range(n_columns)]
    _write(folder, {"numbers.f64": numbers}, columns, rng.random(n) < 0.19, seed, complete)


def _names(n_levels, column, rng):
    """Short names, as Homesite has them; in one column of four, longer ones."""
    length = int(rng.integers(8, 17)) if column % 4 == 2 else 1 if n_levels <= 8 else 2
    names = set()
    while len(names) < n_levels:
        names.add("".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), length)))
    return sorted(names)


def _write(folder, files, columns, y, seed, complete):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in files.items():
        values.tofile(folder / name)
    y.astype("<f8").tofile(folder / "y_train.f64")
    fold_of_row = np.empty(len(y), np.uint8)
    splitter = KFold(N_FOLDS) if complete else folds(seed)
    for fold, (_, rows) in enumerate(splitter.split(y, y)):
        fold_of_row[rows] = fold
    fold_of_row.tofile(folder / "folds.u8")
    meta = {"n_train": len(y), "n_test": 0, "target": "binary", "n_classes": 2, "columns": columns}
    # Last, so that a folder with a meta.json is whole.
    (folder / "meta.json").write_text(json.dumps(meta))


def codes(folder, n_rows):
    return np.fromfile(Path(folder) / "codes.i32", dtype="<i4").reshape(-1, n_rows)


def numbers(folder, n_rows):
    return np.fromfile(Path(folder) / "numbers.f64", dtype="<f8").reshape(-1, n_rows)

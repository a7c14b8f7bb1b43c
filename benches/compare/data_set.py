"""A data set as a folder of raw little-endian files, which every contestant reads.

    meta.json    rows, target, columns (see `write`)
    x_train.f32  features, column after column, NaN where missing
    x_test.f32   the same
    y_train.f64  class codes 0, 1, ... or values
    y_test.f64   the same
"""

import json
from pathlib import Path

import numpy as np


def write(folder, columns, y, n_train, target, **more):
    """Writes the folder; the first `n_train` rows are for training.

    columns: an iterable of (name, number of codes or None, values); one is held at a time
    target:  "binary", "multiclass" or "regression"
    more:    further entries of meta.json
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fields = []
    with open(folder / "x_train.f32", "wb") as train, open(folder / "x_test.f32", "wb") as test:
        for name, n_codes, values in columns:
            values = np.ascontiguousarray(values, dtype="<f4")
            fields.append({"name": name, "n_codes": n_codes})
            values[:n_train].tofile(train)
            values[n_train:].tofile(test)
    y = np.asarray(y() if callable(y) else y, dtype="<f8")
    y[:n_train].tofile(folder / "y_train.f64")
    y[n_train:].tofile(folder / "y_test.f64")
    n_classes = 0 if target == "regression" else int(y.max()) + 1
    meta = {"n_train": n_train, "n_test": len(y) - n_train, "target": target, "n_classes": n_classes,
            "columns": fields, **more}
    # Last, so that a folder with a meta.json is whole.
    (folder / "meta.json").write_text(json.dumps(meta))


def meta(folder):
    return json.loads((Path(folder) / "meta.json").read_text())


def features(folder, part):
    """The features of "train" or "test" as a row-major float32 matrix."""
    n_columns = len(meta(folder)["columns"])
    by_column = np.memmap(Path(folder) / f"x_{part}.f32", dtype="<f4", mode="r")
    return np.ascontiguousarray(by_column.reshape(n_columns, -1).T)


def target(folder, part):
    return np.fromfile(Path(folder) / f"y_{part}.f64", dtype="<f8")

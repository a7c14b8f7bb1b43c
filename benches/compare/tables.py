"""The real data sets: what is read, what is left out, and how they are split."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import data_set

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "data"

# Name: file, target column, positive class or kind of target, columns left out.
TABLES = {
    "adult": (EXAMPLES / "adult.csv.gz", "income", ">50K", ["split"]),
    "bank_full": (EXAMPLES / "bank_full.csv.gz", "y", "yes", ["duration"]),
    "covertype_20k": (HERE / "data" / "covertype_20k.csv.gz", "cover_type", "multiclass", []),
    "higgs_lightgbm": (HERE / "data" / "higgs_lightgbm.csv.gz", "signal", 1, ["split"]),
    "california_housing": (HERE / "data" / "california_housing.csv.gz", "median_house_value", "regression", []),
}


def write(folder, name, split):
    """Writes the split of that number: a quarter of the rows for testing, stratified by class."""
    path, target_column, target, left_out = TABLES[name]
    table = pd.read_csv(path).drop(columns=left_out)
    y = table.pop(target_column)
    if target == "regression":
        kind, y = "regression", y.to_numpy(float)
    elif target == "multiclass":
        kind, y = "multiclass", pd.factorize(y, sort=True)[0]
    else:
        kind, y = "binary", (y == target).to_numpy(float)
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.25, random_state=split, stratify=None if kind == "regression" else y
    )
    order = np.concatenate([train, test])

    def columns():
        for column, values in table.items():
            if pd.api.types.is_numeric_dtype(values):
                yield column, None, values.to_numpy(np.float32)[order]
            else:
                codes, levels = pd.factorize(values, sort=True)
                yield column, len(levels), np.where(codes < 0, np.nan, codes)[order]

    data_set.write(folder, columns(), y[order], len(train), kind)

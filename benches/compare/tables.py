"""The real data sets: what is read, what is left out, and how they are split."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import data_set

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "data"


class Table(NamedTuple):
    path: Path
    target: str
    # The positive class, "multiclass" or "regression".
    kind: object
    left_out: tuple | list = ()
    # Columns of numbers that are names.
    categories: tuple | list = ()
    prepare: Callable = lambda table: table
    # The share of rows for testing, or the column that says "train" or "test".
    test: float | str = 0.25


def salaries(table):
    """Salaries as numbers, and days of hiring as years."""
    table["Current Annual Salary"] = table["Current Annual Salary"].str.lstrip("$").astype(float)
    hired = pd.to_datetime(table["Date First Hired"], format="%m/%d/%Y")
    table["Date First Hired"] = hired.dt.year + (hired.dt.dayofyear - 1) / 365.25
    return table


ADULT = Table(EXAMPLES / "adult.csv.gz", "income", ">50K", ["split"])

TABLES = {
    "adult": ADULT,
    "adult_official": ADULT._replace(left_out=(), test="split"),
    "bank_full": Table(EXAMPLES / "bank_full.csv.gz", "y", "yes", ["duration"]),
    "credit_default_uci": Table(
        HERE / "data" / "credit_default_uci.csv.gz", "default.payment.next.month", 1, ["ID"],
        categories=["GENDER", "EDUCATION", "MARRIAGE"]),
    "covertype_20k": Table(HERE / "data" / "covertype_20k.csv.gz", "cover_type", "multiclass"),
    "higgs_lightgbm": Table(HERE / "data" / "higgs_lightgbm.csv.gz", "signal", 1, ["split"]),
    "california_housing": Table(HERE / "data" / "california_housing.csv.gz", "median_house_value", "regression"),
    "employee_salaries": Table(
        EXAMPLES / "employee_salaries.csv.gz", "Current Annual Salary", "regression",
        ["2016 Gross Pay Received", "2016 Overtime Pay", "Department Name"], prepare=salaries),
    "airlines": Table(
        HERE / "data" / "airlines.csv.gz", "IsDepDelayed", "YES",
        categories=["Year", "Month", "DayofMonth", "DayOfWeek", "FlightNum"]),
    "mnist_10k": Table(HERE / "data" / "mnist_10k.csv.gz", "label", "multiclass", test=0.2),
}


def write(folder, name, split, n_rows=None):
    """Writes the split of that number: rows for testing are drawn, stratified by class; of the others,
    which come in any order, at most so many are kept."""
    path, target_column, target, left_out, categories, prepare, test = TABLES[name]
    table = prepare(pd.read_csv(path).drop(columns=list(left_out)))
    y = table.pop(target_column)
    if target == "regression":
        kind, y = "regression", y.to_numpy(float)
    elif target == "multiclass":
        kind, y = "multiclass", pd.factorize(y, sort=True)[0]
    else:
        kind, y = "binary", (y == target).to_numpy(float)
    if isinstance(test, str):
        for_testing = (table.pop(test) == "test").to_numpy()
        train, test = np.flatnonzero(~for_testing), np.flatnonzero(for_testing)
    else:
        train, test = train_test_split(
            np.arange(len(y)), test_size=test, random_state=split, stratify=None if kind == "regression" else y
        )
    train = train[:n_rows]
    order = np.concatenate([train, test])

    def columns():
        for column, values in table.items():
            if pd.api.types.is_numeric_dtype(values) and column not in categories:
                yield column, None, values.to_numpy(np.float32)[order]
            else:
                codes, levels = pd.factorize(values, sort=True)
                yield column, len(levels), np.where(codes < 0, np.nan, codes)[order]

    data_set.write(folder, columns(), y[order], len(train), kind)

"""A seeded table in the shape of the Homesite competition's, as a CSV and as a Parquet file.

    meta.json      rows and columns
    table.csv      a header, no quotes but where they are needed
    table.parquet  the same cells, written by polars
"""

import json
from pathlib import Path

import numpy as np
import polars as pl

from synthetic_columns import HOMESITE


def write(folder, n, n_columns, seed):
    """A number of each row, a date, 28 columns of strings, one in fifteen of floats, and whole numbers from
    -1 to 25 for the rest. One float column in four misses 5 % of its cells."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    days = rng.integers(15_706, 16_500, n).astype(np.int32)
    columns = {"id": np.arange(1, n + 1), "date": pl.Series(days).cast(pl.Date)}
    for j, n_levels in enumerate(HOMESITE):
        levels = np.array([f"{chr(65 + level % 26)}{level // 26 or ''}" for level in range(n_levels)])
        columns[f"text{j}"] = levels[rng.integers(0, n_levels, n)]
    for j in range(n_columns - len(columns)):
        if j % 15 == 7:
            numbers = rng.standard_normal(n).round(4)
            present = rng.random(n) >= (0.05 if j % 4 == 3 else 0)
            columns[f"number{j}"] = pl.select(pl.when(pl.Series(present)).then(pl.Series(numbers))).to_series()
        else:
            columns[f"number{j}"] = rng.integers(-1, 26, n)
    table = pl.DataFrame(columns)
    table.write_csv(folder / "table.csv")
    table.write_parquet(folder / "table.parquet")
    fields = [{"name": name, "n_codes": None} for name in table.columns]
    meta = {"n_train": n, "n_test": 0, "target": "binary", "n_classes": 2, "columns": fields}
    # Last, so that a folder with a meta.json is whole.
    (folder / "meta.json").write_text(json.dumps(meta))

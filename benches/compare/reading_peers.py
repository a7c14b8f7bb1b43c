"""The peers of reading: a file to a data frame, and what is said of each column.

That is the number of missing cells; the sum of numbers, of days since 1970 or of lengths of texts; and
the number of levels of texts, 0 for numbers.
"""

from pathlib import Path


class Polars:
    def __init__(self):
        import polars

        self.library, self.version = polars, f"polars {polars.__version__}"

    def read(self, path):
        if path.suffix == ".csv":
            return self.library.read_csv(path, try_parse_dates=True)
        return self.library.read_parquet(path)

    def columns(self, table):
        return [self.column(table[name]) for name in table.columns]

    def column(self, values):
        if values.dtype == self.library.String:
            return [values.null_count(), float(values.str.len_bytes().sum()), values.drop_nulls().n_unique()]
        if values.dtype == self.library.Date:
            values = values.cast(self.library.Int32)
        return [values.null_count(), float(values.cast(self.library.Float64).sum()), 0]


class Pandas:
    def __init__(self):
        import pandas

        self.library, self.version = pandas, f"pandas {pandas.__version__}"

    def read(self, path):
        if path.suffix == ".csv":
            return self.library.read_csv(path, parse_dates=["date"])
        return self.library.read_parquet(path)

    def columns(self, table):
        return [self.column(table[name]) for name in table.columns]

    def column(self, values):
        n_missing = int(values.isna().sum())
        if self.library.api.types.is_numeric_dtype(values):
            return [n_missing, float(values.astype(float).sum()), 0]
        if values.name == "date":
            days = (self.library.to_datetime(values) - self.library.Timestamp("1970-01-01")).dt.days
            return [n_missing, float(days.sum()), 0]
        return [n_missing, float(values.str.len().sum()), int(values.nunique())]


PEERS = {"polars": Polars, "pandas": Pandas}


def run(job, measured):
    peer = PEERS[job["contestant"]]()
    path = Path(job["data"]) / job["file"]
    table, seconds, mb = measured(lambda: peer.read(path))
    return {"seconds": seconds, "mb": mb, "version": peer.version, "columns": peer.columns(table)}

"""The peers of encoders, imputers and scalers: each fits and transforms its training rows.

A job's `transform` says what is done, and from what: `plain` are strings or f64 numbers in memory, in
whichever form of several the library is fastest with; `table` is the form that the library itself
would keep, categories with codes in place of strings.
"""

import numpy as np
import pandas as pd

import data_set
import synthetic_columns


class Transform:
    """What all peers are asked for: the data, and the matrix with its columns' names."""

    library = None

    def __init__(self, job, meta):
        self.version = f"{self.library.__name__.replace('sklearn', 'scikit-learn')} {self.library.__version__}"
        self.seed, self.threads, self.job, self.meta = job["seed"], job["threads"], job, meta
        self.names = [column["name"] for column in meta["columns"]]
        self.y = data_set.target(job["data"], "train")
        self.data = self.load()

    def load(self):
        if self.meta["columns"][0]["n_codes"] is None:
            return synthetic_columns.numbers(self.job["data"], self.meta["n_train"]).T
        codes = synthetic_columns.codes(self.job["data"], self.meta["n_train"])
        columns = {
            column["name"]: self.strings(codes[j], column["levels"]) for j, column in enumerate(self.meta["columns"])}
        return self.frame(columns)

    def frame(self, columns):
        return pd.DataFrame(columns)

    def strings(self, codes, levels):
        """A column of Python strings: what scikit-learn and category_encoders are fastest with."""
        return pd.Series(np.array([*levels, np.nan], dtype=object)[codes], dtype=object)

    def output_names(self):
        return self.names


def missing(name, suffix):
    """Our name for the column of missing cells."""
    return name.removesuffix(suffix) + "_missing" if name.endswith(suffix) else name


def sklearn(make):
    """A transformer of scikit-learn's."""
    import sklearn as library

    class ScikitLearn(Transform):
        def __init__(self, job, meta):
            super().__init__(job, meta)
            # Here, for what is imported takes time.
            self.transformer = make(self)

        def run(self):
            return self.transformer.fit_transform(self.data, self.y)

        def output_names(self):
            if self.job["transform"] != "one_hot":
                return self.names
            return [missing(name, "_nan") for name in self.transformer.get_feature_names_out()]

    ScikitLearn.library = library
    return ScikitLearn


def one_hot(_peer):
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(sparse_output=False, dtype=np.float32)


def target(peer):
    from sklearn.preprocessing import TargetEncoder

    return TargetEncoder(target_type="binary", cv=synthetic_columns.folds(peer.seed))


def median(_peer):
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median")


def robust(_peer):
    from sklearn.preprocessing import RobustScaler

    return RobustScaler()


def quantile(_peer):
    from sklearn.preprocessing import QuantileTransformer

    return QuantileTransformer(subsample=None)


def mean_standard(_peer):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(), StandardScaler())


class Polars(Transform):
    """`to_dummies`, whose bytes are then written into a matrix of f32 column by column: of four ways
    to make that matrix the fastest."""

    def __init__(self, job, meta):
        import polars

        self.library = polars
        super().__init__(job, meta)

    def strings(self, codes, levels):
        series = self.library.Series([*levels, None]).gather(np.where(codes < 0, len(levels), codes).astype(np.uint32))
        return series.cast(self.library.Categorical) if self.job["input"] == "table" else series

    def frame(self, columns):
        return self.library.DataFrame(columns)

    def run(self):
        dummies = self.data.to_dummies()
        matrix = np.empty(dummies.shape, np.float32, order="F")
        for j, column in enumerate(dummies):
            matrix[:, j] = column.to_numpy()
        self.columns = dummies.columns
        return matrix

    def output_names(self):
        return [missing(name, "_null") for name in self.columns]


class CategoryEncoders(Transform):
    def __init__(self, job, meta):
        import category_encoders

        self.library = category_encoders
        super().__init__(job, meta)

    def run(self):
        noise = self.job["noise"] or None
        encoder = self.library.LeaveOneOutEncoder(sigma=noise, random_state=self.seed)
        return encoder.fit_transform(self.data, pd.Series(self.y)).to_numpy()


class Pandas(Transform):
    """Leave-one-out means as one writes them by hand: a group-by, twice transformed."""

    library = pd

    def strings(self, codes, levels):
        found = pd.Series(pd.Categorical.from_codes(codes, levels))
        return found if self.job["input"] == "table" else found.astype("str")

    def run(self):
        y, random = pd.Series(self.y), np.random.default_rng(self.seed)
        out = np.empty(self.data.shape, np.float32, order="F")
        for j, name in enumerate(self.data):
            groups = y.groupby(self.data[name], sort=False, observed=True, dropna=False)
            total, count = groups.transform("sum"), groups.transform("count")
            means = ((total - y) / (count - 1)).fillna(y.mean())
            out[:, j] = means * random.normal(1, self.job["noise"], len(y)) if self.job["noise"] else means
        return out


class Numpy(Pandas):
    """The same without a group-by: codes of the levels, and two counts of them."""

    def run(self):
        self.version = f"pandas {pd.__version__}, factorize and NumPy's bincount"
        y, random = self.y, np.random.default_rng(self.seed)
        out = np.empty(self.data.shape, np.float32, order="F")
        for j, name in enumerate(self.data):
            codes, _ = pd.factorize(self.data[name], use_na_sentinel=False)
            total, count = np.bincount(codes, y), np.bincount(codes)
            with np.errstate(invalid="ignore"):
                means = (total[codes] - y) / (count[codes] - 1)
            means = np.where(count[codes] == 1, y.mean(), means)
            out[:, j] = means * random.normal(1, self.job["noise"], len(y)) if self.job["noise"] else means
        return out


class Copy(Transform):
    """A copy of the matrix."""

    library = np

    def run(self):
        return self.data.copy(order="K")


PEERS = {
    "one_hot": {"sklearn": one_hot, "polars": Polars},
    "leave_one_out": {"category_encoders": CategoryEncoders, "pandas": Pandas, "numpy": Numpy},
    "target": {"sklearn": target},
    "median": {"sklearn": median},
    "robust": {"sklearn": robust},
    "quantile": {"sklearn": quantile},
    "mean_standard": {"sklearn": mean_standard},
    "copy": {"numpy": Copy},
}


def run(job, measured):
    """Runs the job; with `output`, writes the matrix there, column after column."""
    meta = data_set.meta(job["data"])
    peer = PEERS[job["transform"]][job["contestant"]]
    peer = (peer if isinstance(peer, type) else sklearn(peer))(job, meta)
    matrix, seconds, mb = measured(peer.run)
    if job["output"]:
        with open(job["output"], "wb") as file:
            for j in range(matrix.shape[1]):
                matrix[:, j].astype("<f8").tofile(file)
    return {"seconds": seconds, "mb": mb, "version": peer.version, "names": peer.output_names()}

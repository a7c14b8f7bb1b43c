"""Models that are fed with encoded features, so that the same model sees each encoding.

For k nearest neighbours and linear models, numbers and ordinal codes get mean 0 and deviation 1.
Indicators and embeddings keep their proportions, since how far apart levels are is what they say:
one factor for all of them makes the columns that they stand for count like numbers, with a mean
total variance of 1. Forests get features as they are. What is missing becomes the mean.
"""

from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import data_set

# More columns than so many are nearly all 0: sparse matrices are faster.
DENSE_COLUMNS = 1000
MODELS = ["neighbours", "linear", "forest"]


def scores(folder, encoded, encoder, threads):
    """The test score of each model: R² of a regression, AUC of two classes.

    encoded: a folder with `x_train.f32` and `x_test.f32`, encoded features first, then numbers
    """
    meta = data_set.meta(folder)
    is_regression = meta["target"] == "regression"
    n_codes = sum(column["n_codes"] is not None for column in meta["columns"])
    n_numbers = len(meta["columns"]) - n_codes
    n_together = 0 if encoder == "ordinal" else n_codes
    y, y_test = data_set.target(folder, "train"), data_set.target(folder, "test")
    (scaled, scaled_test), (x, x_test) = features(encoded, len(y), len(y_test), n_numbers, n_together)
    found = {}
    for name, model in models(is_regression, threads).items():
        train, test = (x, x_test) if name == "forest" else (scaled, scaled_test)
        model.fit(train, y)
        if is_regression:
            found[name] = float(r2_score(y_test, model.predict(test)))
        else:
            found[name] = float(roc_auc_score(y_test, model.predict_proba(test)[:, 1]))
    return found


def models(is_regression, threads):
    forest = {"n_estimators": 100, "min_samples_leaf": 3, "n_jobs": threads, "random_state": 0}
    if is_regression:
        return {
            "neighbours": KNeighborsRegressor(15, n_jobs=threads),
            "linear": Ridge(),
            "forest": RandomForestRegressor(max_features=1 / 3, **forest),
        }
    return {
        "neighbours": KNeighborsClassifier(15, n_jobs=threads),
        "linear": LogisticRegression(max_iter=300),
        "forest": RandomForestClassifier(max_features="sqrt", **forest),
    }


def features(encoded, n_train, n_test, n_numbers, n_together):
    """Train and test features, scaled and not; sparse if there are many.

    n_numbers:  how many features, the last ones, are numbers of the table
    n_together: how many columns the others stand for, which have one scale; 0 if each has its own
    """
    train, test = (
        np.memmap(Path(encoded) / f"x_{part}.f32", dtype="<f4", mode="r").reshape(-1, n)
        for part, n in (("train", n_train), ("test", n_test)))
    means = np.array([np.nanmean(column, dtype=np.float64) for column in train])
    # Indicators stay 0 where they are, which keeps them sparse.
    starts = [0 if np.isin(column, (0, 1)).all() else mean for column, mean in zip(train, means)]
    deviations = np.array([np.nanstd(column, dtype=np.float64) for column in train])
    if n_together:
        together = deviations[: len(train) - n_numbers]
        together[:] = np.sqrt((together**2).sum() / n_together)
    factors = np.divide(1, deviations, out=np.zeros_like(deviations), where=deviations > 0)
    scaled, plain = [], []
    for part in (train, test):
        columns = [np.where(np.isnan(x), mean, x) for x, mean in zip(part, means)]
        plain.append(side_by_side(columns))
        scaled.append(side_by_side([(x - start) * factor for x, start, factor in zip(columns, starts, factors)]))
    return scaled, plain


def side_by_side(columns):
    if len(columns) <= DENSE_COLUMNS:
        return np.column_stack(columns).astype(np.float32)
    columns = [sparse.csc_array(column.astype(np.float32)[:, None]) for column in columns]
    return sparse.hstack(columns, format="csr")

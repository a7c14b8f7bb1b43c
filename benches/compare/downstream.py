"""Models that are fed with encoded features, so that the same model sees each encoding.

k nearest neighbours and linear models get columns less their mean over their deviation, but for
indicators, which stay 0 and 1; forests get them as they are. What is missing becomes the mean.
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


def scores(folder, encoded, threads):
    """The test score of each model: R² of a regression, AUC of two classes."""
    is_regression = data_set.meta(folder)["target"] == "regression"
    y, y_test = data_set.target(folder, "train"), data_set.target(folder, "test")
    (scaled, scaled_test), (x, x_test) = features(encoded, len(y), len(y_test))
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


def features(encoded, n_train, n_test):
    """Train and test features, scaled and not; sparse if there are many."""
    train, test = (
        np.memmap(Path(encoded) / f"x_{part}.f32", dtype="<f4", mode="r").reshape(-1, n)
        for part, n in (("train", n_train), ("test", n_test)))
    scaled, plain = ([], []), ([], [])
    for columns in zip(train, test):
        column = np.asarray(columns[0], dtype=np.float64)
        is_indicator = np.isin(column, (0, 1)).all()
        mean = np.nanmean(column)
        factor = 1 / (np.nanstd(column) or 1)
        for part, values in enumerate(columns):
            values = np.where(np.isnan(values), mean, values)
            plain[part].append(compact(values))
            scaled[part].append(plain[part][-1] if is_indicator else compact((values - mean) * factor))
    return tuple(map(side_by_side, scaled)), tuple(map(side_by_side, plain))


def compact(values):
    return sparse.csc_array(values.astype(np.float32)[:, None])


def side_by_side(columns):
    x = sparse.hstack(columns, format="csr")
    return x if len(columns) > DENSE_COLUMNS else x.toarray()

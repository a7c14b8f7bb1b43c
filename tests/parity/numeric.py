"""Values of scikit-learn for tests/it/numeric.rs.

Run: python tests/parity/numeric.py > tests/parity/numeric.txt
with scikit-learn 1.9.1. One line a case: its name, then the values of columns a, b and c, column
after column.
"""

import numpy as np
import sklearn
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
nan = np.nan

# a: small integers with ties; b: reals with a large mean; c: a constant with missing cells.
a = [3, 1, nan, 2, 2, 7, 0, -4, 2, 9, 1, nan]
b = [1e6 + x for x in [0.25, 3.5, 2.125, nan, 0.5, 8.75, 4.0, 1.5, 1.0, 6.25, 7.0, 5.75]]
c = [5, 5, nan, 5, 5, 5, nan, 5, 5, 5, 5, 5]
x = np.array([a, b, c], dtype=float).T
w = np.array([1, 2, 1, 3, 1, 1, 2, 1, 4, 1, 2, 1], dtype=float)


def show(name, values):
    print(name, *(repr(float(v)) for v in np.asarray(values, dtype=float).T.ravel()))


for strategy in ["mean", "median", "most_frequent"]:
    show(f"impute_{strategy}", SimpleImputer(strategy=strategy).fit_transform(x))
show("impute_constant", SimpleImputer(strategy="constant", fill_value=-9).fit_transform(x))
show("indicators", MissingIndicator(features="missing-only").fit_transform(x))
show("standard", StandardScaler().fit_transform(x))
# A column at a time: StandardScaler takes weights with missing cells.
show("standard_weighted", StandardScaler().fit(x, sample_weight=w).transform(x))
show("min_max", MinMaxScaler().fit_transform(x))
show("min_max_range", MinMaxScaler((-2, 3)).fit_transform(x))
show("max_abs", MaxAbsScaler().fit_transform(x))
show("robust", RobustScaler().fit_transform(x))
show("robust_10_80", RobustScaler(quantile_range=(10, 80)).fit_transform(x))
for n in [5, 12, 1000]:
    for output in ["uniform", "normal"]:
        q = QuantileTransformer(n_quantiles=n, output_distribution=output, subsample=None)
        show(f"quantile_{n}_{output}", q.fit_transform(x))
q = QuantileTransformer(n_quantiles=7, subsample=None).fit(x)
new = np.array([[-9, -4, 0.5, 2, 2.5, 8, 100], [1e6 + v for v in [-1, 0.3, 2.2, 4, 5, 8.7, 9]],
                [4, 5, 6, 5, 4, 5, 6]]).T
show("quantile_new", q.transform(new))

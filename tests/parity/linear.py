"""Makes linear.txt: what scikit-learn says of data that tests/it/linear.rs makes as well.

python -m venv venv && venv/bin/pip install scikit-learn==1.9.1
venv/bin/python tests/parity/linear.py > tests/parity/linear.txt
"""

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

N = 60
SHOWN = [0, 7, 19, 33, 59]

i = np.arange(N)
x = np.stack([(i * 37 % 61) - 30.0, 1000 + (i * 17 % 23) * 2.5, (i * 11 % 7) / 8], axis=1)
score = x[:, 0] / 15 + (x[:, 1] - 1027) / 30
noise = (i * 29 % 41) / 20 - 1
two = (noise < score).astype(int)
three = (noise < score - 0.5).astype(int) + (noise < score + 0.7)
weights = i % 3 + 0.5

print("# scikit-learn", sklearn.__version__)


def show(name, model, y, weights=None):
    """Name, then the probabilities of the shown rows, class after class."""
    z = StandardScaler().fit_transform(x, sample_weight=weights)
    if weights is not None and isinstance(model, GaussianNB):
        # It takes a share of the largest variance without weights; that with weights is 1.
        model.set_params(var_smoothing=model.var_smoothing / z.var(axis=0).max())
    p = model.fit(z, y, sample_weight=weights).predict_proba(z)
    print(name, *(repr(float(v)) for v in p[SHOWN].T.ravel()))


def logistic(alpha, **options):
    return LogisticRegression(C=1 / alpha, tol=1e-12, max_iter=10_000, **options)


for name, y in [("two", two), ("three", three)]:
    for alpha in [1, 20]:
        show(f"logistic_{name}_{alpha}", logistic(alpha), y)
        show(f"logistic_{name}_{alpha}_weighted", logistic(alpha), y, weights)
    show(f"logistic_{name}_1_balanced", logistic(1, class_weight="balanced"), y)
    for exponent in [3, 9]:
        smoothing = 10.0**-exponent
        show(f"bayes_{name}_{exponent}", GaussianNB(var_smoothing=smoothing), y)
        show(f"bayes_{name}_{exponent}_weighted", GaussianNB(var_smoothing=smoothing), y, weights)

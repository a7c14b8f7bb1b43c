"""Makes metrics.txt: what scikit-learn says of data that tests/it/metrics.rs makes as well.

python -m venv venv && venv/bin/pip install scikit-learn==1.9.1
venv/bin/python tests/parity/metrics.py > tests/parity/metrics.txt
"""

import sklearn
import sklearn.metrics as m

N = 300


def unit(i, a, b):
    """A number in [0, 1) from integers alone, so that every language gets the same bits."""
    return ((i * a + i * i * b) % 1009) / 1009


def columns(i):
    raw = [1.0 + (1.0 if k == i % 3 else 0.0) + 3 * unit(i, 101 + 7 * k, 31 + k) for k in range(3)]
    return [x / sum(raw) for x in raw]


rows = range(N)
weights = [0.25 + (i * 37 % 11) / 4 for i in rows]
positive = [1 if unit(i, 17, 3) < 0.4 else 0 for i in rows]
# Steps of 1/32 make many ties.
scores = [int(32 * (0.6 * unit(i, 29, 7) + 0.4 * positive[i])) / 32 for i in rows]
predicted = [1 if s >= 0.5 else 0 for s in scores]
truth = [i % 3 if unit(i, 5, 11) < 0.8 else 0 for i in rows]
probabilities = [columns(i) for i in rows]
classes = [max(range(3), key=lambda k: p[k]) for p in probabilities]
y = [10 * unit(i, 41, 13) + 1 for i in rows]
p = [v + unit(i, 43, 19) - 0.5 for i, v in zip(rows, y)]

print("# scikit-learn", sklearn.__version__)
for suffix, w in [("", None), ("_weighted", weights)]:
    def show(name, f, *args, **options):
        print(name + suffix, repr(float(f(*args, sample_weight=w, **options))))

    show("roc_auc", m.roc_auc_score, positive, scores)
    show("average_precision", m.average_precision_score, positive, scores)
    show("log_loss", m.log_loss, positive, scores, labels=[0, 1])
    show("brier", m.brier_score_loss, positive, scores)
    show("accuracy", m.accuracy_score, positive, predicted)
    show("balanced_accuracy", m.balanced_accuracy_score, positive, predicted)
    show("f1", m.f1_score, positive, predicted)
    show("matthews", m.matthews_corrcoef, positive, predicted)
    show("ovr", m.roc_auc_score, truth, probabilities, multi_class="ovr")
    show("ovr_prevalence", m.roc_auc_score, truth, probabilities, multi_class="ovr", average="weighted")
    if w is None:  # it takes no weights for one-vs-one
        show("ovo", m.roc_auc_score, truth, probabilities, multi_class="ovo")
        show("ovo_prevalence", m.roc_auc_score, truth, probabilities, multi_class="ovo", average="weighted")
    show("many_log_loss", m.log_loss, truth, probabilities)
    show("many_brier", m.brier_score_loss, truth, probabilities)
    show("many_accuracy", m.accuracy_score, truth, classes)
    show("many_balanced_accuracy", m.balanced_accuracy_score, truth, classes)
    show("macro_f1", m.f1_score, truth, classes, average="macro")
    show("many_matthews", m.matthews_corrcoef, truth, classes)
    show("rmse", m.root_mean_squared_error, y, p)
    show("mae", m.mean_absolute_error, y, p)
    show("mape", m.mean_absolute_percentage_error, y, p)
    show("r2", m.r2_score, y, p)

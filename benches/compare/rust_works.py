"""The pieces of work of Rust libraries: learners that fit and predict, and transformers."""

import subprocess

import numpy as np
from sklearn.metrics import accuracy_score

import data_set
from comparison import close_enough, log, score
from transform_works import COMPLETE, COMPLETE_STRINGS, CONTINUOUS, MIXED, work

# Of AUC and of accuracy: learners draw, and go their own ways.
TOLERANCE = 0.005
MAX_DEPTH = 12
# What gives labels in place of probabilities.
LABELS = {("smartcore", "random_forest"), ("smartcore", "logistic"), ("smartcore", "naive_bayes")}
NOTES = {
    ("linfa", "random_forest"):
        "linfa draws columns for each tree, half of them, and with replacement; AUC of votes counted by hand",
    ("linfa", "naive_bayes"): "from joint_log_likelihood: linfa's predict_proba is not finite for many columns",
    ("smartcore", "one_hot"):
        "from codes of levels, a column at a time: of columns side by side smartcore lays the indicators over one another",
    ("ferrolearn", "one_hot"): "from codes of levels",
    ("ferrolearn", "target"): "from codes of levels; ferrolearn's folds are blocks of rows, not shuffled, not stratified",
    ("linfa", "standard"): "linfa takes the matrix over and scales it in place",
    ("featrs", "leave_one_out"): "fit, and transform of the same frame, which featrs keeps and compares",
    ("featrs", "quantile"): "of a value that comes many times featrs takes the last quantile, not the middle one",
    ("smartcore", "boosting"): "XGRegressor on 0 and 1, trees of depth 5: smartcore has no boosting of classes",
}


def learner(model):
    """Fits and predicts the test rows, timed together; complete, standardised numbers."""

    def run(comparison, peer):
        arguments = comparison.arguments
        folder = prepared(comparison)
        for threads in arguments.threads:
            job = {
                "model": model, "measure": "fit_predict", "data": folder, "threads": threads, "n_trees": arguments.trees,
                "max_depth": MAX_DEPTH}
            figures = comparison.beside(model, [peer], job)
            metric = "accuracy" if (peer, model) in LABELS else "auc"
            ours, theirs = (scored(metric, folder, figures[c]) for c in ("ours", peer))
            note = "labels only" if metric == "accuracy" else NOTES.get((peer, model))
            comparison.line(
                model, job, figures["ours"], figures[peer], (ours, theirs), metric,
                close_enough(metric, ours, theirs, TOLERANCE), note)

    return peer_by_peer(run)


def transformer(name, transform, columns, form="plain"):
    """As the works of transforms; each peer's note is its own."""

    def run(comparison, peer):
        work(name, transform, columns, form, note=NOTES.get((peer, transform)))(comparison, [peer])

    return peer_by_peer(run)


def peer_by_peer(run):
    """One peer after another: one that cannot be built, or fails, is no harm to the others."""

    def run_all(comparison, peers):
        for peer in peers:
            try:
                run(comparison, peer)
            except subprocess.CalledProcessError as error:
                log(f"{peer} failed: {error}")
                comparison.failed = True

    return run_all


def scored(metric, folder, figures):
    if metric == "auc":
        return score(metric, folder, figures)
    return float(accuracy_score(data_set.target(folder, "test"), figures["predictions"][:, 0] >= 0.5))


def prepared(comparison):
    """The synthetic table with means of the training rows in place of missing numbers, standardised:
    linfa and smartcore take no missing ones."""
    arguments = comparison.arguments
    source = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
    return comparison.data(f"prepared-{source.name}", write_prepared, source)


def write_prepared(folder, source):
    meta = data_set.meta(source)
    train, test = (data_set.features(source, part).astype(float) for part in ("train", "test"))
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    values = np.nan_to_num((np.concatenate([train, test]) - mean) / deviation)
    y = np.concatenate([data_set.target(source, part) for part in ("train", "test")])
    columns = ((column["name"], None, values[:, j]) for j, column in enumerate(meta["columns"]))
    data_set.write(folder, columns, y, meta["n_train"], meta["target"], truth=meta["truth"])


# The work, its peers, how it is run.
WORKS = [
    ("random_forest", ["linfa", "smartcore", "ferrolearn"], learner("random_forest")),
    ("extra_trees", ["ferrolearn"], learner("extra_trees")),
    ("boosting", ["smartcore", "ferrolearn"], learner("boosting")),
    ("logistic", ["linfa", "smartcore", "ferrolearn"], learner("logistic")),
    ("naive_bayes", ["linfa", "smartcore", "ferrolearn"], learner("naive_bayes")),
    ("one_hot", ["featrs"], transformer("one_hot", "one_hot", COMPLETE_STRINGS)),
    ("one_hot_table", ["smartcore", "ferrolearn"], transformer("one_hot_table", "one_hot", COMPLETE_STRINGS, "table")),
    ("leave_one_out", ["featrs"], transformer("leave_one_out", "leave_one_out", COMPLETE_STRINGS)),
    ("target_table", ["ferrolearn"], transformer("target_table", "target", COMPLETE_STRINGS, "table")),
    ("median", ["ferrolearn", "featrs"], transformer("median", "median", MIXED)),
    ("robust", ["ferrolearn", "featrs"], transformer("robust", "robust", MIXED)),
    ("quantile", ["ferrolearn"], transformer("quantile", "quantile", MIXED)),
    ("quantile_continuous", ["featrs"], transformer("quantile_continuous", "quantile", CONTINUOUS)),
    ("mean_standard", ["ferrolearn", "featrs"], transformer("mean_standard", "mean_standard", MIXED)),
    ("standard", ["linfa", "smartcore"], transformer("standard", "standard", COMPLETE)),
]

"""The pieces of work: what is fitted, by whom, and what is said of it."""

import statistics

import data_set
from comparison import close_enough, log, medians, score

BOOSTING = {"model": "boosting", "max_leaves": 31, "learning_rate": 0.1}
PEER_NOTES = {
    "xgboost": "XGBoost depth-wise, max_depth 6: up to 64 leaves a tree",
    "xgboost_leafwise": "XGBoost with grow_policy lossguide, max_leaves 31",
}


def boosting(comparison, peers):
    fit(comparison, "boosting", peers, boosting_job(comparison), ["auc", "log_loss"])


def boosting_categorical(comparison, peers):
    job = {**boosting_job(comparison), "categories": "native"}
    fit(comparison, "boosting_categorical", peers, job, ["auc", "log_loss"])


def forest(model):
    def run(comparison, peers):
        fit(comparison, model, peers, forest_job(comparison, model), ["auc"], tolerance=0.002)

    return run


def boosting_job(comparison):
    return {**BOOSTING, "n_trees": comparison.arguments.trees}


def forest_job(comparison, model):
    return {"model": model, "n_trees": max(1, comparison.arguments.trees // 2), "max_depth": 12}


def fit(comparison, work, peers, job, metrics, tolerance=0.001):
    """Fits on the synthetic table, timed, scored on its test rows."""
    arguments = comparison.arguments
    folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
    best = data_set.meta(folder)["truth"]
    for threads in arguments.threads:
        job = {**job, "data": folder, "threads": threads}
        figures = comparison.beside(work, peers, job)
        for peer in peers:
            for metric in metrics:
                ours, other = (score(metric, folder, figures[contestant]) for contestant in ("ours", peer))
                allowed = 0.01 * other if metric == "log_loss" else tolerance
                notes = [f"best possible {best[f'best_{metric}']:.5f}", PEER_NOTES.get(peer)]
                comparison.line(
                    work if metric == "auc" else f"{work}_{metric}", job, figures["ours"], figures[peer],
                    (ours, other), metric, close_enough(metric, ours, other, allowed), "; ".join(filter(None, notes)))


def predict(comparison, peers):
    """A table of rows at once."""
    for threads in comparison.arguments.threads:
        job = {**prediction_job(comparison), "threads": threads, "measure": "predict", "calls": 5}
        figures = comparison.beside("predict", peers, job)
        for peer in peers:
            comparison.line("predict", job, figures["ours"], figures[peer], note=PEER_NOTES.get(peer))


def predict_row(comparison, peers):
    """A row at a time."""
    job = {**prediction_job(comparison), "threads": 1, "measure": "predict_row", "calls": 20_000}
    figures = comparison.beside("predict_row", peers, job)
    note = f"ours {figures['ours']['seconds'] * 1e6:.3g} us a row; LightGBM's C interface, set up once, through ctypes"
    comparison.line("predict_row", job, figures["ours"], figures["lightgbm"], note=note)


def prediction_job(comparison):
    """Trained on at most 50,000 rows: the trees are as large."""
    arguments = comparison.arguments
    folder = comparison.synthetic(min(arguments.rows, 50_000), arguments.cols, arguments.predict_rows)
    return {**boosting_job(comparison), "data": folder}


def growth(work, sizes_of, shape_of):
    """Time over size: `agree` if ours is within 1.3 times linear from the first size."""

    def run(comparison, peers):
        arguments = comparison.arguments
        first = None
        for size in sizes_of(arguments):
            rows, cols = shape_of(size)
            folder = comparison.synthetic(rows, cols, 10_000)
            job = {**boosting_job(comparison), "data": folder, "threads": max(arguments.threads)}
            figures = comparison.beside(f"{work} {size}", peers, job)
            scores = [score("auc", folder, figures[contestant]) for contestant in ("ours", "lightgbm")]
            agree = note = None
            if first is None:
                first = (size, figures)
            else:
                against_linear = {
                    contestant: figures[contestant]["seconds"] / first[1][contestant]["seconds"] / (size / first[0])
                    for contestant in figures
                }
                agree = against_linear["ours"] <= 1.3
                note = f"time over linear from {first[0]}: ours {against_linear['ours']:.2f}, peer {against_linear['lightgbm']:.2f}"
            comparison.line(work, job, figures["ours"], figures["lightgbm"], scores, "auc", agree, note)

    return run


def threads(model):
    """Ours on one thread beside ours on two; `agree` if 1, 2 and 8 threads predict the same bits."""

    def run(comparison, _peers):
        arguments = comparison.arguments
        folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
        job = boosting_job(comparison) if model == "boosting" else forest_job(comparison, model)
        jobs = {n_threads: {**job, "data": folder, "threads": n_threads} for n_threads in (1, 2, 8)}
        work = f"threads_{model}"
        figures = comparison.rounds(work, {f"ours on {n}": ("ours", jobs[n]) for n in (1, 2)})
        one, two = figures["ours on 1"], figures["ours on 2"]
        eight = comparison.run("ours", jobs[8])
        same = one["predictions_hash"] == two["predictions_hash"] == eight["predictions_hash"]
        scores = [score("auc", folder, run) for run in (two, one)]
        note = f"ratio is the speed-up; 1, 2 and 8 threads predict {'the same' if same else 'different'} bits"
        comparison.line(work, jobs[2], two, {**one, "version": "itself on 1 thread"}, scores, "auc", same, note)

    return run


def defaults(name, metrics):
    """Defaults (100 trees, 31 leaves, rate 0.1) over five splits of a real data set."""

    def run(comparison, _peers):
        work = f"defaults_{name}"
        runs = {"ours": [], "lightgbm": []}
        log(work)
        for split in range(5):
            folder = comparison.table(name, split)
            job = {**BOOSTING, "n_trees": 100, "data": folder, "categories": "native"}
            job["threads"] = max(comparison.arguments.threads)
            for contestant, figures in runs.items():
                figures.append(comparison.run(contestant, job))
                figures[-1]["scores"] = {metric: score(metric, folder, figures[-1]) for metric in metrics}
        for metric in metrics:
            by_split = {c: [figures["scores"][metric] for figures in runs[c]] for c in runs}
            ours, other = (statistics.mean(by_split[c]) for c in ("ours", "lightgbm"))
            allowed = abs(other) * (0.01 if metric == "log_loss" else 0.001)
            wins = sum(close_enough(metric, *pair, 0) for pair in zip(by_split["ours"], by_split["lightgbm"]))
            comparison.line(
                work + ("" if metric == metrics[0] else f"_{metric}"), job, medians(runs["ours"]), medians(runs["lightgbm"]),
                (ours, other), metric, close_enough(metric, ours, other, allowed),
                f"means over 5 splits; ours at least as good in {wins}")

    return run


# The work, its peers, how it is run.
WORKS = [
    ("boosting", ["lightgbm", "xgboost", "xgboost_leafwise"], boosting),
    ("boosting_categorical", ["lightgbm"], boosting_categorical),
    ("random_forest", ["sklearn"], forest("random_forest")),
    ("extra_trees", ["sklearn"], forest("extra_trees")),
    ("predict", ["lightgbm", "xgboost", "xgboost_leafwise"], predict),
    ("predict_row", ["lightgbm"], predict_row),
    ("growth_n", ["lightgbm"], growth("growth_n", lambda arguments: arguments.growth_rows, lambda size: (size, 30))),
    ("growth_p", ["lightgbm"], growth("growth_p", lambda arguments: arguments.growth_cols, lambda size: (20_000, size))),
    ("threads_boosting", ["itself"], threads("boosting")),
    ("threads_random_forest", ["itself"], threads("random_forest")),
    ("threads_extra_trees", ["itself"], threads("extra_trees")),
    ("defaults_adult", ["lightgbm"], defaults("adult", ["auc"])),
    ("defaults_bank_full", ["lightgbm"], defaults("bank_full", ["auc"])),
    ("defaults_covertype_20k", ["lightgbm"], defaults("covertype_20k", ["accuracy", "log_loss"])),
    ("defaults_higgs_lightgbm", ["lightgbm"], defaults("higgs_lightgbm", ["auc"])),
    ("defaults_california_housing", ["lightgbm"], defaults("california_housing", ["r2"])),
    ("boosting", ["sklearn"], boosting),
]

"""The pieces of work with stacks and cross-validation: what is fitted, by whom, and what is said of it."""

import data_set
from comparison import close_enough, log, score

MEMBERS = ["logistic", "forest", "extra_trees", "boosting", "naive_bayes"]
N_FOLDS = 5
# Learners draw; the AUC of two runs of one differs by as much.
AUC_TOLERANCE = 0.001
# Of stacks behind target encoding, whose folds differ too.
NEW_ROWS_TOLERANCE = 0.005
# Calls of one row: ours, and the peers', which take a hundred times as long.
ROW_CALLS, PEER_ROW_CALLS = 2_000, 200
# Real tables, splits and training rows on which weights of blends are compared.
WEIGHTS_TABLES, WEIGHTS_SPLITS, WEIGHTS_ROWS = ["adult", "bank_full", "credit_default_uci"], 3, [300, 1_000, 4_000]
# How much more than in proportion the time may grow.
GROWTH_BAR = 1.3


def options(members=MEMBERS, n_folds=N_FOLDS, is_cross_validation=False, memory_limit=None, weights="any"):
    """Of a stack of ours and its peers'; the peers' blenders may give weights below 0, ours would not by itself."""
    return {
        "members": members, "n_folds": n_folds, "is_cross_validation": is_cross_validation,
        "memory_limit": memory_limit, "weights": weights}


def stack(name, n_folds):
    """A stack of all members, fitted; scored on the test rows."""

    def run(comparison, peers):
        arguments = comparison.arguments
        folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
        matrix = matrix_mb(folder)
        for threads in arguments.threads:
            job = {"model": "stack", "stack": options(n_folds=n_folds), "data": folder, "threads": threads}
            figures = comparison.beside(name, peers, job)
            ours = score("auc", folder, figures["ours"])
            for peer in peers:
                theirs = score("auc", folder, figures[peer])
                note = f"the f32 matrix has {matrix:.0f} MB; best possible AUC {best_auc(folder):.4f}"
                comparison.line(
                    name, job, figures["ours"], figures[peer], (ours, theirs), "auc",
                    close_enough("auc", ours, theirs, AUC_TOLERANCE), note)

    return run


def stack_memory(comparison, peers):
    """The same out-of-fold stack with one task at a time: what it holds above the table, and the same bits.

    Members may hold what they say they need: two bytes a value for each of the three of trees."""
    arguments = comparison.arguments
    folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
    job = {"model": "stack", "data": folder, "threads": max(arguments.threads)}
    entries = {
        "limited": ("ours", {**job, "stack": options(memory_limit=1)}),
        "unlimited": ("ours", {**job, "stack": options()}),
    }
    log("stack_memory: ours, limited and not")
    figures = {name: comparison.run(*entry) for name, entry in entries.items()}
    matrix = matrix_mb(folder)
    bar = 1.5 * matrix + 3 * matrix / 2
    limited, unlimited = figures["limited"], {**figures["unlimited"], "version": "ours, without a limit"}
    comparison.line(
        "stack_memory", job, limited, unlimited,
        agree=limited["predictions_hash"] == unlimited["predictions_hash"] and limited["mb"] <= bar,
        note=f"one task at a time, the same bits; the f32 matrix has {matrix:.0f} MB, {limited['mb'] / matrix:.2f} of it; "
             f"agree: at most {bar:.0f} MB, 1.5 of it and what members say they hold")


def weights(name, n_folds):
    """Our stack with weights of 0 or more beside any: mean test AUC over real tables and splits, by training rows."""

    def run(comparison, peers):
        for n in WEIGHTS_ROWS:
            log(f"{name}: {n} rows")
            runs = {"non_negative": [], "any": []}
            for table in WEIGHTS_TABLES:
                for split in range(WEIGHTS_SPLITS):
                    folder = comparison.table(table, split, n)
                    for kind, found in runs.items():
                        job = {
                            "model": "stack", "stack": options(n_folds=n_folds, weights=kind), "data": folder,
                            "threads": max(comparison.arguments.threads), "categories": "native"}
                        figures = comparison.run("ours", job)
                        found.append({**figures, "auc": score("auc", folder, figures)})
            bounded, free = ({**found[-1], "seconds": sum(run["seconds"] for run in found)} for found in runs.values())
            means = [sum(run["auc"] for run in found) / len(found) for found in runs.values()]
            comparison.line(
                name, job, bounded, {**free, "version": "ours, any weights"}, means, "auc", means[0] >= means[1] - 1e-4,
                f"{n} rows of {', '.join(WEIGHTS_TABLES)}, {WEIGHTS_SPLITS} splits each")

    return run


def cross_validation(member):
    """Out-of-fold predictions of one learner over five folds."""

    def run(comparison, peers):
        arguments = comparison.arguments
        name = f"cross_validation_{member}"
        # Out-of-fold predictions are written in place of those of the test rows.
        folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
        for threads in arguments.threads:
            job = {
                "model": "stack", "stack": options([member], is_cross_validation=True), "data": folder, "threads": threads}
            figures = {c: comparison.execute(c, {**job, "predictions": str(comparison.folder / f"{c}.f64")})
                       for c in ("ours", *peers)}
            aucs = {c: score_training(comparison.folder / f"{c}.f64", folder) for c in figures}
            for peer in peers:
                comparison.line(
                    name, job, figures["ours"], figures[peer], (aucs["ours"], aucs[peer]), "auc",
                    close_enough("auc", aucs["ours"], aucs[peer], AUC_TOLERANCE))

    return run


def cross_validation_threads(member):
    """Our cross-validation on two threads beside one; the ratio is the speed-up."""

    def run(comparison, peers):
        arguments = comparison.arguments
        folder = comparison.synthetic(arguments.rows, arguments.cols, arguments.test_rows)
        job = {"model": "stack", "stack": options([member], is_cross_validation=True), "data": folder, "threads": 2}
        predictions = str(comparison.folder / "predictions.f64")
        runs = {2: [], 1: []}
        for _ in range(arguments.repeat):
            for threads, figures in runs.items():
                figures.append(comparison.execute("ours", {**job, "threads": threads, "predictions": predictions}))
        two, one = (sorted(figures, key=lambda run: run["seconds"])[len(figures) // 2] for figures in runs.values())
        eight = comparison.execute("ours", {**job, "threads": 8, "predictions": predictions})
        hashes = {run["predictions_hash"] for figures in (*runs.values(), [eight]) for run in figures}
        comparison.line(
            f"threads_cross_validation_{member}", job, two, {**one, "version": "ours, 1 thread"},
            agree=len(hashes) == 1 and one["seconds"] >= 1.8 * two["seconds"],
            note="the same bits on 1, 2 and 8 threads" if len(hashes) == 1 else "bits differ")

    return run


def new_rows(comparison, peers):
    """Rows of a table through imputation, target encoding, scaling and a stack: one after another, and all
    of the test rows at once, by one fit."""
    arguments = comparison.arguments
    folder = comparison.synthetic(arguments.row_rows, arguments.cols, arguments.test_rows)
    job = {
        "model": "stack", "stack": options(), "data": folder, "threads": max(arguments.threads), "categories": "native",
        "measure": "predict_row"}
    entries = {"ours": ("ours", {**job, "calls": ROW_CALLS})}
    entries |= {peer: (peer, {**job, "calls": PEER_ROW_CALLS}) for peer in peers}
    figures = comparison.rounds("one_row, batch", entries)
    ours = score("auc", folder, figures["ours"])
    for peer in peers:
        theirs = score("auc", folder, figures[peer])
        is_close = close_enough("auc", ours, theirs, NEW_ROWS_TOLERANCE)
        ratio = figures[peer]["seconds"] / figures["ours"]["seconds"]
        comparison.line(
            "one_row", {**job, "threads": 1}, figures["ours"], figures[peer], (ours, theirs), "auc",
            is_close and ratio >= 200, "agree: at most 1/200 of the peer's seconds")
        batches = ({**figures[c], **figures[c]["batch"]} for c in ("ours", peer))
        comparison.line("batch", {**job, "measure": "predict"}, *batches, (ours, theirs), "auc", is_close)


def growth(name, sizes):
    """Our stack's seconds over sizes: of each, the ratio to growth in proportion from the first."""

    def run(comparison, peers):
        arguments = comparison.arguments
        first = None
        for size, folder, stack_options, unit in sizes(comparison):
            job = {"model": "stack", "stack": stack_options, "data": folder, "threads": max(arguments.threads)}
            figures = comparison.rounds(f"{name} {size}", {"ours": ("ours", job)})["ours"]
            first = first or (unit, figures)
            expected = first[1]["seconds"] * unit / first[0]
            over = figures["seconds"] / expected
            comparison.line(
                name, job, figures, {**first[1], "version": "ours, growing in proportion", "seconds": expected},
                agree=over <= GROWTH_BAR, note=f"{size}: {over:.2f} of growth in proportion")

    return run


def by_rows(comparison):
    for n in comparison.arguments.growth_rows:
        yield f"{n} rows", comparison.synthetic(n, 30, 1000), options(), n


def by_columns(comparison):
    for p in comparison.arguments.growth_cols:
        yield f"{p} columns", comparison.synthetic(20_000, p, 1000), options(), p


def by_folds(comparison):
    folder = comparison.synthetic(50_000, 100, 1000)
    for n_folds in comparison.arguments.growth_folds:
        # Each of k fits has (k - 1) / k of the rows.
        yield f"{n_folds} folds", folder, options(n_folds=n_folds), n_folds - 1


def by_members(comparison):
    folder = comparison.synthetic(50_000, 100, 1000)
    for n in (1, 2, 4, 8):
        yield f"{n} members", folder, options(["boosting"] * n), n


def matrix_mb(folder):
    meta = data_set.meta(folder)
    return 4 * meta["n_train"] * len(meta["columns"]) / 2**20


def best_auc(folder):
    return data_set.meta(folder)["truth"]["best_auc"]


def score_training(path, folder):
    import numpy as np
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(data_set.target(folder, "train"), np.fromfile(path, dtype="<f8")))


# The work, its peers, how it is run.
WORKS = [
    ("stack", ["sklearn", "mlxtend", "vecstack"], stack("stack", N_FOLDS)),
    ("stack_memory", ["self"], stack_memory),
    ("blend", ["sklearn"], stack("blend", 0)),
    ("weights_stack", ["self"], weights("weights_stack", N_FOLDS)),
    ("weights_blend", ["self"], weights("weights_blend", 0)),
    *[(f"cross_validation_{member}", ["sklearn"], cross_validation(member)) for member in ("naive_bayes", "boosting", "forest")],
    *[(f"threads_cross_validation_{member}", ["self"], cross_validation_threads(member)) for member in ("boosting", "forest", "logistic")],
    ("one_row,batch", ["sklearn"], new_rows),
    ("growth_n", ["self"], growth("growth_n", by_rows)),
    ("growth_p", ["self"], growth("growth_p", by_columns)),
    ("growth_folds", ["self"], growth("growth_folds", by_folds)),
    ("growth_members", ["self"], growth("growth_members", by_members)),
]

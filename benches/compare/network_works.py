"""The pieces of work with networks: what is fitted, by whom, and what is said of it."""

import statistics

import data_set
import downstream
from comparison import close_enough, log, medians, score

# What all peers can do, and all that our defaults add to it left out.
PLAIN = {
    "hidden": [128, 64],
    "activation": "Relu",
    "dropout": 0.0,
    "batch_size": 1024,
    "learning_rate": 1e-3,
    "optimizer": {"Adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}},
    "weight_decay": 0.0,
    "numeric_scaling": "Standard",
    "numeric_embedding": "None",
    "embedding_size": {"Half": {"max": 50}},
    "min_level_count": 1,
    "level_dropout": 0.0,
    "early_stopping": None,
    "schedule": "Constant",
    "n_seeds": 1,
    "n_members": 1,
}
NETWORK = {"model": "network", "categories": "native"}
ROW_BAR_S = 30e-6


def epoch(comparison, peers):
    """Seconds for an epoch, and the loss of other rows after the last; a seed in each round."""
    arguments = comparison.arguments
    folder = comparison.mixed(arguments.rows, arguments.cols, arguments.test_rows)
    best = data_set.meta(folder)["truth"]["best_log_loss"]
    network = {**PLAIN, "n_epochs": arguments.epochs}
    for threads in arguments.threads:
        job = {**NETWORK, "network": network, "measure": "epoch", "data": folder, "threads": threads}
        log(f"epoch: ours, {', '.join(peers)}")
        runs = {contestant: [] for contestant in ("ours", *peers)}
        for seed in range(arguments.seeds):
            for contestant, figures in runs.items():
                figures.append(comparison.run(contestant, {**job, "seed": seed}))
                figures[-1]["log_loss"] = score("log_loss", folder, figures[-1])
        middle = {contestant: medians(figures) for contestant, figures in runs.items()}
        loss = {contestant: statistics.mean(run["log_loss"] for run in figures) for contestant, figures in runs.items()}
        # The faster variant of PyTorch is the peer.
        peer, *others = sorted(peers, key=lambda contestant: middle[contestant]["seconds"])
        notes = [f"{middle[c]['version']}: {middle[c]['seconds']:.4g} s, log loss {loss[c]:.5f}" for c in others]
        ratio = middle[peer]["seconds"] / middle["ours"]["seconds"]
        comparison.line(
            "epoch", job, middle["ours"], middle[peer], (loss["ours"], loss[peer]), "log_loss", ratio >= 2,
            "; ".join(["agree: at most half of the peer's seconds", *notes]))
        comparison.line(
            "epoch_log_loss", job, middle["ours"], middle[peer], (loss["ours"], loss[peer]), "log_loss",
            close_enough("log_loss", loss["ours"], min(loss[c] for c in peers), 0.01 * loss[peer]),
            "; ".join([f"means over {arguments.seeds} seeds; best possible {best:.5f}", *notes]))


def row(comparison, peers):
    """A row at a time, through the network of `epoch`."""
    arguments = comparison.arguments
    folder = comparison.mixed(min(arguments.rows, 20_000), arguments.cols, 5_000)
    network = {**PLAIN, "n_epochs": 1}
    job = {**NETWORK, "network": network, "measure": "predict_row", "data": folder, "threads": 1, "calls": 20_000}
    figures = {contestant: comparison.run(contestant, job) for contestant in ("ours", *peers)}
    for peer in peers:
        comparison.line(
            "row", job, figures["ours"], figures[peer], agree=figures["ours"]["seconds"] <= ROW_BAR_S,
            note=f"ours {figures['ours']['seconds'] * 1e6:.3g} us a row; agree: at most {ROW_BAR_S * 1e6:.0f}")


def tables(name):
    """The network with default options beside boosting with default options, and beside a plain network."""

    def run(comparison, peers):
        arguments = comparison.arguments
        plain = {**PLAIN, "dropout": 0.1, "batch_size": 256, "n_epochs": 20}
        entries = {
            "ours": ("ours", {**NETWORK, "network": arguments.network}),
            "boosting": ("ours", {"model": "boosting", "categories": "native"}),
            "torch": ("torch", {**NETWORK, "network": plain}),
        }
        runs = {name: [] for name in ("ours", *peers)}
        log(f"tables_{name}")
        for split in range(arguments.splits):
            folder = comparison.table(name, split)
            for entry, figures in runs.items():
                contestant, job = entries[entry]
                job = {**job, "data": folder, "threads": max(arguments.threads), "seed": split}
                figures.append(comparison.run(contestant, job))
                figures[-1]["auc"] = score("auc", folder, figures[-1])
                log(f"    {entry}: {figures[-1]['auc']:.5f}")
        auc = {entry: statistics.mean(run["auc"] for run in figures) for entry, figures in runs.items()}
        given = f"; {arguments.network}" if arguments.network else ""
        for peer in peers:
            beside = {**medians(runs[peer])}
            agree, note = None, f"a plain network with dropout and 20 epochs{given}"
            if peer == "boosting":
                beside["version"] = "HistGradientBoosting of stackfold"
                agree = close_enough("auc", auc["ours"], auc["boosting"], 0.005)
                note = f"{'above' if auc['ours'] > auc['boosting'] else 'not above'} boosting{given}"
            comparison.line(
                f"tables_{name}", job, medians(runs["ours"]), beside, (auc["ours"], auc[peer]), "auc", agree,
                f"means over {arguments.splits} splits or seeds; {note}")

    return run


def mnist(work, network):
    """Pixels as numbers."""

    def run(comparison, peers):
        arguments = comparison.arguments
        folder = comparison.table("mnist_10k", 0)
        network_ = {**PLAIN, "batch_size": 100, **network}
        job = {**NETWORK, "network": network_, "data": folder, "threads": max(arguments.threads)}
        log(work)
        runs = {contestant: [] for contestant in ("ours", *peers)}
        for seed in range(arguments.mnist_seeds):
            for contestant, figures in runs.items():
                figures.append(comparison.run(contestant, {**job, "seed": seed}))
                figures[-1]["accuracy"] = score("accuracy", folder, figures[-1])
                log(f"    accuracy {figures[-1]['accuracy']:.4f}")
        accuracy = {c: statistics.mean(run["accuracy"] for run in figures) for c, figures in runs.items()}
        for peer in peers:
            scores = accuracy["ours"], accuracy[peer]
            comparison.line(
                work, job, medians(runs["ours"]), medians(runs[peer]), scores, "accuracy",
                close_enough("accuracy", *scores, 0.005), f"means over {arguments.mnist_seeds} seeds")

    return run


def embeddings(name):
    """Embeddings beside other encoders of the same columns, as inputs of models that are none of ours."""

    def run(comparison, peers):
        arguments = comparison.arguments
        work = f"embeddings_{name}"
        log(work)
        encoders = ["embedding", *peers]
        found = {encoder: [] for encoder in encoders}
        for split in range(arguments.embedding_splits):
            folder = comparison.table(name, split)
            for encoder in encoders:
                job = {"model": "features", "encoder": encoder, "embedding": arguments.embedding, "data": folder, "seed": split}
                job |= {"threads": max(arguments.threads), "encoded": str(comparison.folder / "encoded")}
                figures = comparison.execute("ours", job)
                scores = downstream.scores(folder, job["encoded"], encoder, job["threads"])
                log("    " + ", ".join(f"{model} {value:.4f}" for model, value in scores.items()))
                found[encoder].append({**figures, "version": encoder, "scores": scores})
        metric = "r2" if data_set.meta(folder)["target"] == "regression" else "auc"
        for model in downstream.MODELS:
            means = {e: statistics.mean(run["scores"][model] for run in figures) for e, figures in found.items()}
            for peer in peers:
                comparison.line(
                    f"{work}_{model}", job, medians(found["embedding"]), medians(found[peer]),
                    (means["embedding"], means[peer]), metric, means["embedding"] > means[peer],
                    f"seconds are the encoders'; means over {arguments.embedding_splits} splits; agree: better")

    return run


DEEP = {"hidden": [200, 100, 60, 30], "n_epochs": 30}
BOTH = ["torch", "sklearn"]

# The work, its peers, how it is run.
WORKS = [
    ("epoch", ["torch", "torch_sparse"], epoch),
    ("row", ["torch"], row),
    ("tables_adult_official", ["boosting", "torch"], tables("adult_official")),
    ("tables_bank_full", ["boosting", "torch"], tables("bank_full")),
    ("tables_credit_default_uci", ["boosting", "torch"], tables("credit_default_uci")),
    ("mnist_softmax", BOTH, mnist("mnist_softmax", {"hidden": [], "n_epochs": 10})),
    ("mnist_sigmoid", BOTH, mnist("mnist_sigmoid", {**DEEP, "activation": "Sigmoid", "learning_rate": 3e-3, "n_epochs": 60})),
    ("mnist_tanh", BOTH, mnist("mnist_tanh", {**DEEP, "activation": "Tanh"})),
    ("mnist_relu", BOTH, mnist("mnist_relu", DEEP)),
    ("mnist_dropout", ["torch"], mnist("mnist_dropout", {**DEEP, "dropout": 0.25, "n_epochs": 60})),
    ("embeddings_employee_salaries", ["one_hot", "ordinal"], embeddings("employee_salaries")),
    ("embeddings_airlines", ["one_hot", "ordinal"], embeddings("airlines")),
    ("embeddings_adult", ["one_hot", "ordinal"], embeddings("adult")),
]

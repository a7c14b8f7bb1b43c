"""The peers of the networks: PyTorch, and scikit-learn where it can do the same.

A job's `network` says what to build, by the names of our options: `hidden`, `activation`,
`dropout`, `batch_size`, `n_epochs`, `learning_rate`; the optimizer is Adam, and embeddings have
`min(50, (n + 1) // 2)` numbers. Numbers are standardised with the training rows' mean and deviation;
a missing one becomes 0, and columns that have some get a mark. Missing and unseen codes have the
embeddings' first row.
"""

import functools
import time
import warnings

import numpy as np

# Rows predicted at once.
CHUNK = 8192


class Standard:
    """Numbers less their mean over their deviation, with marks of missing ones."""

    def __init__(self, x, columns):
        self.numbers = [j for j, column in enumerate(columns) if column["n_codes"] is None]
        self.marked = [j for j in self.numbers if np.isnan(x[:, j]).any()]
        values = x[:, self.numbers].astype(np.float64)
        self.mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        self.factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)

    def __call__(self, x):
        values = np.nan_to_num((x[:, self.numbers] - self.mean) * self.factor)
        return np.hstack([values, np.isnan(x[:, self.marked])]).astype(np.float32)


class Torch:
    """Tensors in memory, taken by slices of a permutation; no `DataLoader`.

    `torch` has dense gradients and Adam in its fused form; `torch_sparse` has sparse gradients and
    SparseAdam for the embeddings, which like ours touches only the rows in the batch.
    """

    def __init__(self, job, meta):
        import torch

        self.torch, self.settings, self.meta = torch, job["network"], meta
        self.sparse = job["contestant"] == "torch_sparse"
        self.version = f"torch {torch.__version__.split('+')[0]}"
        if self.sparse:
            self.version += " (SparseAdam for embeddings)"
        torch.set_num_threads(job["threads"])
        torch.manual_seed(job["seed"])
        self.codes = [j for j, column in enumerate(meta["columns"]) if column["n_codes"] is not None]

    def tensors(self, x):
        codes = np.nan_to_num(x[:, self.codes] + 1).astype(np.int64)
        return self.torch.from_numpy(codes), self.torch.from_numpy(self.standard(x))

    def fit(self, x, y):
        torch, settings = self.torch, self.settings
        self.standard = Standard(x, self.meta["columns"])
        codes, numbers = self.tensors(x)
        n_outputs = self.meta["n_classes"] if self.meta["target"] == "multiclass" else 1
        self.net = network(torch, self.meta, self.codes, numbers.shape[1], n_outputs, settings, self.sparse)
        if n_outputs > 1:
            target, loss = torch.from_numpy(y.astype(np.int64)), torch.nn.CrossEntropyLoss()
        else:
            target, loss = torch.from_numpy(y.astype(np.float32)), torch.nn.BCEWithLogitsLoss()
        optimizers = self.optimizers(settings["learning_rate"])
        self.epoch_seconds = []
        self.net.train()
        for _ in range(settings["n_epochs"]):
            start = time.perf_counter()
            for batch in torch.randperm(len(target)).split(settings["batch_size"]):
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss(self.net(codes[batch], numbers[batch]), target[batch]).backward()
                for optimizer in optimizers:
                    optimizer.step()
            self.epoch_seconds.append(time.perf_counter() - start)
        self.net.eval()

    def optimizers(self, rate):
        optim, sparse, dense = self.torch.optim, [], []
        for parameter in self.net.embeddings.parameters():
            (sparse if self.sparse else dense).append(parameter)
        dense += self.net.layers.parameters()
        found = [optim.Adam(dense, rate, fused=True)]
        return found + [optim.SparseAdam(sparse, rate)] if sparse else found

    def predict(self, x):
        with self.torch.inference_mode():
            codes, numbers = self.tensors(x)
            pieces = zip(codes.split(CHUNK), numbers.split(CHUNK))
            return self.probabilities(self.torch.cat([self.net(*piece) for piece in pieces])).numpy()

    def probabilities(self, outputs):
        outputs = outputs.double()
        return outputs.sigmoid() if outputs.dim() == 1 else outputs.softmax(dim=1)

    def row_calls(self, x):
        """Functions that predict a row each, whose inputs are tensors already."""
        codes, numbers = self.tensors(x)

        def call(codes, numbers):
            with self.torch.inference_mode():
                self.answer = self.net(codes, numbers).sigmoid()

        return [functools.partial(call, *row) for row in zip(codes.split(1), numbers.split(1))]


def network(torch, meta, codes, n_numbers, n_outputs, settings, sparse):
    """Embeddings and numbers side by side, then dense layers."""
    nn = torch.nn
    activation = {"Relu": nn.ReLU, "Tanh": nn.Tanh, "Sigmoid": nn.Sigmoid}[settings["activation"]]

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [meta["columns"][j]["n_codes"] for j in codes]
            # One row more, for missing and unseen codes.
            self.embeddings = nn.ModuleList(
                nn.Embedding(n + 1, min(50, (n + 1) // 2), sparse=sparse) for n in sizes)
            width = sum(e.embedding_dim for e in self.embeddings) + n_numbers
            layers = []
            for units in settings["hidden"]:
                layers += [nn.Linear(width, units), activation()]
                if settings["dropout"] > 0:
                    layers.append(nn.Dropout(settings["dropout"]))
                width = units
            self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))
            # As ours starts; layers do by PyTorch's defaults.
            for embedding in self.embeddings:
                nn.init.normal_(embedding.weight, std=0.1)

        def forward(self, codes, numbers):
            inputs = [embedding(codes[:, j]) for j, embedding in enumerate(self.embeddings)]
            outputs = self.layers(torch.cat([*inputs, numbers], dim=1))
            return outputs if n_outputs > 1 else outputs[:, 0]

    return Network()


class ScikitLearn:
    """`MLPClassifier`: numbers only, no dropout."""

    def __init__(self, job, meta):
        import sklearn
        from sklearn.neural_network import MLPClassifier

        self.version, self.meta, settings = f"scikit-learn {sklearn.__version__}", meta, job["network"]
        activation = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "logistic"}[settings["activation"]]
        n_epochs = settings["n_epochs"]
        self.model = MLPClassifier(
            tuple(settings["hidden"]), activation=activation, alpha=0, batch_size=settings["batch_size"],
            learning_rate_init=settings["learning_rate"], max_iter=n_epochs, n_iter_no_change=n_epochs,
            random_state=job["seed"])

    def fit(self, x, y):
        self.standard = Standard(x, self.meta["columns"])
        with warnings.catch_warnings():
            # That it has not converged after so many epochs.
            warnings.simplefilter("ignore")
            self.model.fit(self.standard(x), y)

    def predict(self, x):
        p = self.model.predict_proba(self.standard(x))
        return p[:, 1] if self.meta["target"] == "binary" else p


PEERS = {"torch": Torch, "torch_sparse": Torch, "sklearn": ScikitLearn}

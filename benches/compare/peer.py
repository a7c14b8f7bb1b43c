"""Runs one job with a peer, in a process of its own: `python peer.py JOB.json`.

Reads the job that `comparison.py` wrote, prints one JSON object with `seconds`, `mb` and `version`, and
writes the predictions for the test rows, column after column, where the job says.
"""

import ctypes
import functools
import gc
import json
import statistics
import sys
import time

import numpy as np

import data_set
import network_peers
import reading_peers
import transform_peers


def memory(field):
    """VmRSS or VmHWM of this process in MB."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    raise LookupError(field)


def measured(work):
    """The result of `work`, its seconds, and its peak of memory above what was there before, in MB."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as clear_refs:
        clear_refs.write("5")  # VmHWM := VmRSS
    before = memory("VmRSS")
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    return result, seconds, memory("VmHWM") - before


class LightGBM:
    def __init__(self, job, meta):
        import lightgbm

        self.library, self.version = lightgbm, f"lightgbm {lightgbm.__version__}"
        objective = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
        self.parameters = {
            "objective": objective[meta["target"]],
            "num_leaves": job["max_leaves"],
            "learning_rate": job["learning_rate"],
            "num_threads": job["threads"],
            "seed": job["seed"],
            "verbose": -1,
        }
        if meta["target"] == "multiclass":
            self.parameters["num_class"] = meta["n_classes"]
        self.n_trees = job["n_trees"]
        self.threads = job["threads"]
        self.codes = [j for j, column in enumerate(meta["columns"]) if column["n_codes"] is not None]
        if job["categories"] == "numbers":
            self.codes = []

    def fit(self, x, y):
        table = self.library.Dataset(x, y, categorical_feature=self.codes)
        self.model = self.library.train(self.parameters, table, self.n_trees)

    def predict(self, x):
        return self.model.predict(x, num_threads=self.threads)

    def row_calls(self, x):
        """Functions that predict a row each through the C interface, set up once: a call makes no array."""
        from lightgbm.basic import _LIB, _safe_call

        setup, length = ctypes.c_void_p(), ctypes.c_int64()
        self.answer = np.zeros(1)
        float32, normal = 0, 0
        _safe_call(_LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
            self.model._handle, ctypes.c_int(normal), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(float32),
            ctypes.c_int32(x.shape[1]), ctypes.c_char_p(b"num_threads=1"), ctypes.byref(setup)))
        answer = self.answer.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        call, size = _LIB.LGBM_BoosterPredictForMatSingleRowFast, ctypes.byref(length)
        rows = [ctypes.c_void_p(x.ctypes.data + i * x.strides[0]) for i in range(len(x))]
        return [functools.partial(call, setup, row, size, answer) for row in rows]


class XGBoost:
    def __init__(self, job, meta):
        import xgboost

        self.library, self.version = xgboost, f"xgboost {xgboost.__version__}"
        objective = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
        self.parameters = {
            "objective": objective[meta["target"]],
            "tree_method": "hist",
            "learning_rate": job["learning_rate"],
            "nthread": job["threads"],
            "seed": job["seed"],
        }
        if job["contestant"] == "xgboost_leafwise":
            self.version += " (leaf-wise)"
            self.parameters |= {"grow_policy": "lossguide", "max_leaves": job["max_leaves"], "max_depth": 0}
        else:
            self.parameters |= {"max_depth": 6}
        if meta["target"] == "multiclass":
            self.parameters["num_class"] = meta["n_classes"]
        self.n_trees = job["n_trees"]

    def fit(self, x, y):
        table = self.library.QuantileDMatrix(x, y, nthread=self.parameters["nthread"])
        self.model = self.library.train(self.parameters, table, self.n_trees)

    def predict(self, x):
        return self.model.inplace_predict(x)


class ScikitLearn:
    def __init__(self, job, meta):
        import sklearn
        from sklearn import ensemble

        self.version = f"scikit-learn {sklearn.__version__}"
        if job["model"] == "boosting":
            codes = [column["n_codes"] is not None for column in meta["columns"]]
            self.model = ensemble.HistGradientBoostingClassifier(
                max_iter=job["n_trees"], max_leaf_nodes=job["max_leaves"], learning_rate=job["learning_rate"],
                early_stopping=False, random_state=job["seed"],
                categorical_features=codes if job["categories"] == "native" else None)
        else:
            forests = {"random_forest": ensemble.RandomForestClassifier, "extra_trees": ensemble.ExtraTreesClassifier}
            self.model = forests[job["model"]](
                job["n_trees"], max_depth=job["max_depth"], max_features="sqrt", min_samples_leaf=1,
                n_jobs=job["threads"], random_state=job["seed"])

    def fit(self, x, y):
        self.model.fit(x, y)

    def predict(self, x):
        return self.model.predict_proba(x)[:, 1]


PEERS = {"lightgbm": LightGBM, "xgboost": XGBoost, "xgboost_leafwise": XGBoost, "sklearn": ScikitLearn}


def seconds_per_row(peer, x, n_calls):
    """The median over calls with one row each, the rows in turn."""
    x = x[:n_calls]
    calls, times = peer.row_calls(x), []
    for i in range(n_calls):
        call = calls[i % len(x)]
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    assert np.isclose(float(peer.answer[0]), peer.predict(x[[(n_calls - 1) % len(x)]])[0])
    return statistics.median(times)


def run_stack(job, meta):
    import stack_peers

    peer = stack_peers.PEERS[job["contestant"]](job, meta)
    x, y = peer.prepare("train"), data_set.target(job["data"], "train")
    _, seconds, mb = measured(lambda: peer.fit(x, y))
    del x
    figures = {"seconds": seconds, "mb": mb, "version": peer.version}
    if job["stack"]["is_cross_validation"]:
        predictions = peer.out_of_fold
    else:
        x = peer.prepare("test")
        predictions = peer.predict(x)
        if job["measure"] == "predict_row":
            runs = [measured(lambda: peer.predict(x)) for _ in range(3)]
            batch = {"seconds": statistics.median(run[1] for run in runs), "mb": statistics.median(run[2] for run in runs)}
            figures |= {"seconds": peer.seconds_per_row(x, job["calls"]), "mb": None, "batch": batch}
    np.asarray(predictions, dtype="<f8").tofile(job["predictions"])
    return figures


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    if job["model"] == "transform":
        print(json.dumps(transform_peers.run(job, measured)))
        return
    if job["model"] == "reading":
        print(json.dumps(reading_peers.run(job, measured)))
        return
    meta = data_set.meta(job["data"])
    if job["model"] == "stack":
        print(json.dumps(run_stack(job, meta)))
        return
    peers = network_peers.PEERS if job["model"] == "network" else PEERS
    peer = peers[job["contestant"]](job, meta)
    x, y = data_set.features(job["data"], "train"), data_set.target(job["data"], "train")
    _, seconds, mb = measured(lambda: peer.fit(x, y))
    del x
    x = data_set.features(job["data"], "test")
    if job["measure"] == "predict":
        runs = [measured(lambda: peer.predict(x)) for _ in range(job["calls"])]
        seconds = statistics.median(run[1] for run in runs)
        mb = statistics.median(run[2] for run in runs)
    elif job["measure"] == "epoch":
        seconds = statistics.median(peer.epoch_seconds[1:])
    elif job["measure"] == "predict_row":
        seconds, mb = seconds_per_row(peer, x, job["calls"]), None
    predictions = np.asarray(peer.predict(x), dtype="<f8")
    predictions.T.tofile(job["predictions"])  # `tofile` writes by rows: of the transpose, by columns
    print(json.dumps({"seconds": seconds, "mb": mb, "version": peer.version}))


main()

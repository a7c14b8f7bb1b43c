"""Stacks and cross-validation of the peers; `peer.py` runs them."""

import statistics
import time

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from threadpoolctl import threadpool_limits

import data_set


class Stack:
    """Numbers imputed and standardised once, before folds are made; then members and a logistic regression."""

    def __init__(self, job, meta):
        import sklearn

        self.version = f"scikit-learn {sklearn.__version__}"
        self.job, self.meta, self.options = job, meta, job["stack"]
        self.codes = [j for j, column in enumerate(meta["columns"]) if column["n_codes"] is not None]
        if job["categories"] == "numbers":
            self.codes = []
        self.folds = StratifiedKFold(max(self.options["n_folds"], 2), shuffle=True, random_state=job["seed"])
        self.target_folds = StratifiedKFold(5, shuffle=True, random_state=job["seed"])

    def prepare(self, part):
        """The features: a matrix, or a frame if categories are strings."""
        x = data_set.features(self.job["data"], part)
        if not self.codes:
            return x
        import pandas

        frame = pandas.DataFrame(x, columns=[column["name"] for column in self.meta["columns"]])
        for name in self.names(self.codes):
            frame[name] = frame[name].map(lambda code: f"{int(code):06}", na_action="ignore").astype(object)
        return frame

    def names(self, places):
        return [self.meta["columns"][j]["name"] for j in places]

    def preprocessing(self):
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        if not self.codes:
            return numbers
        others = [j for j in range(len(self.meta["columns"])) if j not in self.codes]
        categories = make_pipeline(TargetEncoder(cv=self.target_folds), StandardScaler())
        return ColumnTransformer([("numbers", numbers, self.names(others)), ("codes", categories, self.names(self.codes))])

    def members(self):
        threads, seed = self.job["threads"], self.job["seed"]
        made = {
            "logistic": lambda: LogisticRegression(max_iter=200),
            "forest": lambda: RandomForestClassifier(100, max_depth=12, n_jobs=threads, random_state=seed),
            "extra_trees": lambda: ExtraTreesClassifier(100, max_depth=12, n_jobs=threads, random_state=seed),
            "boosting": lambda: HistGradientBoostingClassifier(early_stopping=False, random_state=seed),
            "naive_bayes": GaussianNB,
        }
        return [(name, made[name]()) for name in self.options["members"]]

    def fit(self, x, y):
        if self.options["is_cross_validation"]:
            [(_, member)] = self.members()
            model = make_pipeline(self.preprocessing(), member)
            self.out_of_fold = cross_val_predict(model, x, y, cv=self.folds, method="predict_proba")[:, 1]
        elif self.options["n_folds"] == 0:
            self.blend(x, y)
        else:
            self.stack(x, y)

    def stack(self, x, y):
        stack = StackingClassifier(self.members(), LogisticRegression(), cv=self.folds, n_jobs=1)
        self.model = make_pipeline(self.preprocessing(), stack).fit(x, y)
        self.predict = lambda x: self.model.predict_proba(x)[:, 1]

    def blend(self, x, y):
        """A/B/C by hand: members learn on one half, the blender on the other."""
        preprocessing = self.preprocessing()
        x = preprocessing.fit_transform(x, y)
        a, b = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=self.job["seed"])
        members = [member.fit(x[a], y[a]) for _, member in self.members()]
        predictions = lambda x: np.column_stack([member.predict_proba(x)[:, 1] for member in members])
        blender = LogisticRegression().fit(predictions(x[b]), y[b])
        self.predict = lambda x: blender.predict_proba(predictions(preprocessing.transform(x)))[:, 1]

    def seconds_per_row(self, x, n_calls):
        """On one thread: more than one take longer for a single row."""
        x = x[:n_calls]
        rows = [x[i : i + 1] for i in range(len(x))]
        for member in self.model[-1].estimators_:
            if hasattr(member, "n_jobs"):
                member.n_jobs = 1
        times = []
        with threadpool_limits(1):
            for i in range(n_calls):
                row = rows[i % len(rows)]
                start = time.perf_counter()
                self.predict(row)
                times.append(time.perf_counter() - start)
        return statistics.median(times)


class Mlxtend(Stack):
    """mlxtend's StackingCVClassifier."""

    def __init__(self, job, meta):
        super().__init__(job, meta)
        import mlxtend

        self.version = f"mlxtend {mlxtend.__version__}"

    def stack(self, x, y):
        from mlxtend.classifier import StackingCVClassifier, stacking_cv_classification

        # scikit-learn has no `fit_params` any more; mlxtend 0.23 still passes them, empty here.
        stacking_cv_classification.cross_val_predict = lambda *a, fit_params=None, **k: cross_val_predict(*a, **k)
        members = [member for _, member in self.members()]
        stack = StackingCVClassifier(
            members, LogisticRegression(), use_probas=True, drop_proba_col="first", cv=self.folds,
            random_state=self.job["seed"], n_jobs=None)
        self.model = make_pipeline(self.preprocessing(), stack).fit(x, y.astype(int))
        self.predict = lambda x: self.model.predict_proba(x)[:, 1]


class Vecstack(Stack):
    """vecstack's `StackingTransformer`, new rows averaged over folds as ours are by default."""

    def __init__(self, job, meta):
        super().__init__(job, meta)
        import vecstack

        self.version = f"vecstack {getattr(vecstack, '__version__', '0.5.2')}"

    def stack(self, x, y):
        from vecstack import StackingTransformer

        members = StackingTransformer(
            self.members(), regression=False, variant="A", needs_proba=True, n_folds=self.options["n_folds"],
            stratified=True, shuffle=True, random_state=self.job["seed"], verbose=0)
        preprocessing = self.preprocessing()
        x = preprocessing.fit_transform(x)
        members = members.fit(x, y.astype(int))
        blender = LogisticRegression().fit(members.transform(x)[:, 1::2], y)
        transform = lambda x: members.transform(preprocessing.transform(x))[:, 1::2]
        self.predict = lambda x: blender.predict_proba(transform(x))[:, 1]


PEERS = {"sklearn": Stack, "mlxtend": Mlxtend, "vecstack": Vecstack}

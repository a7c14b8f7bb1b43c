"""Values of scikit-learn and category_encoders on real tables, for tests/it/parity.rs.

python -m venv venv
venv/bin/pip install scikit-learn==1.9.1 category_encoders==2.11.2 pandas==3.1.1
venv/bin/python tests/parity/encoders.py > tests/parity/encoders.tsv

Lines that begin with `#` are comments. A line of features has, set apart by tabs: the case (the
table, the transformer, its options, and whether the rows are those of training or new ones), the
feature's name, how many values are missing, the sum of the others, their sum times (position in
the rows mod 101), and the values at the positions 0, STEP, 2 STEP ... A line of another case has
its name and numbers.

Rows. adult: the official split. bank and salaries: those at 0, 3, 6 ... are new, all others train.
Missing. adult: `?`, and 99999 in capital_gain; bank: -1 in pdays; salaries: empty cells.
Folds. A training row's fold is its position among the training rows mod 5.
"""

import gzip
import sys
import warnings
from pathlib import Path

import category_encoders as ce
import numpy as np
import pandas as pd
import sklearn
from sklearn import metrics
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, PredefinedSplit, StratifiedKFold
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert ce.__version__ == "2.11.2", ce.__version__
warnings.filterwarnings("ignore", message="Found unknown categories")

DATA = Path(__file__).parents[2] / "examples" / "data"
STEP = 1499
nan = np.nan


def read(name, na_values):
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as file:
        return pd.read_csv(file, keep_default_na=False, na_values=na_values)


def number(v):
    return "nan" if np.isnan(v) else f"{v:.9g}"


def show(case, names, values):
    values = np.asarray(values, dtype=float)
    assert values.shape[1] == len(names), case
    place = np.arange(len(values)) % 101
    for name, column in zip(names, values.T):
        present = ~np.isnan(column)
        sums = [np.sum(column[present]), np.sum(column[present] * place[present])]
        cells = [(~present).sum(), *map(number, [*sums, *column[::STEP]])]
        print(case, name, *cells, sep="\t")


def one_hot_name(column):
    def name(_, level):
        if isinstance(level, float) and np.isnan(level):
            return f"{column}_missing"
        return f"{column}_{level}"
    return name


class Rows:
    """The training rows and the new rows of a table."""

    def __init__(self, name, table, is_new):
        self.name = name
        self.train = table[~is_new].reset_index(drop=True)
        self.new = table[is_new].reset_index(drop=True)
        self.folds = PredefinedSplit(np.arange(len(self.train)) % 5)

    def both(self, case, names, transformer, columns):
        """A transformer without a target."""
        fitted = transformer.fit(self.train[columns])
        for part, rows in [("train", self.train), ("new", self.new)]:
            show(f"{self.name} {case} {part}", names(fitted), fitted.transform(rows[columns]))

    def one_hot(self, case, columns, handle_unknown="ignore", **options):
        encoders = {c: OneHotEncoder(sparse_output=False, handle_unknown=handle_unknown,
                                     feature_name_combiner=one_hot_name(c), **options)
                    for c in columns}
        fitted = {c: e.fit(self.train[[c]]) for c, e in encoders.items()}
        names = [n.replace("_infrequent_sklearn", "_infrequent")
                 for e in fitted.values() for n in e.get_feature_names_out()]
        for part, rows in [("train", self.train), ("new", self.new)]:
            values = np.hstack([e.transform(rows[[c]]) for c, e in fitted.items()])
            show(f"{self.name} {case} {part}", names, values)

    def without_target(self, case, columns, transformer):
        self.both(case, lambda _: columns, transformer, columns)

    def with_target(self, case, columns, encoder, target, parts=("train", "new")):
        """An encoder of category_encoders."""
        encoder.fit(self.train[columns], target(self.train))
        if "train" in parts:
            values = encoder.transform(self.train[columns], target(self.train))
            show(f"{self.name} {case} train", columns, values)
        show(f"{self.name} {case} new", columns, encoder.transform(self.new[columns]))

    def cross_fitted(self, case, columns, target, smooth, target_type):
        """scikit-learn's target encoder over the folds."""
        encoder = TargetEncoder(smooth=smooth, target_type=target_type, cv=self.folds)
        training = encoder.fit_transform(self.train[columns], target(self.train))
        case += " auto" if smooth == "auto" else f" m={smooth}"
        names = columns
        if target_type == "multiclass":
            names = [f"{c}_{k}" for c in columns for k in encoder.classes_]
        show(f"{self.name} {case} train", names, training)
        show(f"{self.name} {case} new", names, encoder.transform(self.new[columns]))


def category_encoders_cases(rows, columns, target):
    rows.with_target("leave_one_out sigma=0", columns, ce.LeaveOneOutEncoder(sigma=None), target)
    rows.with_target("ordered a=1", columns, ce.CatBoostEncoder(), target)
    rows.with_target("ordered a=3", columns, ce.CatBoostEncoder(a=3), target)
    for m in [1, 25.5]:
        rows.with_target(f"smoothed m={m}", columns, ce.MEstimateEncoder(m=m), target, ["new"])
    rows.with_target("smoothed sigmoid", columns, ce.TargetEncoder(min_samples_leaf=20, smoothing=10),
                     target, ["new"])
    rows.without_target("frequency count", columns, ce.CountEncoder(cols=columns))
    rows.without_target("frequency share", columns, ce.CountEncoder(cols=columns, normalize=True))


def ordinal_cases(rows, columns):
    nans = dict(handle_unknown="use_encoded_value", unknown_value=nan)
    rows.without_target("ordinal nan", columns, OrdinalEncoder(**nans))
    numbers = dict(handle_unknown="use_encoded_value", unknown_value=-1)
    rows.without_target("ordinal -1", columns, OrdinalEncoder(**numbers))


def numeric_cases(rows, columns):
    for strategy in ["mean", "median", "most_frequent"]:
        rows.without_target(f"impute {strategy}", columns, SimpleImputer(strategy=strategy))
    rows.without_target("impute constant", columns,
                        SimpleImputer(strategy="constant", fill_value=-7))
    indicated = [*columns, *(f"{c}_missing" for c in columns if rows.train[c].isna().any())]
    rows.both("impute indicators", lambda _: indicated,
              SimpleImputer(strategy="median", add_indicator=True), columns)
    rows.without_target("scale standard", columns, StandardScaler())
    rows.without_target("scale min_max", columns, MinMaxScaler())
    rows.without_target("scale min_max clipped", columns, MinMaxScaler((-1, 2), clip=True))
    rows.without_target("scale max_abs", columns, MaxAbsScaler())
    rows.without_target("scale robust", columns, RobustScaler())
    rows.without_target("scale robust 5 to 90", columns, RobustScaler(quantile_range=(5, 90)))
    for n, output in [(1000, "uniform"), (1000, "normal"), (50, "uniform"), (50, "normal")]:
        quantile = QuantileTransformer(n_quantiles=n, output_distribution=output, subsample=None)
        rows.without_target(f"scale quantile {n} {output}", columns, quantile)


def fold_sizes(name, labels):
    """Rows in each fold, and rows of each class in each fold, smallest first."""
    n = len(labels)
    sizes = [len(v) for _, v in KFold(5, shuffle=True, random_state=0).split(np.zeros(n))]
    print(f"{name} k_fold", *sorted(sizes), sep="\t")
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    folds = [labels.iloc[v] for _, v in splitter.split(np.zeros(n), labels)]
    print(f"{name} stratified", *sorted(map(len, folds)), sep="\t")
    for label in sorted(labels.unique()):
        print(f"{name} stratified {label}", *sorted((f == label).sum() for f in folds), sep="\t")


print(f"# python {sys.version.split()[0]}, numpy {np.__version__}, pandas {pd.__version__}, "
      f"scikit-learn {sklearn.__version__}, category_encoders {ce.__version__}")
print("# python tests/parity/encoders.py > tests/parity/encoders.tsv")

# adult
table = read("adult", ["?"])
table["capital_gain"] = table["capital_gain"].astype(float).replace(99999, nan)
adult = Rows("adult", table, table["split"] == "test")
texts = ["workclass", "education", "marital_status", "occupation", "relationship", "race", "sex",
         "native_country"]
numbers = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"]


def income(rows):
    return (rows["income"] == ">50K").astype(int)


def schooling(rows):
    return rows["education_num"].map(lambda n: "low" if n < 9 else "mid" if n < 13 else "high")


adult.one_hot("one_hot none", texts)
adult.one_hot("one_hot first", texts, drop="first")
adult.one_hot("one_hot if_binary", texts, drop="if_binary")
adult.one_hot("one_hot at_least_500", texts, min_frequency=500)
ordinal_cases(adult, texts)
category_encoders_cases(adult, texts, income)
for smooth in ["auto", 12.5]:
    adult.cross_fitted("target", texts, income, smooth, "binary")
    adult.cross_fitted("many_classes", ["workclass", "occupation", "native_country"],
                       schooling, smooth, "multiclass")
numeric_cases(adult, numbers)
fold_sizes("adult folds", table["income"])
fold_sizes("adult folds_of_education", table["education"])

score = (8 * table["education_num"] + table["age"].clip(upper=60)
         + table["hours_per_week"]) / 320
positive, weight = income(table), table["fnlwgt"]
for name, w in [("adult metrics plain", None), ("adult metrics weighted", weight)]:
    found = [f(positive, score, sample_weight=w)
             for f in [metrics.roc_auc_score, metrics.average_precision_score, metrics.log_loss,
                       metrics.brier_score_loss]]
    print(name, *map(repr, map(float, found)), sep="\t")

# bank
table = read("bank_full", [])
table["pdays"] = table["pdays"].astype(float).replace(-1, nan)
bank = Rows("bank", table, pd.Series(table.index % 3 == 0))
texts = ["job", "marital", "education", "default", "housing", "loan", "contact", "month",
         "poutcome"]
texts_and_day = [*texts[:7], "day", *texts[7:]]
numbers = ["age", "balance", "day", "duration", "campaign", "pdays", "previous"]


def subscribed(rows):
    return (rows["y"] == "yes").astype(int)


bank.one_hot("one_hot if_binary", texts, drop="if_binary")
bank.one_hot("one_hot share", texts_and_day, min_frequency=0.04)
bank.one_hot("one_hot at_most_5", texts_and_day, max_categories=5)
ordinal_cases(bank, texts_and_day)
category_encoders_cases(bank, texts, subscribed)
for smooth in ["auto", 0.0]:
    bank.cross_fitted("target", texts_and_day, subscribed, smooth, "binary")
numeric_cases(bank, numbers)
fold_sizes("bank folds", table["y"])

# salaries
table = read("employee_salaries", [""])
salaries = Rows("salaries", table, pd.Series(table.index % 3 == 0))
texts = ["Gender", "Department", "Division", "Assignment Category", "Employee Position Title",
         "Underfilled Job Title"]


def salary(rows):
    return rows["Current Annual Salary"].str.removeprefix("$").astype(float)


salaries.one_hot("one_hot none", ["Gender", "Department"])
salaries.one_hot("one_hot unknown_is_infrequent", ["Division", "Employee Position Title"],
                 min_frequency=50, handle_unknown="infrequent_if_exist")
ordinal_cases(salaries, texts)
category_encoders_cases(salaries, texts, salary)
for smooth in ["auto", 3.0]:
    salaries.cross_fitted("target", texts, salary, smooth, "continuous")

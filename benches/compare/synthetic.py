"""A seeded table in the shape of the Homesite data, whose logit is known.

Of `n_columns` columns a third is continuous, 28 of 300 are category codes with 2 to 60 codes, and
the others are whole numbers with 2 to 25 levels. All hang together in families through a few
hidden factors. One column in five misses about 1 % of its values.

The logit is a function of what the table shows (a missing value adds nothing): curves over some of
the columns, an effect for each code of the categories, products of two numbers, and a slope in a
number for each code of a category. Its scale and its intercept are then solved for a positive rate
of 0.19 and a best possible AUC of 0.965: the AUC, in expectation, of ranking the rows by their true
probability. No model can beat it but by chance.
"""

import numpy as np

import data_set

POSITIVE_RATE = 0.19
BEST_AUC = 0.965
N_FACTORS = 16


def write(folder, n_train, n_test, n_columns, seed):
    n = n_train + n_test
    rng = np.random.default_rng(seed)
    plan = _plan(n_columns, rng)
    factors = rng.standard_normal((N_FACTORS, n), dtype=np.float32)
    # What the columns of the logit show, standardised; codes as they are.
    shown = {j: None for j in _informative(plan, rng)}

    def columns():
        for j, (kind, n_levels) in enumerate(plan):
            values, signal = _column(kind, n_levels, factors[j % N_FACTORS], rng)
            if j in shown:
                shown[j] = signal
            yield f"{kind}{j}", n_levels if kind == "code" else None, values

    best = {}

    def target():
        logit = _logit(plan, shown, n, np.random.default_rng([seed, 1]))
        p = calibrate(logit, POSITIVE_RATE, BEST_AUC)
        best.update(truth(p))
        return np.random.default_rng([seed, 2]).random(n) < p

    data_set.write(folder, columns(), target, n_train, "binary", truth=best)


def _plan(n_columns, rng):
    """The kind and number of levels of each column, shuffled."""
    n_codes = max(1, round(n_columns * 28 / 300))
    n_continuous = n_columns // 3
    # Few codes are more common than many: 2 to 60, evenly on a log scale.
    plan = [("code", round(2 * 30 ** (i / max(1, n_codes - 1)))) for i in range(n_codes)]
    plan += [("continuous", 0)] * n_continuous
    plan += [("integer", int(rng.integers(2, 26))) for _ in range(n_columns - n_codes - n_continuous)]
    return [plan[i] for i in rng.permutation(n_columns)]


def _informative(plan, rng):
    """At most 40 numbers and 20 categories that the logit looks at."""
    numbers = [j for j, (kind, _) in enumerate(plan) if kind != "code"]
    codes = [j for j, (kind, _) in enumerate(plan) if kind == "code"]
    return [*rng.permutation(numbers)[:40].tolist(), *rng.permutation(codes)[:20].tolist()]


def _column(kind, n_levels, factor, rng):
    """A column's values, and what the logit sees of them."""
    loading = np.float32(rng.uniform(0, 0.7))
    noise = rng.standard_normal(len(factor), dtype=np.float32)
    hidden = loading * factor + np.sqrt(1 - loading**2) * noise
    if kind == "continuous":
        values = np.exp(hidden) if rng.random() < 0.5 else hidden * np.float32(rng.uniform(1, 1000))
        signal = np.clip(hidden, -3, 3)
    else:
        # Levels of uneven frequency.
        cuts = np.sort(rng.standard_normal(n_levels - 1)).astype(np.float32)
        levels = np.searchsorted(cuts, hidden)
        if kind == "code":
            values = signal = rng.permutation(n_levels)[levels]
        else:
            values = levels
            signal = ((levels - levels.mean()) / (levels.std() + 1e-9)).clip(-3, 3).astype(np.float32)
    values = values.astype(np.float32)
    if rng.random() < 0.2:
        missing = rng.random(len(values), dtype=np.float32) < 0.01
        values[missing] = np.nan
        # A code that is missing is level `n_levels` of the logit; a number is an average one.
        signal = np.where(missing, n_levels if kind == "code" else 0, signal)
    return values, signal.astype(np.int16 if kind == "code" else np.float32)


def _logit(plan, shown, n, rng):
    numbers = [j for j in shown if plan[j][0] != "code"]
    codes = [j for j in shown if plan[j][0] == "code"]
    curves = [
        lambda v: v,
        lambda v: np.tanh(2 * v),
        lambda v: np.where(v > 0.4, 1.0, -0.5),
        lambda v: 1 - v * v / 2,
        lambda v: np.maximum(v + 0.5, 0),
    ]
    logit = np.zeros(n)

    def add(weight, term):
        term = term - term.mean()
        logit[:] += weight * term / (term.std() + 1e-9)

    for rank, j in enumerate(numbers):
        add(rng.choice([-1, 1]) * 0.86**rank, curves[rank % len(curves)](shown[j]))
    for rank, j in enumerate(codes):
        effect = np.append(rng.standard_normal(plan[j][1]), 0)
        add(0.8 * 0.8**rank, effect[shown[j]])
    for rank in range(min(12, len(numbers) // 2)):
        a, b = rng.choice(numbers, 2, replace=False)
        add(0.4 * 0.85**rank, np.tanh(shown[a]) * np.tanh(shown[b]))
    for rank in range(min(8, len(codes))):
        j, number = codes[rank], rng.choice(numbers)
        slope = np.append(rng.standard_normal(plan[j][1]), 0)
        add(0.4 * 0.8**rank, slope[shown[j]] * shown[number])
    return logit / logit.std()


def calibrate(logit, positive_rate, best_auc):
    """Probabilities with the wanted rate and best AUC, by nested bisection on a part of the rows."""
    part = logit[:50_000]

    def solve(f, low, high):
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if f(middle) < 0 else (low, middle)
        return (low + high) / 2

    def probability(z, scale, intercept):
        return 1 / (1 + np.exp(-(scale * z + intercept)))

    def intercept(scale):
        return solve(lambda b: probability(part, scale, b).mean() - positive_rate, -60.0, 20.0)

    scale = solve(lambda a: expected_auc(probability(part, a, intercept(a))) - best_auc, 0.1, 20.0)
    return probability(logit, scale, intercept(scale)).clip(1e-12, 1 - 1e-12)


def truth(p):
    """The best scores that any model can have on rows of these probabilities."""
    log_loss = float(-np.mean(p * np.log(p) + (1 - p) * np.log1p(-p)))
    return {"best_auc": expected_auc(p), "best_log_loss": log_loss}


def expected_auc(p):
    """The AUC of ranking rows by `p` when row i is positive with probability p_i.

    A sum over pairs: positive i ranked above negative j, p_i (1 - p_j), over all ordered pairs of
    different rows; ties, which have no weight among continuous p, are passed over.
    """
    p = np.sort(p)
    negatives_below = np.cumsum(1 - p) - (1 - p)
    return float((p * negatives_below).sum() / (p.sum() * (1 - p).sum() - (p * (1 - p)).sum()))

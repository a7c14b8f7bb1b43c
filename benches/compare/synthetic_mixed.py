"""A seeded table of categories of many levels and of numbers, whose logit is known.

28 columns are codes with 3 to 1,000 levels, evenly on a log scale, of uneven frequency; the others
are normal numbers of any mean and scale, five of them to a hidden factor that they hang on. Nothing
is missing. The logit has an effect for each level of each code column, curves over forty numbers,
and products of effects and numbers, half of its variance from codes alone; it is scaled for a best
possible AUC of 0.9 and a positive rate of 0.3.
"""

import numpy as np

import data_set
from synthetic import calibrate, truth

N_CODES = 28
LEAST_LEVELS, MOST_LEVELS = 3, 1_000
N_INFORMATIVE = 40
RATE, BEST_AUC = 0.3, 0.9


def n_levels(column):
    return round(LEAST_LEVELS * (MOST_LEVELS / LEAST_LEVELS) ** (column / (N_CODES - 1)))


def write(folder, n_train, n_test, n_numbers, seed):
    n = n_train + n_test
    rng = np.random.default_rng(seed)
    of_codes, of_numbers, of_both = np.zeros(n), np.zeros(n), np.zeros(n)
    effects = []

    def columns():
        for j in range(N_CODES):
            levels = n_levels(j)
            frequency = rng.dirichlet(np.full(levels, 2.0))
            codes = rng.choice(levels, n, p=frequency)
            effect = rng.standard_normal(levels)[codes]
            of_codes[:] += effect
            effects.append(effect.astype(np.float32))
            yield f"code{j}", levels, codes
        factors = rng.standard_normal((max(1, n_numbers // 5), n), dtype=np.float32)
        informative = set(rng.permutation(n_numbers)[:N_INFORMATIVE].tolist())
        for j in range(n_numbers):
            hidden = 0.6 * factors[j % len(factors)] + 0.8 * rng.standard_normal(n, dtype=np.float32)
            if j in informative:
                curve = [lambda v: v, lambda v: np.tanh(2 * v), lambda v: (v * v - 1) / 2][j % 3]
                of_numbers[:] += curve(hidden)
                of_both[:] += hidden * effects[j % N_CODES]
            yield f"number{j}", None, rng.uniform(-100, 100) + rng.uniform(0.1, 100) * hidden

    found = {}

    def target():
        parts = [(0.5, of_codes), (0.35, of_numbers), (0.15, of_both)]
        logit = sum(np.sqrt(share) * (part - part.mean()) / (part.std() + 1e-9) for share, part in parts)
        p = calibrate(logit / logit.std(), RATE, BEST_AUC)
        found.update(truth(p))
        return np.random.default_rng([seed, 1]).random(n) < p

    data_set.write(folder, columns(), target, n_train, "binary", truth=found)

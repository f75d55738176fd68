"""PEER@k: could the ranks of the answers in different languages come from one distribution?"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE
from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks
from xlir_bench.measures.labels import labels_of


def equal_expected_rank(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return PEER@k: the p-value of a Kruskal-Wallis test of the relevant passages' ranks.

    The groups are the languages of the relevant passages; a passage beyond k, or not retrieved,
    is at k + 1. In [0, 1], higher is better: 1 is no sign that a language is favoured. Undefined
    (NaN) for a query whose relevant passages are of one known language, or with none within k.

    A p-value grows with few passages: with exactly one relevant passage in each of n languages it
    is *constant* (n = 2: .3173, 4: .3916, 11: .4405), so on XQuAD-R and MLQA-R it says nothing.
    Compare it only where languages have several.

    The published code differs: it gives 1 in both undefined cases, places missing passages
    elsewhere, and tests places in the list instead of ranks among the relevant passages.

    Source: Yang, Jaenich, Mayfield, Lawrie 2024, SIGIR (PEER),
    https://doi.org/10.1145/3626772.3657943, with all relevant grades as one level.
    """
    labels = labels_of(ranks)
    known = labels.relevant != NO_LANGUAGE
    owner, group = ranks.owners[known], labels.relevant[known]
    place = ranks.ranks[known]
    within = (place != NOT_RETRIEVED) & (place <= cutoff)
    shape = (len(ranks.queries), labels.pool.shape[1])
    n = np.bincount(owner, minlength=shape[0]).astype(np.float64)
    n_within = np.bincount(owner, within, minlength=shape[0])
    # Relevant passages come best first, so those within k have the ranks 1, 2, ... and the others
    # share the mean of the rest.
    position = np.arange(len(owner)) - (np.cumsum(n) - n)[owner] + 1
    rank = np.where(within, position, (n_within[owner] + 1 + n[owner]) / 2)
    away = rank - (n[owner] + 1) / 2
    cell = owner * shape[1] + group
    size = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    total = np.bincount(cell, away, minlength=shape[0] * shape[1]).reshape(shape)
    between = np.divide(total**2, size, out=np.zeros(shape), where=size > 0).sum(axis=1)
    overall = np.bincount(owner, away**2, minlength=shape[0]).astype(np.float64)
    p_values = _p_values(n, between, overall, (size > 0).sum(axis=1))
    return np.where(n_within > 0, p_values, np.nan)


def _p_values(
    n: NDArray[np.float64],
    between: NDArray[np.float64],
    overall: NDArray[np.float64],
    n_groups: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the p-values of H = (n - 1) * between / overall, 1 where all ranks are tied."""
    from scipy.special import chdtrc  # noqa: PLC0415 - 0.1 s that only this measure pays

    statistic = np.divide((n - 1) * between, overall, out=np.zeros(len(n)), where=overall > 0)
    p_values: NDArray[np.float64] = chdtrc(np.maximum(n_groups - 1, 1), statistic)
    return np.where(n_groups > 1, p_values, np.nan)

"""MRC@k: do parallel queries get the same ranking?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE
from xlir_bench.core.ranking import Ranks
from xlir_bench.measures.labels import top_of

_BLOCK = 2**24
"""Comparisons of passages held at a time."""


def rank_consistency(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return MRC@k: the mean Spearman correlation of a query's first k with those of its parallels.

    For each parallel query in another language: Spearman's rho over the union of both top-k lists;
    a passage that is missing from a list shares the mean of the places after its end. In [-1, 1],
    higher is better: 1 is the same list in every language, negative values are lists that share
    little. Undefined (NaN) for a query of unknown language or without a parallel one, and for
    lists of fewer than two passages. It compares rankings, right or wrong: a model that always
    returns the same passages has a perfect MRC.

    Cost: O(pairs of parallel queries * k^2) comparisons.

    Source: mean rank correlation of Yang, Jiang, Baldwin 2024 (MRC),
    https://arxiv.org/abs/2509.06195; the union of truncated lists is ours.
    """
    top = top_of(ranks)
    passages = top.passages[:, :cutoff]
    own = top.query_languages[top.rows]
    sums, counts = np.zeros(len(top.rows)), np.zeros(len(top.rows))
    for language in np.unique(top.query_languages[top.query_languages != NO_LANGUAGE]):
        for partner in _partners(top.topics, np.flatnonzero(top.query_languages == language)):
            other = partner[top.topics[top.rows]]
            chosen = np.flatnonzero((other >= 0) & (own != language) & (own != NO_LANGUAGE))
            rho = spearman(passages[top.rows[chosen]], passages[other[chosen]])
            defined = ~np.isnan(rho)
            sums[chosen[defined]] += rho[defined]
            counts[chosen[defined]] += 1
    mean = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean


def _partners(topics: NDArray[np.int64], rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the first row of every topic among ``rows``, then the second, -1 where none is left."""
    order = rows[np.argsort(topics[rows], kind="stable")]
    first = np.searchsorted(topics[order], topics[order])
    number = np.arange(len(order)) - first
    for turn in range(int(number.max(initial=-1)) + 1):
        partner = np.full(int(topics.max()) + 1, -1, dtype=np.int64)
        partner[topics[order[number == turn]]] = order[number == turn]
        yield partner


def spearman(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Spearman's rho of pairs of rankings over the union of their passages.

    Args:
        a: (n, k) int64 passages, best first, ``NO_PASSAGE`` past the end; none twice.
        b: (n, k) int64, of the other ranking.

    Returns:
        (n,) correlations; NaN where a ranking has fewer than two passages.

    """
    if not len(a):
        return np.zeros(0)
    step = max(1, _BLOCK // a.shape[1] ** 2)
    return np.concatenate(
        [_spearman(a[i : i + step], b[i : i + step]) for i in range(0, len(a), step)]
    )


def _spearman(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Correlate ranks: Spearman's rho is Pearson's of the ranks, ties sharing their mean."""
    place = np.arange(1, a.shape[1] + 1, dtype=np.float64)
    in_a, in_b = a != NO_PASSAGE, b != NO_PASSAGE
    same = (a[:, :, None] == b[:, None, :]) & in_a[:, :, None]
    n_a, n_b = in_a.sum(axis=1), in_b.sum(axis=1)
    union = n_a + n_b - same.sum(axis=(1, 2))
    # Places after the end of each list are shared by the passages that it misses.
    after_a, after_b = (n_a + 1 + union) / 2, (n_b + 1 + union) / 2
    mean = (union + 1) / 2
    from_a = np.where(in_a, place - mean[:, None], 0)
    from_b = np.where(in_b, place - mean[:, None], 0)
    only_a, only_b = in_a & ~same.any(axis=2), in_b & ~same.any(axis=1)
    product = (
        np.einsum("ij,ijk,ik->i", from_a, same, from_b)
        + (from_a * only_a).sum(axis=1) * (after_b - mean)
        + (from_b * only_b).sum(axis=1) * (after_a - mean)
    )
    square_a = (from_a**2).sum(axis=1) + (union - n_a) * (after_a - mean) ** 2
    square_b = (from_b**2).sum(axis=1) + (union - n_b) * (after_b - mean) ** 2
    rho = np.full(len(a), np.nan)
    defined = (n_a > 1) & (n_b > 1)
    np.divide(product, np.sqrt(square_a * square_b), out=rho, where=defined)
    return rho

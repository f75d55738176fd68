"""The measures of trec_eval, computed from the ranks of the relevant passages alone.

Equal to ir_measures' trec_eval provider (tested to 1e-9). Every function takes the ranks of one
setting and returns one value a query; all but none are in [0, 1] and higher is better. A passage
counts as relevant from grade ``rel``; nDCG's gain is the grade.
"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks

Values = NDArray[np.float64]


def average_precision(ranks: Ranks, cutoff: int | None = None, rel: int = 1) -> Values:
    """Return AP: the mean over the relevant passages of the precision at their ranks.

    Source: trec_eval ``map``, with a cutoff ``map_cut``.
    """
    relevant = ranks.grades >= rel
    found = relevant & _within(ranks, cutoff)
    position = _cumulative(ranks, found)
    precision = np.divide(position, ranks.ranks, out=np.zeros(len(found)), where=found)
    return _ratio(_sums(ranks, precision), _sums(ranks, relevant))


def precision(ranks: Ranks, cutoff: int, rel: int = 1) -> Values:
    """Return P@k: relevant passages among the first k, divided by k (trec_eval ``P``)."""
    return _sums(ranks, _within(ranks, cutoff) & (ranks.grades >= rel)) / cutoff


def recall(ranks: Ranks, cutoff: int, rel: int = 1) -> Values:
    """Return R@k: the share of the relevant passages among the first k (trec_eval ``recall``)."""
    relevant = ranks.grades >= rel
    return _ratio(_sums(ranks, _within(ranks, cutoff) & relevant), _sums(ranks, relevant))


def success(ranks: Ranks, cutoff: int, rel: int = 1) -> Values:
    """Return Success@k: 1 if a relevant passage is among the first k (trec_eval ``success``)."""
    return (precision(ranks, cutoff, rel) > 0).astype(np.float64)


def reciprocal_rank(ranks: Ranks, cutoff: int | None = None, rel: int = 1) -> Values:
    """Return RR: 1 / the best rank of a relevant passage, 0 beyond the cutoff.

    Source: trec_eval ``recip_rank``.
    """
    found = _within(ranks, cutoff) & (ranks.grades >= rel)
    inverse = np.divide(1.0, ranks.ranks, out=np.zeros(len(found)), where=found)
    return np.maximum.reduceat(inverse, ranks.starts[:-1])


def ndcg(ranks: Ranks, cutoff: int | None = None) -> Values:
    """Return nDCG: the sum of grade / log2(rank + 1), divided by that of the ideal ranking.

    Source: trec_eval ``ndcg`` and ``ndcg_cut`` (Jarvelin and Kekalainen 2002 with log2 and linear
    gain, https://doi.org/10.1145/582415.582418).
    """
    found = _within(ranks, cutoff)
    gains = np.where(found, ranks.grades, 0) / np.log2(np.maximum(ranks.ranks, 1) + 1)
    owner = np.repeat(np.arange(len(ranks.queries)), np.diff(ranks.starts))
    best_first = ranks.grades[np.lexsort((-ranks.grades, owner))]
    place = np.arange(len(owner)) - ranks.starts[owner] + 1
    ideal = best_first / np.log2(place + 1)
    if cutoff is not None:
        ideal = np.where(place <= cutoff, ideal, 0)
    return _ratio(_sums(ranks, gains), _sums(ranks, ideal))


def _within(ranks: Ranks, cutoff: int | None) -> NDArray[np.bool_]:
    """Say of each relevant passage whether it is retrieved within the cutoff."""
    limit = np.iinfo(np.int64).max if cutoff is None else cutoff
    within: NDArray[np.bool_] = (ranks.ranks != NOT_RETRIEVED) & (ranks.ranks <= limit)
    return within


def _sums(ranks: Ranks, values: NDArray[np.bool_] | Values) -> Values:
    """Add up the values of each query's passages."""
    return np.add.reduceat(values.astype(np.float64), ranks.starts[:-1])


def _cumulative(ranks: Ranks, flags: NDArray[np.bool_]) -> Values:
    """Count the flagged passages of the same query up to and including each passage."""
    running = np.cumsum(flags, dtype=np.float64)
    before = np.concatenate([[0.0], running])[ranks.starts[:-1]]
    counts: Values = running - np.repeat(before, np.diff(ranks.starts))
    return counts


def _ratio(part: Values, whole: Values) -> Values:
    """Divide, with 0 where nothing is relevant, as trec_eval does."""
    ratio = np.zeros(len(whole))
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio

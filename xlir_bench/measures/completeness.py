"""MaxRank and Complete@k: how deep one must read to see every parallel answer."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks


def max_rank(ranks: Ranks) -> NDArray[np.float64]:
    """Return MaxRank: the rank at which a query's last relevant passage is found.

    In [n, N] for n relevant passages in a pool of N; lower is better. Undefined (NaN) for a query
    with a relevant passage that is not retrieved: needs full depth. With one relevant passage it
    is that passage's rank. The mean is ruled by the hardest queries: read Complete@k beside it.

    Source: Max@R of Hong et al. 2026, https://arxiv.org/abs/2604.05684.
    """
    return ranks.last


def complete(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return Complete@k: 1 if all relevant passages are among the first k, else 0.

    Higher is better. 0 for a query with more than k relevant passages: choose k of at least their
    number (11 in XQuAD-R's pool). Needs the first k ranks only.

    Source: the success rate at k of MaxRank, https://arxiv.org/abs/2604.05684.
    """
    within = (ranks.ranks != NOT_RETRIEVED) & (ranks.ranks <= cutoff)
    return np.logical_and.reduceat(within, ranks.starts[:-1]).astype(np.float64)

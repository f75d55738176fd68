"""MRD and nMRD: how far apart the parallel answers of a query are ranked."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import Ranks


def rank_distance(ranks: Ranks) -> NDArray[np.float64]:
    """Return MRD: the largest minus the smallest rank of a query's relevant passages.

    In [n - 1, N - 1] for n relevant passages in a pool of N; lower is better. Undefined (NaN) for a
    query with one relevant passage, or with one that is not retrieved: needs full depth. A ranking
    that puts every answer last has a perfect MRD: never read it without AP. A random ranking has
    (n - 1) / (n + 1) * (N + 1) on average.

    Source: Elmahdy, Lin, Ahmad 2024, section 4, https://arxiv.org/abs/2408.10536, after Huang et
    al. 2023, SIGIR.
    """
    return np.where(ranks.n_relevant > 1, ranks.last - ranks.first, np.nan)


def normalised_rank_distance(ranks: Ranks) -> NDArray[np.float64]:
    """Return nMRD: (MRD - (n - 1)) / (N - n) for n relevant passages in a pool of N.

    In [0, 1], 0 if the relevant passages are neighbours, 1 if they are first and last; lower is
    better, and comparable between pools of any size for the same n; a random ranking has
    (n - 1) / (n + 1). Undefined (NaN) where MRD is, and for n = N.
    """
    n = ranks.n_relevant
    pool = ranks.n_passages if ranks.pool_sizes is None else ranks.pool_sizes
    room = np.broadcast_to(pool - n, n.shape).astype(np.float64)
    normalised = np.full(len(n), np.nan)
    np.divide(rank_distance(ranks) - (n - 1), room, out=normalised, where=room > 0)
    return normalised

"""Language-bias measures from the full-depth ranks of parallel relevant passages."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import Ranks


def rank_distance(ranks: Ranks) -> NDArray[np.float64]:
    """Return MRD: the largest minus the smallest rank of a query's relevant passages.

    In [n - 1, N - 1] for n relevant passages in a pool of N; lower is better. Undefined (NaN) for a
    query with one relevant passage. Needs full depth. A ranking that puts every answer last has a
    perfect MRD: never read it without AP.

    Source: Elmahdy, Lin, Ahmad 2024, section 4, https://arxiv.org/abs/2408.10536, after Huang et
    al. 2023, SIGIR.
    """
    first, last = ranks.ranks[ranks.starts[:-1]], ranks.ranks[ranks.starts[1:] - 1]
    return np.where(np.diff(ranks.starts) > 1, last - first, np.nan).astype(np.float64)


def normalised_rank_distance(ranks: Ranks) -> NDArray[np.float64]:
    """Return nMRD: (MRD - (n - 1)) / (N - n) for n relevant passages in a pool of N.

    In [0, 1], 0 if the relevant passages are neighbours, 1 if they are first and last; lower is
    better, and comparable between pools. Undefined (NaN) for one relevant passage or n = N.
    """
    n = np.diff(ranks.starts)
    room = (ranks.n_passages - n).astype(np.float64)
    normalised = np.full(len(n), np.nan)
    np.divide(rank_distance(ranks) - (n - 1), room, out=normalised, where=room > 0)
    return normalised

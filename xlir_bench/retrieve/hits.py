"""The best passages of each query, for run files and for reading errors.

The order is that of the ranks: canonical similarity, then passage id descending. O(|queries| x
|passages| x dim) time, one block of similarities of memory.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xlir_bench.retrieve.similarity import Vectors, canonical, error_bound, lengths

_BLOCK_VALUES = 2**24
"""64 MiB of similarities."""


def top_k(
    queries: Vectors, passages: Vectors, keys: NDArray[np.int64], k: int
) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
    """Yield each query's ``k`` best passages, best first.

    Args:
        queries: (n_queries, dim) float32, finite.
        passages: (n_passages, dim) float32, finite; the pool.
        keys: (n_passages,) int64 order of the ids; among equal similarities the larger is first.
        k: cutoff, at least 1; capped at n_passages.

    Yields:
        (k,) int64 rows of ``passages`` and (k,) float32 canonical similarities.

    """
    k = min(k, len(passages))
    longest = lengths(passages).max()
    step = max(1, _BLOCK_VALUES // len(passages))
    for first in range(0, len(queries), step):
        asked = queries[first : first + step]
        products = asked @ passages.T
        kth = np.partition(products, len(passages) - k, axis=1)[:, len(passages) - k]
        margins = 2 * error_bound(queries.shape[1]) * longest * lengths(asked)
        asked_rows, near = np.nonzero(products >= (kth - margins)[:, None])
        exact = canonical(asked, passages, asked_rows, near)
        bounds = np.searchsorted(asked_rows, np.arange(len(asked) + 1))
        for start, stop in pairwise(bounds):
            rows, similarities = near[start:stop], exact[start:stop]
            best = np.lexsort((-keys[rows], -similarities))[:k]
            yield rows[best], similarities[best]

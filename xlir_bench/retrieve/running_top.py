"""The best passages of each query so far, of a corpus that passes by in chunks.

The order is that of the ranks: canonical similarity, then passage id descending. Memory:
O(|queries| k) whatever the size of the corpus; few passages of a later chunk come near the k best
so far, so that sorting costs little beside the product.
"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.retrieve.similarity import Vectors, canonical, error_bound, lengths

_BLOCK_VALUES = 2**22
"""16 MiB of similarities."""


class RunningTop:
    """The ``k`` best of everything that was added, in any order of adding.

    Attributes:
        ids: (n_queries, k) bytes, best first; empty past the end of a short ranking.
        similarities: (n_queries, k) float32 canonical; minus infinity past the end.

    """

    def __init__(self, n_queries: int, k: int) -> None:
        self.ids: NDArray[np.bytes_] = np.zeros((n_queries, k), dtype="S1")
        self.similarities = np.full((n_queries, k), -np.inf, dtype=np.float32)

    def add_vectors(self, queries: Vectors, passages: Vectors, ids: NDArray[np.bytes_]) -> None:
        """Add the passages of a chunk.

        Args:
            queries: (n_queries, dim) float32, always the same.
            passages: (n_passages, dim) float32.
            ids: (n_passages,) bytes, unique in the corpus.

        """
        margins = 2 * error_bound(queries.shape[1]) * lengths(passages).max() * lengths(queries)
        step = max(1, _BLOCK_VALUES // len(passages))
        k = min(self.ids.shape[1], len(passages))
        for first in range(0, len(queries), step):
            block = slice(first, first + step)
            products = queries[block] @ passages.T
            kth = np.partition(products, len(passages) - k, axis=1)[:, len(passages) - k]
            floor = np.maximum(kth, self.similarities[block, -1]) - margins[block]
            rows, columns = np.nonzero(products >= floor[:, None])
            rows += first
            self.add(rows, ids[columns], canonical(queries, passages, rows, columns))

    def add(self, rows: NDArray[np.int64], ids: NDArray[np.bytes_], similarities: Vectors) -> None:
        """Add single passages: (n,) rows of queries, ids and canonical similarities."""
        touched, places = np.unique(rows, return_inverse=True)
        if not len(touched):
            return
        k = self.ids.shape[1]
        every = np.concatenate([np.repeat(np.arange(len(touched)), k), places])
        names = np.concatenate([self.ids[touched].ravel(), ids])
        values = np.concatenate([self.similarities[touched].ravel(), similarities])
        order = np.lexsort((-np.unique(names, return_inverse=True)[1], -values, every))
        starts = np.searchsorted(every[order], np.arange(len(touched)))
        kept = order[starts[:, None] + np.arange(k)]
        if names.dtype.itemsize > self.ids.dtype.itemsize:
            self.ids = self.ids.astype(names.dtype)
        self.ids[touched], self.similarities[touched] = names[kept], values[kept]

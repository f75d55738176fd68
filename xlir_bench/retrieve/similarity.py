"""One canonical similarity, and how far a float32 matrix product can be from it.

The canonical similarity of two float32 vectors is their dot product, accumulated in float64 and
rounded once to float32. It depends on the two vectors alone, while an entry of a float32 matrix
product also depends on block shapes, thread counts and the BLAS. Ranks are defined on the canonical
value; products only sort out the passages that cannot matter.
"""

import math

import numpy as np
from numba import prange
from numpy.typing import NDArray

from xlir_bench.retrieve.compiled import compiled

Vectors = NDArray[np.float32]

_CONFIDENCE = 8.0
_UNIT = 2.0**-24


def error_bound(dim: int) -> float:
    """Return how far a float32 product of unit vectors may be from the canonical similarity.

    8 * sqrt(dim) * 2^-24: by the probabilistic rounding error bound, exceeded in fewer than 1 of
    10^13 products. Multiply by both norms for other vectors.

    Source: Higham and Mary 2019, A New Approach to Probabilistic Rounding Error Analysis,
    theorem 2.4, https://doi.org/10.1137/18M1226312 (lambda = 8).
    """
    return _CONFIDENCE * math.sqrt(dim + 1) * _UNIT


def lengths(vectors: Vectors) -> Vectors:
    """Return the (n,) Euclidean lengths of (n, dim) rows, without a copy of the rows."""
    found: Vectors = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return found


@compiled(fastmath=True)
def canonical_dot(a: Vectors, b: Vectors) -> np.float32:
    """Return the canonical similarity of two (dim,) float32 vectors."""
    total = 0.0
    for i in range(a.shape[0]):
        total += np.float64(a[i]) * np.float64(b[i])
    return np.float32(total)


@compiled(parallel=True)
def canonical(
    queries: Vectors,
    passages: Vectors,
    query_rows: NDArray[np.int64],
    passage_rows: NDArray[np.int64],
) -> Vectors:
    """Return the canonical similarities of pairs of rows.

    Args:
        queries: (n_queries, dim) float32.
        passages: (n_passages, dim) float32.
        query_rows: (n,) int64 rows of ``queries``.
        passage_rows: (n,) int64 rows of ``passages``.

    Returns:
        (n,) float32.

    """
    out = np.empty(query_rows.shape[0], dtype=np.float32)
    for i in prange(query_rows.shape[0]):
        out[i] = canonical_dot(queries[query_rows[i]], passages[passage_rows[i]])
    return out

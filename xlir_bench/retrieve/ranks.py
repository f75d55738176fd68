"""The count engine: how many passages beat each relevant passage, in one streamed pass.

Cost: one matrix product |queries| x |passages| x dim for all settings together, and one comparison
per (relevant passage of a query, passage). Memory: one block of similarities, whatever the size of
the corpus. Counts of disjoint shards add up.
"""

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xlir_bench.errors import EncoderError
from xlir_bench.retrieve.compiled import compiled
from xlir_bench.retrieve.similarity import Vectors, canonical_dot, error_bound, lengths

QUERY_BLOCK = 512
PASSAGE_BLOCK = 2048
"""4 MiB of similarities a thread: large enough for the product to run at full speed."""
SCAN = 64
"""Passages looked at together while the few close ones are searched for."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The relevant passages whose ranks are asked for, grouped by query.

    Attributes:
        starts: (n_queries + 1,) int64; query i owns the targets ``starts[i]:starts[i + 1]``.
        similarities: (n_targets,) float32, canonical.
        keys: (n_targets,) int64 position of the passage's id among all ids in ascending order;
            among equal similarities the larger key ranks first (trec_eval: id descending).

    """

    starts: NDArray[np.int64]
    similarities: Vectors
    keys: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shard:
    """Passages that are counted together, a whole corpus or a part of one.

    Attributes:
        vectors: (n_passages, dim) float32, finite, of lengths between 1e-15 and 1e15 or zero.
        keys: (n_passages,) int64 in the order of ``Targets.keys``, unique in the corpus.
        columns: (n_passages,) int64 rising; the column, that is the language, of each passage.

    """

    vectors: Vectors
    keys: NDArray[np.int64]
    columns: NDArray[np.int64]


def count_beating(
    queries: Vectors, shard: Shard, targets: Targets, n_columns: int
) -> NDArray[np.int64]:
    """Count, for each target and column, the passages of a shard that rank before the target.

    The counts do not depend on how passages are cut into shards and blocks, on threads or on the
    BLAS: passages within the error bound of the product are compared by canonical similarity. A
    passage never beats itself.

    Args:
        queries: (n_queries, dim) float32, finite.
        shard: passages of one or more languages.
        targets: grouped by the rows of ``queries``.
        n_columns: number of languages.

    Returns:
        (n_targets, n_columns) int64; the counts of disjoint shards add up.

    Raises:
        EncoderError: queries and passages differ in dimension.

    """
    if queries.shape[1] != shard.vectors.shape[1]:
        msg = f"queries have {queries.shape[1]} dimensions, passages {shard.vectors.shape[1]}"
        raise EncoderError(msg)
    counts = np.zeros((len(targets.keys), n_columns), dtype=np.int64)
    margins = lengths(queries) * np.float32(error_bound(queries.shape[1]))
    longest = [
        lengths(shard.vectors[p : p + PASSAGE_BLOCK]).max()
        for p in range(0, len(shard.vectors), PASSAGE_BLOCK)
    ]
    threads = os.cpu_count() or 1
    step = max(1, min(QUERY_BLOCK, -(-len(queries) // threads)))
    blocks = [slice(q, min(q + step, len(queries))) for q in range(0, len(queries), step)]
    count = functools.partial(_count_queries, queries, margins, shard, longest, targets, counts)
    # One single-threaded product a thread: with a threaded BLAS the waiting workers of the product
    # spin on the cores that the comparison needs.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(count, blocks):
            pass
    return counts


def _count_queries(  # noqa: PLR0913, PLR0917 - bound by a partial, called with the last
    queries: Vectors,
    margins: Vectors,
    shard: Shard,
    longest: Sequence[np.float32],
    targets: Targets,
    counts: NDArray[np.int64],
    block: slice,
) -> None:
    """Add the counts of the targets of one block of queries; no other block touches their rows."""
    asked = queries[block]
    buffer = np.empty(len(asked) * min(PASSAGE_BLOCK, len(shard.vectors)), dtype=np.float32)
    for number, p in enumerate(range(0, len(shard.vectors), PASSAGE_BLOCK)):
        part = shard.vectors[p : p + PASSAGE_BLOCK]
        columns = shard.columns[p : p + PASSAGE_BLOCK]
        runs = np.flatnonzero(np.diff(columns, prepend=-1))
        products = buffer[: len(asked) * len(part)].reshape(len(asked), len(part))
        np.matmul(asked, part.T, out=products)
        _count_block(
            products,
            asked,
            part,
            shard.keys[p : p + PASSAGE_BLOCK],
            np.append(runs, len(part)),
            columns[runs],
            targets.starts[block.start : block.stop + 1],
            targets.similarities,
            targets.keys,
            margins[block] * longest[number],
            counts,
        )


@compiled(nogil=True)
def _count_block(  # noqa: PLR0913, PLR0917 - numba takes arrays, not objects
    products: Vectors,
    queries: Vectors,
    passages: Vectors,
    keys: NDArray[np.int64],
    bounds: NDArray[np.int64],
    columns: NDArray[np.int64],
    starts: NDArray[np.int64],
    similarities: Vectors,
    target_keys: NDArray[np.int64],
    margins: Vectors,
    counts: NDArray[np.int64],
) -> None:
    """Add one block's counts; run ``bounds[r]:bounds[r + 1]`` of passages is ``columns[r]``."""
    for i in range(products.shape[0]):
        row = products[i]
        # Runs outside, targets inside: a run of one language stays in the first-level cache while
        # all targets of the query are compared with it.
        for r in range(columns.shape[0]):
            run = row[bounds[r] : bounds[r + 1]]
            for t in range(starts[i], starts[i + 1]):
                high = similarities[t] + margins[i]
                low = similarities[t] - margins[i]
                # int32, not int: as wide as the float32 it counts, so the loop vectorises.
                above, near = np.int32(0), np.int32(0)
                for p in range(run.shape[0]):
                    above += np.int32(run[p] > high)
                    near += np.int32(run[p] >= low)
                counts[t, columns[r]] += above
                if near > above:
                    counts[t, columns[r]] += _beating_closely(
                        run,
                        int(near - above),
                        (low, high),
                        (similarities[t], target_keys[t]),
                        queries[i],
                        passages[bounds[r] : bounds[r + 1]],
                        keys[bounds[r] : bounds[r + 1]],
                    )


@compiled()
def _beating_closely(  # noqa: PLR0913, PLR0917 - numba takes arrays, not objects
    run: Vectors,
    left: int,
    interval: tuple[float, float],
    target: tuple[float, int],
    query: Vectors,
    passages: Vectors,
    keys: NDArray[np.int64],
) -> int:
    """Count which of the ``left`` passages within the interval do beat the target."""
    low, high = interval
    similarity, key = target
    beating = 0
    for first in range(0, run.shape[0], SCAN):
        part = run[first : first + SCAN]
        close = np.int32(0)
        for p in range(part.shape[0]):
            close += np.int32((part[p] >= low) & (part[p] <= high))
        if close == 0:
            continue
        for p in range(part.shape[0]):
            if part[p] >= low and part[p] <= high and keys[first + p] != key:
                exact = canonical_dot(query, passages[first + p])
                if exact > similarity or (exact == similarity and keys[first + p] > key):
                    beating += 1
        left -= int(close)
        if left == 0:
            break
    return beating

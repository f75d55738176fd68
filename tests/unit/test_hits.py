"""``top_k``: the k best passages in the order of the ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from xlir_bench.retrieve import hits
from xlir_bench.retrieve.hits import top_k

Array = NDArray[np.generic]
STEP = 2.0**-20
"""Float64 sums of products of its multiples are exact, in any order."""

Hits = list[tuple[list[int], list[float]]]


def brute_force(queries: Array, passages: Array, keys: Array, k: int) -> Hits:
    """Sort the whole pool by canonical similarity, then key, both descending."""
    found = []
    for query in queries.astype(np.float64):
        row = (passages.astype(np.float64) @ query).astype(np.float32)
        best = sorted(range(len(row)), key=lambda p: (row[p], keys[p]), reverse=True)[:k]
        found.append((best, row[best].tolist()))
    return found


def as_lists(found: object) -> Hits:
    return [(rows.tolist(), similarities.tolist()) for rows, similarities in found]


few_numbers = st.sampled_from([-1.0, 0.0, 1 / 8 + STEP, 0.5])


@given(
    queries=arrays(np.float32, (2, 3), elements=few_numbers),
    passages=st.integers(1, 20).flatmap(lambda n: arrays(np.float32, (n, 3), elements=few_numbers)),
    seed=st.integers(0, 99),
    k=st.integers(1, 25),
)
def test_hits_equal_brute_force(queries: Array, passages: Array, seed: int, k: int) -> None:
    keys = np.random.default_rng(seed).permutation(len(passages))
    assert as_lists(top_k(queries, passages, keys, k)) == brute_force(queries, passages, keys, k)


@pytest.mark.parametrize("k", [1, 7, 99, 100])
def test_hits_of_vectors_hardly_apart_equal_brute_force(k: int) -> None:
    rng = np.random.default_rng(11)
    queries = (np.round(rng.normal(size=(4, 300)) / STEP) * STEP).astype(np.float32)
    passages = np.repeat(queries[:1], 100, axis=0)
    passages[np.arange(100), rng.integers(0, 300, 100)] += np.float32(STEP)
    keys = rng.permutation(100)
    assert as_lists(top_k(queries, passages, keys, k)) == brute_force(queries, passages, keys, k)


def test_a_tie_at_the_cutoff_keeps_the_larger_keys() -> None:
    passages = np.array([[1], [2], [1], [1], [0]], dtype=np.float32)
    keys = np.array([4, 0, 1, 3, 2])
    query = np.ones((1, 1), dtype=np.float32)
    assert as_lists(top_k(query, passages, keys, 3)) == [([1, 0, 3], [2.0, 1.0, 1.0])]


def test_a_pool_smaller_than_k_is_returned_whole() -> None:
    passages = np.array([[1], [3], [2]], dtype=np.float32)
    found = as_lists(top_k(passages[:1], passages, np.arange(3), 1000))
    assert found == [([1, 2, 0], [3.0, 2.0, 1.0])]


def test_hits_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    queries = rng.integers(-2, 3, (7, 16)).astype(np.float32)
    passages = rng.integers(-2, 3, (10, 16)).astype(np.float32)
    monkeypatch.setattr(hits, "_BLOCK_VALUES", 25)
    found = as_lists(top_k(queries, passages, np.arange(10), 4))
    assert found == brute_force(queries, passages, np.arange(10), 4)

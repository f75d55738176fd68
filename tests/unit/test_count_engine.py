"""``count_beating``: exact whatever the vectors, the ties, the shards and the blocks are."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlir_bench.errors import EncoderError
from xlir_bench.retrieve import ranks
from xlir_bench.retrieve.ranks import Shard, Targets, count_beating
from xlir_bench.retrieve.similarity import canonical

Array = NDArray[np.generic]


def similarity(queries: Array, passages: Array) -> Array:
    """Return the definition: float64 products and sums, rounded once to float32."""
    return (queries.astype(np.float64) @ passages.astype(np.float64).T).astype(np.float32)


def case_of(
    queries: Array, passages: Array, answers: list[list[int]], seed: int = 0, n_columns: int = 3
) -> tuple[Array, Shard, Targets]:
    """Return the engine's input; passages get random ids and consecutive columns."""
    n = len(passages)
    keys = np.random.default_rng(seed).permutation(n).astype(np.int64)
    columns = np.arange(n, dtype=np.int64) * n_columns // n
    rows = np.array([row for found in answers for row in found], dtype=np.int64)
    owners = np.repeat(np.arange(len(queries)), [len(found) for found in answers])
    starts = np.cumsum([0, *map(len, answers)], dtype=np.int64)
    similarities = similarity(queries, passages)[owners, rows]
    return queries, Shard(passages, keys, columns), Targets(starts, similarities, keys[rows])


def brute_force(queries: Array, shard: Shard, targets: Targets, n_columns: int) -> Array:
    """Compare every target with every passage."""
    counts = np.zeros((len(targets.keys), n_columns), dtype=np.int64)
    for query, (first, last) in enumerate(pairwise(targets.starts)):
        row = similarity(queries[query : query + 1], shard.vectors)[0]
        for t in range(first, last):
            level = row == targets.similarities[t]
            beats = (row > targets.similarities[t]) | (level & (shard.keys > targets.keys[t]))
            counts[t] = np.bincount(shard.columns[beats], minlength=n_columns)
    return counts


def random_answers(rng: np.random.Generator, n_queries: int, n_passages: int) -> list[list[int]]:
    """Return 0 to 5 answers a query."""
    sizes = rng.integers(0, 6, n_queries)
    return [rng.choice(n_passages, min(s, n_passages), replace=False).tolist() for s in sizes]


STEP = 2.0**-20
"""Numbers are multiples of it: float32 products must round, while float64 sums of them are exact in
any order, so that these tests expect the same on every machine."""


def on_grid(vectors: Array) -> Array:
    return (np.round(np.asarray(vectors) / STEP) * STEP).astype(np.float32)


def normal(rng: np.random.Generator, n: int, dim: int) -> Array:
    return on_grid(rng.normal(size=(n, dim)))


def duplicates(rng: np.random.Generator, n: int, dim: int) -> Array:
    return normal(rng, 7, dim)[rng.integers(0, 7, n)]


def hardly_apart(rng: np.random.Generator, n: int, dim: int) -> Array:
    """Return copies of one vector in which a few numbers are moved by one step."""
    vectors = np.repeat(normal(rng, 1, dim), n, axis=0)
    steps = rng.choice([-1, 1], (n, dim)) * (rng.random((n, dim)) < 2 / dim)
    return vectors + (STEP * steps).astype(np.float32)


def shuffled_constants(rng: np.random.Generator, n: int, dim: int) -> Array:
    """Return constant vectors of three lengths; no float32 sum of their products is exact."""
    return on_grid(np.repeat(rng.choice([0.1, 0.3, 0.7], (n, 1)), dim, axis=1))


def some_zero(rng: np.random.Generator, n: int, dim: int) -> Array:
    return normal(rng, n, dim) * (rng.random((n, 1)) < 0.6).astype(np.float32)


def of_all_lengths(rng: np.random.Generator, n: int, dim: int) -> Array:
    return normal(rng, n, dim) * (2.0 ** rng.integers(-9, 10, (n, 1))).astype(np.float32)


def all_zero(rng: np.random.Generator, n: int, dim: int) -> Array:
    return np.zeros((n, dim), dtype=np.float32)


KINDS = [
    normal, duplicates, hardly_apart, shuffled_constants, some_zero, of_all_lengths, all_zero,
]  # fmt: skip


@pytest.mark.parametrize("dim", [1, 3, 64, 385])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_counts_equal_brute_force(kind: object, dim: int) -> None:
    rng = np.random.default_rng(dim)
    queries, passages = normal(rng, 20, dim), kind(rng, 150, dim)
    case = case_of(queries, passages, random_answers(rng, 20, 150))
    assert count_beating(*case, n_columns=3).tolist() == brute_force(*case, 3).tolist()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_counts_of_queries_that_are_passages_equal_brute_force(kind: object) -> None:
    rng = np.random.default_rng(5)
    vectors = kind(rng, 60, 96)
    case = case_of(vectors, vectors, [[i, (i + 1) % 60] for i in range(60)])
    assert count_beating(*case, n_columns=3).tolist() == brute_force(*case, 3).tolist()


small_numbers = st.sampled_from([-1.0, -0.5, 0.0, 1 / 8 + STEP, 0.5, 1.0])


@st.composite
def small_cases(draw: st.DrawFn) -> tuple[Array, Shard, Targets]:
    """Draw vectors of a few small numbers, so that many similarities are equal."""
    n_queries, n, dim = draw(st.integers(1, 4)), draw(st.integers(1, 25)), draw(st.integers(1, 4))

    def vectors(rows: int) -> Array:
        flat = draw(st.lists(small_numbers, min_size=rows * dim, max_size=rows * dim))
        return np.array(flat, dtype=np.float32).reshape(rows, dim)

    found = st.lists(st.integers(0, n - 1), max_size=4, unique=True)
    answers = [draw(found) for _ in range(n_queries)]
    return case_of(vectors(n_queries), vectors(n), answers, seed=draw(st.integers(0, 99)))


def shards_of(shard: Shard, cuts: list[int]) -> list[Shard]:
    edges = [0, *sorted(cuts), len(shard.keys)]
    parts = [slice(a, b) for a, b in pairwise(edges) if a < b]
    return [Shard(shard.vectors[p], shard.keys[p], shard.columns[p]) for p in parts]


@given(case=small_cases())
def test_ties_are_decided_by_keys(case: tuple[Array, Shard, Targets]) -> None:
    assert count_beating(*case, n_columns=3).tolist() == brute_force(*case, 3).tolist()


@given(case=small_cases(), data=st.data())
def test_counts_do_not_depend_on_how_the_corpus_is_cut(
    case: tuple[Array, Shard, Targets], data: st.DataObject
) -> None:
    queries, shard, targets = case
    cuts = data.draw(st.lists(st.integers(0, len(shard.keys)), max_size=5))
    parts = [count_beating(queries, part, targets, 3) for part in shards_of(shard, cuts)]
    assert sum(parts).tolist() == count_beating(queries, shard, targets, 3).tolist()


@pytest.mark.parametrize("kind", [hardly_apart, shuffled_constants], ids=lambda k: k.__name__)
def test_close_vectors_in_shards_of_any_shape_equal_brute_force(kind: object) -> None:
    rng = np.random.default_rng(8)
    passages = kind(rng, 100, 256)
    queries, shard, targets = case_of(normal(rng, 9, 256), passages, random_answers(rng, 9, 100))
    parts = shards_of(shard, [1, 2, 5, 13, 40, 77, 99])
    found = sum(count_beating(queries, part, targets, 3) for part in parts)
    assert found.tolist() == brute_force(queries, shard, targets, 3).tolist()


@pytest.mark.parametrize("query_block", [1, 3, 8])
@pytest.mark.parametrize("passage_block", [1, 7, 64, 130])
def test_counts_do_not_depend_on_blocks(
    monkeypatch: pytest.MonkeyPatch, query_block: int, passage_block: int
) -> None:
    rng = np.random.default_rng(2)
    passages = np.concatenate([duplicates(rng, 65, 32), hardly_apart(rng, 65, 32)])
    case = case_of(normal(rng, 8, 32), passages, random_answers(rng, 8, 130))
    monkeypatch.setattr(ranks, "QUERY_BLOCK", query_block)
    monkeypatch.setattr(ranks, "PASSAGE_BLOCK", passage_block)
    assert count_beating(*case, n_columns=3).tolist() == brute_force(*case, 3).tolist()


def test_equal_passages_rank_by_descending_key() -> None:
    passages = np.ones((4, 2), dtype=np.float32)
    keys = np.array([2, 0, 3, 1])
    targets = Targets(np.array([0, 4]), np.full(4, 2, dtype=np.float32), keys)
    shard = Shard(passages, keys, np.zeros(4, dtype=np.int64))
    assert count_beating(passages[:1], shard, targets, 1).tolist() == [[1], [3], [0], [2]]


def test_a_passage_never_beats_itself() -> None:
    rng = np.random.default_rng(3)
    queries, passages = normal(rng, 1, 385), normal(rng, 60, 385)
    for row in range(60):
        _, shard, targets = case_of(queries, passages, [[row]])
        alone = shards_of(shard, [row, row + 1])[1 if row else 0]
        assert alone.keys.tolist() == targets.keys.tolist()
        assert count_beating(queries, alone, targets, 3).sum() == 0


def test_a_passage_does_not_beat_itself_by_a_rounding_error() -> None:
    rng = np.random.default_rng(13)
    queries, shard, targets = case_of(normal(rng, 1, 385), normal(rng, 1, 385), [[0]])
    below = np.nextafter(targets.similarities, np.float32(-np.inf))
    assert count_beating(queries, shard, replace(targets, similarities=below), 3).sum() == 0


def test_a_query_without_targets_gets_no_counts() -> None:
    rng = np.random.default_rng(4)
    case = case_of(normal(rng, 4, 8), normal(rng, 30, 8), [[], [3, 4], [], []])
    assert count_beating(*case, n_columns=3).tolist() == brute_force(*case, 3).tolist()


def test_no_targets_give_no_counts() -> None:
    rng = np.random.default_rng(4)
    case = case_of(normal(rng, 2, 8), normal(rng, 30, 8), [[], []])
    assert count_beating(*case, n_columns=3).shape == (0, 3)


def test_a_column_without_passages_counts_zero() -> None:
    rng = np.random.default_rng(6)
    queries, shard, targets = case_of(normal(rng, 2, 8), normal(rng, 30, 8), [[1], [2, 9]])
    counts = count_beating(queries, shard, targets, 5)
    assert counts[:, 3:].sum() == 0
    assert counts[:, :3].tolist() == brute_force(queries, shard, targets, 3).tolist()


def test_canonical_similarity_is_a_float64_sum_rounded_once() -> None:
    rng = np.random.default_rng(7)
    queries, passages = normal(rng, 20, 385), normal(rng, 30, 385)
    query_rows, passage_rows = np.divmod(np.arange(600), 30)
    found = canonical(queries, passages, query_rows, passage_rows)
    assert found.dtype == np.float32
    assert found.reshape(20, 30).tolist() == similarity(queries, passages).tolist()


def test_queries_and_passages_of_different_dimension_are_refused() -> None:
    queries, shard, targets = case_of(*(np.ones((2, 4), dtype=np.float32),) * 2, [[0], [1]])
    with pytest.raises(EncoderError, match="queries have 3 dimensions, passages 4"):
        count_beating(queries[:, :3], shard, targets, 3)

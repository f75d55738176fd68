"""MRD and nMRD: how far apart the parallel answers of a query are ranked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlir_bench.core.ranking import Ranks, grouped_ranks
from xlir_bench.measures.catalogue import parse


def ranks_of(by_query: list[list[int]], n_passages: int) -> Ranks:
    rows = [(query, rank) for query, ranks in enumerate(by_query) for rank in ranks]
    queries, ranks = np.array(rows, dtype=np.int64).T
    ones = np.ones(len(rows), dtype=np.int64)
    return grouped_ranks(queries, ranks, ones, n_passages=n_passages, n_unanswered=0)


def values(name: str, by_query: list[list[int]], n_passages: int) -> list[float]:
    return parse(name).per_query(ranks_of(by_query, n_passages)).tolist()


def test_mrd_is_the_last_minus_the_first_rank() -> None:
    assert values("MRD", [[4, 2, 9], [1, 10]], 10) == [7.0, 9.0]


def test_nmrd_is_mrd_between_neighbours_and_first_and_last() -> None:
    assert values("nMRD", [[4, 2, 9], [1, 10]], 10) == pytest.approx([(7 - 2) / (10 - 3), 1.0])


@pytest.mark.parametrize("first", [1, 6])
def test_neighbours_have_nmrd_zero_wherever_they_are(first: int) -> None:
    assert values("nMRD", [[first, first + 1, first + 2]], 10) == [0.0]


def test_a_perfect_ranking_has_the_least_distance() -> None:
    assert values("MRD", [list(range(1, 12))], 1000) == [10.0]
    assert values("nMRD", [list(range(1, 12))], 1000) == [0.0]


@pytest.mark.parametrize("name", ["MRD", "nMRD"])
def test_one_relevant_passage_has_no_distance(name: str) -> None:
    first, second = values(name, [[3], [1, 2]], 10)
    assert np.isnan(first)
    assert not np.isnan(second)


def test_a_pool_of_relevant_passages_only_has_no_normalised_distance() -> None:
    assert np.isnan(values("nMRD", [[1, 2, 3]], 3)).all()
    assert values("MRD", [[1, 2, 3]], 3) == [2.0]


@pytest.mark.parametrize("name", ["MRD", "nMRD"])
def test_every_rank_is_needed(name: str) -> None:
    assert parse(name).own.needs_every_rank


@given(st.sets(st.integers(1, 40), min_size=2, max_size=39))
def test_distances_stay_within_their_bounds(ranks: set[int]) -> None:
    n = len(ranks)
    assert n - 1 <= values("MRD", [list(ranks)], 40)[0] <= 39
    assert 0 <= values("nMRD", [list(ranks)], 40)[0] <= 1


@pytest.mark.parametrize(("n", "pool"), [(2, 50), (5, 200), (11, 1000)])
def test_a_random_ranking_has_the_expected_distance(n: int, pool: int) -> None:
    rng = np.random.default_rng(20240810)
    by_query = [(1 + rng.choice(pool, n, replace=False)).tolist() for _ in range(2000)]
    found = np.array(values("MRD", by_query, pool))
    sigma = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - (n - 1) / (n + 1) * (pool + 1)) < 5 * sigma

"""``comparable``: a dot product that orders as cosine, dot product or distance does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from xlir_bench.encoders.base import Role, Similarity, comparable

Array = NDArray[np.generic]

DEFINITION = {
    Similarity.cosine: lambda q, p: (q @ p) / (np.linalg.norm(q) * np.linalg.norm(p)),
    Similarity.dot: lambda q, p: q @ p,
    Similarity.euclidean: lambda q, p: -np.linalg.norm(q - p),
}


@pytest.fixture
def vectors() -> tuple[Array, Array]:
    """Return queries and passages of very different lengths."""
    rng = np.random.default_rng(17)
    lengths = np.exp(rng.normal(size=(50, 1)))
    passages = (rng.normal(size=(50, 12)) * lengths).astype(np.float32)
    return rng.normal(size=(6, 12)).astype(np.float32) * 3, passages


def ordered(similarities: Array) -> list[list[int]]:
    return np.argsort(-similarities, axis=1, kind="stable").tolist()


def products(vectors: tuple[Array, Array], similarity: Similarity) -> Array:
    queries = comparable(vectors[0], Role.query, similarity)
    passages = comparable(vectors[1], Role.passage, similarity)
    assert queries.dtype == passages.dtype == np.float32
    return queries.astype(np.float64) @ passages.astype(np.float64).T


@pytest.mark.parametrize("similarity", Similarity)
def test_products_order_as_the_definition_does(
    vectors: tuple[Array, Array], similarity: Similarity
) -> None:
    defined = [
        [DEFINITION[similarity](q, p) for p in vectors[1].astype(np.float64)]
        for q in vectors[0].astype(np.float64)
    ]
    assert ordered(products(vectors, similarity)) == ordered(np.array(defined))


def test_the_three_kinds_order_these_vectors_differently(vectors: tuple[Array, Array]) -> None:
    orders = [ordered(products(vectors, similarity)) for similarity in Similarity]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])


@pytest.mark.parametrize("role", Role)
def test_cosine_makes_unit_vectors(vectors: tuple[Array, Array], role: Role) -> None:
    lengths = np.linalg.norm(comparable(vectors[1], role, Similarity.cosine), axis=1)
    assert lengths == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("role", Role)
def test_dot_changes_nothing(vectors: tuple[Array, Array], role: Role) -> None:
    assert comparable(vectors[1], role, Similarity.dot).tolist() == vectors[1].tolist()


@pytest.mark.parametrize("similarity", Similarity)
def test_the_vectors_that_were_given_are_not_changed(
    vectors: tuple[Array, Array], similarity: Similarity
) -> None:
    before = vectors[1].copy()
    comparable(vectors[1], Role.passage, similarity)
    assert vectors[1].tolist() == before.tolist()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("similarity", Similarity)
def test_a_zero_vector_stays_finite(role: Role, similarity: Similarity) -> None:
    found = comparable(np.zeros((2, 4), dtype=np.float32), role, similarity)
    assert np.isfinite(found).all()


def test_a_zero_vector_has_cosine_zero() -> None:
    found = comparable(np.zeros((1, 4), dtype=np.float32), Role.passage, Similarity.cosine)
    assert found.tolist() == [[0, 0, 0, 0]]


def test_the_nearest_passage_of_a_zero_query_is_the_shortest() -> None:
    passages = np.array([[3, 0], [0, -1], [0, 0], [1, 1]], dtype=np.float32)
    found = products((np.zeros((1, 2), dtype=np.float32), passages), Similarity.euclidean)
    assert ordered(found) == [[2, 1, 3, 0]]


@pytest.mark.parametrize("length", [1e-20, 1e20])
def test_cosine_of_very_short_and_very_long_vectors_is_exact(length: float) -> None:
    vectors = np.array([[3 * length, 4 * length]], dtype=np.float32)
    found = comparable(vectors, Role.query, Similarity.cosine)
    assert found.ravel().tolist() == pytest.approx([0.6, 0.8], rel=1e-6)

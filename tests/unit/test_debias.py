"""Controls without training: what each method takes out of vectors, and from what it learns it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlir_bench.encoders.base import Role
from xlir_bench.encoders.debias import Debias, Method, learn, read_debias
from xlir_bench.errors import EncoderError, ResultError

Vectors = NDArray[np.float32]
QUERY = Role.query


def texts(seed: int, n: int = 40, dim: int = 6) -> dict[tuple[str, Role], Vectors]:
    """Return vectors of parallel texts: meaning + language + a little noise."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, dim))
    offsets = {"en": 0.0, "de": 3.0, "th": -2.0}
    return {
        (code, role): (meaning + offset * np.eye(dim)[0] + 0.01 * rng.normal(size=(n, dim))).astype(
            np.float32
        )
        for code, offset in offsets.items()
        for role in Role
    }


def ids(found: dict[tuple[str, Role], Vectors]) -> dict[tuple[str, Role], list[str]]:
    return {key: [str(i) for i in range(len(rows))] for key, rows in found.items()}


def learnt(method: Method, seed: int = 0) -> tuple[Debias, dict]:
    found = texts(seed)
    return learn(method, found, ids(found)), found


@pytest.mark.parametrize("code", ["en", "de", "th"])
def test_centre_leaves_every_language_with_a_mean_of_zero(code: str) -> None:
    debias, found = learnt(Method.centre)
    changed = debias(found[code, QUERY], [code] * 40, QUERY)
    assert changed.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-5)


@pytest.mark.parametrize("dim", [6, 64])  # fewer and more than there are texts
@pytest.mark.parametrize("rank", [1, 2])
def test_lir_leaves_nothing_along_the_first_directions_of_a_language(rank: int, dim: int) -> None:
    found = texts(0, dim=dim)
    debias = learn(Method.lir, found, ids(found), rank)
    vectors = found["de", QUERY]
    changed = debias(vectors, ["de"] * 40, QUERY)
    _, _, directions = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    assert changed @ directions[:rank].T == pytest.approx(np.zeros((40, rank)), abs=1e-4)
    rest = vectors @ directions[rank:].T
    assert changed @ directions[rank:].T == pytest.approx(rest, abs=1e-4)


def test_shift_moves_translations_onto_the_english_texts_and_leaves_those() -> None:
    debias, found = learnt(Method.shift)
    english = found["en", QUERY]
    assert debias(english, ["en"] * 40, QUERY) == pytest.approx(english, abs=1e-6)
    assert debias(found["th", QUERY], ["th"] * 40, QUERY) == pytest.approx(english, abs=0.08)


def test_shift_learns_from_parallel_texts_alone() -> None:
    """German text 0 is the translation of English text 1; the others have none."""
    found = {
        ("en", QUERY): np.array([[9, 9], [1, 0], [7, 7]], dtype=np.float32),
        ("de", QUERY): np.array([[1, 5], [8, 8]], dtype=np.float32),
    }
    names = {("en", QUERY): ["a", "b", "c"], ("de", QUERY): ["b", "z"]}
    debias = learn(Method.shift, found, names)
    assert debias(found["de", QUERY], ["de", "de"], QUERY).tolist() == [[1, 0], [8, 3]]


def test_rows_of_several_languages_are_changed_each_by_its_own() -> None:
    debias, found = learnt(Method.centre)
    mixed = np.stack([found["de", QUERY][0], found["th", QUERY][0], found["de", QUERY][1]])
    changed = debias(mixed, ["de", "th", "de"], QUERY)
    alone = [
        debias(mixed[i : i + 1], [code], QUERY)[0] for i, code in enumerate(["de", "th", "de"])
    ]
    assert changed.tolist() == np.stack(alone).tolist()


def test_roles_have_statistics_of_their_own() -> None:
    found = texts(0)
    found["de", Role.passage] = found["de", Role.passage] + 5
    debias = learn(Method.centre, found, ids(found))
    query, passage = (debias(np.zeros((1, 6), np.float32), ["de"], role) for role in Role)
    assert query - passage == pytest.approx(np.full((1, 6), 5), abs=0.1)


@given(method=st.sampled_from(list(Method)), seed=st.integers(0, 20))
def test_the_vectors_given_stay_as_they_are(method: Method, seed: int) -> None:
    debias, found = learnt(method, seed)
    before = found["de", QUERY].copy()
    debias(found["de", QUERY], ["de"] * 40, QUERY)
    assert found["de", QUERY].tolist() == before.tolist()


@pytest.mark.parametrize("method", list(Method))
def test_statistics_are_read_as_they_were_written(method: Method, tmp_path: Path) -> None:
    debias, found = learnt(method)
    path = tmp_path / "below" / "statistics.npz"
    debias.write(path)
    again = read_debias(path)
    assert (again.method, again.sha256) == (debias.method, debias.sha256)
    vectors = found["th", QUERY]
    expected = debias(vectors, ["th"] * 40, QUERY)
    assert again(vectors, ["th"] * 40, QUERY).tolist() == expected.tolist()


def test_other_statistics_have_another_checksum() -> None:
    sums = {learnt(method, seed)[0].sha256 for method in Method for seed in (0, 1)}
    assert len(sums) == 6


@pytest.mark.parametrize("text", ["", "not an archive"])
def test_broken_statistics_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_text(text)
    with pytest.raises(ResultError, match=r"cannot read the statistics .*x.npz"):
        read_debias(tmp_path / "x.npz")


def test_missing_statistics_are_told(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot read the statistics"):
        read_debias(tmp_path / "none.npz")


def test_a_language_that_nothing_was_learnt_of_is_told() -> None:
    debias, _ = learnt(Method.centre)
    with pytest.raises(EncoderError, match="has no query in 'sw', only in de, en, th"):
        debias(np.zeros((1, 6), np.float32), ["sw"], QUERY)


def test_shift_without_english_is_told() -> None:
    found = {("de", QUERY): np.ones((3, 2), np.float32)}
    with pytest.raises(EncoderError, match="shift needs English texts"):
        learn(Method.shift, found, {("de", QUERY): ["a", "b", "c"]})


def test_shift_without_parallels_is_told() -> None:
    found = {(code, QUERY): np.ones((2, 2), np.float32) for code in ("de", "en")}
    names = {("de", QUERY): ["a", "b"], ("en", QUERY): ["c", "d"]}
    with pytest.raises(EncoderError, match="no text in 'de' that is parallel to an English one"):
        learn(Method.shift, found, names)


def test_fewer_texts_than_directions_are_told() -> None:
    found = {("de", QUERY): np.ones((2, 4), np.float32)}
    with pytest.raises(EncoderError, match="only 2 texts in 'de'"):
        learn(Method.lir, found, {("de", QUERY): ["a", "b"]}, rank=2)

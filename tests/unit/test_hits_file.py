"""Hits on disk: what is written is read, and nothing else is."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Hits
from xlir_bench.core.language import language
from xlir_bench.errors import ResultError
from xlir_bench.results.hits_file import read_hits, read_hits_provenance, write_hits
from xlir_bench.results.rank_file import read_provenance, read_rank_table

PROVENANCE = {"model": "tests/é", "seconds": {"encode": 1.5}, "languages": ["sw", "de"]}
NONE = float("-inf")
"""The similarity past the end of a ranking."""
Reader = Callable[[Path], object]


@pytest.fixture
def hits() -> Hits:
    """Return 4 rankings of 3, 1, 2 and 3 passages; no query is Yoruba, and one passage is.

    The third query and the last passage have no known language.
    """
    return Hits(
        languages=tuple(map(language, ("sw", "de", "yo"))),
        query_ids=("q-b", "q-日", "q-a", "q-d"),
        topic_ids=("a", "c", "日"),
        topics=np.array([2, 0, 1, 2]),
        query_languages=np.array([1, 0, NO_LANGUAGE, 0]),
        passage_ids=("p3", "pé", "p0", "-"),
        passage_languages=np.array([1, 0, 2, NO_LANGUAGE]),
        passages=np.array([[0, 1, 2], [2, NO_PASSAGE, NO_PASSAGE], [1, 3, NO_PASSAGE], [3, 0, 1]]),
        similarities=np.array(
            [[3e38, 1 / 3, -0.0], [0.1, NONE, NONE], [1e-40, -1, NONE], [0.5, 0.5, 0.5]],
            dtype=np.float32,
        ),
    )


@pytest.fixture
def path(hits: Hits, tmp_path: Path) -> Path:
    """Return a written file, in a folder that did not exist."""
    path = tmp_path / "results" / "tiny.hits.parquet"
    write_hits(hits, path, PROVENANCE)
    return path


def is_same(found: object, written: object) -> bool:
    if isinstance(written, tuple):
        return found == written
    alike = (found.dtype, found.shape) == (written.dtype, written.shape)
    return alike and found.tobytes() == written.tobytes()


def by_id(hits: Hits) -> dict[str, Any]:
    """Return what each id of a query stands for, without the numbers of topics and passages."""
    names = [*hits.passage_ids, None]
    labels = [*hits.languages, None]
    languages = [*hits.passage_languages, NO_LANGUAGE]
    return {
        query_id: (
            hits.topic_ids[hits.topics[i]],
            labels[hits.query_languages[i]],
            [(names[p], labels[languages[p]]) for p in hits.passages[i]],
            hits.similarities[i].tolist(),
        )
        for i, query_id in enumerate(hits.query_ids)
    }


@pytest.mark.parametrize("field", fields(Hits), ids=lambda field: field.name)
def test_every_field_is_read_as_it_was_written(hits: Hits, path: Path, field: Any) -> None:
    assert is_same(getattr(read_hits(path), field.name), getattr(hits, field.name))


def test_the_first_passages_are_read_as_they_were_written(hits: Hits, path: Path) -> None:
    assert read_hits(path).top().languages.tolist() == [
        [1, 0, 2],
        [2, -1, -1],
        [0, -1, -1],
        [-1, 1, 0],
    ]


def test_rankings_keep_their_ids_whatever_the_order_of_the_ids(hits: Hits, path: Path) -> None:
    other = replace(hits, passages=np.where(hits.passages == NO_PASSAGE, -1, 3 - hits.passages))
    write_hits(other, path, {})
    assert by_id(read_hits(path)) == by_id(other) != by_id(hits)


@st.composite
def any_hits(draw: st.DrawFn) -> Hits:
    n_queries, n_passages, k = draw(st.tuples(*[st.integers(1, 6)] * 3))
    seed = draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    k = min(k, n_passages)
    lengths = draw(arrays(np.int64, n_queries, elements=st.integers(1, k)))
    lengths[rng.integers(n_queries)] = k
    past = np.arange(k) >= lengths[:, None]
    passages = np.argsort(rng.random((n_queries, n_passages)), axis=1)[:, :k]
    topics = rng.integers(0, 3, n_queries)
    return Hits(
        languages=(language("en"), language("ar")),
        query_ids=tuple(f"q{i}" for i in rng.permutation(n_queries)),
        topic_ids=("t0", "t1", "t2"),
        topics=topics,
        query_languages=rng.integers(NO_LANGUAGE, 2, n_queries),
        passage_ids=tuple(f"p{i}" for i in range(n_passages)),
        passage_languages=rng.integers(NO_LANGUAGE, 2, n_passages),
        passages=np.where(past, NO_PASSAGE, passages),
        similarities=np.where(past, NONE, rng.normal(size=(n_queries, k))).astype(np.float32),
    )


@given(written=any_hits())
def test_any_hits_are_read_as_they_were_written(
    written: Hits, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("hits") / "x.parquet"
    write_hits(written, path, {})
    found = read_hits(path)
    assert by_id(found) == by_id(written)
    assert found.query_ids == written.query_ids
    assert sorted(set(found.topic_ids)) == list(found.topic_ids)


def test_a_place_past_the_end_is_read_without_the_similarity_that_filled_it(
    hits: Hits, path: Path
) -> None:
    write_hits(replace(hits, similarities=np.maximum(hits.similarities, -9)), path, {})
    assert is_same(read_hits(path).similarities, hits.similarities)


def test_more_passages_than_two_bytes_count_are_read(tmp_path: Path) -> None:
    n = 70_000
    written = Hits(
        languages=(language("en"),),
        query_ids=("q",),
        topic_ids=("t",),
        topics=np.array([0]),
        query_languages=np.array([0]),
        passage_ids=tuple(map(str, range(n))),
        passage_languages=np.zeros(n, dtype=np.int64),
        passages=np.arange(n)[None, :],
        similarities=np.linspace(1, -1, n, dtype=np.float32)[None, :],
    )
    write_hits(written, tmp_path / "x.parquet", {})
    found = read_hits(tmp_path / "x.parquet")
    assert all(is_same(getattr(found, x.name), getattr(written, x.name)) for x in fields(Hits))


def test_provenance_is_read_back(path: Path) -> None:
    assert read_hits_provenance(path) == PROVENANCE


def test_hits_are_replaced_by_newer_ones(hits: Hits, path: Path) -> None:
    write_hits(replace(hits, query_ids=("a", "b", "c", "d")), path, {"model": "other"})
    assert read_hits_provenance(path) == {"model": "other"}
    assert read_hits(path).query_ids == ("a", "b", "c", "d")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


READERS = pytest.mark.parametrize("read", [read_hits, read_hits_provenance])


@READERS
def test_a_missing_file_is_told(read: Reader, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"cannot read the hits .*none.parquet"):
        read(tmp_path / "none.parquet")


@READERS
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_told(read: Reader, path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ResultError, match=r"cannot read the hits .*; delete it and run again"):
        read(path)


@READERS
def test_a_file_that_is_not_parquet_is_told(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text('{"kind": "hits", "format": 1}')
    with pytest.raises(ResultError, match="cannot read the hits"):
        read(tmp_path / "x.parquet")


@READERS
@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(None, id="foreign-parquet"),
        pytest.param({"xlir_bench": '{"kind": "hits", "format": 2}'}, id="later-format"),
        pytest.param({"xlir_bench": '{"kind": "rank table", "format": 1}'}, id="rank-table"),
    ],
)
def test_a_file_of_another_format_is_told(
    read: Reader, tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    arrow = pa.table({"a": [1]}).replace_schema_metadata(metadata)
    pq.write_table(arrow, tmp_path / "x.parquet")
    with pytest.raises(ResultError, match="is not a hits of format 1; delete it"):
        read(tmp_path / "x.parquet")


@pytest.mark.parametrize("read", [read_rank_table, read_provenance])
def test_hits_are_not_read_as_a_rank_table(read: Reader, path: Path) -> None:
    with pytest.raises(ResultError, match="is not a rank table of format"):
        read(path)


@pytest.mark.parametrize(
    "name",
    [
        *("query_id", "topic_id", "query_language", "rank"),
        *("passage_id", "passage_language", "similarity"),
    ],
)
def test_hits_without_a_column_are_told(path: Path, name: str) -> None:
    pq.write_table(pq.read_table(path).drop_columns([name]), path)
    with pytest.raises(ResultError, match=rf"cannot read the hits .*{name}"):
        read_hits(path)


def test_a_language_that_the_header_does_not_name_is_told(path: Path) -> None:
    arrow = pq.read_table(path)
    place = arrow.schema.get_field_index("passage_language")
    other = pa.array(["fr"] * len(arrow))
    pq.write_table(arrow.set_column(place, "passage_language", other), path)
    with pytest.raises(ResultError, match=r"cannot read the hits .*fr"):
        read_hits(path)


def test_a_file_that_cannot_be_written_is_told(hits: Hits, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"cannot write .*hits.parquet"):
        write_hits(hits, tmp_path / "file" / "hits.parquet", {})


def test_a_damaged_file_is_told_or_reads_as_it_was(hits: Hits, path: Path) -> None:
    """One random byte changed, 300 times: an error in one line or the very same rankings."""
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    told = 0
    for position in rng.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            found = read_hits(path)
        except ResultError:
            told += 1
        else:
            assert by_id(found) == by_id(hits)
    assert told > 100

"""Rank tables on disk: what is written is read, and nothing else is."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xlir_bench.core.language import language
from xlir_bench.core.ranking import NOT_COUNTED, RankTable, RunRanks
from xlir_bench.errors import ResultError
from xlir_bench.results.rank_file import read_provenance, read_rank_table, write_rank_table

PROVENANCE = {"model": "tests/é", "seconds": {"encode": 1.5}, "languages": ["sw", "de"]}


@pytest.fixture
def table() -> RankTable:
    """Return a table of 4 queries in 3 languages; nobody has a Yoruba passage."""
    return RankTable(
        languages=tuple(map(language, ("sw", "de", "yo"))),
        n_passages=np.array([70_000, 300, 0]),
        n_queries=np.array([2, 1, 3]),
        query_ids=("q-a", "q-日", "q-c", "q-d"),
        topic_ids=("a", "c", "日"),
        topics=np.array([0, 2, 1, 0]),
        passage_ids=("p3", "p1", "p0", "pé"),
        query_rows=np.array([0, 0, 1, 2, 2, 3]),
        passage_rows=np.array([0, 1, 1, 2, 0, 3]),
        query_languages=np.array([0, 0, 1, 2, 2, 2]),
        passage_languages=np.array([1, 0, 0, 1, 1, 0]),
        grades=np.array([1, 3, 1, 1, 2, 1]),
        similarities=np.array([0.1, -0.0, 1e-40, 3e38, -1, 1 / 3], dtype=np.float32),
        beaten_by=np.array(
            [[0, 0, 0], [69_999, 299, 0], [1, 0, 0], [255, 256, 0], [65_536, 2, 0], [65_535, 3, 0]]
        ),
        confined_to=np.array([-1, 0, -1, 1]),
    )


@pytest.fixture
def path(table: RankTable, tmp_path: Path) -> Path:
    """Return a written file, in a folder that did not exist."""
    path = tmp_path / "results" / "tiny.ranks.parquet"
    write_rank_table(table, path, PROVENANCE)
    return path


COLUMNS = [field for field in fields(RankTable) if field.name != "run"]


@pytest.mark.parametrize("field", COLUMNS, ids=lambda field: field.name)
def test_every_field_is_read_as_it_was_written(table: RankTable, path: Path, field: object) -> None:
    written, found = getattr(table, field.name), getattr(read_rank_table(path), field.name)
    if isinstance(written, tuple):
        assert found == written
    else:
        assert found.dtype == written.dtype
        assert found.shape == written.shape
        assert found.tobytes() == written.tobytes()


def test_a_table_of_runs_is_read_as_it_was_written(table: RankTable, tmp_path: Path) -> None:
    within = np.array([NOT_COUNTED, 0, 7, 300, NOT_COUNTED, 1])
    counts = table.beaten_by.copy()
    counts[2] = NOT_COUNTED
    of_runs = replace(table, beaten_by=counts, run=RunRanks({"multi/de": 1000}, within))
    write_rank_table(of_runs, tmp_path / "x.ranks.parquet", PROVENANCE)
    found = read_rank_table(tmp_path / "x.ranks.parquet")
    assert np.array_equal(found.beaten_by, counts)
    assert found.run is not None
    assert found.run.depths == {"multi/de": 1000}
    assert np.array_equal(found.run.within, within)


def test_rows_keep_their_ids_whatever_the_order_of_the_ids(
    table: RankTable, tmp_path: Path
) -> None:
    other = replace(table, passage_rows=table.passage_rows[::-1])
    write_rank_table(other, tmp_path / "x.parquet", {})
    found = read_rank_table(tmp_path / "x.parquet")
    ids = [found.passage_ids[row] for row in found.passage_rows]
    assert ids == [other.passage_ids[row] for row in other.passage_rows]


def test_a_table_without_confined_queries_says_so(table: RankTable, tmp_path: Path) -> None:
    write_rank_table(replace(table, confined_to=None), tmp_path / "x.parquet", {})
    assert read_rank_table(tmp_path / "x.parquet").confined_to is None


def test_provenance_is_read_back(path: Path) -> None:
    assert read_provenance(path) == PROVENANCE


def test_a_table_is_replaced_by_a_newer_one(table: RankTable, path: Path) -> None:
    write_rank_table(replace(table, grades=table.grades + 1), path, {"model": "other"})
    assert read_provenance(path) == {"model": "other"}
    assert read_rank_table(path).grades.tolist() == [2, 4, 2, 2, 3, 2]


READERS = pytest.mark.parametrize("read", [read_rank_table, read_provenance])


@READERS
def test_a_missing_file_is_told(read: object, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"cannot read the rank table .*none.parquet"):
        read(tmp_path / "none.parquet")


@READERS
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_told(read: object, path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(
        ResultError, match=r"cannot read the rank table .*; delete it and run again"
    ):
        read(path)


@READERS
def test_a_file_that_is_not_parquet_is_told(read: object, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text('{"format": 1}')
    with pytest.raises(ResultError, match="cannot read the rank table"):
        read(tmp_path / "x.parquet")


@READERS
@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(None, id="foreign-parquet"),
        pytest.param({"xlir_bench": '{"kind": "rank table", "format": 3}'}, id="later-format"),
    ],
)
def test_a_table_of_another_format_is_told(
    read: object, tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    arrow = pa.table({"a": [1]}).replace_schema_metadata(metadata)
    pq.write_table(arrow, tmp_path / "x.parquet")
    with pytest.raises(ResultError, match="is not a rank table of format 2; delete it"):
        read(tmp_path / "x.parquet")


def test_a_table_without_a_column_is_told(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["beaten_by_de"]), path)
    with pytest.raises(ResultError, match=r"cannot read the rank table .*beaten_by_de"):
        read_rank_table(path)


def test_a_file_that_cannot_be_written_is_told(table: RankTable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"cannot write .*ranks.parquet"):
        write_rank_table(table, tmp_path / "file" / "ranks.parquet", {})


def test_a_damaged_file_is_told_or_reads_as_it_was(table: RankTable, path: Path) -> None:
    """One random byte changed, 300 times: an error in one line or the very same ranks."""
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    told = 0
    for position in rng.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            found = read_rank_table(path)
        except ResultError:
            told += 1
        else:
            assert found.beaten_by.shape[0] == len(found.query_rows)
    assert told > 100

"""Streamed corpora give the ranks that corpora in memory give, to the last tie."""

import errno
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stream.conftest import EN, SW, TE, Kills, Ngrams, Stream, Tree, in_memory, write_shard
from xlir_bench.core.judged import Judged
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.encoders.base import Role, Vectors
from xlir_bench.engines.local import LocalEngine
from xlir_bench.errors import DataError, EncoderError, EngineError, ResultError
from xlir_bench.evaluate import embed, find_hits, rank
from xlir_bench.results.rank_file import read_rank_table, write_rank_table
from xlir_bench.stream import run as stream_run
from xlir_bench.stream.count import read_ahead
from xlir_bench.stream.run import Plan, rank_streamed


def test_ranks_equal_those_of_a_corpus_in_memory(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    found = stream(judged).table
    collection = in_memory(judged)
    expected = rank(collection, *embed(collection, Ngrams(), Ngrams()))
    tied = 0
    for mode in (RetrievalMode.mono, RetrievalMode.multi):
        for setting in settings_of(mode, (SW, TE, EN)):
            a, b = found.ranks(setting), expected.ranks(setting)
            assert [found.query_ids[q] for q in a.queries] == [
                expected.query_ids[q] for q in b.queries
            ]
            np.testing.assert_array_equal(a.ranks, b.ranks)
            np.testing.assert_array_equal(a.grades, b.grades)
            assert (a.n_passages, a.n_unanswered) == (b.n_passages, b.n_unanswered)
            tied += len(a.ranks)
    assert tied > 20


def test_first_passages_equal_those_of_a_corpus_in_memory(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    found = stream(judged).hits
    assert found is not None
    collection = in_memory(judged)
    expected = find_hits(collection, *embed(collection, Ngrams(), Ngrams()), 5)
    names = np.array(expected.passage_ids)[expected.passages]
    by_query = dict(zip(expected.query_ids, names.tolist(), strict=True))
    compared = 0
    for query_id, passages in zip(found.query_ids, found.passages, strict=True):
        if query_id in by_query:
            assert [found.passage_ids[p] for p in passages] == by_query[query_id]
            compared += 1
    assert compared == 18


def test_a_translated_query_searches_only_the_corpus_it_is_judged_in(
    tree: Tree, stream: Stream
) -> None:
    table = stream(tree.read()).table
    cross = table.ranks(Setting(RetrievalMode.cross, EN, (SW,)))
    assert {table.query_ids[q] for q in cross.queries} <= {"sw:0>en", "sw:3>en"}
    assert cross.n_passages == 90
    for setting in (
        Setting(RetrievalMode.mono, EN, (EN,)),
        Setting(RetrievalMode.multi, EN, (SW, TE, EN)),
        Setting(RetrievalMode.cross, EN, (TE,)),
    ):
        assert not any(">" in table.query_ids[q] for q in table.ranks(setting).queries)


def test_the_table_survives_its_file(tree: Tree, stream: Stream, tmp_path: Path) -> None:
    table = stream(tree.read()).table
    path = tmp_path / "Small.ranks.parquet"
    write_rank_table(table, path, {})
    again = read_rank_table(path)
    for setting in (
        Setting(RetrievalMode.cross, EN, (SW,)),
        Setting(RetrievalMode.mono, EN, (EN,)),
    ):
        np.testing.assert_array_equal(again.ranks(setting).ranks, table.ranks(setting).ranks)
        assert again.ranks(setting).n_unanswered == table.ranks(setting).n_unanswered


def test_no_passage_is_encoded_twice(tree: Tree, stream: Stream) -> None:
    judged, encoder = tree.read(), Ngrams()
    stream(judged, encoder)
    passages = [x for x in encoder.seen if x.startswith("passage")]
    assert len(passages) == 270  # 90 in each language, the relevant ones among them


def test_facts_name_every_corpus(tree: Tree, stream: Stream) -> None:
    facts = stream(tree.read()).facts
    assert {code: c["passages"] for code, c in facts["corpora"].items()} == {
        "sw": 90, "te": 90, "en": 90,
    }  # fmt: skip
    assert len({c["sha256"] for c in facts["corpora"].values()}) == 3


def test_a_broken_shard_is_named_and_nothing_else_is_lost(
    tree: Tree, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = tree.read()
    expected = stream(judged, identity=None).table
    shard = tree.folder / "te" / "docs-1.jsonl.gz"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"te/docs-1\.jsonl\.gz is cut off or damaged"):
        stream(judged)
    shard.write_bytes(whole)
    read: list[str] = []
    real = stream_run.Scan.__call__
    monkeypatch.setattr(
        stream_run.Scan, "__call__", lambda self, s, x: read.append(x.name) or real(self, s, x)
    )
    again = stream(judged).table
    assert read == ["te/docs-1"]
    np.testing.assert_array_equal(again.beaten_by, expected.beaten_by)


def test_a_run_that_was_stopped_goes_on_at_the_shard(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    expected = stream(judged, identity=None).table

    class Stops(Ngrams):
        def encode(self, texts: Sequence[str], role: Role) -> Vectors:
            if len(self.seen) > 150:
                raise KeyboardInterrupt
            return super().encode(texts, role)

    with pytest.raises(KeyboardInterrupt):
        stream(judged, Stops())
    encoder = Ngrams()
    again = stream(judged, encoder).table
    np.testing.assert_array_equal(again.beaten_by, expected.beaten_by)
    assert len([x for x in encoder.seen if x.startswith("passage")]) < 230
    third = Ngrams()
    stream(judged, third)
    assert len([x for x in third.seen if x.startswith("passage")]) == 270  # nothing stale is kept


def test_counts_that_a_crash_cut_off_are_counted_again(
    tree: Tree, stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    judged = tree.read()
    monkeypatch.setattr(stream_run.Kept, "discard", lambda self: None)
    expected = stream(judged).table
    (first, *_) = sorted((tmp_path / "cache" / "unfinished").glob("shards-*/*.npz"))
    first.write_bytes(first.read_bytes()[:100])
    encoder = Ngrams()
    np.testing.assert_array_equal(stream(judged, encoder).table.beaten_by, expected.beaten_by)
    assert 0 < len([x for x in encoder.seen if x.startswith("passage")]) < 130


def test_a_full_disk_is_one_line_and_leaves_no_half_file(
    tree: Tree, stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("xlir_bench.stream.kept.np.savez_compressed", full)
    with pytest.raises(ResultError, match="No space left on device"):
        stream(tree.read())
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.suffix == ".npz" or "tmp" in p.name]
    monkeypatch.undo()


def test_a_killed_process_is_one_line_and_finished_shards_are_kept(
    tree: Tree, tmp_path: Path
) -> None:
    model = Ngrams()
    engine = LocalEngine(("cpu", "cpu"))
    plan = Plan(model, None, model, engine, Kills(tmp_path / "killed"), 0, "kills")
    with pytest.raises(EngineError, match="a worker process died"):
        rank_streamed(tree.read(), plan)
    again = rank_streamed(tree.read(), plan).table
    assert again.beaten_by.sum() > 0


def test_two_processes_count_the_same(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    expected = stream(judged, identity=None)
    found = stream(judged, engine=LocalEngine(("cpu", "cpu")), identity=None)
    np.testing.assert_array_equal(found.table.beaten_by, expected.table.beaten_by)
    assert found.hits is not None
    assert expected.hits is not None
    np.testing.assert_array_equal(found.hits.passages, expected.hits.passages)


def test_vectors_that_are_not_finite_stop_the_run(tree: Tree, stream: Stream) -> None:
    class Broken(Ngrams):
        def encode(self, texts: Sequence[str], role: Role) -> Vectors:
            return super().encode(texts, role) * np.nan

    with pytest.raises(EncoderError, match="NaN or infinity"):
        stream(tree.read(), Broken())


def _replace(tree: Tree, code: str, rows: list[tuple[str, str, str]]) -> Judged:
    for path in (tree.folder / code).glob("docs-*"):
        path.unlink()
    write_shard(tree.folder / code / "docs-0.jsonl.gz", rows)
    return tree.read()


def test_a_corpus_without_a_relevant_passage_is_refused(tree: Tree, stream: Stream) -> None:
    judged = _replace(tree, "sw", [("1000#0", "a", "b")])
    with pytest.raises(DataError, match=r"relevant passages are not in the corpus, first 'sw:"):
        stream(judged)


def test_a_repeated_docid_is_refused(tree: Tree, stream: Stream) -> None:
    judged = _replace(tree, "sw", [("7#0", "a", "b"), ("7#0", "a", "c")])
    with pytest.raises(DataError, match=r"sw/docs-0\.jsonl\.gz repeats a docid"):
        stream(judged)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "line 1: not a passage"),
        ('{"docid": "1#0", "title": "a"}', "line 1: not a passage"),
        ('{"docid": 1, "title": "a", "text": "b"}', "must be strings"),
        ('{"docid": "1 0", "title": "a", "text": "b"}', "white space"),
        ("", "is empty"),
    ],
)
def test_lines_that_are_no_passages_are_named(
    tree: Tree, stream: Stream, line: str, message: str
) -> None:
    shard = tree.folder / "en" / "docs-2.jsonl.gz"
    with gzip.open(shard, "wt", encoding="utf-8") as file:
        file.write(line)
    with pytest.raises(DataError, match=message):
        stream(tree.read())


def test_a_beir_corpus_is_read_too(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    expected = stream(judged).table
    for shard in tree.shards():
        text = gzip.decompress(shard.read_bytes()).decode().replace('"docid"', '"_id"')
        shard.with_suffix("").write_text(text, "utf-8")
        shard.unlink()
    np.testing.assert_array_equal(stream(tree.read()).table.beaten_by, expected.beaten_by)


def test_reading_ahead_keeps_order_and_errors() -> None:
    def items() -> Iterator[int]:
        yield from range(10)
        msg = "broken"
        raise DataError(msg)

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(10)] == list(range(10))
    with pytest.raises(DataError, match="broken"):
        next(ahead)
    assert list(read_ahead(iter([]))) == []

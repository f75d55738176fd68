"""Runs as rank tables: whole ones equal what vectors give, truncated ones what trec_eval reads."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.ranking import NOT_RETRIEVED
from xlir_bench.core.text import Passage, Query
from xlir_bench.evaluate import find_hits, rank, readings
from xlir_bench.measures.catalogue import parse
from xlir_bench.measures.trec import Judged
from xlir_bench.measures.trec import Qrels as PlainQrels
from xlir_bench.measures.trec import Run as PlainRun
from xlir_bench.results.hits_file import read_hits, write_hits
from xlir_bench.results.rank_file import read_rank_table, write_rank_table
from xlir_bench.runs import Rankings, read_runs

LANGUAGES = tuple(map(language, ("de", "en", "sw")))
MODES = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
SETTINGS = tuple(s for mode in MODES for s in settings_of(mode, LANGUAGES))


def collection(rng: np.random.Generator) -> Collection:
    """Return 3 languages of 9 passages and 4 parallel queries, each with an answer in some."""
    passages = tuple(Passage(f"{x.code}{i}", "-", x) for x in LANGUAGES for i in range(9))
    queries = tuple(Query(f"{x.code}q{i}", "-", x, f"q{i}") for x in LANGUAGES for i in range(4))
    judged = rng.random((len(queries), len(passages))) < 0.1
    judged[:, 0] = True
    query_rows, passage_rows = np.nonzero(judged)
    grades = np.ones(len(query_rows), dtype=np.int64)
    return Collection("Tiny", passages, queries, Qrels(query_rows, passage_rows, grades))


def run_of(
    texts: Collection, scores: np.ndarray, setting: Setting, depth: int | None = None
) -> Rankings:
    """Return the best passages of a setting's queries in a random order of lines."""
    pool = [i for i, p in enumerate(texts.passages) if p.language in setting.corpus_languages]
    ids = np.array([texts.passages[i].passage_id for i in pool])
    lines = []
    for row in texts.query_rows(setting.query_language):
        best = np.lexsort((ids, scores[row, pool]))[::-1][:depth]
        lines += [(row, pool[i], scores[row, pool[i]]) for i in best]
    order = np.random.default_rng(0).permutation(len(lines))
    rows, found, values = (np.array(column) for column in zip(*lines, strict=True))
    return Rankings(
        rows[order],
        found[order],
        values[order].astype(np.float32),
        len(pool) if depth is None else depth,
    )


@given(seed=st.integers(0, 10_000))
def test_whole_runs_are_what_vectors_give(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = collection(rng)
    # Small whole numbers: many exact ties, and products that no order of sums changes.
    queries = rng.integers(-2, 3, (len(texts.queries), 3)).astype(np.float32)
    passages = rng.integers(-2, 3, (len(texts.passages), 3)).astype(np.float32)
    scores = queries @ passages.T
    table, hits = read_runs(texts, {s: run_of(texts, scores, s) for s in SETTINGS})
    expected = rank(texts, queries, passages)
    assert table.query_ids == expected.query_ids
    assert np.array_equal(table.beaten_by, expected.beaten_by)
    assert np.array_equal(table.similarities, expected.similarities)
    for setting in SETTINGS:
        assert np.array_equal(table.ranks(setting).ranks, expected.ranks(setting).ranks)
    found, known = hits, find_hits(texts, queries, passages, 100)
    assert found is not None
    names = [[h.passage_ids[p] for p in row] for h in (found, known) for row in h.passages]
    assert names[: len(names) // 2] == names[len(names) // 2 :]


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 12))
def test_truncated_runs_are_read_as_trec_eval_reads_them(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    texts = collection(rng)
    scores = rng.integers(0, 5, (len(texts.queries), len(texts.passages))).astype(np.float32)
    runs = {s: run_of(texts, scores, s, depth) for s in SETTINGS}
    table, _ = read_runs(texts, runs)
    for setting, found in runs.items():
        ranks = table.ranks(setting)
        judged: dict[str, dict[str, int]] = {}
        for q, p in zip(texts.qrels.query_rows, texts.qrels.passage_rows, strict=True):
            query, passage = texts.queries[q], texts.passages[p]
            is_asked = query.language == setting.query_language
            if is_asked and passage.language in setting.corpus_languages:
                judged.setdefault(query.query_id, {})[passage.passage_id] = 1
        if not judged:
            assert not len(ranks.queries)
            continue
        plain: dict[str, dict[str, float]] = {}
        for q, p, s in zip(found.query_rows, found.passage_rows, found.scores, strict=True):
            of_query = plain.setdefault(texts.queries[q].query_id, {})
            of_query[texts.passages[p].passage_id] = float(s)
        expected = Judged(PlainQrels(judged, {}), PlainRun(plain, {})).ranks({}, {}, depth=1)
        assert np.array_equal(ranks.ranks, expected.ranks)
        assert ranks.depth == depth
        assert ranks.labels is not None
        above = ranks.labels.above.sum(axis=1)
        assert np.array_equal(above, np.maximum(ranks.ranks - 1, 0))


def test_a_setting_without_a_run_has_no_queries_and_files_keep_that(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = collection(rng)
    scores = rng.random((len(texts.queries), len(texts.passages))).astype(np.float32)
    chosen = [s for s in SETTINGS if str(s) in {"multi/de", "cross/en-de"}]
    table, hits = read_runs(texts, {s: run_of(texts, scores, s, 5) for s in chosen})
    assert hits is not None
    write_rank_table(table, tmp_path / "x.ranks.parquet", {})
    write_hits(hits, tmp_path / "x.hits.parquet", {})
    again = read_rank_table(tmp_path / "x.ranks.parquet")
    first = readings(table, SETTINGS, hits)
    second = readings(again, SETTINGS, read_hits(tmp_path / "x.hits.parquet"))
    assert set(first.ranks) == set(second.ranks) == set(chosen)
    assert (again.ranks(chosen[1]).ranks == NOT_RETRIEVED).any()
    for setting in chosen:
        for name in ("P@3", "LangShare@3"):
            measure = parse(name)
            if measure.applies_to(first.ranks[setting]):
                values = [measure.per_query(found.ranks[setting]) for found in (first, second)]
                assert values[0] == pytest.approx(values[1], nan_ok=True)
        assert not parse("MRD").is_known_for(second.ranks[setting])


def test_a_query_that_a_run_lacks_has_found_nothing() -> None:
    rng = np.random.default_rng(2)
    texts = collection(rng)
    scores = rng.random((len(texts.queries), len(texts.passages))).astype(np.float32)
    setting = next(s for s in SETTINGS if str(s) == "multi/de")
    whole = run_of(texts, scores, setting)
    kept = whole.query_rows != 0
    part = Rankings(whole.query_rows[kept], whole.passage_rows[kept], whole.scores[kept], 27)
    table, hits = read_runs(texts, {setting: part})
    ranks = readings(table, [setting], hits).ranks[setting]
    assert parse("AP").per_query(ranks)[0] == 0
    assert np.isnan(parse("LangShare@3").per_query(ranks)[0])
    assert not np.isnan(parse("LangShare@3").per_query(ranks)[1:]).any()

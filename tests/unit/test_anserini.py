"""A real Anserini: it indexes and searches each language as ``bm25 --backend pyserini`` does."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xlir_bench.adapters.pyserini import Bm25, Toolkit, find_toolkit, run_bm25
from xlir_bench.adapters.pyserini_runs import AnseriniRuns
from xlir_bench.bm25.scorer import Merge, Parameters, Scorer
from xlir_bench.cards.load import task_cards
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.ranking import RankTable
from xlir_bench.errors import DataError, UsageError
from xlir_bench.measures.ranking import average_precision
from xlir_bench.readers.read import read
from xlir_bench.runs import count_scores, read_runs

DE, EL = LANGUAGES = (language("de"), language("el"))
MODES = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
SETTINGS = [setting for mode in MODES for setting in settings_of(mode, LANGUAGES)]


@pytest.fixture(scope="module")
def toolkit() -> Toolkit:
    try:
        return find_toolkit()
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def collection() -> Collection:
    return read(task_cards()["XLIRMini"], LANGUAGES)


@pytest.fixture(scope="module")
def runs(toolkit: Toolkit, collection: Collection) -> AnseriniRuns:
    return AnseriniRuns(toolkit, collection, SETTINGS, Parameters(), is_pooled=False)


def mean_ap(table: RankTable, setting: Setting) -> float:
    return float(average_precision(table.ranks(setting)).mean())


@pytest.mark.slow
def test_it_ranks_as_bm25s_does(runs: AnseriniRuns, collection: Collection) -> None:
    """Both are Lucene's BM25; the stemmers differ, and for Greek Anserini has none."""
    theirs, _ = read_runs(collection, {s: runs.rankings(s, Merge.score) for s in SETTINGS})
    ours, _ = count_scores(collection, Scorer(collection, Merge.score, Parameters()).scores)
    for setting in settings_of(RetrievalMode.mono, LANGUAGES):
        assert mean_ap(theirs, setting) == pytest.approx(mean_ap(ours, setting), abs=0.08)
        assert mean_ap(theirs, setting) > 0.4
    assert runs.analyzers == {"de": "Anserini de", "el": "Anserini default (English)"}


@pytest.mark.slow
def test_merged_by_rank_the_first_of_every_language_come_first(
    runs: AnseriniRuns, collection: Collection
) -> None:
    setting = Setting(RetrievalMode.multi, DE, LANGUAGES)
    found = runs.rankings(setting, Merge.rank)
    for query in np.unique(found.query_rows):
        is_of_query = found.query_rows == query
        rows = found.passage_rows[is_of_query]
        scores = found.scores[is_of_query]
        codes = [collection.passages[row].language for row in rows]
        best = {codes[i] for i in np.flatnonzero(scores == scores.max())}
        assert best == set(codes)


def test_a_program_that_fails_is_one_line(
    toolkit: Toolkit, collection: Collection, tmp_path: Path
) -> None:
    broken = replace(toolkit, jar=tmp_path / "anserini-0-fatjar.jar")
    with pytest.raises(DataError, match=r"^io\.anserini\.index\.IndexCollection failed \(Java \d+"):
        AnseriniRuns(broken, collection, SETTINGS, Parameters(), is_pooled=False)


STAND_IN = """#!{python}
import pathlib, sys
given = dict(zip(sys.argv, sys.argv[1:]))
pathlib.Path(given["-index"]).mkdir(exist_ok=True)
if "-output" in given:
    pathlib.Path(given["-output"]).write_text("")
elif given["-language"] in {languages}:
    print("ERROR IndexerThread: Unexpected Exception: {message}")
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Callable[[str, set[str]], Toolkit]:
    """Make a Java that says what Anserini does of a thread that stopped, and ends with 0."""

    def make(message: str, languages: set[str]) -> Toolkit:
        java = tmp_path / "java"
        java.write_text(
            STAND_IN.format(python=sys.executable, message=message, languages=languages)
        )
        java.chmod(0o755)
        return Toolkit(java, 25, tmp_path / "anserini-0-fatjar.jar")

    return make


def test_texts_that_anserini_lost_are_an_error(
    stand_in: Callable[[str, set[str]], Toolkit], tmp_path: Path
) -> None:
    toolkit = stand_in("No space left on device", {"de"})
    with pytest.raises(DataError, match=r"IndexCollection failed \(Java 25\): No space left"):
        run_bm25(toolkit, [], tmp_path / "topics", DE, Bm25(0.9, 0.4, 10), tmp_path)


def test_a_java_without_thai_indexes_it_with_the_default_analyzer(
    stand_in: Callable[[str, set[str]], Toolkit], tmp_path: Path
) -> None:
    toolkit = stand_in("This JRE does not have support for Thai segmentation", {"th"})
    found = run_bm25(toolkit, [], tmp_path / "t", language("th"), Bm25(0.9, 0.4, 10), tmp_path)
    assert found.run.is_file()
    assert found.analyzer == "Anserini default (English)"

"""All of XQuAD-R with the lexical floor: our figures against a brute force, and fixed numbers.

The brute force shares nothing with the engine but the vectors: a float64 product, rounded to
float32, and a full sort of every pool by (similarity, passage id), both descending.
"""

import os
from collections import defaultdict

import numpy as np
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.score import Score, macro
from xlir_bench.encoders import char_ngrams
from xlir_bench.evaluate import rank, readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.readers.read import read

pytestmark = pytest.mark.skipif(
    "XLIR_DATA_DIR" not in os.environ, reason="set XLIR_DATA_DIR to a folder with lareqa/xquad-r"
)

MEASURES = ("AP", "P@1", "P@10", "MRD")

GOLDEN = {
    ("mono", "AP"): 0.714041660,
    ("mono", "P@1"): 0.632773109,
    ("mono", "P@10"): 0.085255921,
    ("cross", "AP"): 0.069919125,
    ("cross", "P@1"): 0.045194805,
    ("cross", "P@10"): 0.010889992,
    ("multi", "AP"): 0.076366247,
    ("multi", "P@1"): 0.630328495,
    ("multi", "P@10"): 0.096913675,
    ("multi", "MRD"): 10608.474713522,
}
"""Figures of version 0.1.0; a change needs a line under "Scores changed" in the changelog."""


@pytest.fixture(scope="module")
def collection() -> Collection:
    return read(task_cards()["XQuADR"])


@pytest.fixture(scope="module")
def vectors(collection: Collection) -> tuple[np.ndarray, np.ndarray]:
    return (
        char_ngrams.encode([q.text for q in collection.queries]),
        char_ngrams.encode([p.text for p in collection.passages]),
    )


@pytest.fixture(scope="module")
def ours(collection: Collection, vectors: tuple[np.ndarray, np.ndarray]) -> list[Score]:
    card = task_cards()["XQuADR"]
    found = readings(rank(collection, *vectors), card.settings())
    return list(scorecard(found, parse_all(MEASURES), resamples=0)[0].scores)


@pytest.fixture(scope="module")
def brute_force(
    collection: Collection, vectors: tuple[np.ndarray, np.ndarray]
) -> dict[tuple[str, str], float]:
    """Return the macro figures of every mode from sorted rankings."""
    queries, passages = (v.astype(np.float64) for v in vectors)
    by_id = sorted(range(len(passages)), key=lambda row: collection.passages[row].passage_id)
    language_of = np.array([p.language.code for p in collection.passages])
    relevant = defaultdict(set)
    for q, p in zip(collection.qrels.query_rows, collection.qrels.passage_rows, strict=True):
        relevant[int(q)].add(int(p))
    values = defaultdict(lambda: defaultdict(list))
    descending_id = np.array(by_id[::-1])
    for first in range(0, len(queries), 256):
        similarities = (queries[first : first + 256] @ passages.T).astype(np.float32)
        for i, row in enumerate(similarities):
            query = first + i
            code = collection.queries[query].language.code
            order = descending_id[np.argsort(-row[descending_id], kind="stable")]
            hit = np.isin(order, list(relevant[query]))
            _collect(values, ("multi", code, "all"), np.flatnonzero(hit) + 1)
            languages = language_of[order]
            for other in np.unique(language_of):
                ranks = np.flatnonzero(hit[languages == other]) + 1
                _collect(values, ("mono" if other == code else "cross", code, other), ranks)
    return _macro(values)


def _collect(values: dict, setting: tuple[str, str, str], ranks: np.ndarray) -> None:
    found = np.arange(1, len(ranks) + 1)
    values[setting]["AP"].append((found / ranks).mean())
    values[setting]["P@1"].append((ranks <= 1).sum())
    values[setting]["P@10"].append((ranks <= 10).sum() / 10)
    if len(ranks) > 1:
        values[setting]["MRD"].append(ranks[-1] - ranks[0])


def _macro(values: dict) -> dict[tuple[str, str], float]:
    settings = defaultdict(list)
    for (mode, _, _), measures in values.items():
        for measure, per_query in measures.items():
            settings[mode, measure].append(np.mean(per_query))
    return {key: float(np.mean(means)) for key, means in settings.items()}


@pytest.mark.slow
def test_the_engine_agrees_with_a_full_sort_of_every_pool(
    ours: list[Score], brute_force: dict[tuple[str, str], float]
) -> None:
    found = {(mode, m): macro(ours, RetrievalMode(mode), m).value for mode, m in brute_force}
    assert found == pytest.approx(brute_force, abs=1e-9)


def test_the_figures_are_those_of_record(ours: list[Score]) -> None:
    found = {(mode, m): macro(ours, RetrievalMode(mode), m).value for mode, m in GOLDEN}
    assert found == pytest.approx(GOLDEN, abs=5e-7)

"""What we export is what BEIR reads, and BEIR's own search and evaluation give our numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.encoders import char_ngrams
from xlir_bench.evaluate import rank
from xlir_bench.exports.beir import write_beir
from xlir_bench.exports.parts import parts
from xlir_bench.measures.catalogue import parse
from xlir_bench.readers.read import read

beir = pytest.importorskip("beir", reason="the extra 'beir' is not installed")

OURS = {"NDCG": "nDCG", "MAP": "AP", "Recall": "R", "P": "P"}


class Lexical:
    """The lexical floor as BEIR wants encoders."""

    def encode_queries(self, queries: list[str], **kwargs: Any) -> np.ndarray:
        return char_ngrams.encode(queries)

    def encode_corpus(self, corpus: list[dict[str, str]], **kwargs: Any) -> np.ndarray:
        return char_ngrams.encode([f"{d['title']} {d['text']}".strip() for d in corpus])


def chosen() -> list[Setting]:
    card = task_cards()["XLIRMini"]
    subsets = {"de-de", "th-en", "hi-multi"}
    return [setting for setting in card.settings() if setting.subset in subsets]


# BEIR's loader leaves the files it counts lines of to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("setting", chosen(), ids=lambda setting: setting.subset)
def test_beir_gives_our_numbers(setting: Setting, tmp_path: Path) -> None:
    from beir.datasets.data_loader import GenericDataLoader
    from beir.retrieval.evaluation import EvaluateRetrieval
    from beir.retrieval.search.dense import DenseRetrievalExactSearch

    collection = read(task_cards()["XLIRMini"])
    (part,) = parts(collection, [setting])
    write_beir(part, tmp_path / setting.subset)
    corpus, queries, judged = GenericDataLoader(str(tmp_path / setting.subset)).load("test")
    assert len(corpus) == (1824 if setting.mode is RetrievalMode.multi else 152)
    assert len(queries) == len(judged) == 90

    search = DenseRetrievalExactSearch(Lexical(), batch_size=64)
    evaluator = EvaluateRetrieval(search, k_values=[1, 10, 100], score_function="cos_sim")
    found = evaluator.retrieve(corpus, queries)
    scores: dict[str, float] = {}
    for part_of in evaluator.evaluate(judged, found, [1, 10, 100]):
        scores |= part_of

    vectors = [
        char_ngrams.encode([text.text for text in texts])
        for texts in (collection.queries, collection.passages)
    ]
    ranks = rank(collection, *vectors).ranks(setting)
    for theirs, ours in OURS.items():
        for k in (1, 10, 100):
            value = parse(f"{ours}@{k}").per_query(ranks).mean()
            assert scores[f"{theirs}@{k}"] == pytest.approx(round(value, 5), abs=1e-6)

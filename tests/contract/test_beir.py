"""What we export is what BEIR reads, and BEIR's own search and evaluation give our numbers."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks
from xlir_bench.encoders import char_ngrams
from xlir_bench.encoders.packed import unpack
from xlir_bench.evaluate import rank
from xlir_bench.exports.beir import write_beir
from xlir_bench.exports.parts import parts
from xlir_bench.measures.catalogue import parse
from xlir_bench.paths import data_folder
from xlir_bench.readers.read import read
from xlir_bench.results.rank_file import read_rank_table

beir = pytest.importorskip("beir", reason="the extra 'beir' is not installed")

# BEIR's loader leaves the files it counts lines of to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CUTOFFS = (1, 10, 100)
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


def searched(setting: Setting, encoder: Any, folder: Path) -> dict[str, float]:
    """Return what BEIR says of an encoder on the exported files of a setting."""
    from beir.datasets.data_loader import GenericDataLoader
    from beir.retrieval.evaluation import EvaluateRetrieval
    from beir.retrieval.search.dense import DenseRetrievalExactSearch

    (part,) = parts(read(task_cards()["XLIRMini"]), [setting])
    write_beir(part, folder / setting.subset)
    corpus, queries, judged = GenericDataLoader(str(folder / setting.subset)).load("test")
    assert len(corpus) == (1824 if setting.mode is RetrievalMode.multi else 152)
    assert len(queries) == len(judged) == 90
    search = DenseRetrievalExactSearch(encoder, batch_size=64)
    evaluator = EvaluateRetrieval(search, k_values=[*CUTOFFS], score_function="cos_sim")
    found = evaluator.retrieve(corpus, queries)
    scores: dict[str, float] = {}
    for part_of in evaluator.evaluate(judged, found, [*CUTOFFS]):
        scores |= part_of
    return scores


def assert_equal_to_ours(scores: dict[str, float], ranks: Ranks) -> None:
    for (theirs, ours), k in itertools.product(OURS.items(), CUTOFFS):
        value = parse(f"{ours}@{k}").per_query(ranks).mean()
        assert scores[f"{theirs}@{k}"] == pytest.approx(round(value, 5), abs=1e-6)


@pytest.mark.parametrize("setting", chosen(), ids=lambda setting: setting.subset)
def test_beir_gives_our_numbers(setting: Setting, tmp_path: Path) -> None:
    collection = read(task_cards()["XLIRMini"])
    vectors = [
        char_ngrams.encode([text.text for text in texts])
        for texts in (collection.queries, collection.passages)
    ]
    ranks = rank(collection, *vectors).ranks(setting)
    assert_equal_to_ours(searched(setting, Lexical(), tmp_path), ranks)


@pytest.mark.slow
@pytest.mark.parametrize("setting", chosen()[:2], ids=lambda setting: setting.subset)
def test_beir_gives_the_published_numbers_of_an_encoder(setting: Setting, tmp_path: Path) -> None:
    from beir.retrieval.models import SentenceBERT

    unpack(data_folder("models") / "xlir-hybrid", tmp_path / "plain")
    names = {"query": "query", "passage": "document"}
    encoder = SentenceBERT(str(tmp_path / "plain"), prompt_names=names, device="cpu")
    published = data_folder("leaderboards") / "results" / "xlir-bench__xlir-hybrid"
    ranks = read_rank_table(published / "XLIRMini.ranks.parquet").ranks(setting)
    assert_equal_to_ours(searched(setting, encoder, tmp_path), ranks)

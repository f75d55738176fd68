"""BM25 scores of every passage, from bm25s: one index for each language, or one for all.

Lucene's variant, whose scores are never negative; a passage without a term of the query has 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlir_bench.bm25.terms import Analyzer, analyzer
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.errors import UsageError
from xlir_bench.evaluate import id_order

RRF_K = 60
"""Of reciprocal-rank fusion: Cormack, Clarke, Büttcher 2009, https://doi.org/10.1145/1571941.1572114"""


class Merge(StrEnum):
    """How passages of several languages come into one ranking."""

    score = "score"
    """Each language has an index and an analyzer of its own; their scores are compared as is."""
    rank = "rank"
    """The same indexes, compared by 1 / (60 + rank); what a query does not match has 0."""
    pooled = "pooled"
    """One index of all languages, without stemmers."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """BM25's saturation ``k1`` and length normalisation ``b``; Anserini's defaults."""

    k1: float = 0.9
    b: float = 0.4


class Index:
    """A BM25 index of some texts."""

    def __init__(self, texts: Sequence[str], how: Analyzer, parameters: Parameters) -> None:
        self.analyzer = how
        self._index = _bm25s(parameters)
        self._index.index([how.terms(text) for text in texts], show_progress=False)
        self._size = len(texts)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return (n_texts,) scores, 0 without a common term."""
        vocabulary = self._index.vocab_dict
        known = [vocabulary[x] for x in self.analyzer.terms(query) if x in vocabulary]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        found: NDArray[np.float32] = self._index.get_scores_from_ids(known)
        return found


def _bm25s(parameters: Parameters) -> Any:  # noqa: ANN401 - an optional library
    try:
        import bm25s
    except ImportError as error:
        msg = f"this backend needs {error.name}: pip install 'xlir-bench[bm25]'"
        raise UsageError(msg) from error
    return bm25s.BM25(k1=parameters.k1, b=parameters.b, method="lucene")


class Scorer:
    """The scores of a collection's passages for its queries.

    Attributes:
        analyzers: by language code, or "all" for the pooled index.

    """

    def __init__(self, collection: Collection, merge: Merge, parameters: Parameters) -> None:
        self._collection, self._merge = collection, merge
        self._keys = id_order(collection.passages)
        texts = [p.text for p in collection.passages]
        self._rows = {x: collection.corpus_rows(x) for x in collection.languages}
        if merge is Merge.pooled:
            self._pooled: Index | None = Index(texts, analyzer(None), parameters)
            self.analyzers = {"all": self._pooled.analyzer.name}
            return
        self._pooled = None
        self._indexes = {
            x: Index(texts[rows], analyzer(x), parameters) for x, rows in self._rows.items()
        }
        self.analyzers = {x.code: index.analyzer.name for x, index in self._indexes.items()}

    def scores(self, query_row: int, pool: Sequence[Language]) -> NDArray[np.float32]:
        """Return (n,) scores, 0 or more, of the passages of a pool in the order of its rows.

        Args:
            query_row: of the collection.
            pool: languages, in the order of the collection's rows.

        """
        text = self._collection.queries[query_row].text
        if self._pooled is not None:
            every = self._pooled.scores(text)
            return np.concatenate([every[self._rows[x]] for x in pool])
        return np.concatenate([self._of_language(text, x) for x in pool])

    def _of_language(self, text: str, language: Language) -> NDArray[np.float32]:
        scores = self._indexes[language].scores(text)
        if self._merge is not Merge.rank:
            return scores
        order = np.lexsort((self._keys[self._rows[language]], scores))[::-1]
        by_rank = np.zeros_like(scores)
        by_rank[order] = 1 / (RRF_K + np.arange(1, len(order) + 1, dtype=np.float32))
        return np.where(scores > 0, by_rank, np.float32(0))

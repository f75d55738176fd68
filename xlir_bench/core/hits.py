"""The first passages of every query in one pool, for what the ranks of right answers cannot tell.

Language shares need the labels of wrong passages, rank consistency the passages themselves.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.language import Language

NO_PASSAGE = -1
"""Fills the places of a ranking that is shorter than the others."""
NO_LANGUAGE = -1
"""The column of a text whose language is not known or not in the pool."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The ``k`` best passages of each query of a benchmark in the pool of all languages.

    Attributes:
        languages: of the pool; the columns that ``query_languages`` and ``passage_languages`` name.
        query_ids: of all queries, answered or not; those without passages may be left out.
        topic_ids: distinct topics, ascending.
        topics: (n_queries,) int64 into ``topic_ids``; equal for parallel queries.
        query_languages: (n_queries,) int64, ``NO_LANGUAGE`` for one without a corpus.
        passage_ids: of every passage that is among somebody's best.
        passage_languages: (n_passage_ids,) int64, ``NO_LANGUAGE`` if unknown.
        passages: (n_queries, k) int64 into ``passage_ids``, best first; ``NO_PASSAGE`` past the
            end; at least one for each query.
        similarities: (n_queries, k) float32; higher is better.

    """

    languages: tuple[Language, ...]
    query_ids: tuple[str, ...]
    topic_ids: tuple[str, ...]
    topics: NDArray[np.int64]
    query_languages: NDArray[np.int64]
    passage_ids: tuple[str, ...]
    passage_languages: NDArray[np.int64]
    passages: NDArray[np.int64]
    similarities: NDArray[np.float32]

    def top(self) -> "Top":
        """Return the rankings of all queries without their texts' names."""
        labels = np.append(self.passage_languages, NO_LANGUAGE)  # row -1: no passage
        return Top(
            rows=np.arange(len(self.query_ids)),
            passages=self.passages,
            languages=labels[self.passages],
            topics=self.topics,
            query_languages=self.query_languages,
        )


@dataclass(frozen=True, slots=True)
class Top:
    """The first passages of some queries, beside those of all others in the same pool.

    Attributes:
        rows: (n_chosen,) int64 the queries that are asked about.
        passages: (n_queries, k) int64, equal numbers for equal passages; ``NO_PASSAGE`` past the
            end.
        languages: (n_queries, k) int64 column of each passage's language, or ``NO_LANGUAGE``.
        topics: (n_queries,) int64, equal for parallel queries.
        query_languages: (n_queries,) int64 column of each query's language.

    """

    rows: NDArray[np.int64]
    passages: NDArray[np.int64]
    languages: NDArray[np.int64]
    topics: NDArray[np.int64]
    query_languages: NDArray[np.int64]

    def with_empty_row(self) -> "Top":
        """Return the rankings with one more, of a query of unknown language, that is empty."""
        return replace(
            self,
            passages=np.pad(self.passages, ((0, 1), (0, 0)), constant_values=NO_PASSAGE),
            languages=np.pad(self.languages, ((0, 1), (0, 0)), constant_values=NO_LANGUAGE),
            topics=np.append(self.topics, self.topics.max() + 1),
            query_languages=np.append(self.query_languages, NO_LANGUAGE),
        )

    @property
    def depth(self) -> int:
        """Return how many passages of each query were kept."""
        return int(self.passages.shape[1])

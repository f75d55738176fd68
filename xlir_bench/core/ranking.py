"""The rank table: for every relevant passage, how many passages of each language beat it.

Every rank in every pool of languages is a sum over its columns, so mono, cross, multi and any
other choice of languages are readings of one table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.language import Language
from xlir_bench.core.mode import Setting

NOT_RETRIEVED = 0
"""The rank of a relevant passage that a truncated ranking does not hold."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks of the relevant passages of one setting, by query, best first.

    Attributes:
        queries: (n_queries,) row of each query in the rank table's ``query_ids``.
        starts: (n_queries + 1,) int64; query i owns ``ranks[starts[i]:starts[i + 1]]``.
        ranks: (n_relevant,) int64, 1 is the top; rising within a query, ``NOT_RETRIEVED`` last.
        grades: (n_relevant,) int64.
        n_passages: size of the pool.
        n_unanswered: queries of the language that have no relevant passage in the pool; they are
            not in the setting.
        depth: how many ranks the ranking holds; the size of the pool if it is complete.

    """

    queries: NDArray[np.int64]
    starts: NDArray[np.int64]
    ranks: NDArray[np.int64]
    grades: NDArray[np.int64]
    n_passages: int
    n_unanswered: int
    depth: int

    @property
    def is_complete(self) -> bool:
        """Say whether every relevant passage has a rank."""
        return bool((self.ranks != NOT_RETRIEVED).all())


def grouped_ranks(
    queries: NDArray[np.int64],
    ranks: NDArray[np.int64],
    grades: NDArray[np.int64],
    *,
    n_passages: int,
    n_unanswered: int,
    depth: int | None = None,
) -> Ranks:
    """Group (query, relevant passage) rows by query, best rank first.

    Args:
        queries: (n,) row of the query.
        ranks: (n,) 1 is the top, ``NOT_RETRIEVED`` for none.
        grades: (n,) grade of the judgement.
        n_passages: size of the pool.
        n_unanswered: queries left out because nothing in the pool is relevant.
        depth: ranks that the ranking holds; None if it holds the whole pool.

    """
    last = np.where(ranks == NOT_RETRIEVED, np.iinfo(np.int64).max, ranks)
    order = np.lexsort((last, queries))
    rows, counts = np.unique(queries, return_counts=True)
    return Ranks(
        queries=rows.astype(np.int64),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ranks=ranks[order].astype(np.int64),
        grades=grades[order].astype(np.int64),
        n_passages=n_passages,
        n_unanswered=n_unanswered,
        depth=n_passages if depth is None else depth,
    )


@dataclass(frozen=True, slots=True)
class RankTable:
    """One row per (query, relevant passage) of a whole benchmark, sorted by query.

    Attributes:
        languages: columns of ``beaten_by``; corpus languages and languages with queries only.
        n_passages: (n_languages,) int64 passages per language.
        n_queries: (n_languages,) int64 queries per language, answered or not.
        query_ids: ids of the queries that have a relevant passage somewhere.
        passage_ids: ids of the relevant passages.
        query_rows: (n,) int64 into ``query_ids``, rising.
        passage_rows: (n,) int64 into ``passage_ids``.
        query_languages: (n,) int64 into ``languages``.
        passage_languages: (n,) int64 into ``languages``.
        grades: (n,) int64.
        similarities: (n,) float32 of query and relevant passage; higher is better.
        beaten_by: (n, n_languages) int64; exact, full depth: passages of each language that rank
            before the relevant passage (trec_eval order: similarity, then passage id descending).

    """

    languages: tuple[Language, ...]
    n_passages: NDArray[np.int64]
    n_queries: NDArray[np.int64]
    query_ids: tuple[str, ...]
    passage_ids: tuple[str, ...]
    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    query_languages: NDArray[np.int64]
    passage_languages: NDArray[np.int64]
    grades: NDArray[np.int64]
    similarities: NDArray[np.float32]
    beaten_by: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of (query, relevant passage) rows."""
        return len(self.query_rows)

    def ranks(self, setting: Setting) -> Ranks:
        """Read the exact ranks of one setting: 1 + the counts of the pool's languages.

        O(rows of the table) time and memory; no similarity is computed.
        """
        column = {language: position for position, language in enumerate(self.languages)}
        asked = column.get(setting.query_language, -1)
        pool = np.array(
            [column[x] for x in setting.corpus_languages if x in column], dtype=np.int64
        )
        in_pool = np.zeros(len(self.languages), dtype=bool)
        in_pool[pool] = True
        rows = np.flatnonzero((self.query_languages == asked) & in_pool[self.passage_languages])
        queries = self.query_rows[rows]
        return grouped_ranks(
            queries,
            1 + self.beaten_by[np.ix_(rows, pool)].sum(axis=1),
            self.grades[rows],
            n_passages=int(self.n_passages[pool].sum()),
            n_unanswered=int(self.n_queries[asked]) - len(np.unique(queries)) if asked >= 0 else 0,
        )

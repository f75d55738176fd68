"""The rank table: for every relevant passage, how many passages of each language beat it.

Every rank in every pool of languages is a sum over its columns, so mono, cross, multi and any
other choice of languages are readings of one table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE, Top
from xlir_bench.core.language import Language
from xlir_bench.core.mode import Setting

NOT_RETRIEVED = 0
"""The rank of a relevant passage that a truncated ranking does not hold."""
NOT_COUNTED = -1
"""The counts of such a passage in a rank table."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Languages in one setting, as columns 0 to n_languages - 1 of its pool.

    Attributes:
        own: (n_queries,) int64 column of the query's language, ``NO_LANGUAGE`` if it has none.
        relevant: (n_relevant,) int64 column of each relevant passage, ``NO_LANGUAGE`` if unknown.
        above: (n_relevant, n_languages) int64 passages of each language that rank before it; 0
            for a passage that is not retrieved.
        pool: (n_queries or 1, n_languages) int64 passages of each language in the pool.

    """

    own: NDArray[np.int64]
    relevant: NDArray[np.int64]
    above: NDArray[np.int64]
    pool: NDArray[np.int64]

    @property
    def is_mixed(self) -> bool:
        """Say whether the pools hold more than one language."""
        return bool((self.pool > 0).any(axis=0).sum() > 1)


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
        topics: (n_queries,) int64 number of each query's topic, equal for parallel queries.
        labels: languages of queries, passages and pool; None if they are not known.
        top: the first passages of the same queries; None if they were not kept.
        pool_sizes: (n_queries,) int64 where rankings differ in length; None if they do not.

    """

    queries: NDArray[np.int64]
    starts: NDArray[np.int64]
    ranks: NDArray[np.int64]
    grades: NDArray[np.int64]
    n_passages: int
    n_unanswered: int
    depth: int
    topics: NDArray[np.int64]
    labels: Labels | None = None
    top: Top | None = None
    pool_sizes: NDArray[np.int64] | None = None

    def with_top(self, top: Top, pool_sizes: NDArray[np.int64] | None = None) -> "Ranks":
        """Return the same ranks beside the first passages of their queries."""
        return replace(self, top=top, pool_sizes=pool_sizes)

    @property
    def is_complete(self) -> bool:
        """Say whether every relevant passage has a rank."""
        return bool((self.ranks != NOT_RETRIEVED).all())

    @property
    def n_relevant(self) -> NDArray[np.int64]:
        """Return the (n_queries,) numbers of relevant passages."""
        return np.diff(self.starts)

    @property
    def owners(self) -> NDArray[np.int64]:
        """Return the (n_relevant,) query of each relevant passage, as a position in ``queries``."""
        return np.repeat(np.arange(len(self.queries)), self.n_relevant)

    @property
    def first(self) -> NDArray[np.float64]:
        """Return each query's best rank of a relevant passage, NaN if none is retrieved."""
        best = self.ranks[self.starts[:-1]]
        return np.where(best == NOT_RETRIEVED, np.nan, best)

    @property
    def last(self) -> NDArray[np.float64]:
        """Return each query's worst rank of a relevant passage, NaN if one is not retrieved."""
        worst = self.ranks[self.starts[1:] - 1]
        return np.where(worst == NOT_RETRIEVED, np.nan, worst)


def grouped_ranks(  # noqa: PLR0913 - three columns of one table, then what is known of it
    queries: NDArray[np.int64],
    ranks: NDArray[np.int64],
    grades: NDArray[np.int64],
    *,
    n_passages: int,
    n_unanswered: int,
    depth: int | None = None,
    topics: NDArray[np.int64] | None = None,
    labels: Labels | None = None,
) -> Ranks:
    """Group (query, relevant passage) rows by query, best rank first.

    Args:
        queries: (n,) row of the query.
        ranks: (n,) 1 is the top, ``NOT_RETRIEVED`` for none.
        grades: (n,) grade of the judgement.
        n_passages: size of the pool.
        n_unanswered: queries left out because nothing in the pool is relevant.
        depth: ranks that the ranking holds; None if it holds the whole pool.
        topics: topic of every query row there is; None if each query is a topic of its own.
        labels: languages; ``own`` and ``pool`` by the query's position among the distinct
            ``queries``, ``relevant`` and ``above`` in the order of the rows given.

    """
    last = np.where(ranks == NOT_RETRIEVED, np.iinfo(np.int64).max, ranks)
    order = np.lexsort((last, queries))
    rows, counts = np.unique(queries, return_counts=True)
    if labels is not None:
        labels = Labels(labels.own, labels.relevant[order], labels.above[order], labels.pool)
    return Ranks(
        queries=rows.astype(np.int64),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ranks=ranks[order].astype(np.int64),
        grades=grades[order].astype(np.int64),
        n_passages=n_passages,
        n_unanswered=n_unanswered,
        depth=n_passages if depth is None else depth,
        topics=rows.astype(np.int64) if topics is None else topics[rows],
        labels=labels,
    )


@dataclass(frozen=True, slots=True)
class RunRanks:
    """What runs of single settings tell of a benchmark: no other pool can be read from them.

    ``beaten_by`` of their table is of the pool of all languages, ``NOT_COUNTED`` for a passage that
    its run does not hold.

    Attributes:
        depths: how many ranks the run of each setting holds, by its name ("multi/de").
        within: (n,) int64 passages before the relevant one where its language alone is the pool,
            ``NOT_COUNTED`` likewise.

    """

    depths: Mapping[str, int]
    within: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RankTable:
    """One row per (query, relevant passage) of a whole benchmark, sorted by query.

    Attributes:
        languages: columns of ``beaten_by``; corpus languages and languages with queries only.
        n_passages: (n_languages,) int64 passages per language.
        n_queries: (n_languages,) int64 queries per language, answered or not.
        query_ids: ids of the queries that have a relevant passage somewhere.
        topic_ids: distinct topics of those queries, ascending.
        topics: (n_query_ids,) int64 into ``topic_ids``; equal for parallel queries.
        passage_ids: ids of the relevant passages.
        query_rows: (n,) int64 into ``query_ids``, rising.
        passage_rows: (n,) int64 into ``passage_ids``.
        query_languages: (n,) int64 into ``languages``.
        passage_languages: (n,) int64 into ``languages``.
        grades: (n,) int64.
        similarities: (n,) float32 of query and relevant passage; higher is better.
        beaten_by: (n, n_languages) int64; exact, full depth: passages of each language that rank
            before the relevant passage (trec_eval order: similarity, then passage id descending).
        confined_to: (n_query_ids,) int64 into ``languages``: the only corpus that a query may
            search, ``NO_LANGUAGE`` for any; None if no query is confined. ``n_queries`` does not
            count the confined ones.
        run: what a table read from runs holds; None for one counted at full depth.

    """

    languages: tuple[Language, ...]
    n_passages: NDArray[np.int64]
    n_queries: NDArray[np.int64]
    query_ids: tuple[str, ...]
    topic_ids: tuple[str, ...]
    topics: NDArray[np.int64]
    passage_ids: tuple[str, ...]
    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    query_languages: NDArray[np.int64]
    passage_languages: NDArray[np.int64]
    grades: NDArray[np.int64]
    similarities: NDArray[np.float32]
    beaten_by: NDArray[np.int64]
    confined_to: NDArray[np.int64] | None = None
    run: "RunRanks | None" = None

    def __len__(self) -> int:
        """Return the number of (query, relevant passage) rows."""
        return len(self.query_rows)

    def ranks(self, setting: Setting) -> Ranks:
        """Read the exact ranks of one setting: 1 + the counts of the pool's languages.

        No query is in a setting of which there is no run. O(rows of the table) time and memory; no
        similarity is computed.
        """
        column = {language: position for position, language in enumerate(self.languages)}
        asked = column.get(setting.query_language, -1)
        pool = np.array(
            [column[x] for x in setting.corpus_languages if x in column], dtype=np.int64
        )
        place = np.full(len(self.languages) + 1, NO_LANGUAGE)
        place[pool] = np.arange(len(pool))
        is_asked = (self.query_languages == asked) & (place[self.passage_languages] != NO_LANGUAGE)
        is_confined = np.zeros(len(self), dtype=bool)
        if self.confined_to is not None:
            only = self.confined_to[self.query_rows]
            is_confined = only != NO_LANGUAGE
            is_asked &= ~is_confined | ((only == pool[0]) if len(pool) == 1 else False)
        rows = np.flatnonzero(is_asked)
        depth = None if self.run is None else self.run.depths.get(str(setting), 0)
        rows = rows[:0] if depth == 0 else rows
        above = self.beaten_by[np.ix_(rows, pool)]
        if self.run is not None and len(pool) == 1:
            above = self.run.within[rows, None]
        queries = self.query_rows[rows]
        n_answered = len(np.unique(queries))
        is_known = (above != NOT_COUNTED).all(axis=1)
        above = np.where(is_known[:, None], above, 0)
        return grouped_ranks(
            queries,
            np.where(is_known, 1 + above.sum(axis=1), NOT_RETRIEVED),
            self.grades[rows],
            n_passages=int(self.n_passages[pool].sum()),
            n_unanswered=(
                int(self.n_queries[asked]) - n_answered
                if asked >= 0 and not is_confined[rows].any()
                else 0
            ),
            depth=depth,
            topics=self.topics,
            labels=Labels(
                own=np.full(n_answered, place[asked]),
                relevant=place[self.passage_languages[rows]],
                above=above,
                pool=self.n_passages[pool][None, :],
            ),
        )

"""The language measures: worked out by hand, and in plain Python from their definitions.

A query is written "de: en* ? de | ar*": its language, its ranking (``*`` is relevant, ``?`` of
unknown language) and, after the bar, passages of the pool that are not retrieved.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import comb, isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kruskal, spearmanr

from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Top
from xlir_bench.core.ranking import NOT_RETRIEVED, Labels, Ranks, grouped_ranks
from xlir_bench.measures import consistency
from xlir_bench.measures.above_share import above_shares
from xlir_bench.measures.catalogue import parse
from xlir_bench.measures.consistency import spearman
from xlir_bench.measures.heat_map import answer_language_precision
from xlir_bench.measures.own import OWN

COLUMNS = {"ar": 0, "de": 1, "en": 2, "?": NO_LANGUAGE}
AR, DE, EN = range(3)
FIRST_PASSAGE = ["OwnRight", "OwnWrong", "OtherRight", "OtherWrong"]


@dataclass(frozen=True)
class Query:
    """Passages are numbers; ``ranking`` is best first and part of ``pool``."""

    own: int
    ranking: list[int]
    relevant: list[int]
    pool: list[int]
    topic: int


@dataclass(frozen=True)
class World:
    """The language of every passage, and the rankings of all queries."""

    languages: list[int]
    queries: list[Query]

    @property
    def answered(self) -> list[Query]:
        """Return the queries with a relevant passage."""
        return [query for query in self.queries if query.relevant]

    def count(self, passages: Iterable[int]) -> list[int]:
        """Count the passages of each language."""
        found = [self.languages[p] for p in passages]
        return [found.count(column) for column in (AR, DE, EN)]

    def ranks(self, depth: int = 10) -> Ranks:
        """Return ranks, labels and the first ``depth`` passages of the same rankings."""
        rows = [
            (i, rank, self.languages[p], *self.count(query.ranking[: max(rank - 1, 0)]))
            for i, query in enumerate(self.queries)
            for p in query.relevant
            for rank in [query.ranking.index(p) + 1 if p in query.ranking else NOT_RETRIEVED]
        ]
        queries, ranks, relevant, *above = np.array(rows, dtype=np.int64).T
        pools = [self.count(query.pool) for query in self.answered]
        return grouped_ranks(
            queries,
            ranks,
            np.ones(len(rows), dtype=np.int64),
            n_passages=max(len(query.pool) for query in self.queries),
            n_unanswered=len(self.queries) - len(self.answered),
            depth=max(len(query.ranking) for query in self.queries),
            topics=np.array([query.topic for query in self.queries]),
            labels=Labels(
                own=np.array([query.own for query in self.answered]),
                relevant=relevant,
                above=np.stack(above, axis=1),
                pool=np.array(pools if len({*map(tuple, pools)}) > 1 else pools[:1]),
            ),
        ).with_top(self.top(depth))

    def top(self, depth: int) -> Top:
        """Return the first passages, the queries in reverse order."""
        order = self.queries[::-1]
        passages = [[*q.ranking[:depth], *[NO_PASSAGE] * (depth - len(q.ranking))] for q in order]
        columns = np.array([*self.languages, NO_LANGUAGE])
        return Top(
            rows=np.array([i for i, query in enumerate(order) if query.relevant][::-1]),
            passages=np.array(passages),
            languages=columns[np.array(passages)],
            topics=np.array([query.topic for query in order]),
            query_languages=np.array([query.own for query in order]),
        )


def world_of(*lines: str) -> World:
    """Read queries; no two share a passage or a topic."""
    languages: list[int] = []
    queries = []
    for topic, line in enumerate(lines):
        own, rest = line.split(":")
        retrieved, _, others = rest.partition("|")
        texts = [*retrieved.split(), *others.split()]
        pool = list(range(len(languages), len(languages) + len(texts)))
        languages += [COLUMNS[text.strip("*")] for text in texts]
        relevant = [p for p, text in zip(pool, texts, strict=True) if text.endswith("*")]
        queries.append(Query(COLUMNS[own], pool[: len(retrieved.split())], relevant, pool, topic))
    return World(languages, queries)


def values(name: str, world: World, depth: int = 10) -> list[float]:
    return parse(name).per_query(world.ranks(depth)).tolist()


def same(expected: object) -> Any:
    return pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("de: en* de ar*", 3, id="last-relevant"),
        pytest.param("de: en* ar* de", 2, id="perfect"),
        pytest.param("de: en de*", 2, id="one-relevant"),
        pytest.param("?: en de ?*", 3, id="languages-do-not-matter"),
        pytest.param("de: en* de | ar*", nan, id="one-not-retrieved"),
        pytest.param("de: en de | ar*", nan, id="none-retrieved"),
    ],
)
def test_max_rank_is_the_rank_of_the_last_relevant_passage(line: str, expected: float) -> None:
    assert values("MaxRank", world_of(line)) == same([expected])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("de: en* ar* de", 1, id="all-within"),
        pytest.param("de: en* de ar*", 0, id="one-beyond"),
        pytest.param("de: en* ar* de*", 0, id="more-than-k-relevant"),
        pytest.param("de: en de*", 1, id="one-relevant"),
        pytest.param("de: en* | ar*", 0, id="one-not-retrieved"),
        pytest.param("de: en de ar*", 0, id="nothing-within"),
        pytest.param("de: en* | de", 1, id="list-shorter-than-k"),
        pytest.param("?: ?* de", 1, id="languages-do-not-matter"),
    ],
)
def test_complete_at_2_is_whether_all_answers_are_first(line: str, expected: float) -> None:
    assert values("Complete@2", world_of(line)) == [expected]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("de: de* en* ? ar* en*", 1 / 3, id="own-answers-do-not-count"),
        pytest.param("de: de* en* ar*", 1, id="all-found"),
        pytest.param("de: en* de", 1, id="no-answer-in-the-own-language"),
        pytest.param("de: de* ?* en ar*", 0, id="unlabelled-answers-do-not-count"),
        pytest.param("de: en* | ar*", 1 / 2, id="one-not-retrieved"),
        pytest.param("de: de de de en*", 0, id="nothing-within"),
        pytest.param("de: en* | de", 1, id="list-shorter-than-k"),
        pytest.param("de: de* en", nan, id="own-answers-only"),
        pytest.param("de: ?* en", nan, id="unlabelled-answers-only"),
        pytest.param("?: de* en*", nan, id="query-of-unknown-language"),
        pytest.param("de: de* de", nan, id="pool-of-one-language"),
    ],
)
def test_tlr_at_3_is_the_recall_of_other_languages(line: str, expected: float) -> None:
    assert values("TLR@3", world_of(line)) == same([expected])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("de: en de* en*", 1, id="own-before-other"),
        pytest.param("de: en* de*", 0, id="other-before-own"),
        pytest.param("de: en* | de*", 0, id="own-not-retrieved"),
        pytest.param("de: ? de* ?* en*", 1, id="unlabelled-answer-later"),
        pytest.param("de: ?* de* en*", nan, id="unlabelled-answer-first"),
        pytest.param("de: de* ?*", nan, id="other-answer-unlabelled"),
        pytest.param("de: en* ar* de", nan, id="no-own-answer"),
        pytest.param("de: de* de* en", nan, id="no-other-answer"),
        pytest.param("de: de* en", nan, id="one-relevant"),
        pytest.param("de: en | de* en*", nan, id="none-retrieved"),
        pytest.param("?: de* en*", nan, id="query-of-unknown-language"),
        pytest.param("de: de* de*", nan, id="pool-of-one-language"),
    ],
)
def test_own_first_is_whether_the_own_answer_comes_first(line: str, expected: float) -> None:
    assert values("OwnFirst", world_of(line)) == same([expected])


@pytest.mark.parametrize(
    ("line", "case"),
    [
        ("de: de* en*", "OwnRight"),
        ("de: de en*", "OwnWrong"),
        ("de: en* de*", "OtherRight"),
        ("de: en de*", "OtherWrong"),
        pytest.param("de: de | de*", "OwnWrong", id="answer-not-retrieved"),
        pytest.param("de: de* de", "OwnRight", id="pool-of-one-language"),
        pytest.param("ar: de* en", "OtherRight", id="own-language-missing"),
    ],
)
def test_the_first_passage_is_one_of_four_cases(line: str, case: str) -> None:
    found = {name: values(name, world_of(line)) for name in FIRST_PASSAGE}
    assert found == {name: [float(name == case)] for name in FIRST_PASSAGE}


@pytest.mark.parametrize("name", FIRST_PASSAGE)
@pytest.mark.parametrize(
    "line",
    [
        pytest.param("?: de* en", id="query-of-unknown-language"),
        pytest.param("de: ? de*", id="wrong-passage-of-unknown-language"),
        pytest.param("de: ?* de", id="right-passage-of-unknown-language"),
        pytest.param("de: | de* en", id="nothing-retrieved"),
    ],
)
def test_a_first_passage_without_a_language_is_no_case(name: str, line: str) -> None:
    assert values(name, world_of(line)) == same([nan])


@pytest.mark.parametrize(
    ("line", "share", "lift"),
    [
        # Before ar* are en, de; before en* are en, de, ar, de: 3 of 6 German, 2 of 5 in the pool.
        pytest.param("de: en de ar* de en*", 3 / 6, (3 / 6) / (2 / 5), id="counts-for-each-answer"),
        pytest.param("de: ? en ? de en*", 1 / 2, (1 / 2) / (1 / 3), id="unlabelled-do-not-count"),
        pytest.param("de: en en* de*", 0, 0, id="no-own-passage-above"),
        pytest.param("de: de en*", 1, 2, id="one-relevant"),
        pytest.param("de: en ?* | ar", 0, nan, id="unlabelled-answer-is-pushed-down-too"),
        pytest.param("ar: en de*", 0, nan, id="no-own-passage-in-the-pool"),
        pytest.param("de: en* de", nan, nan, id="nothing-above"),
        pytest.param("de: ? en* de", nan, nan, id="unlabelled-above-only"),
        pytest.param("de: en de en* | ar*", nan, nan, id="one-not-retrieved"),
        pytest.param("de: de de* ?", 1, 1, id="pool-of-the-own-language-beside-mixed-ones"),
        pytest.param("?: en de*", nan, nan, id="query-of-unknown-language"),
    ],
)
def test_above_share_is_the_own_part_of_what_beats_an_answer(
    line: str, share: float, lift: float
) -> None:
    world = world_of(line, "de: en de ar*")  # the second makes the pools of two queries differ
    assert values("AboveShare", world) == same([share, 1 / 2])
    assert values("AboveLift", world) == same([lift, (1 / 2) / (1 / 3)])


@pytest.mark.parametrize("name", ["AboveShare", "AboveLift", "LangShare@3", "LangLift@3"])
def test_pools_of_one_language_have_no_share_of_it(name: str) -> None:
    assert values(name, world_of("de: de de* ?", "de: de de de*")) == same([nan, nan])


def test_above_shares_name_every_language_of_the_pool() -> None:
    world = world_of("de: en de ar* de en*", "?: ar en*", "de: de* en")
    expected = [[1 / 6, 3 / 6, 2 / 6], [1, 0, 0], [nan, nan, nan]]
    assert above_shares(world.ranks()) == same(np.array(expected))


@pytest.mark.parametrize(
    ("line", "share", "lift"),
    [
        pytest.param("de: de en de ar*", 2 / 3, (2 / 3) / (2 / 4), id="beyond-k-does-not-count"),
        pytest.param("de: de ? en ar*", 1 / 2, (1 / 2) / (1 / 3), id="unlabelled-do-not-count"),
        pytest.param("de: en ar ar de*", 0, 0, id="none-of-the-own-language"),
        pytest.param("de: de en | ar* de", 1 / 2, 1, id="list-shorter-than-k"),
        pytest.param("ar: en de*", 0, nan, id="no-own-passage-in-the-pool"),
        pytest.param("de: ? ? ? de en*", nan, nan, id="unlabelled-passages-only"),
        pytest.param("de: | de* en", nan, nan, id="nothing-retrieved"),
        pytest.param("de: de de* ?", 1, 1, id="pool-of-the-own-language-beside-mixed-ones"),
        pytest.param("?: de en*", nan, nan, id="query-of-unknown-language"),
    ],
)
def test_lang_share_at_3_is_the_own_part_of_the_first_page(
    line: str, share: float, lift: float
) -> None:
    world = world_of(line, "en: en* ar")
    assert values("LangShare@3", world) == same([share, 1 / 2])
    assert values("LangLift@3", world) == same([lift, 1])


def parallel(*rankings: list[int], languages: str = "ar de en") -> World:
    """Return one topic's queries; only the first has a relevant passage."""
    everything = sorted({p for ranking in rankings for p in ranking})
    own = [COLUMNS[code] for code in languages.split()]
    queries = [
        Query(column, ranking, [0][: not i], everything, topic=0)
        for i, (column, ranking) in enumerate(zip(own, rankings, strict=False))
    ]
    return World([EN] * (max(everything) + 1), queries)


@pytest.mark.parametrize(
    ("rankings", "expected"),
    [
        pytest.param([[0, 1, 2], [0, 1, 2]], 1, id="same-list"),
        pytest.param([[0, 1, 2], [2, 1, 0]], -1, id="reversed"),
        # Ranks 1 2 3 and 1 3 2: 1 - 6 (0 + 1 + 1) / (3 (9 - 1)).
        pytest.param([[0, 1], [0, 2]], 1 / 2, id="one-shared"),
        # Ranks 1 2 3.5 3.5 and 3.5 3.5 1 2: -4 / 4.5.
        pytest.param([[0, 1], [2, 3]], -8 / 9, id="nothing-shared"),
        pytest.param([[0, 1], [0, 1, 2]], 1, id="lists-of-two-lengths"),
        pytest.param([[0, 1], [0, 1], [0, 2]], (1 + 1 / 2) / 2, id="mean-of-two-parallels"),
        pytest.param([[0, 1], [0], [0, 2]], 1 / 2, id="parallel-with-one-passage-is-left-out"),
        pytest.param([[0, 1]], nan, id="no-parallel"),
        pytest.param([[0], [0, 1]], nan, id="one-passage"),
        pytest.param([[], [0, 1]], nan, id="nothing-retrieved"),
        pytest.param([[0, 1], []], nan, id="parallel-retrieves-nothing"),
        pytest.param([[0, 1, 2, 3], [0, 1, 2, 4, 3]], 1, id="beyond-k-does-not-count"),
    ],
)
def test_mrc_at_3_is_the_mean_correlation_with_parallel_queries(
    rankings: list[list[int]], expected: float
) -> None:
    assert values("MRC@3", parallel(*rankings)) == same([expected])


def test_lists_cut_to_one_passage_have_no_correlation() -> None:
    assert values("MRC@1", parallel([0, 1, 2], [0, 1, 2])) == same([nan])


def test_a_query_in_the_same_language_is_no_parallel() -> None:
    assert values("MRC@3", parallel([0, 1], [0, 1], languages="de de")) == same([nan])


def test_a_query_of_another_topic_is_no_parallel() -> None:
    world = parallel([0, 1], [1, 0], [0, 1])
    other = replace(world.queries[1], topic=1)
    assert values("MRC@3", replace(world, queries=[world.queries[0], other])) == same([nan])


@given(
    a=st.lists(st.integers(0, 9), max_size=6, unique=True),
    b=st.lists(st.integers(0, 9), max_size=6, unique=True),
)
def test_spearman_is_that_of_scipy_over_the_union(a: list[int], b: list[int]) -> None:
    rows = [np.array([[*x, *[NO_PASSAGE] * (6 - len(x))]] * 2) for x in (a, b)]
    expected = correlation(a, b)
    assert spearman(*rows).tolist() == same([expected, expected])
    assert spearman(*rows[::-1]).tolist() == same([expected, expected])


def test_correlations_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    a, b = (np.argsort(rng.random((7, 9)))[:, :4] for _ in range(2))
    whole = spearman(a, b).tolist()
    monkeypatch.setattr(consistency, "_BLOCK", 40)
    assert spearman(a, b).tolist() == whole


def test_no_pairs_have_no_correlations() -> None:
    nothing = np.zeros((0, 5), dtype=np.int64)
    assert spearman(nothing, nothing).shape == (0,)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("de: " + "en* de* " * 5, 0.601508, id="alternating"),
        pytest.param("de: " + "en* " * 5 + "de* " * 5, 0.009023, id="one-language-first"),
        # Ranks 1 2 3 against 4 5 6: H = 12 / (6 * 7) * (6**2 + 15**2) / 3 - 3 * 7 = 27 / 7.
        pytest.param("de: ar de* de* de* ? en* en* en*", 0.0495346, id="gaps-do-not-matter"),
        pytest.param("?: en* de*", 0.3173105, id="query-of-unknown-language"),
        pytest.param("de: ?* en* ?* de* ?*", 0.3173105, id="unlabelled-answers-do-not-count"),
        # Both Arabic passages share the ranks 3 and 4: H = 3 (1.5**2 + 0.5**2 + 2**2 / 2) / 4.5.
        pytest.param("de: de* en* | ar* ar*", 0.2231302, id="not-retrieved-are-tied"),
        pytest.param("de: de* en*" + " ?" * 18 + " ar* ar*", 0.2231302, id="beyond-k-are-tied"),
        # German at the ranks 1 and 3, the others at 2 and 4: H = 3 * 1 / 5.
        pytest.param("de: de* en*" + " ?" * 17 + " de* en*", 0.4385780, id="the-20th-is-within"),
        pytest.param("de: en* en* ?*", nan, id="answers-of-one-known-language"),
        pytest.param("de: en*", nan, id="one-relevant"),
        pytest.param("de: ?* ?*", nan, id="unlabelled-answers-only"),
        pytest.param("de: en | de* en*", nan, id="none-retrieved"),
        pytest.param("de:" + " ?" * 20 + " en* de*", nan, id="nothing-within"),
        pytest.param("de: de* de*", nan, id="pool-of-one-language"),
    ],
)
def test_peer_at_20_is_the_p_value_of_equal_ranks(line: str, expected: float) -> None:
    assert values("PEER@20", world_of(line)) == pytest.approx([expected], abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("n", "expected"), [(2, 0.3173), (3, 0.3679), (4, 0.3916), (7, 0.4232), (11, 0.4405)]
)
def test_one_answer_a_language_has_the_same_peer_in_any_order(n: int, expected: float) -> None:
    rng = np.random.default_rng(n)
    ranks = grouped_ranks(
        np.repeat(np.arange(50), n),
        np.concatenate([1 + rng.choice(20, n, replace=False) for _ in range(50)]),
        np.ones(50 * n, dtype=np.int64),
        n_passages=100,
        n_unanswered=0,
        labels=Labels(
            own=np.zeros(50, dtype=np.int64),
            relevant=np.tile(np.arange(n), 50),
            above=np.zeros((50 * n, n), dtype=np.int64),
            pool=np.full((1, n), 9),
        ),
    )
    assert parse("PEER@20").per_query(ranks).tolist() == pytest.approx([expected] * 50, abs=5e-5)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Without the others: de ar*, then de de*, then en* de en*.
        pytest.param(
            "de: en* de ar* de* en*", [1 / 2, 1 / 2, (1 + 2 / 3) / 2], id="others-removed"
        ),
        pytest.param("de: en de* ?* de*", [nan, (1 / 2 + 2 / 3) / 2, nan], id="unlabelled-removed"),
        pytest.param("?: en* ar*", [1, nan, 1], id="query-of-unknown-language"),
        pytest.param("de: en* | en* ar*", [0, nan, 1 / 2], id="not-retrieved-is-never-found"),
        pytest.param("de: de de*", [nan, 1 / 2, nan], id="pool-of-one-language"),
        pytest.param("de: de ?*", [nan, nan, nan], id="unlabelled-answers-only"),
    ],
)
def test_a_heat_map_cell_is_the_precision_of_one_language(line: str, expected: list[float]) -> None:
    world = world_of(line, "de: en ar* de*")
    found = answer_language_precision(world.ranks())
    assert found == same(np.array([expected, [1 / 2, 1 / 2, nan]]))


# From here on the measures again, as their docstrings define them, in plain Python.


def labelled(world: World, passages: Iterable[int]) -> list[int]:
    return [world.languages[p] for p in passages if world.languages[p] != NO_LANGUAGE]


def max_rank(world: World, query: Query, k: int) -> float:
    if not set(query.relevant) <= set(query.ranking):
        return nan
    return 1 + max(query.ranking.index(p) for p in query.relevant)


def complete(world: World, query: Query, k: int) -> float:
    return float(all(p in query.ranking[:k] for p in query.relevant))


def target_recall(world: World, query: Query, k: int) -> float:
    others = [p for p in query.relevant if world.languages[p] not in {NO_LANGUAGE, query.own}]
    if query.own == NO_LANGUAGE or not others:
        return nan
    return sum(p in query.ranking[:k] for p in others) / len(others)


def own_first(world: World, query: Query, k: int) -> float:
    answers = set(labelled(world, query.relevant))
    found = [world.languages[p] for p in query.ranking if p in query.relevant]
    if query.own not in answers or len(answers) == 1 or found[:1] in ([], [NO_LANGUAGE]):
        return nan
    return float(found[0] == query.own)


def first_passage(*, own: bool, right: bool) -> "Oracle":
    def value(world: World, query: Query, k: int) -> float:
        if query.own == NO_LANGUAGE or not labelled(world, query.ranking[:1]):
            return nan
        is_own = world.languages[query.ranking[0]] == query.own
        return float((is_own, query.ranking[0] in query.relevant) == (own, right))

    return value


def share_of_own(world: World, query: Query, passages: Iterable[int]) -> float:
    found = labelled(world, passages)
    pools = {*labelled(world, (p for other in world.answered for p in other.pool))}
    if query.own == NO_LANGUAGE or not found or len(pools) == 1:
        return nan
    return found.count(query.own) / len(found)


def above_share(world: World, query: Query, k: int) -> float:
    if not set(query.relevant) <= set(query.ranking):
        return nan
    above = [x for p in query.relevant for x in query.ranking[: query.ranking.index(p)]]
    return share_of_own(world, query, above)


def language_share(world: World, query: Query, k: int) -> float:
    return share_of_own(world, query, query.ranking[:k])


def over_pool(share: "Oracle") -> "Oracle":
    def value(world: World, query: Query, k: int) -> float:
        by_chance = share_of_own(world, query, query.pool)
        return share(world, query, k) / by_chance if by_chance > 0 else nan

    return value


def correlation(a: list[int], b: list[int]) -> float:
    if min(len(a), len(b)) < 2:
        return nan
    union = {*a, *b}
    places = [[x.index(p) if p in x else len(x) for p in union] for x in (a, b)]
    return float(spearmanr(*places).statistic)


def rank_consistency(world: World, query: Query, k: int) -> float:
    found = [
        correlation(query.ranking[:k], other.ranking[:k])
        for other in world.queries
        if other.topic == query.topic and other.own != query.own
    ]
    defined = [rho for rho in found if not isnan(rho)]
    return sum(defined) / len(defined) if defined else nan


def equal_ranks(world: World, query: Query, k: int) -> float:
    groups: dict[int, list[int]] = {}
    for p in query.relevant:
        place = query.ranking.index(p) + 1 if p in query.ranking[:k] else k + 1
        groups.setdefault(world.languages[p], []).append(place)
    groups.pop(NO_LANGUAGE, None)
    if len(groups) < 2 or min(map(min, groups.values())) > k:
        return nan
    return float(kruskal(*groups.values()).pvalue)


Oracle = Callable[[World, Query, int], float]
ORACLES: dict[str, Oracle] = {
    "MaxRank": max_rank,
    "Complete": complete,
    "TLR": target_recall,
    "OwnFirst": own_first,
    "OwnRight": first_passage(own=True, right=True),
    "OwnWrong": first_passage(own=True, right=False),
    "OtherRight": first_passage(own=False, right=True),
    "OtherWrong": first_passage(own=False, right=False),
    "AboveShare": above_share,
    "AboveLift": over_pool(above_share),
    "LangShare": language_share,
    "LangLift": over_pool(language_share),
    "MRC": rank_consistency,
    "PEER": equal_ranks,
}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw complete rankings of one pool, truncated ones, or truncated ones of several pools."""
    column = st.sampled_from([AR, DE, EN, NO_LANGUAGE])
    languages = draw(st.lists(column, min_size=5, max_size=14))
    everything = range(len(languages))
    kind = draw(st.sampled_from(["complete", "truncated", "several pools"]))
    asked = st.tuples(st.sampled_from([AR, DE, EN]), st.integers(0, 2))
    known = draw(st.lists(asked, min_size=3, max_size=5, unique=True))
    queries = []
    # Queries of unknown language have no parallels: each has a topic of its own.
    for own, topic in [*known, *((NO_LANGUAGE, 3 + i) for i in range(draw(st.integers(0, 2))))]:
        pool = draw(st.permutations(everything))
        if kind == "several pools":
            pool = pool[draw(st.integers(0, len(pool))) :]
        n = len(pool) if kind == "complete" else draw(st.integers(0, len(pool)))
        few = draw(st.sampled_from([4, 3, 2, 5, 1, 0] if queries else [4, 3, 2, 5, 1]))
        relevant = draw(st.permutations(everything))[:few]
        queries.append(Query(own, pool[:n], relevant, pool, topic))
    return World(languages, queries)


@pytest.mark.parametrize("name", ORACLES)
@given(world=worlds(), k=st.integers(1, 8))
def test_every_value_is_that_of_the_definition(name: str, world: World, k: int) -> None:
    expected = [ORACLES[name](world, query, k) for query in world.answered]
    spelling = f"{name}@{k}" if OWN[name].has_cutoff else name
    assert values(spelling, world, depth=8) == same(expected)


def test_every_measure_has_a_definition_here_or_beside_the_rank_distances() -> None:
    assert set(ORACLES) | {"MRD", "nMRD"} == set(OWN)


@given(world=worlds())
def test_above_shares_are_those_of_a_query_in_each_language(world: World) -> None:
    expected = [
        [above_share(world, replace(query, own=own), 0) for own in (AR, DE, EN)]
        for query in world.answered
    ]
    assert above_shares(world.ranks()) == same(np.array(expected))


def precision_without_others(world: World, query: Query, language: int) -> float:
    wanted = [p for p in query.relevant if world.languages[p] == language]
    ranking = [p for p in query.ranking if p in wanted or p not in query.relevant]
    precisions = [
        sum(x in wanted for x in ranking[:rank]) / rank
        for rank, p in enumerate(ranking, 1)
        if p in wanted
    ]
    return sum(precisions) / len(wanted) if wanted else nan


@given(world=worlds())
def test_the_heat_map_is_what_removing_the_other_answers_gives(world: World) -> None:
    expected = [
        [precision_without_others(world, query, language) for language in (AR, DE, EN)]
        for query in world.answered
    ]
    assert answer_language_precision(world.ranks()) == same(np.array(expected))


@given(world=worlds())
def test_a_heat_map_cell_of_answers_in_one_language_is_ap(world: World) -> None:
    languages = [AR if x == NO_LANGUAGE else x for x in world.languages]
    queries = [
        replace(q, relevant=[p for p in q.relevant if languages[p] == languages[q.relevant[0]]])
        for q in world.answered
    ]
    ranks = World(languages, queries).ranks()
    cells = answer_language_precision(ranks)
    assert np.nansum(cells, axis=1) == same(parse("AP").per_query(ranks))


# What must hold of any ranking, and of a random one.


def labelled_worlds() -> st.SearchStrategy[World]:
    """Draw worlds in which every language is known and every query retrieves something."""
    return worlds().map(
        lambda world: World(
            [max(x, 0) for x in world.languages],
            [replace(q, own=max(q.own, 0), ranking=q.ranking or q.pool) for q in world.queries],
        )
    )


@given(world=labelled_worlds().filter(lambda world: all(q.ranking for q in world.queries)))
def test_the_four_cases_add_up_to_one_to_p1_and_to_the_own_share(world: World) -> None:
    ranks = world.ranks()
    found = {name: parse(name).per_query(ranks) for name in (*FIRST_PASSAGE, "P@1", "LangShare@1")}
    assert sum(found[name] for name in FIRST_PASSAGE).tolist() == [1.0] * len(world.answered)
    assert (found["OwnRight"] + found["OtherRight"]).tolist() == found["P@1"].tolist()
    share, mixed = found["LangShare@1"], ~np.isnan(found["LangShare@1"])
    assert (found["OwnRight"] + found["OwnWrong"])[mixed].tolist() == share[mixed].tolist()
    pools = {world.languages[p] for q in world.answered for p in q.pool}
    assert mixed.tolist() == [len(pools) > 1] * len(world.answered)


@given(world=worlds(), k=st.integers(1, 8))
def test_an_answer_set_is_complete_where_its_last_rank_is_within(world: World, k: int) -> None:
    last = np.array(values("MaxRank", world))
    assert values(f"Complete@{k}", world) == (last <= k).tolist()


@given(world=worlds())
def test_measures_stay_within_their_bounds(world: World) -> None:
    ranks = world.ranks()
    for name in ORACLES:
        found = parse(f"{name}@5" if OWN[name].has_cutoff else name).per_query(ranks)
        lowest = -1 if name == "MRC" else 0
        highest = len(world.languages) if name.endswith(("Lift", "Rank")) else 1
        assert (np.isnan(found) | ((found >= lowest - 1e-12) & (found <= highest + 1e-12))).all()


@functools.cache
def random_ranks() -> Ranks:
    """Rank 20 Arabic and 40 German passages at random; 1 and 2 of them are relevant.

    Queries are Arabic and German in turn, two to a topic.
    """
    rng = np.random.default_rng(20240810)
    everything = list(range(60))
    rankings = [rng.permutation(60).tolist() for _ in range(1600)]
    queries = [
        Query(i % 2, ranking, [0, 20, 21], everything, topic=i // 2)
        for i, ranking in enumerate(rankings)
    ]
    return World([AR] * 20 + [DE] * 40, queries).ranks(depth=60)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MaxRank", 3 / 4 * 61),
        ("Complete@30", comb(30, 3) / comb(60, 3)),
        ("TLR@15", 15 / 60),
        ("OwnFirst", 1 / 3),
        ("OwnRight", 1 / 60),
        ("OwnWrong", 19 / 60),
        ("OtherRight", 2 / 60),
        ("OtherWrong", 38 / 60),
        ("AboveShare", 1 / 3),
        ("AboveLift", 1.0),
        ("LangShare@7", 1 / 3),
        ("LangLift@7", 1.0),
        ("MRC@60", 0.0),
    ],
)
def test_a_random_ranking_has_the_value_of_no_bias(name: str, expected: float) -> None:
    found = parse(name).per_query(random_ranks())[::2]  # of the Arabic queries
    sigma = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - expected) < 4 * sigma


def test_random_ranks_of_several_answers_have_p_values_all_over() -> None:
    rng = np.random.default_rng(3)
    pool = list(range(30))
    rankings = [rng.permutation(30).tolist() for _ in range(800)]
    world = World([AR, DE] * 15, [Query(AR, r, pool, pool, i) for i, r in enumerate(rankings)])
    found = np.array(values("PEER@30", world))
    shares = [(found <= level).mean() for level in (0.1, 0.5, 0.9)]
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.06)


# What a measure asks for.


@pytest.mark.parametrize("name", ["MaxRank", "AboveShare", "AboveLift"])
def test_a_measure_of_every_rank_is_not_known_of_a_truncated_ranking(name: str) -> None:
    assert not parse(name).is_known_for(world_of("de: en de en* | ar*").ranks())
    assert parse(name).is_known_for(world_of("de: en de en* | ar").ranks())


@pytest.mark.parametrize("name", ["LangShare", "LangLift", "MRC"])
def test_a_measure_of_first_passages_is_known_to_their_depth(name: str) -> None:
    ranks = world_of("de: en de ar en*").ranks(depth=3)
    assert parse(f"{name}@3").is_known_for(ranks)
    assert not parse(f"{name}@4").is_known_for(ranks)


@pytest.mark.parametrize("name", [n for n in ORACLES if n not in {"MaxRank", "Complete"}])
def test_a_measure_of_languages_needs_a_pool_of_several(name: str) -> None:
    spelling = f"{name}@5" if OWN[name].has_cutoff else name
    assert parse(spelling).applies_to(world_of("de: en de*").ranks())
    assert not parse(spelling).applies_to(world_of("de: de de*").ranks())


@pytest.mark.parametrize("name", ["TLR@5", "OwnFirst", "AboveShare", "AboveLift", "PEER@5"])
def test_ranks_without_languages_are_told(name: str) -> None:
    ranks = replace(world_of("de: en de*").ranks(), labels=None)
    with pytest.raises(ValueError, match="needs the languages"):
        parse(name).per_query(ranks)


@pytest.mark.parametrize("name", [*FIRST_PASSAGE, "LangShare@5", "LangLift@5", "MRC@5"])
def test_ranks_without_first_passages_are_told(name: str) -> None:
    ranks = replace(world_of("de: en de*").ranks(), top=None)
    with pytest.raises(ValueError, match="needs the first passages"):
        parse(name).per_query(ranks)


def test_mrc_is_the_mean_over_every_parallel_query_of_a_language() -> None:
    """de:1 has the list of en:1, and the reverse of that of en:2."""
    passages = np.array([[0, 1], [0, 1], [1, 0]])
    top = Top(
        rows=np.array([0]),
        passages=passages,
        languages=np.zeros((3, 2), dtype=np.int64),
        topics=np.zeros(3, dtype=np.int64),
        query_languages=np.array([0, 1, 1]),
    )
    one = np.array([1])
    ranks = grouped_ranks(np.array([0]), one, one, n_passages=2, n_unanswered=0).with_top(top)
    assert consistency.rank_consistency(ranks, 2).tolist() == [0.0]

"""From vectors to scores: every setting of a tiny, partly parallel collection."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.ranking import NOT_RETRIEVED, RankTable, grouped_ranks
from xlir_bench.core.score import Score, macro
from xlir_bench.core.text import Passage, Query
from xlir_bench.encoders.base import Role, Similarity
from xlir_bench.evaluate import (
    Readings,
    embed,
    id_order,
    rank,
    readings,
    scorecard,
    search,
)
from xlir_bench.measures.catalogue import Measure, parse, parse_all

Array = NDArray[np.generic]

DE, EN, SW, YO = LANGUAGES = tuple(map(language, ("de", "en", "sw", "yo")))
PASSAGES = {DE: ["m1", "é", "a", "zz", "b2"], EN: ["z", "m10", "ß", "M"], SW: ["m2", "日", "aa"]}
QUERIES = {DE: ["d0", "d1", "d2"], EN: ["e0", "e1"], SW: ["s0", "s1"], YO: ["y0", "y1"]}
JUDGEMENTS = {
    "d0": {"m1": 1, "z": 1, "m2": 1},
    "d1": {"é": 1},  # no answer in English or Swahili, as in MLQA
    "d2": {},  # no answer anywhere
    "e0": {"a": 1, "m10": 2},
    "e1": {"日": 1, "aa": 1},
    "s0": {"M": 1},
    "s1": {"b2": 2, "m2": 1},
    "y0": {"m1": 3, "ß": 1},  # Yoruba has queries, but no corpus
    "y1": {},
}
SETTINGS = [
    *(
        s
        for mode in ("mono", "cross", "multi")
        for s in settings_of(RetrievalMode(mode), LANGUAGES)
    ),
    *settings_of(RetrievalMode.pool, (DE, SW)),
]


def score_table(
    table: RankTable, settings: Sequence[Setting], measures: Sequence[Measure]
) -> list[Score]:
    card, too_shallow = scorecard(readings(table, settings), measures, resamples=0)
    assert not too_shallow
    return list(card.scores)


def collection_of(judgements: dict[str, dict[str, int]]) -> Collection:
    passages = [Passage(name, f"p {name}", x) for x, names in PASSAGES.items() for name in names]
    queries = [Query(name, f"q {name}", x, name) for x, names in QUERIES.items() for name in names]
    query_row = {q.query_id: row for row, q in enumerate(queries)}
    passage_row = {p.passage_id: row for row, p in enumerate(passages)}
    rows = [
        (query_row[query], passage_row[passage], grade)
        for query, judged in judgements.items()
        for passage, grade in judged.items()
    ]
    return Collection("tiny", tuple(passages), tuple(queries), Qrels(*np.array(rows).T))


@pytest.fixture(scope="module")
def collection() -> Collection:
    return collection_of(JUDGEMENTS)


@pytest.fixture(scope="module")
def vectors(collection: Collection) -> tuple[Array, Array]:
    """Return vectors of -1, 0 and 1, so that ties abound."""
    rng = np.random.default_rng(42)
    queries = rng.integers(-1, 2, (len(collection.queries), 3)).astype(np.float32)
    passages = rng.integers(-1, 2, (len(collection.passages), 3)).astype(np.float32)
    return queries, passages


@pytest.fixture(scope="module")
def table(collection: Collection, vectors: tuple[Array, Array]) -> RankTable:
    return rank(collection, *vectors)


def sorted_pools(
    collection: Collection, vectors: tuple[Array, Array], setting: Setting
) -> dict[str, list[str]]:
    """Sort the pool for every query of a setting, by similarity and bytes of the id."""
    pools = {}
    for query, asked in zip(collection.queries, vectors[0], strict=True):
        if query.language == setting.query_language:
            scored = [
                (float(asked @ vector), passage.passage_id.encode())
                for passage, vector in zip(collection.passages, vectors[1], strict=True)
                if passage.language in setting.corpus_languages
            ]
            pools[query.query_id] = [key.decode() for _, key in sorted(scored, reverse=True)]
    return pools


def expected_ranks(pools: dict[str, list[str]]) -> dict[str, list[tuple[int, int]]]:
    """Return the sorted (rank, grade) pairs of every query with an answer in its pool."""
    found = {
        query: sorted((pool.index(p) + 1, g) for p, g in JUDGEMENTS[query].items() if p in pool)
        for query, pool in pools.items()
    }
    return {query: pairs for query, pairs in found.items() if pairs}


def average_precision(pairs: Sequence[tuple[int, int]]) -> float:
    return sum(i / rank for i, (rank, _) in enumerate(pairs, 1)) / len(pairs)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_ranks_of_every_setting_equal_a_sorted_pool(
    collection: Collection, vectors: tuple[Array, Array], table: RankTable, setting: Setting
) -> None:
    ranks = table.ranks(setting)
    found = {
        table.query_ids[row]: sorted(
            zip(ranks.ranks[a:b].tolist(), ranks.grades[a:b].tolist(), strict=True)
        )
        for row, a, b in zip(ranks.queries, ranks.starts, ranks.starts[1:], strict=False)
    }
    pools = sorted_pools(collection, vectors, setting)
    assert found == expected_ranks(pools)
    assert ranks.n_passages == len(next(iter(pools.values())))
    assert ranks.n_unanswered == len(pools) - len(found)
    assert ranks.is_complete


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_scores_of_every_setting_equal_a_sorted_pool(
    collection: Collection, vectors: tuple[Array, Array], table: RankTable, setting: Setting
) -> None:
    by_query = expected_ranks(sorted_pools(collection, vectors, setting)).values()
    scores = score_table(table, [setting], parse_all(["AP", "RR"]))
    if not by_query:
        assert scores == []
        return
    assert [s.n_queries for s in scores] == [len(by_query)] * 2
    assert [s.value for s in scores] == pytest.approx(
        [
            np.mean([average_precision(pairs) for pairs in by_query]),
            np.mean([1 / pairs[0][0] for pairs in by_query]),
        ]
    )


@pytest.mark.parametrize(
    ("mode", "queries", "corpora", "unanswered"),
    [
        pytest.param("mono", DE, (DE,), 1, id="mono-only-the-query-without-any-answer"),
        pytest.param("cross", DE, (EN,), 2, id="cross-also-the-one-answered-in-german-only"),
        pytest.param("cross", YO, (SW,), 2, id="cross-no-query-is-answered"),
        pytest.param("multi", EN, (DE, EN, SW), 0, id="multi-every-query-is-answered"),
        pytest.param("pool", SW, (DE, SW), 1, id="pool-without-english"),
    ],
)
def test_queries_without_an_answer_in_the_pool_are_counted(
    table: RankTable, mode: str, queries: object, corpora: tuple[object], unanswered: int
) -> None:
    setting = Setting(RetrievalMode(mode), queries, corpora)
    assert table.ranks(setting).n_unanswered == unanswered


def test_a_language_with_queries_only_is_scored_where_it_searches(table: RankTable) -> None:
    scores = score_table(table, SETTINGS, parse_all(["AP"]))
    assert {str(s.setting) for s in scores if s.setting.query_language == YO} == {
        "cross/yo-de",
        "cross/yo-en",
        "multi/yo",
    }
    assert not any(s.setting.corpus_languages == (YO,) for s in scores)


def test_an_unknown_language_asks_and_answers_nothing(table: RankTable) -> None:
    for setting in settings_of(RetrievalMode.cross, (language("te"), DE)):
        ranks = table.ranks(setting)
        assert len(ranks.queries) == 0
        assert not score_table(table, [setting], parse_all(["AP", "MRD"]))


def test_a_macro_average_weighs_settings_equally(table: RankTable) -> None:
    scores = score_table(table, SETTINGS, parse_all(["AP", "P@1"]))
    mono = {str(s.setting): s for s in scores if s.setting.mode == "mono" and s.measure == "AP"}
    assert [mono[f"mono/{x}"].n_queries for x in ("de", "en", "sw")] == [2, 1, 1]
    expected = sum(mono[f"mono/{x}"].value for x in ("de", "en", "sw")) / 3
    figure = macro(scores, RetrievalMode.mono, "AP")
    assert (figure.value, figure.n_undefined) == (pytest.approx(expected), 0)


def test_a_macro_average_of_nothing_is_none(table: RankTable) -> None:
    scores = score_table(table, SETTINGS, parse_all(["AP"]))
    assert macro(scores, RetrievalMode.mono, "nDCG") is None


def test_undefined_queries_are_counted_and_not_averaged(table: RankTable) -> None:
    (multi_de,) = [s for s in SETTINGS if str(s) == "multi/de"]
    (mrd,) = score_table(table, [multi_de], parse_all(["MRD"]))
    first, *_, last = sorted(table.ranks(multi_de).ranks[:3].tolist())
    assert (mrd.n_queries, mrd.n_undefined) == (1, 1)
    assert mrd.value == last - first


def test_a_measure_undefined_for_every_query_has_no_score(table: RankTable) -> None:
    (setting,) = [s for s in SETTINGS if str(s) == "cross/sw-en"]
    assert score_table(table, [setting], parse_all(["MRD"])) == []


def test_measures_beyond_the_depth_of_a_ranking_are_named() -> None:
    ranks = grouped_ranks(
        np.array([0, 0]),
        np.array([2, NOT_RETRIEVED]),
        np.array([1, 1]),
        n_passages=100,
        n_unanswered=0,
        depth=10,
    )
    measures = parse_all(["P@10", "AP", "nDCG@11", "MRD"])
    card, too_shallow = scorecard(Readings({SETTINGS[0]: ranks}, 1), measures)
    assert [(s.measure, s.value) for s in card.scores] == [("P@10", 0.1)]
    assert too_shallow == {"AP", "nDCG@11", "MRD"}


def test_judgements_in_any_order_give_the_same_ranks(
    vectors: tuple[Array, Array], table: RankTable
) -> None:
    backwards = {q: dict(reversed(judged.items())) for q, judged in reversed(JUDGEMENTS.items())}
    other = rank(collection_of(backwards), *vectors)
    for setting in SETTINGS:
        assert other.ranks(setting).ranks.tolist() == table.ranks(setting).ranks.tolist()


def test_the_rank_table_names_queries_passages_and_counts(
    collection: Collection, table: RankTable
) -> None:
    assert table.languages == LANGUAGES
    assert table.n_passages.tolist() == [5, 4, 3, 0]
    assert table.n_queries.tolist() == [3, 2, 2, 2]
    pairs = {
        (table.query_ids[q], table.passage_ids[p]): int(grade)
        for q, p, grade in zip(table.query_rows, table.passage_rows, table.grades, strict=True)
    }
    assert pairs == {(q, p): g for q, judged in JUDGEMENTS.items() for p, g in judged.items()}
    assert len(table) == len(collection.qrels)


@pytest.mark.parametrize("name", ["mono/de", "cross/yo-en", "multi/sw", "pool/de:de+sw"])
def test_search_lists_passages_in_the_order_of_the_ranks(
    collection: Collection, vectors: tuple[Array, Array], name: str
) -> None:
    (setting,) = [s for s in SETTINGS if str(s) == name]
    found = {
        query: [passage for passage, _ in hits]
        for query, hits in search(collection, setting, *vectors, k=100)
    }
    assert found == sorted_pools(collection, vectors, setting)


def test_search_gives_similarities_and_stops_at_k(
    collection: Collection, vectors: tuple[Array, Array]
) -> None:
    by_id = dict(zip([p.passage_id for p in collection.passages], vectors[1], strict=True))
    for asked, (_, hits) in zip(
        vectors[0][:3], search(collection, SETTINGS[0], *vectors, k=2), strict=True
    ):
        assert [s for _, s in hits] == [float(asked @ by_id[p]) for p, _ in hits]
        assert len(hits) == 2


def test_ids_are_ordered_as_bytes() -> None:
    ids = ["é", "z", "a", "ß", "日", "Z", "😀", "\uffff", "ab", "a:10", "a:9", "é1", "-"]
    keys = id_order([Passage(name, "", DE) for name in ids])
    in_order = [ids[row] for row in np.argsort(keys)]
    assert in_order == sorted(ids, key=str.encode)
    assert sorted(keys.tolist()) == list(range(len(ids)))


class LengthEncoder:
    """Two numbers a text: its length and its role."""

    name = "tests/length"
    similarity = Similarity.cosine

    def fingerprint(self, role: Role) -> str | None:
        return None

    def encode(self, texts: Sequence[str], role: Role) -> Array:
        sign = 1.0 if role is Role.query else -1.0
        return np.array([[len(text), sign] for text in texts], dtype=np.float32)


class NoMemory:
    """Asks the encoder for every text."""

    def embed(self, encoder: LengthEncoder, texts: Sequence[str], role: Role) -> Array:
        return encoder.encode(texts, role)


def test_embedding_respects_rows_roles_and_similarity(collection: Collection) -> None:
    queries, passages = embed(collection, LengthEncoder(), NoMemory())
    for texts, vectors, sign in (
        (collection.queries, queries, 1),
        (collection.passages, passages, -1),
    ):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
        assert (vectors[:, 0] / vectors[:, 1] * sign).tolist() == pytest.approx(
            [len(t.text) for t in texts], rel=1e-6
        )


def test_a_perfect_encoder_scores_one_everywhere() -> None:
    judgements = {q: dict(list(judged.items())[:1]) for q, judged in JUDGEMENTS.items()}
    collection = collection_of(judgements)
    passages = np.eye(len(collection.passages), dtype=np.float32)
    queries = np.zeros((len(collection.queries), len(passages)), dtype=np.float32)
    queries[collection.qrels.query_rows] = passages[collection.qrels.passage_rows]
    scores = score_table(rank(collection, queries, passages), SETTINGS, [parse("AP")])
    assert {s.value for s in scores} == {1.0}


def test_a_search_without_a_corpus_or_queries_finds_nothing(collection: Collection) -> None:
    swedish = language("sv")
    vectors = np.ones((max(len(collection.queries), len(collection.passages)), 2), dtype=np.float32)
    queries, passages = vectors[: len(collection.queries)], vectors[: len(collection.passages)]
    for asked, searched in ((swedish, collection.languages[0]), (collection.languages[0], swedish)):
        setting = Setting(RetrievalMode.cross, asked, (searched,))
        assert not list(search(collection, setting, queries, passages, 3))

"""Our measures as ir_measures has them: names, forms of input, and the values of the rank table."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, NamedTuple

import ir_measures
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ir_measures import measures, parse_measure, providers

import xlir_bench.measures  # noqa: F401 - makes ir_measures know ours
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, settings_of
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError
from xlir_bench.evaluate import find_hits, rank, readings
from xlir_bench.measures.catalogue import parse
from xlir_bench.measures.own import OWN
from xlir_bench.measures.register import register

Values = dict[tuple[str, str], float]
Judgements = dict[str, dict[str, int]]
Scores = dict[str, dict[str, float]]

SPELLED = [f"{own.name}@3" if own.has_cutoff else own.name for own in OWN.values()]

# Two parallel queries, and a German one that a German passage alone answers.
QRELS: Judgements = {
    "de:1": {"de:a": 1, "en:a": 1, "en:b": 0},
    "en:1": {"de:a": 1, "en:a": 2},
    "de:2": {"de:b": 1},
}
RUN: Scores = {
    "de:1": {"de:a": 4.0, "de:b": 3.0, "en:a": 2.0, "en:b": 1.0},
    "en:1": {"en:a": 4.0, "de:a": 3.0, "de:b": 2.0, "en:b": 1.0},
    "de:2": {"de:a": 4.0, "en:a": 3.0, "de:b": 2.0},
}
IDS = ["de:1", "en:1", "de:2", "de:a", "de:b", "en:a", "en:b"]
LANGUAGES = {name: name[:2] for name in IDS}
TOPICS = {"de:1": "1", "en:1": "1", "de:2": "2"}


def measure(name: str, **data: object) -> Any:
    return parse_measure(name)(**data)


def all_measures(**data: object) -> list[Any]:
    return [measure(name, **data) for name in SPELLED]


def per_query(asked: list[Any], qrels: Any, run: Any) -> Values:
    found = list(ir_measures.iter_calc(asked, qrels, run))
    values = {(str(metric.measure), metric.query_id): metric.value for metric in found}
    assert len(values) == len(found)
    return values


def of_queries(name: str, qrels: Judgements, run: Scores) -> list[float]:
    """Return a measure's value of every query, in the order of the qrels."""
    asked = [measure(name, languages=LANGUAGES, topics=TOPICS)]
    values = per_query(asked, qrels, run)
    assert len(values) == len(qrels)
    return [values[name, query] for query in qrels]


def same(expected: object) -> object:
    return pytest.approx(expected, abs=1e-12, nan_ok=True)


# --- names ---


@pytest.mark.parametrize("name", SPELLED)
def test_a_name_is_spelled_as_ir_measures_parses_it(name: str) -> None:
    parsed = parse_measure(name)
    assert parsed.NAME in OWN
    assert str(parsed) == name


@pytest.mark.parametrize("name", SPELLED)
def test_a_name_does_not_hold_the_languages(name: str) -> None:
    assert str(measure(name, languages=LANGUAGES, topics=TOPICS)) == name


@pytest.mark.parametrize("own", OWN.values(), ids=list(OWN))
def test_a_measure_is_described_as_in_our_own_list(own: Any) -> None:
    registered = measures.registry[own.name]
    assert own.spelling == registered.PRETTY_NAME
    assert own.meaning == registered.SHORT_DESC


@pytest.mark.parametrize("name", [name for name, own in OWN.items() if own.has_cutoff])
def test_a_measure_with_a_cutoff_is_none_without_it(name: str) -> None:
    with pytest.raises(AssertionError, match="invalid param cutoff"):
        ir_measures.calc_aggregate([measure(name, languages=LANGUAGES)], QRELS, RUN)


def test_registering_again_changes_nothing() -> None:
    before = (
        dict(measures.registry), dict(providers.registry),
        list(ir_measures.DefaultPipeline.providers),
    )  # fmt: skip
    register()
    assert before == (
        measures.registry, providers.registry, ir_measures.DefaultPipeline.providers
    )  # fmt: skip


def test_the_provider_computes_our_measures_and_no_others() -> None:
    provider = providers.registry["xlir_bench"]
    assert all(provider.supports(asked) for asked in all_measures())
    assert not provider.supports(ir_measures.AP)


# --- forms of qrels and runs ---


class LabelledQrel(NamedTuple):
    query_id: str
    doc_id: str
    relevance: int
    language: str | None
    query_language: str | None


class LabelledScore(NamedTuple):
    query_id: str
    doc_id: str
    score: float
    language: str | None
    query_language: str | None


def rows(table: dict[str, dict[str, Any]], row: Callable[..., Any]) -> list[Any]:
    return [
        row(query, passage, value, LANGUAGES[passage], LANGUAGES[query])
        for query, of_query in table.items()
        for passage, value in of_query.items()
    ]


def frame(table: dict[str, dict[str, Any]], row: Any) -> pd.DataFrame:
    return pd.DataFrame(rows(table, row), columns=row._fields)


FORMS = {
    "named-tuples": (rows(QRELS, LabelledQrel), rows(RUN, LabelledScore)),
    "data-frames": (frame(QRELS, LabelledQrel), frame(RUN, LabelledScore)),
    "data-frame-and-named-tuples": (frame(QRELS, LabelledQrel), rows(RUN, LabelledScore)),
    "run-without-query-languages": (
        frame(QRELS, LabelledQrel), frame(RUN, LabelledScore).drop(columns="query_language"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_rows_with_languages_give_the_values_of_dictionaries_with_a_mapping(form: str) -> None:
    expected = per_query(all_measures(languages=LANGUAGES, topics=TOPICS), QRELS, RUN)
    assert len(expected) == len(SPELLED) * len(QRELS)
    assert per_query(all_measures(topics=TOPICS), *FORMS[form]) == same(expected)


def test_iterators_give_the_values_of_dictionaries() -> None:
    asked = [*all_measures(topics=TOPICS), ir_measures.AP, ir_measures.nDCG @ 10]
    qrels, run = FORMS["named-tuples"]
    expected = per_query(
        [*all_measures(languages=LANGUAGES, topics=TOPICS), ir_measures.AP, ir_measures.nDCG @ 10],
        QRELS,
        RUN,
    )
    assert per_query(asked, iter(qrels), iter(run)) == same(expected)


def test_rows_without_languages_take_those_of_the_mapping() -> None:
    qrels, run = (x.drop(columns=["language", "query_language"]) for x in FORMS["data-frames"])
    found = per_query([measure("TLR@2", languages=LANGUAGES)], qrels, run)
    assert [found["TLR@2", query] for query in QRELS] == same([0, 1, nan])


def test_a_mapping_goes_before_the_languages_of_the_rows() -> None:
    """With the query in English, what is found at rank 1 is in another language."""
    qrels, run = FORMS["data-frames"]
    assert per_query([measure("TLR@2")], qrels, run)["TLR@2", "de:1"] == 0
    asked = measure("TLR@2", languages={"de:1": "en"})
    assert per_query([asked], qrels, run)["TLR@2", "de:1"] == 1


@pytest.mark.parametrize("missing", [None, nan, ""], ids=["none", "nan", "empty"])
def test_a_row_without_a_language_is_of_unknown_language(missing: object) -> None:
    """The first three of de:1 are two German passages and an English one."""
    qrels, run = FORMS["data-frames"]
    labels = run.language.where(run.doc_id != "de:b", missing)
    found = per_query(
        [measure("LangShare@3")], qrels.query("doc_id != 'de:b'"), run.assign(language=labels)
    )
    assert found["LangShare@3", "de:1"] == pytest.approx(1 / 2)


def test_measures_of_trec_eval_are_computed_in_the_same_call() -> None:
    theirs = [ir_measures.nDCG @ 10, ir_measures.AP]
    ours = all_measures(languages=LANGUAGES, topics=TOPICS)
    expected = per_query(theirs, QRELS, RUN) | per_query(ours, QRELS, RUN)
    assert per_query([*theirs, *ours], QRELS, RUN) == same(expected)


def test_a_measure_calculates_by_itself() -> None:
    asked = measure("Complete@2", languages=LANGUAGES)
    assert asked.calc_aggregate(QRELS, RUN) == pytest.approx(1 / 3)
    assert [metric.value for metric in asked.iter_calc(QRELS, RUN)] == [0, 1, 0]


# --- values ---


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MRD", [2, 1, nan]),
        ("nMRD", [1 / 2, 0, nan]),
        ("MaxRank", [3, 2, 3]),
        ("Complete@2", [0, 1, 0]),
        ("TLR@2", [0, 1, nan]),
        ("OwnFirst", [1, 1, nan]),
        ("OwnRight", [1, 1, 0]),
        ("OwnWrong", [0, 0, 1]),
        ("AboveShare", [1, 1, 1 / 2]),
        ("AboveLift", [2, 2, 1]),
        ("LangShare@3", [2 / 3, 1 / 3, 2 / 3]),
        ("LangLift@3", [4 / 3, 2 / 3, 4 / 3]),
        # a, b, c against c, a, b: the squared differences of ranks are 1, 1 and 4.
        ("MRC@3", [-1 / 2, -1 / 2, nan]),
    ],
)
def test_a_hand_worked_example(name: str, expected: list[float]) -> None:
    assert of_queries(name, QRELS, RUN) == same(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nMRD", [1, 0, nan]), ("AboveLift", [2, 2, 1]), ("LangLift@3", [4 / 3, 2 / 3, 4 / 3])],
)
def test_the_pool_is_what_the_run_ranks_but_nmrd_takes_a_querys_own_ranking(
    name: str, expected: list[float]
) -> None:
    """The ranking of de:1 ends with its second answer; en:1 ranks four passages."""
    run = RUN | {"de:1": {p: score for p, score in RUN["de:1"].items() if p != "en:b"}}
    assert of_queries(name, QRELS, run) == same(expected)


@pytest.mark.parametrize("name", SPELLED)
def test_the_mean_leaves_undefined_queries_out(name: str) -> None:
    defined = [value for value in of_queries(name, QRELS, RUN) if not isnan(value)]
    asked = measure(name, languages=LANGUAGES, topics=TOPICS)
    assert 2 <= len(defined) <= 3
    assert ir_measures.calc_aggregate([asked], QRELS, RUN)[asked] == pytest.approx(np.mean(defined))


def test_the_mean_of_no_defined_query_is_undefined() -> None:
    mrd = parse_measure("MRD")
    assert isnan(ir_measures.calc_aggregate([mrd], {"de:2": {"de:b": 1}}, RUN)[mrd])


def test_calc_counts_what_it_leaves_out() -> None:
    mrd = parse_measure("MRD")
    mean = mrd.aggregator()
    for metric in ir_measures.iter_calc([mrd], QRELS, RUN):
        mean.add(metric.value)
    assert (mean.n_defined, mean.n_undefined, mean.result()) == (2, 1, 3 / 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MRD", nan), ("MaxRank", nan), ("AboveShare", nan), ("OwnFirst", nan), ("OwnRight", nan),
        ("LangShare@3", nan), ("Complete@2", 0), ("TLR@2", 0),
    ],
)  # fmt: skip
def test_a_query_that_the_run_lacks_has_nothing_retrieved(name: str, value: float) -> None:
    run = {query: scores for query, scores in RUN.items() if query != "en:1"}
    expected = of_queries(name, QRELS, RUN)
    expected[1] = value
    assert of_queries(name, QRELS, run) == same(expected)


@pytest.mark.parametrize("run", [{}, {"de:1": {}}], ids=["no-query", "an-empty-ranking"])
def test_an_empty_run_finds_nothing(run: Scores) -> None:
    assert of_queries("Complete@3", QRELS, run) == [0, 0, 0]
    assert of_queries("MaxRank", QRELS, run) == same([nan] * 3)


@pytest.mark.parametrize("name", SPELLED)
def test_a_query_that_the_qrels_lack_is_ignored(name: str) -> None:
    run = RUN | {"ar:1": {"de:b": 2.0, "en:b": 1.0}}
    assert of_queries(name, QRELS, run) == same(of_queries(name, QRELS, RUN))


@pytest.mark.parametrize("name", SPELLED)
def test_a_query_without_a_relevant_passage_is_undefined(name: str) -> None:
    qrels = {"en:9": {"de:a": 0}} | QRELS
    run = RUN | {"en:9": {"de:a": 1.0, "en:a": 0.5}}
    assert of_queries(name, qrels, run) == same([nan, *of_queries(name, QRELS, RUN)])


def backwards(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {query: dict(reversed(of_query.items())) for query, of_query in table.items()}


@pytest.mark.parametrize(
    ("qrels", "run"),
    [
        pytest.param(dict(reversed(QRELS.items())), RUN, id="queries"),
        pytest.param(backwards(QRELS), RUN, id="judgements"),
        pytest.param(QRELS, backwards(RUN), id="ranking"),
    ],
)
def test_the_order_of_rows_does_not_matter(qrels: Judgements, run: Scores) -> None:
    asked = all_measures(languages=LANGUAGES, topics=TOPICS)
    assert per_query(asked, qrels, run) == same(per_query(asked, QRELS, RUN))


# --- what cannot be computed ---


@pytest.mark.parametrize(
    ("name", "qrels", "run", "match"),
    [
        pytest.param("MRD", QRELS, RUN | {"en:1": {"de:a": nan, "en:a": 1.0}},
                     "the run has a NaN score for query 'en:1'", id="nan-score"),
        pytest.param("MRD", {"de:1": {"de:a": 0, "en:a": -1}}, RUN,
                     "no query of the qrels has a relevant passage", id="nothing-relevant"),
        pytest.param("MRD", {}, RUN, "no query of the qrels has a relevant passage", id="no-qrels"),
        pytest.param("Complete@0", QRELS, RUN, "Complete@0: the cutoff must be 1 or more",
                     id="cutoff-0"),
        pytest.param("LangShare@0", QRELS, RUN, "LangShare@0: the cutoff must be 1 or more",
                     id="cutoff-0-of-first-passages"),
    ],
)  # fmt: skip
def test_unusable_input_is_told(name: str, qrels: Judgements, run: Scores, match: str) -> None:
    with pytest.raises(DataError, match=match):
        ir_measures.calc_aggregate([measure(name, languages=LANGUAGES)], qrels, run)


@pytest.mark.parametrize("name", [x for x in SPELLED if OWN[x.split("@")[0]].needs_languages])
def test_a_measure_of_languages_without_languages_is_told(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} needs languages"):
        ir_measures.calc_aggregate([measure(name)], QRELS, RUN)


def test_a_measure_of_languages_without_those_of_queries_is_told() -> None:
    passages = {name: code for name, code in LANGUAGES.items() if name not in QRELS}
    with pytest.raises(DataError, match="TLR@5 needs languages, and that of no query"):
        ir_measures.calc_aggregate([measure("TLR@5", languages=passages)], QRELS, RUN)


@pytest.mark.parametrize("name", [x for x in SPELLED if not OWN[x.split("@")[0]].needs_languages])
def test_a_measure_of_ranks_needs_no_languages(name: str) -> None:
    values = per_query([measure(name)], QRELS, RUN)
    assert [values[name, query] for query in QRELS] == same(of_queries(name, QRELS, RUN))


# --- ties ---

passage_ids = st.text("aZ9-é日😀", min_size=1, max_size=4)
few_scores = st.sampled_from([-0.5, 0.0, 0.25, 0.1, 0.1 + 1e-9])
"""Few, so that ties abound; the last two are one float32 but two float64."""


@given(data=st.data())
def test_equal_scores_are_ranked_as_trec_eval_ranks_them(data: st.DataObject) -> None:
    """With one relevant passage MaxRank is 1 / RR; RR is 0 where it is not retrieved."""
    passages = data.draw(st.lists(passage_ids, min_size=1, max_size=20, unique=True))
    relevant = data.draw(st.sampled_from(passages))
    run = {"q": data.draw(st.dictionaries(st.sampled_from(passages), few_scores, min_size=1))}
    qrels = {"q": {relevant: 1}}
    (reciprocal,) = ir_measures.pytrec_eval.iter_calc([ir_measures.RR], qrels, run)
    (found,) = ir_measures.iter_calc([parse_measure("MaxRank")], qrels, run)
    assert found.value == same(1 / reciprocal.value if reciprocal.value else nan)


# --- the same values as from the rank table ---

CODES = ("de", "en", "sw")
OF_THE_MULTILINGUAL_MODE = [
    "MRD", "nMRD", "MaxRank", "Complete@5", "TLR@5", "OwnFirst", "OwnRight", "OwnWrong",
    "OtherRight", "OtherWrong", "AboveShare", "AboveLift", "LangShare@3", "LangLift@3", "MRC@4",
    "PEER@5",
]  # fmt: skip


@dataclass(frozen=True)
class World:
    """A benchmark and its vectors, of few different numbers so that similarities are tied."""

    collection: Collection
    queries: np.ndarray
    passages: np.ndarray

    @property
    def judgements(self) -> Judgements:
        """Return grades of every query, answered or not."""
        found: Judgements = {query.query_id: {} for query in self.collection.queries}
        qrels = self.collection.qrels
        for query, passage, grade in zip(
            qrels.query_rows, qrels.passage_rows, qrels.grades, strict=True
        ):
            name = self.collection.queries[query].query_id
            found[name][self.collection.passages[passage].passage_id] = int(grade)
        return found

    @property
    def run(self) -> Scores:
        """Return the similarity of every passage to every query."""
        ids = [p.passage_id for p in self.collection.passages]
        similarities = (self.queries @ self.passages.T).tolist()
        return {
            query.query_id: dict(zip(ids, scores, strict=True))
            for query, scores in zip(self.collection.queries, similarities, strict=True)
        }

    @property
    def languages(self) -> dict[str, str]:
        """Return the language code of every id."""
        return {q.query_id: q.language.code for q in self.collection.queries} | {
            p.passage_id: p.language.code for p in self.collection.passages
        }

    @property
    def topics(self) -> dict[str, str]:
        """Return the topic of every query."""
        return {q.query_id: q.topic_id for q in self.collection.queries}


@st.composite
def worlds(draw: st.DrawFn, *, every_query_is_answered: bool) -> World:
    names = draw(st.lists(passage_ids, min_size=4, max_size=14, unique=True))
    codes = sorted(draw(st.sampled_from(CODES)) for _ in names)
    passages = [Passage(n, n, language(c)) for n, c in zip(names, codes, strict=True)]
    asked = draw(st.sets(st.tuples(st.sampled_from(sorted(set(codes))), st.sampled_from("12")),
                         min_size=1))  # fmt: skip
    queries = [Query(f"q:{c}:{t}", "", language(c), t) for c, t in sorted(asked)]
    grades = st.dictionaries(
        st.integers(0, len(names) - 1),
        st.integers(1, 3),
        min_size=int(every_query_is_answered),
        max_size=6,
    )
    triples = [(q, p, g) for q in range(len(queries)) for p, g in draw(grades).items()]
    assume(triples)
    vectors = st.lists(st.integers(-1, 1), min_size=2, max_size=2)
    return World(
        Collection("tiny", tuple(passages), tuple(queries), Qrels(*np.array(triples).T)),
        np.array([draw(vectors) for _ in queries], dtype=np.float32),
        np.array([draw(vectors) for _ in passages], dtype=np.float32),
    )


def from_the_rank_table(world: World, names: list[str]) -> Values:
    """Return what the multilingual mode scores; a query without an answer is undefined."""
    collection = world.collection
    table = rank(collection, world.queries, world.passages)
    hits = find_hits(collection, world.queries, world.passages, 100)
    multi = settings_of(RetrievalMode.multi, collection.languages)
    found = {(name, query.query_id): nan for name in names for query in collection.queries}
    for ranks in readings(table, multi, hits).ranks.values():
        queries = [table.query_ids[row] for row in ranks.queries]
        for name in names:
            values = parse(name).per_query(ranks).tolist()
            found |= {(name, query): x for query, x in zip(queries, values, strict=True)}
    return found


def from_ir_measures(world: World, names: list[str]) -> Values:
    data = {"languages": world.languages, "topics": world.topics}
    asked = [measure(name, **data) for name in names]
    return per_query(asked, world.judgements, world.run)


def test_every_measure_of_ours_is_compared_with_the_rank_table() -> None:
    assert {name.split("@")[0] for name in OF_THE_MULTILINGUAL_MODE} == set(OWN)


@pytest.mark.slow
@settings(max_examples=100)
@given(world=worlds(every_query_is_answered=True))
def test_a_full_run_has_the_values_of_the_rank_table(world: World) -> None:
    names = OF_THE_MULTILINGUAL_MODE
    assert from_ir_measures(world, names) == same(from_the_rank_table(world, names))


@given(world=worlds(every_query_is_answered=False))
def test_queries_without_an_answer_change_no_value_of_the_others(world: World) -> None:
    """All but MRC, which compares a query with its parallel ones, answered or not."""
    names = [name for name in OF_THE_MULTILINGUAL_MODE if name != "MRC@4"]
    assert from_ir_measures(world, names) == same(from_the_rank_table(world, names))


@settings(max_examples=15)
@given(world=worlds(every_query_is_answered=True))
def test_a_mean_is_that_of_the_rank_table(world: World) -> None:
    data = {"languages": world.languages, "topics": world.topics}
    asked = [measure(name, **data) for name in OF_THE_MULTILINGUAL_MODE]
    means = ir_measures.calc_aggregate(asked, world.judgements, world.run)
    values = from_the_rank_table(world, OF_THE_MULTILINGUAL_MODE)
    for name in OF_THE_MULTILINGUAL_MODE:
        defined = [x for (other, _), x in values.items() if other == name and not isnan(x)]
        expected = np.mean(defined) if defined else nan
        assert means[parse_measure(name)] == same(expected), name

"""The measures of trec_eval, against ir_measures and against numbers worked out by hand."""

import math
from dataclasses import dataclass

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks, grouped_ranks
from xlir_bench.errors import UnknownNameError
from xlir_bench.measures.catalogue import DESCRIPTIONS, parse, parse_all

TREC_EVAL = [
    *("AP", "AP@1", "AP@5", "AP(rel=2)", "AP(rel=3)@5"),
    *("P@1", "P@5", "P@100", "P(rel=2)@5"),
    *("R@1", "R@5", "R@100", "R(rel=2)@5"),
    *("nDCG", "nDCG@1", "nDCG@5", "nDCG@100"),
    *("RR", "RR(rel=2)"),
    *("Success@1", "Success@5", "Success(rel=3)@5"),
]
MSMARCO = ["RR@1", "RR@3", "RR@10", "RR(rel=2)@3"]
SCORES = [-0.5, 0.0, 0.25, 0.1, 0.1 + 1e-9]
"""Few, so that ties abound; the last two are one float32 but two float64."""

passage_ids = st.text("aZ9-é日😀", min_size=1, max_size=4)


@dataclass(frozen=True)
class Case:
    run: dict[str, dict[str, float]]
    qrels: dict[str, dict[str, int]]

    def ranking(self, query: str) -> list[str]:
        """Sort by float32 score, then by the bytes of the id, both descending."""
        scores = self.run[query]
        return sorted(scores, key=lambda p: (np.float32(scores[p]), p.encode()), reverse=True)

    def ranks(self, depth: int | None = None) -> Ranks:
        """Look every relevant passage up in the sorted list."""
        rows = [
            (query, ranked.index(passage) + 1 if passage in ranked else NOT_RETRIEVED, grade)
            for query, (name, judged) in enumerate(self.qrels.items())
            for ranked in [self.ranking(name)[:depth]]
            for passage, grade in judged.items()
        ]
        queries, ranks, grades = np.array(rows, dtype=np.int64).T
        pool = len(next(iter(self.run.values())))
        return grouped_ranks(queries, ranks, grades, n_passages=pool, n_unanswered=0, depth=depth)

    def cut(self, depth: int) -> "Case":
        """Keep the first ranks of every query."""
        run = {q: {p: self.run[q][p] for p in self.ranking(q)[:depth]} for q in self.run}
        return Case(run, self.qrels)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    passages = draw(st.lists(passage_ids, min_size=1, max_size=30, unique=True))
    judgements = st.dictionaries(st.sampled_from(passages), st.integers(1, 3), min_size=1)
    scores = st.fixed_dictionaries(dict.fromkeys(passages, st.sampled_from(SCORES)))
    queries = [f"q{i}" for i in range(draw(st.integers(1, 3)))]
    return Case({q: draw(scores) for q in queries}, {q: draw(judgements) for q in queries})


def from_ir_measures(case: Case, names: list[str], provider: str) -> dict[str, list[float]]:
    measures = [ir_measures.parse_measure(name) for name in names]
    values = getattr(ir_measures, provider).iter_calc(measures, case.qrels, case.run)
    found = {(str(v.measure), v.query_id): v.value for v in values}
    return {name: [found[name, query] for query in case.qrels] for name in names}


def from_us(ranks: Ranks, names: list[str]) -> dict[str, list[float]]:
    return {name: parse(name).per_query(ranks).tolist() for name in names}


def assert_same(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    for name, values in theirs.items():
        assert ours[name] == pytest.approx(values, abs=1e-9), name


@given(case=cases())
def test_measures_equal_those_of_trec_eval(case: Case) -> None:
    assert_same(from_us(case.ranks(), TREC_EVAL), from_ir_measures(case, TREC_EVAL, "pytrec_eval"))


@given(case=cases(), depth=st.integers(1, 10))
def test_measures_of_a_truncated_run_equal_those_of_trec_eval(case: Case, depth: int) -> None:
    theirs = from_ir_measures(case.cut(depth), TREC_EVAL, "pytrec_eval")
    assert_same(from_us(case.ranks(depth), TREC_EVAL), theirs)


@given(case=cases())
def test_reciprocal_rank_with_a_cutoff_equals_that_of_ms_marco(case: Case) -> None:
    # The MS MARCO script breaks ties the other way, so it gets the order as falling scores.
    order = {q: {p: -float(r) for r, p in enumerate(case.ranking(q))} for q in case.run}
    theirs = from_ir_measures(Case(order, case.qrels), MSMARCO, "msmarco")
    assert_same(from_us(case.ranks(), MSMARCO), theirs)


@given(case=cases(), seed=st.integers(0, 99))
def test_the_order_of_judgements_does_not_matter(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = {
        q: dict(rng.permutation(np.array(list(judged.items()), dtype=object)).tolist())
        for q, judged in case.qrels.items()
    }
    names = [*TREC_EVAL, *MSMARCO]
    assert from_us(Case(case.run, shuffled).ranks(), names) == from_us(case.ranks(), names)


DCG = 1 / math.log2(3) + 3 / math.log2(4) + 2 / math.log2(7)
IDEAL_DCG = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AP", (1 / 2 + 2 / 3 + 3 / 6) / 3),
        ("AP@3", (1 / 2 + 2 / 3) / 3),
        ("AP(rel=2)", (1 / 3 + 2 / 6) / 2),
        ("P@1", 0.0),
        ("P@3", 2 / 3),
        ("P@10", 3 / 10),
        ("P(rel=2)@3", 1 / 3),
        ("R@3", 2 / 3),
        ("R(rel=3)@3", 1.0),
        ("RR", 1 / 2),
        ("RR@1", 0.0),
        ("RR(rel=2)", 1 / 3),
        ("Success@1", 0.0),
        ("Success@2", 1.0),
        ("nDCG", DCG / IDEAL_DCG),
        ("nDCG@3", (1 / math.log2(3) + 3 / 2) / IDEAL_DCG),
        ("nDCG@2", (1 / math.log2(3)) / (3 + 2 / math.log2(3))),
    ],
)
def test_a_hand_worked_example(name: str, expected: float) -> None:
    """A pool of six; the grades 1, 3 and 2 are at the ranks 2, 3 and 6."""
    ranks = grouped_ranks(
        np.zeros(3, dtype=np.int64),
        np.array([2, 3, 6]),
        np.array([1, 3, 2]),
        n_passages=6,
        n_unanswered=0,
    )
    assert parse(name).per_query(ranks).tolist() == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize("name", [*TREC_EVAL, *MSMARCO, "MRD", "nMRD"])
def test_a_name_is_spelled_as_it_is_parsed(name: str) -> None:
    assert parse(name).name == name


@pytest.mark.parametrize(
    ("alias", "name"),
    [("MAP", "AP"), ("MRR@10", "RR@10"), ("NDCG@20", "nDCG@20"), ("P(rel=1)@5", "P@5")],
)
def test_a_synonym_gets_the_name_of_ir_measures(alias: str, name: str) -> None:
    assert parse(alias).name == name


@pytest.mark.parametrize("line", DESCRIPTIONS, ids=lambda line: line.spelling)
def test_every_described_measure_can_be_parsed(line: object) -> None:
    for spelling in line.spelling.split(", "):
        assert parse(spelling.replace("@k", "@7")).name == spelling.replace("@k", "@7")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        pytest.param("Coverage@10", r"unknown measure 'Coverage@10'", id="no-such-measure"),
        pytest.param("p@10", r"did you mean P@10", id="case"),
        pytest.param("ndcg@20", r"did you mean nDCG@20", id="case-and-cutoff"),
        pytest.param("nMDR", r"did you mean nMRD", id="typing-error"),
        pytest.param("bpref", r"known: AP, RR, .*xlir-bench measures", id="nothing-is-close"),
        pytest.param("P", r"unknown measure 'P'", id="no-cutoff"),
        pytest.param("R", r"unknown measure 'R'", id="recall-without-cutoff"),
        pytest.param("P@0", r"unknown measure 'P@0'", id="cutoff-zero"),
        pytest.param("P@-1", r"unknown measure 'P@-1'", id="negative-cutoff"),
        pytest.param("P@x", r"unknown measure 'P@x'", id="cutoff-not-a-number"),
        pytest.param("P@", r"unknown measure 'P@'", id="no-number-after-at"),
        pytest.param("", r"unknown measure ''", id="empty"),
        pytest.param("ERR@10", r"unknown measure 'ERR@10'", id="of-ir-measures-but-not-ours"),
        pytest.param("AP(judged_only=True)", r"unknown measure", id="needs-unjudged-passages"),
        pytest.param("nDCG(dcg='exp-log2')@10", r"unknown measure", id="another-gain"),
        pytest.param("P(color=2)@5", r"unknown measure", id="no-such-parameter"),
        pytest.param("import os", r"unknown measure 'import os'", id="not-an-expression"),
    ],
)
def test_a_wrong_name_is_told_with_help(name: str, match: str) -> None:
    with pytest.raises(UnknownNameError, match=match):
        parse(name)


@given(name=st.text("APRnDCGSuces@k()=12, .'-[]", max_size=12))
def test_any_text_is_a_measure_or_an_unknown_name(name: str) -> None:
    try:
        measure = parse(name)
    except UnknownNameError:
        return
    assert parse(measure.name).name == measure.name


def test_repeated_names_are_merged_in_order_of_first_mention() -> None:
    names = ["P@10", "AP", "P@10", "MRD", "MAP", "P@1"]
    assert [measure.name for measure in parse_all(names)] == ["P@10", "AP", "MRD", "P@1"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        pytest.param("P@5", True, id="cutoff-within-depth"),
        pytest.param("P@6", False, id="cutoff-beyond-depth"),
        pytest.param("AP", False, id="full-depth"),
        pytest.param("MRD", False, id="every-rank"),
    ],
)
def test_a_truncated_ranking_knows_only_measures_within_its_depth(
    name: str, *, known: bool
) -> None:
    ranks = grouped_ranks(
        np.zeros(2, dtype=np.int64),
        np.array([3, NOT_RETRIEVED]),
        np.array([1, 1]),
        n_passages=20,
        n_unanswered=0,
        depth=5,
    )
    assert parse(name).is_known_for(ranks) == known


@pytest.mark.parametrize("name", ["P@100", "AP", "MRD"])
def test_a_truncated_ranking_that_holds_every_answer_knows_all(name: str) -> None:
    ranks = grouped_ranks(
        np.zeros(2, dtype=np.int64),
        np.array([3, 5]),
        np.array([1, 1]),
        n_passages=20,
        n_unanswered=0,
        depth=5,
    )
    assert parse(name).is_known_for(ranks)


@pytest.mark.parametrize(
    "name", ["P@1.5", "P@True", "P(rel='a')@5", "P(rel=None)@5", "P@0", "AP(rel=0)"]
)
def test_cutoffs_and_grades_are_whole_numbers_from_one(name: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown measure"):
        parse(name)

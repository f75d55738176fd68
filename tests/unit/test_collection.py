"""``Collection``: what every reader must guarantee, and the choice of languages."""

from collections.abc import Sequence

import numpy as np
import pytest

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError

DE, EN, SW = map(language, ("de", "en", "sw"))


def make(
    passages: Sequence[tuple[str, object]] = (("p0", DE), ("p1", DE), ("p2", EN), ("p3", SW)),
    queries: Sequence[tuple[str, object]] = (("q0", DE), ("q1", EN), ("q2", SW)),
    qrels: Sequence[tuple[int, int, int]] = ((0, 1, 1), (0, 2, 2), (1, 2, 1), (2, 0, 3)),
) -> Collection:
    rows = np.array(qrels, dtype=np.int64).reshape(-1, 3)
    return Collection(
        "tiny",
        tuple(Passage(name, f"text of {name}", x) for name, x in passages),
        tuple(Query(name, f"text of {name}", x, name) for name, x in queries),
        Qrels(*rows.T),
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        pytest.param({"passages": ()}, "tiny is empty: 0 passages, 3 queries", id="no-passages"),
        pytest.param({"queries": ()}, "tiny is empty: 4 passages, 0 queries", id="no-queries"),
        pytest.param({"qrels": ()}, "tiny is empty: .* 0 judgements", id="no-judgements"),
        pytest.param(
            {"passages": (("p0", DE), ("p1", DE), ("p1", EN))},
            "tiny repeats 1 passage ids, first 'p1'",
            id="repeated-passage",
        ),
        pytest.param(
            {"queries": (("q0", DE), ("q0", EN), ("q2", SW))},
            "tiny repeats 1 query ids, first 'q0'",
            id="repeated-query",
        ),
        pytest.param(
            {"passages": (("p0", DE), ("p1", EN), ("p2", DE))},
            "the passages of a language must be consecutive",
            id="language-not-grouped",
        ),
        pytest.param(
            {"qrels": ((3, 0, 1),)}, "judges a query that does not exist, row 3 of 3", id="no-query"
        ),
        pytest.param(
            {"qrels": ((0, 4, 1),)},
            "judges a passage that does not exist, row 4 of 4",
            id="no-passage",
        ),
        pytest.param(
            {"qrels": ((0, -1, 1),)},
            "judges a passage that does not exist, row -1 of 4",
            id="negative-row",
        ),
        pytest.param(
            {"qrels": ((0, 1, 1), (0, 2, 0))}, "a judgement of grade 0; keep 1", id="grade-zero"
        ),
        pytest.param(
            {"qrels": ((0, 1, 1), (1, 1, 1), (0, 1, 2))},
            "judges 1 query-passage pairs twice",
            id="pair-judged-twice",
        ),
    ],
)
def test_inconsistent_data_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(DataError, match=match):
        make(**changes)


def test_languages_are_those_of_the_corpus_in_row_order() -> None:
    collection = make(passages=(("p0", SW), ("p1", DE), ("p2", DE)), qrels=((0, 1, 1),))
    assert collection.languages == (SW, DE)


def test_the_corpus_of_a_language_is_a_slice_of_rows() -> None:
    assert make().corpus_rows(DE) == slice(0, 2)
    assert make().corpus_rows(SW) == slice(3, 4)


def test_the_corpus_of_an_absent_language_is_empty() -> None:
    collection = make()
    assert collection.passages[collection.corpus_rows(language("yo"))] == ()


def test_query_rows_need_not_be_consecutive() -> None:
    collection = make(queries=(("q0", DE), ("q1", EN), ("q2", DE)))
    assert collection.query_rows(DE) == [0, 2]
    assert collection.query_rows(SW) == []


def judged_ids(collection: Collection) -> set[tuple[str, str, int]]:
    qrels = collection.qrels
    return {
        (collection.queries[q].query_id, collection.passages[p].passage_id, int(grade))
        for q, p, grade in zip(qrels.query_rows, qrels.passage_rows, qrels.grades, strict=True)
    }


def test_a_restricted_collection_keeps_texts_and_judgements_of_its_languages() -> None:
    restricted = make().restricted_to([EN, DE])
    assert [p.passage_id for p in restricted.passages] == ["p0", "p1", "p2"]
    assert [q.query_id for q in restricted.queries] == ["q0", "q1"]
    assert judged_ids(restricted) == {("q0", "p1", 1), ("q0", "p2", 2), ("q1", "p2", 1)}


def test_a_judgement_needs_both_languages_to_be_kept() -> None:
    assert judged_ids(make().restricted_to([DE])) == {("q0", "p1", 1)}


def test_restriction_to_all_languages_changes_nothing() -> None:
    assert judged_ids(make().restricted_to([DE, EN, SW])) == judged_ids(make())


def test_restriction_to_languages_without_a_judgement_is_refused() -> None:
    with pytest.raises(DataError, match="tiny is empty: 1 passages, 1 queries, 0 judgements"):
        make().restricted_to([SW])

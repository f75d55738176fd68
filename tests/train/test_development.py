"""The held-out benchmark of a recipe: what is asked, what answers it, and that it is scored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.cards.recipe import Recipe, read_recipe
from xlir_bench.errors import DataError, TrainError
from xlir_bench.train.development import development
from xlir_bench.train.evaluator import XLIREvaluator

VALIDATION = '\n[[validation]]\nname = "held"\npath = "held/{language}.jsonl"\n'
Hold = Callable[..., Recipe]


@pytest.fixture
def hold(toy: Any, tmp_path: Path) -> Hold:
    """Return a function that writes held-out pairs, (id, query, passage) by language code."""

    def run(**rows: list[tuple[str, ...]]) -> Recipe:
        for code, found in rows.items():
            path = tmp_path / "held" / f"{code}.jsonl"
            path.parent.mkdir(exist_ok=True)
            lines = [
                json.dumps(dict(zip(("id", "query", "passage"), x, strict=True))) for x in found
            ]
            path.write_text("\n".join(lines), "utf-8")
        return read_recipe(toy.write_recipe(tmp_path / "r.toml", more=VALIDATION if rows else ""))

    return run


def rows(code: str, *numbers: int) -> list[tuple[str, str, str]]:
    return [
        (f"x{n}", f"{code} frage {n} topic{n}", f"{code} antwort {n} topic{n}") for n in numbers
    ]


def test_translations_of_a_pair_answer_each_other(hold: Hold) -> None:
    found = development(hold(de=rows("de", 1, 2), en=rows("en", 1, 2), es=rows("es", 2)))
    assert [x.code for x in found.languages] == ["de", "en", "es"]
    assert len(found.queries) == len(found.passages) == 5
    judged = {
        (found.queries[q].query_id, found.passages[p].passage_id)
        for q, p in zip(found.qrels.query_rows, found.qrels.passage_rows, strict=True)
    }
    one = {f"{code}:held/x1" for code in ("de", "en")}
    two = {f"{code}:held/x2" for code in ("de", "en", "es")}
    assert judged == {(a, b) for group in (one, two) for a in group for b in group}
    assert {q.topic_id for q in found.queries} == {"held/x1", "held/x2"}


def test_pairs_in_the_most_languages_come_first(hold: Hold) -> None:
    recipe = hold(de=rows("de", *range(1, 7)), en=rows("en", *range(1, 7)), es=rows("es", 4))
    found = development(recipe, most=2)
    topics = {q.topic_id for q in found.queries}
    assert len(topics) == 2
    assert "held/x4" in topics
    assert [q.query_id for q in development(recipe, most=2).queries] == [
        q.query_id for q in found.queries
    ]


def test_pairs_in_one_language_and_empty_ones_are_left_out(hold: Hold) -> None:
    found = development(
        hold(de=[*rows("de", 1, 2), ("x3", " ", "antwort")], en=[*rows("en", 1), ("x3", "a", "b")])
    )
    assert {q.topic_id for q in found.queries} == {"held/x1"}


def test_a_recipe_without_validation_sources_is_named(hold: Hold) -> None:
    with pytest.raises(TrainError, match=r"r\.toml has no \[\[validation\]\] sources to choose by"):
        development(hold())


def test_pairs_that_are_not_parallel_are_named(hold: Hold) -> None:
    with pytest.raises(DataError, match="have no pair in two languages"):
        development(hold(de=rows("de", 1), en=rows("en", 2)))


def test_a_missing_source_is_named(hold: Hold, tmp_path: Path) -> None:
    recipe = hold(de=rows("de", 1))
    (tmp_path / "held" / "de.jsonl").unlink()
    with pytest.raises(DataError, match="the source 'held' has no file"):
        development(recipe)


def test_the_evaluator_scores_a_collection_of_ones_own(hold: Hold, toy: Any) -> None:
    from sentence_transformers import SentenceTransformer

    recipe = hold(de=rows("de", *range(5)), en=rows("en", *range(5)))
    score = XLIREvaluator(development(recipe), primary="multi_P@1")
    assert score.name == "tiny-development"
    assert score.primary_metric == "tiny-development_multi_P@1"
    figures = score(SentenceTransformer(str(toy.base), device="cpu"))
    assert {key.split("_")[1] for key in figures} == {"mono", "cross", "multi"}
    assert all(0 <= figures[f"tiny-development_{mode}_AP"] <= 1 for mode in ("mono", "cross"))
    assert 1 <= figures["tiny-development_multi_MRD"] <= 9

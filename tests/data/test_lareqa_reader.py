"""The LAReQA reader on a benchmark small enough to read with the eye."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.errors import CardError, DataError
from xlir_bench.readers.read import read

Files = dict[str, Any]
MakeCard = Callable[..., TaskCard]


def first_paragraph(files: Files) -> dict[str, Any]:
    return files["en"]["data"][0]["paragraphs"][0]


def relevant(collection: Collection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {q.query_id: set() for q in collection.queries}
    qrels = collection.qrels
    for query, passage in zip(qrels.query_rows, qrels.passage_rows, strict=True):
        found[collection.queries[query].query_id].add(collection.passages[passage].passage_id)
    return found


def test_a_passage_id_is_language_article_paragraph_and_sentence(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    collection = read(tiny_card(tiny_files))
    assert {p.passage_id: p.text for p in collection.passages} == {
        "en:000.000.000": "Cats purr.",
        "en:000.000.001": "Dogs bark.",
        "en:001.000.000": "Cats purr.",
        "de:000.000.000": "Katzen schnurren.",
        "de:000.000.001": "Hunde bellen.",
    }


def test_passages_and_queries_come_in_the_order_of_card_and_file(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    collection = read(tiny_card(tiny_files))
    assert [p.language.code for p in collection.passages] == ["en", "en", "en", "de", "de"]
    assert [q.query_id for q in collection.queries] == [
        "en:q1", "en:q2", "en:q3", "de:q2", "de:q1",
    ]  # fmt: skip


def test_the_card_decides_the_order_of_languages(tiny_card: MakeCard, tiny_files: Files) -> None:
    card = tiny_card(tiny_files, ('["en", "de"]', '["de", "en"]'))
    assert [x.code for x in read(card).languages] == ["de", "en"]


def test_a_sentence_that_is_repeated_is_two_passages(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    texts = [p.text for p in read(tiny_card(tiny_files)).passages]
    assert texts.count("Cats purr.") == 2


def test_translations_of_a_question_share_their_answers_and_only_theirs(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    assert relevant(read(tiny_card(tiny_files))) == {
        "en:q1": {"en:000.000.000", "de:000.000.000"},
        "de:q1": {"en:000.000.000", "de:000.000.000"},
        "en:q2": {"en:000.000.001", "de:000.000.001"},
        "de:q2": {"en:000.000.001", "de:000.000.001"},
        "en:q3": {"en:001.000.000"},
    }


def test_every_judgement_has_grade_one(tiny_card: MakeCard, tiny_files: Files) -> None:
    assert read(tiny_card(tiny_files)).qrels.grades.tolist() == [1] * 9


def test_judgements_come_in_query_order(tiny_card: MakeCard, tiny_files: Files) -> None:
    rows = read(tiny_card(tiny_files)).qrels.query_rows.tolist()
    assert all(a <= b for a, b in pairwise(rows))


def test_the_topic_is_what_translations_have_in_common(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    topics = {q.query_id: q.topic_id for q in read(tiny_card(tiny_files)).queries}
    assert topics["en:q1"] == topics["de:q1"] == "q1"


def test_some_languages_can_be_read_alone(tiny_card: MakeCard, tiny_files: Files) -> None:
    collection = read(tiny_card(tiny_files), [language("de")])
    assert relevant(collection) == {"de:q1": {"de:000.000.000"}, "de:q2": {"de:000.000.001"}}


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        pytest.param(0, 0, id="first-character"),
        pytest.param(9, 0, id="last-character-of-the-first-sentence"),
        pytest.param(11, 1, id="first-character-of-the-second-sentence"),
        pytest.param(20, 1, id="last-character-of-the-last-sentence"),
    ],
)
def test_an_answer_belongs_to_the_sentence_that_holds_its_first_character(
    tiny_card: MakeCard, tiny_files: Files, start: int, sentence: int
) -> None:
    first_paragraph(tiny_files)["qas"][0]["answers"][0]["answer_start"] = start
    assert f"en:000.000.00{sentence}" in relevant(read(tiny_card(tiny_files)))["en:q1"]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(10, id="in-the-gap"),
        pytest.param(21, id="behind-the-last"),
        pytest.param(-1, id="before-the-first"),
    ],
)
def test_an_answer_outside_every_sentence_is_refused(
    tiny_card: MakeCard, tiny_files: Files, start: int
) -> None:
    first_paragraph(tiny_files)["qas"][0]["answers"][0]["answer_start"] = start
    expected = rf"en\.json: the answer of question 'q1' starts at character {start}, outside every"
    with pytest.raises(DataError, match=expected):
        read(tiny_card(tiny_files))


def test_an_answer_before_a_first_sentence_that_starts_late_is_refused(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    first_paragraph(tiny_files)["sentence_breaks"][0] = [3, 10]
    with pytest.raises(DataError, match=r"en\.json: .*'q1' starts at character 0, outside every"):
        read(tiny_card(tiny_files))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"data": [', id="cut-off"),
        pytest.param("", id="empty"),
        pytest.param("<html></html>", id="a-web-page"),
    ],
)
def test_a_file_that_is_not_json_is_named(
    tiny_card: MakeCard, tiny_files: Files, text: str
) -> None:
    with pytest.raises(DataError, match=r"tiny/de\.json: cannot be read as JSON: "):
        read(tiny_card(tiny_files | {"de": text}))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param({"version": "1"}, "KeyError: 'data'", id="no-data"),
        pytest.param([], "TypeError", id="a-list"),
        pytest.param({"data": [{"title": "x"}]}, "KeyError: 'paragraphs'", id="no-paragraphs"),
        pytest.param({"data": [{"paragraphs": [{"context": "x", "qas": []}]}]},
                     "KeyError: 'sentence_breaks'", id="plain-squad"),
    ],
)  # fmt: skip
def test_json_of_another_format_is_named(
    tiny_card: MakeCard, tiny_files: Files, content: object, complaint: str
) -> None:
    with pytest.raises(DataError, match=rf"tiny/de\.json: not a LAReQA file: {complaint}"):
        read(tiny_card(tiny_files | {"de": content}))


def test_a_question_without_an_answer_is_refused(tiny_card: MakeCard, tiny_files: Files) -> None:
    first_paragraph(tiny_files)["qas"][0]["answers"] = []
    with pytest.raises(DataError, match=r"en\.json: not a LAReQA file: IndexError"):
        read(tiny_card(tiny_files))


def test_sentences_and_breaks_of_different_length_are_refused(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    first_paragraph(tiny_files)["sentences"].append("Who?")
    expected = r"en\.json: not a LAReQA file: .*3 sentences but 2 sentence_breaks in 000\.000"
    with pytest.raises(DataError, match=expected):
        read(tiny_card(tiny_files))


def test_a_question_id_may_not_repeat_within_a_language(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    first_paragraph(tiny_files)["qas"][1]["id"] = "q1"
    with pytest.raises(DataError, match="Tiny repeats 1 query ids, first 'en:q1'"):
        read(tiny_card(tiny_files))


@pytest.mark.parametrize("kind", ["queries", "passages"])
def test_counts_other_than_the_cards_are_refused(
    tiny_card: MakeCard, tiny_files: Files, kind: str
) -> None:
    card = tiny_card(tiny_files, (f"[counts.{kind}]\nen = 3", f"[counts.{kind}]\nen = 4"))
    with pytest.raises(DataError, match=f"Tiny/en: 3 {kind} found but the card says 4"):
        read(card)


def test_a_card_without_counts_is_read_as_it_is(tiny_card: MakeCard, tiny_files: Files) -> None:
    counts = "\n[counts.queries]\nen = 3\nde = 2\n\n[counts.passages]\nen = 3\nde = 2\n"
    assert len(read(tiny_card(tiny_files, (counts, ""))).queries) == 5


def test_files_without_a_paragraph_are_an_empty_collection(tiny_card: MakeCard) -> None:
    card = tiny_card({"en": {"data": []}, "de": {"data": []}})
    with pytest.raises(DataError, match="Tiny is empty: 0 passages, 0 queries, 0 judgements"):
        read(card)


def test_a_format_that_nobody_reads_is_an_error_of_the_card(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    card = tiny_card(tiny_files, ('format = "lareqa"', 'format = "squad"'))
    with pytest.raises(CardError, match=r"Tiny\.toml: format 'squad' is not one of lareqa"):
        read(card)

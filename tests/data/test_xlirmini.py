"""The benchmark that ships with us: is every file what its card says, and fit to be searched?

The files are read here with ``json`` alone, so that these tests do not depend on our reader.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.language import LANGUAGES
from xlir_bench.paths import data_folder
from xlir_bench.readers.read import read

FOLDER = data_folder("tasks") / "xlirmini"
CODES = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
SCRIPTS = {
    "Arab": "ARABIC", "Cyrl": "CYRILLIC", "Deva": "DEVANAGARI", "Grek": "GREEK", "Hans": "CJK",
    "Latn": "LATIN", "Thai": "THAI",
}  # fmt: skip
"""The first word of the Unicode names of a script's letters."""
INVISIBLE = {"Cf", "Cc", "Co", "Cs", "Cn"}
"""Unicode categories of zero-width and bidirectional marks, controls and unassigned characters."""

every_language = pytest.mark.parametrize("code", CODES)

Paragraph = dict[str, Any]


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    return {code: json.loads((FOLDER / f"{code}.json").read_bytes()) for code in CODES}


@pytest.fixture(scope="module")
def card() -> TaskCard:
    return task_cards()["XLIRMini"]


def paragraphs(file: dict[str, Any]) -> list[Paragraph]:
    return [p for article in file["data"] for p in article["paragraphs"]]


def questions(file: dict[str, Any]) -> list[dict[str, Any]]:
    return [qa for p in paragraphs(file) for qa in p["qas"]]


def sentences(file: dict[str, Any]) -> list[str]:
    return [s for p in paragraphs(file) for s in p["sentences"]]


def texts(file: dict[str, Any]) -> Iterator[str]:
    """Yield everything that is shown to an encoder or printed."""
    for p in paragraphs(file):
        yield p["context"]
        yield from p["sentences"]
        for qa in p["qas"]:
            yield qa["question"]
            yield from (answer["text"] for answer in qa["answers"])


def sentence_of(paragraph: Paragraph, start: int, end: int) -> list[int]:
    """Return the numbers of the sentences that hold all of [start, end)."""
    breaks = paragraph["sentence_breaks"]
    return [i for i, (first, last) in enumerate(breaks) if first <= start and end <= last]


def share_of_script(text: str, script: str) -> float:
    letters = [c for c in text if c.isalpha()]
    own = [c for c in letters if unicodedata.name(c, "").startswith(SCRIPTS[script])]
    return len(own) / len(letters) if letters else 1.0


def test_the_folder_holds_twelve_languages_and_nothing_else() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"{code}.json" for code in CODES]


def test_the_card_names_the_twelve_languages(card: TaskCard) -> None:
    assert [x.code for x in card.languages] == list(CODES)


@every_language
def test_there_are_thirty_paragraphs_and_ninety_questions(files: dict[str, Any], code: str) -> None:
    assert (len(paragraphs(files[code])), len(questions(files[code]))) == (30, 90)


@every_language
def test_a_paragraph_has_four_to_six_sentences(files: dict[str, Any], code: str) -> None:
    assert {len(p["sentences"]) for p in paragraphs(files[code])} <= {4, 5, 6}


@every_language
def test_sentence_breaks_cut_the_context_into_its_sentences(
    files: dict[str, Any], code: str
) -> None:
    for p in paragraphs(files[code]):
        assert [p["context"][a:b] for a, b in p["sentence_breaks"]] == p["sentences"]


@every_language
def test_there_is_nothing_but_spaces_between_sentences(files: dict[str, Any], code: str) -> None:
    for p in paragraphs(files[code]):
        cuts = [0, *(x for pair in p["sentence_breaks"] for x in pair), len(p["context"])]
        between = [p["context"][a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
        assert "".join(between).strip(" ") == ""
        assert cuts == sorted(cuts)


@every_language
def test_an_answer_lies_where_it_starts(files: dict[str, Any], code: str) -> None:
    for p in paragraphs(files[code]):
        for answer in (answer for qa in p["qas"] for answer in qa["answers"]):
            assert answer["text"]
            assert p["context"].startswith(answer["text"], answer["answer_start"])


@every_language
def test_an_answer_lies_inside_exactly_one_sentence(files: dict[str, Any], code: str) -> None:
    for p in paragraphs(files[code]):
        for qa in p["qas"]:
            (answer,) = qa["answers"]
            end = answer["answer_start"] + len(answer["text"])
            assert len(sentence_of(p, answer["answer_start"], end)) == 1


@every_language
def test_paragraphs_and_questions_are_parallel_to_english(files: dict[str, Any], code: str) -> None:
    def skeleton(file: dict[str, Any]) -> list[list[tuple[str, list[int]]]]:
        """Return per paragraph the question ids and the number of the relevant sentence."""
        return [
            [
                (qa["id"], sentence_of(p, start, start + 1))
                for qa in p["qas"]
                for start in [qa["answers"][0]["answer_start"]]
            ]
            for p in paragraphs(file)
        ]

    assert skeleton(files[code]) == skeleton(files["en"])


@every_language
def test_paragraphs_have_as_many_sentences_as_in_english(files: dict[str, Any], code: str) -> None:
    lengths = [len(p["sentences"]) for p in paragraphs(files[code])]
    assert lengths == [len(p["sentences"]) for p in paragraphs(files["en"])]


@every_language
def test_question_ids_are_unique(files: dict[str, Any], code: str) -> None:
    assert len({qa["id"] for qa in questions(files[code])}) == 90


@every_language
def test_letters_are_of_the_languages_own_script(files: dict[str, Any], code: str) -> None:
    script = LANGUAGES[code].script
    long_texts = [
        text
        for p in paragraphs(files[code])
        for text in (p["context"], *p["sentences"], *(qa["question"] for qa in p["qas"]))
    ]
    assert [t for t in long_texts if share_of_script(t, script) < 0.95] == []


@every_language
def test_texts_are_in_unicode_normal_form_c(files: dict[str, Any], code: str) -> None:
    assert [t for t in texts(files[code]) if not unicodedata.is_normalized("NFC", t)] == []


@every_language
def test_texts_hold_no_invisible_characters(files: dict[str, Any], code: str) -> None:
    characters = {c for text in texts(files[code]) for c in text}
    assert {c for c in characters if unicodedata.category(c) in INVISIBLE} == set()


@every_language
def test_texts_hold_no_space_but_single_ones_between_words(
    files: dict[str, Any], code: str
) -> None:
    odd = [t for t in texts(files[code]) if t != t.strip() or re.search(r"\s\s|[^\S ]", t)]
    assert odd == []


@every_language
def test_no_sentence_is_repeated_within_a_language(files: dict[str, Any], code: str) -> None:
    counts = Counter(s.casefold() for s in sentences(files[code]))
    assert [s for s, n in counts.items() if n > 1] == []


@every_language
def test_no_question_is_repeated_within_a_language(files: dict[str, Any], code: str) -> None:
    counts = Counter(qa["question"].casefold() for qa in questions(files[code]))
    assert [q for q, n in counts.items() if n > 1] == []


def test_no_sentence_or_question_is_the_same_in_two_languages(files: dict[str, Any]) -> None:
    counts = Counter(
        text
        for file in files.values()
        for text in {*sentences(file), *(qa["question"] for qa in questions(file))}
    )
    assert [text for text, n in counts.items() if n > 1] == []


@every_language
def test_the_file_has_the_cards_checksum(card: TaskCard, code: str) -> None:
    content = (FOLDER / f"{code}.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card.source.sha256[code]


@every_language
def test_the_file_has_the_cards_counts(files: dict[str, Any], card: TaskCard, code: str) -> None:
    found = (len(questions(files[code])), len(sentences(files[code])))
    assert found == (card.counts.queries[code], card.counts.passages[code])


def test_the_whole_benchmark_is_read_with_the_right_counts(card: TaskCard) -> None:
    collection = read(card)
    found = (len(collection.queries), len(collection.passages), len(collection.qrels))
    assert found == (1080, 1824, 12960)


def test_every_query_has_one_relevant_passage_in_every_language(card: TaskCard) -> None:
    collection = read(card)
    pairs = Counter(
        (int(query), collection.passages[passage].language.code)
        for query, passage in zip(
            collection.qrels.query_rows, collection.qrels.passage_rows, strict=True
        )
    )
    assert set(pairs.values()) == {1}
    assert len(pairs) == 1080 * 12


def test_the_relevant_passage_holds_the_answer(files: dict[str, Any], card: TaskCard) -> None:
    collection = read(card)
    answers = {
        f"{code}:{qa['id']}": qa["answers"][0]["text"]
        for code, file in files.items()
        for qa in questions(file)
    }
    qrels = collection.qrels
    for row, passage_row in zip(qrels.query_rows, qrels.passage_rows, strict=True):
        query, passage = collection.queries[row], collection.passages[passage_row]
        if query.language == passage.language:
            assert answers[query.query_id] in passage.text

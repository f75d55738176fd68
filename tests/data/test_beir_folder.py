"""BEIR folders as benchmarks: one language, several, and everything that can be wrong in one."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlir_bench.cards.task import TaskCard, read_task_card
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.errors import CardError, DataError
from xlir_bench.exports.beir import write_beir
from xlir_bench.exports.parts import parts
from xlir_bench.readers.beir_card import beir_card, names_a_folder
from xlir_bench.readers.read import read

HEADER = "query-id\tcorpus-id\tscore\n"

Records = list[dict[str, Any]]
CORPUS: Records = [
    {"_id": "d1", "title": "Cats", "text": "They purr."},
    {"_id": "d2", "title": "", "text": "Dogs bark."},
    {"_id": "d3", "text": "Nobody asks for this."},
]
QUERIES: Records = [
    {"_id": "q1", "text": "Who purrs?"},
    {"_id": "q2", "text": "Who barks?"},
    {"_id": "q9", "text": "Asked in another split"},
]
QRELS = f"{HEADER}q1\td1\t2\nq2\td2\t1\nq2\td1\t0\n"


def lines(records: Records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def write(
    folder: Path,
    corpus: str = lines(CORPUS),
    queries: str = lines(QUERIES),
    qrels: str = QRELS,
    split: str = "test",
) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(corpus, "utf-8")
    (folder / "queries.jsonl").write_text(queries, "utf-8")
    (folder / "qrels" / f"{split}.tsv").write_text(qrels, "utf-8")
    return folder


def test_a_folder_of_one_language_keeps_its_ids_and_has_one_mode(tmp_path: Path) -> None:
    card, notes = beir_card(write(tmp_path / "my-data" / "de"))
    collection = read(card)
    assert (card.name, card.modes, notes) == ("De", (RetrievalMode.mono,), [])
    assert [(p.passage_id, p.text) for p in collection.passages] == [
        ("d1", "Cats They purr."),
        ("d2", "Dogs bark."),
        ("d3", "Nobody asks for this."),
    ]
    assert [q.query_id for q in collection.queries] == ["q1", "q2"]
    assert {p.language.code for p in collection.passages} == {"de"}
    qrels = collection.qrels
    judged = zip(qrels.query_rows, qrels.passage_rows, qrels.grades, strict=True)
    assert [tuple(map(int, row)) for row in judged] == [(0, 0, 2), (1, 1, 1)]


def test_a_folder_that_does_not_say_its_language_is_english_and_said_to_be(tmp_path: Path) -> None:
    card, notes = beir_card(write(tmp_path / "my-data"))
    assert (card.name, card.languages) == ("MyData", (language("en"),))
    assert len(notes) == 1
    assert "taken as English" in notes[0]


def test_a_passage_may_say_the_language(tmp_path: Path) -> None:
    corpus = lines([record | {"language": "th"} for record in CORPUS])
    card, notes = beir_card(write(tmp_path / "my-data", corpus))
    assert (card.languages, notes) == ((language("th"),), [])


def test_parallel_ids_make_a_benchmark_of_all_modes(tmp_path: Path) -> None:
    write(tmp_path / "x" / "de")
    write(tmp_path / "x" / "en", qrels=f"{HEADER}q1\td2\t1\n")
    card, notes = beir_card(tmp_path / "x")
    assert card.modes == (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
    assert "1 of 2 queries have the same id" in notes[0]
    collection = read(card)
    assert [q.query_id for q in collection.queries] == ["de:q1", "de:q2", "en:q1"]
    assert collection.passages[0].passage_id == "de:d1"
    names = [(q.query_id, q.topic_id) for q in collection.queries]
    answers = {
        (names[q][0], collection.passages[p].passage_id, int(grade))
        for q, p, grade in zip(*map(np.asarray, (
            collection.qrels.query_rows, collection.qrels.passage_rows, collection.qrels.grades,
        )), strict=True)
    }  # fmt: skip
    assert answers == {
        ("de:q1", "de:d1", 2), ("de:q1", "en:d2", 1), ("de:q2", "de:d2", 1),
        ("en:q1", "de:d1", 2), ("en:q1", "en:d2", 1),
    }  # fmt: skip


def test_pairs_of_languages_without_a_common_question_are_no_settings(tmp_path: Path) -> None:
    write(tmp_path / "x" / "de")
    write(tmp_path / "x" / "en")
    other = [record | {"_id": f"fr{record['_id']}"} for record in QUERIES]
    write(tmp_path / "x" / "fr", queries=lines(other), qrels=f"{HEADER}frq1\td1\t1\n")
    card, _ = beir_card(tmp_path / "x")
    cross = {s.subset for s in card.settings(RetrievalMode.cross)}
    assert cross == {"de-en", "en-de"}
    assert {s.subset for s in card.settings(RetrievalMode.multi)} == {
        "de-multi", "en-multi", "fr-multi",
    }  # fmt: skip


def test_languages_without_parallel_ids_are_scored_each_alone(tmp_path: Path) -> None:
    write(tmp_path / "x" / "de")
    other = [record | {"_id": f"fr{record['_id']}"} for record in QUERIES]
    write(tmp_path / "x" / "fr", queries=lines(other), qrels=f"{HEADER}frq1\td1\t1\n")
    card, notes = beir_card(tmp_path / "x")
    assert (card.modes, notes) == ((RetrievalMode.mono,), [])


def test_gzipped_files_and_another_split_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "de", split="dev")
    plain = folder / "corpus.jsonl"
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    card, _ = beir_card(folder)
    assert card.split == "dev"
    assert len(read(card).passages) == 3


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"corpus": "{\n"}, r"corpus.jsonl, line 1: not a passage"),
        ({"corpus": '{"_id": 3, "text": "x"}\n'}, r"line 1: not a passage .*'_id' is missing"),
        ({"queries": '\n[1]\n'}, r"queries.jsonl, line 2: not a query .*list instead of an object"),
        ({"qrels": "q1\td1\t1\n"}, r"test.tsv, line 1: .*must be the header"),
        ({"qrels": f"{HEADER}q1\td1\n"}, r"test.tsv, line 2: not 'query-id"),
        ({"qrels": f"{HEADER}q1\td1\tx\n"}, r"test.tsv, line 2: not 'query-id"),
        ({"qrels": f"{HEADER}q1\td7\t1\n"}, r"judges a passage that corpus.jsonl .*'d7' \(1 of 1"),
        ({"qrels": f"{HEADER}q7\td1\t1\n"}, r"judges a query that queries.jsonl .*'q7'"),
        ({"qrels": HEADER}, r"is empty: 3 passages, 0 queries, 0 judgements"),
        ({"corpus": lines([CORPUS[0], *CORPUS])}, r"repeats 1 passage ids, first 'd1'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_place(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    folder = write(tmp_path / "x", **files)
    with pytest.raises(DataError, match=message) as caught:
        beir_card(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_none_says_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        beir_card(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is not a BEIR folder"):
        beir_card(tmp_path)
    (write(tmp_path / "de") / "qrels" / "test.tsv").unlink()
    with pytest.raises(DataError, match=r"no qrels/test.tsv"):
        beir_card(tmp_path / "de")
    write(tmp_path / "x" / "german")
    with pytest.raises(DataError, match=r"german: name the folder of a language by its ISO 639-1"):
        beir_card(tmp_path / "x")
    assert names_a_folder("./x")
    assert not names_a_folder("XQuADR")


CARD = """
name = "Mine"
languages = ["de", "en"]
modes = ["mono", "cross", "multi"]
main_measure = "AP"
measures = ["AP"]
without = ["en-de"]

[about]
title = "Mine"
summary = "Cats and dogs."
instruction = "Find it"
license = "cc0-1.0"
reference = "https://example.org/"
domains = ["Written"]
annotations = "human-annotated"
creation = "created"
dates = ["2026-01-01", "2026-01-02"]

[source]
format = "beir"
folder = "mine"
revision = "1"

[source.sha256]
"""


@pytest.fixture
def mine(tmp_path: Path) -> Callable[[str], TaskCard]:
    """Return a function that reads a card of two BEIR folders, one line of it replaced."""

    def make(without: str) -> TaskCard:
        write(tmp_path / "mine" / "de")
        write(tmp_path / "mine" / "en")
        sums = beir_card(tmp_path / "mine")[0].source.sha256
        text = CARD.replace('["en-de"]', without)
        text += "".join(f'{code} = "{value}"\n' for code, value in sums.items())
        (tmp_path / "Mine.toml").write_text(text, "utf-8")
        return read_task_card(tmp_path / "Mine.toml")

    return make


def test_a_card_reads_the_same_folders_and_their_checksum(
    mine: Callable[[str], TaskCard], tmp_path: Path
) -> None:
    card = mine('["en-de"]')
    assert [s.subset for s in card.settings(RetrievalMode.cross)] == ["de-en"]
    assert len(read(card).queries) == 4
    (tmp_path / "mine" / "de" / "corpus.jsonl").write_text(lines(CORPUS[:2]), "utf-8")
    with pytest.raises(DataError, match=r"does not hold the files that Mine is scored on"):
        read(card)
    (tmp_path / "mine" / "de" / "qrels" / "test.tsv").unlink()
    with pytest.raises(DataError, match=re.escape("Mine: there is no ")):
        read(card)


def test_a_card_leaves_out_only_settings_that_it_has(mine: Callable[[str], TaskCard]) -> None:
    with pytest.raises(CardError, match="wrong value of without"):
        mine('["en-fr"]')


def test_an_exported_benchmark_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "x" / "de")
    write(tmp_path / "x" / "en", qrels=f"{HEADER}q1\td2\t1\n")
    card, _ = beir_card(tmp_path / "x")
    first = read(card)
    for part in parts(first, card.settings(RetrievalMode.mono)):
        write_beir(part, tmp_path / "y" / part.setting.subset)
    again = read(beir_card(tmp_path / "y")[0])
    assert (again.passages, again.queries) == (first.passages, first.queries)
    for field in ("query_rows", "passage_rows", "grades"):
        assert np.array_equal(getattr(again.qrels, field), getattr(first.qrels, field))

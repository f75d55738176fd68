"""A tiny benchmark in the LAReQA format, written by hand: two languages, five sentences."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.cards.task import TaskCard, read_task_card

Files = dict[str, Any]

CARD = """
name = "Tiny"
languages = ["en", "de"]
modes = ["mono", "cross", "multi"]
main_measure = "AP"
measures = ["AP", "P@1"]

[about]
title = "Tiny"
summary = "Five sentences about cats and dogs."
instruction = "Given a question, retrieve the sentence that answers it"
license = "cc0-1.0"
reference = "https://example.org/"
domains = ["Written"]
annotations = "human-annotated"
creation = "created"
dates = ["2026-01-01", "2026-01-02"]

[source]
format = "lareqa"
folder = "tiny"
revision = "1"

[source.sha256]
en = "SHA-EN"
de = "SHA-DE"

[counts.queries]
en = 3
de = 2

[counts.passages]
en = 3
de = 2
"""


def _question(question_id: str, text: str, start: int) -> dict[str, Any]:
    answers = [{"answer_start": start, "text": "-"}]
    return {"id": question_id, "question": text, "answers": answers}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's data, cache and cards out of these tests, and their traces out of his."""
    monkeypatch.setenv("XLIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XLIR_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def tiny_files() -> Files:
    """Two files; q1 and q2 are in both languages, q3 and the repeated sentence in English alone."""
    english = {
        "context": "Cats purr. Dogs bark.",
        "sentences": ["Cats purr.", "Dogs bark."],
        "sentence_breaks": [[0, 10], [11, 21]],
        "qas": [_question("q1", "Who purrs?", 0), _question("q2", "Who barks?", 11)],
    }
    repeated = {
        "context": "Cats purr.",
        "sentences": ["Cats purr."],
        "sentence_breaks": [[0, 10]],
        "qas": [_question("q3", "What do cats do?", 5)],
    }
    german = {
        "context": "Katzen schnurren. Hunde bellen.",
        "sentences": ["Katzen schnurren.", "Hunde bellen."],
        "sentence_breaks": [[0, 17], [18, 31]],
        "qas": [_question("q2", "Wer bellt?", 18), _question("q1", "Wer schnurrt?", 0)],
    }
    return {
        "en": {"data": [{"paragraphs": [english]}, {"paragraphs": [repeated]}]},
        "de": {"data": [{"paragraphs": [german]}]},
    }


@pytest.fixture
def tiny_card(tmp_path: Path) -> Callable[..., TaskCard]:
    """Return a function that writes files and their card; strings are written as they are."""

    def write(files: Files, *edits: tuple[str, str]) -> TaskCard:
        text = CARD
        for code, content in files.items():
            path = tmp_path / "tiny" / f"{code}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            text = text.replace(f"SHA-{code.upper()}", digest)
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        card = tmp_path / "Tiny.toml"
        card.write_text(text, "utf-8")
        return read_task_card(card)

    return write

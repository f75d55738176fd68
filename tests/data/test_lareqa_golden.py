"""XQuAD-R and MLQA-R as they were published: counts, and some texts by checksum.

Counts, ids and checksums were taken from the published files without our reader. Source of the
data: Roy et al. 2020, LAReQA, https://arxiv.org/abs/2004.05484.
"""

import hashlib
import os
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.core.collection import Collection
from xlir_bench.core.text import Passage, Query
from xlir_bench.paths import user_data_folder
from xlir_bench.readers.fetch import file_of
from xlir_bench.readers.read import read

pytestmark = pytest.mark.skipif(
    not os.environ.get("XLIR_DATA_DIR"),
    reason="XLIR_DATA_DIR does not name a folder with lareqa/xquad-r and lareqa/mlqa-r",
)

QUERIES = {
    "XQuADR": dict.fromkeys(
        ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"), 1190
    ),
    "MLQAR": {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504},
}
PASSAGES = {
    "XQuADR": {
        "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219,
        "th": 852, "tr": 1167, "vi": 1209, "zh": 1196,
    },
    "MLQAR": {
        "ar": 2545, "de": 2362, "en": 6264, "es": 1787, "hi": 2426, "vi": 2828, "zh": 2322,
    },
}  # fmt: skip

both = pytest.mark.parametrize("name", ["XQuADR", "MLQAR"])
_read: dict[str, Collection] = {}


def collection(name: str) -> Collection:
    """Return a benchmark, read once for all tests of this file."""
    if name not in _read:
        _read[name] = read(task_cards()[name])
    return _read[name]


class Pin(NamedTuple):
    """A text that must stay where it is."""

    position: int
    text_id: str
    sha256: str


def pin_of(texts: tuple[Passage, ...] | tuple[Query, ...], position: int) -> Pin:
    text = texts[position]
    text_id = text.passage_id if isinstance(text, Passage) else text.query_id
    return Pin(position, text_id, hashlib.sha256(text.text.encode()).hexdigest()[:12])


def in_language(name: str, code: str) -> tuple[tuple[Passage, ...], tuple[Query, ...]]:
    found = collection(name)
    return (
        tuple(p for p in found.passages if p.language.code == code),
        tuple(q for q in found.queries if q.language.code == code),
    )


@both
def test_the_files_are_those_of_the_folder_that_was_named(name: str) -> None:
    card, folder = task_cards()[name], user_data_folder()
    assert folder is not None
    assert all(file_of(card, x.code).is_relative_to(folder) for x in card.languages)


@both
def test_there_are_as_many_queries_per_language_as_published(name: str) -> None:
    assert Counter(q.language.code for q in collection(name).queries) == QUERIES[name]


@both
def test_there_are_as_many_passages_per_language_as_published(name: str) -> None:
    assert Counter(p.language.code for p in collection(name).passages) == PASSAGES[name]


@pytest.mark.parametrize(("name", "n"), [("XQuADR", 143_990), ("MLQAR", 15_747)])
def test_there_are_as_many_judgements_as_parallel_questions_make(name: str, n: int) -> None:
    assert len(collection(name).qrels) == n


def test_every_query_of_xquad_r_has_eleven_relevant_passages() -> None:
    found = collection("XQuADR")
    assert set(np.bincount(found.qrels.query_rows, minlength=len(found.queries))) == {11}


def test_the_relevant_passages_of_an_xquad_r_query_are_in_eleven_languages() -> None:
    found = collection("XQuADR")
    pairs = zip(found.qrels.query_rows.tolist(), found.qrels.passage_rows.tolist(), strict=True)
    assert len({(q, found.passages[p].language) for q, p in pairs}) == 143_990


def test_questions_of_mlqa_r_are_parallel_in_two_to_four_languages() -> None:
    languages_of_topic = Counter(q.topic_id for q in collection("MLQAR").queries)
    assert len(languages_of_topic) == 1148
    assert Counter(languages_of_topic.values()) == {4: 820, 3: 263, 2: 65}


def test_every_question_of_mlqa_r_is_asked_in_english() -> None:
    topics = {q.topic_id for q in collection("MLQAR").queries}
    _, english = in_language("MLQAR", "en")
    assert {q.topic_id for q in english} == topics


@pytest.mark.parametrize(
    "pin",
    [
        Pin(0, "de:000.000.000", "14da409a3dcc"),
        Pin(9, "de:000.001.002", "44b370af09f6"),
        Pin(-1, "de:047.004.002", "b237dacfedee"),
    ],
    ids=["first", "tenth", "last"],
)
def test_german_passages_of_xquad_r_are_the_published_ones(pin: Pin) -> None:
    assert pin_of(in_language("XQuADR", "de")[0], pin.position) == pin


@pytest.mark.parametrize(
    "pin",
    [
        Pin(0, "de:56beb4343aeaaa14008c925b", "1cf1eecf7d75"),
        Pin(9, "de:56d6f3500d65d21400198294", "bd1fc73de4a8"),
        Pin(-1, "de:5737a25ac3c5551400e51f54", "03091c48d40a"),
    ],
    ids=["first", "tenth", "last"],
)
def test_german_questions_of_xquad_r_are_the_published_ones(pin: Pin) -> None:
    assert pin_of(in_language("XQuADR", "de")[1], pin.position) == pin


@pytest.mark.parametrize(
    "pin",
    [
        Pin(0, "en:000.000.000", "b5963fc2e722"),
        Pin(9, "en:001.000.006", "d1efeb873250"),
        Pin(-1, "en:519.000.002", "04b9c4ac4803"),
    ],
    ids=["first", "tenth", "last"],
)
def test_english_passages_of_mlqa_r_are_the_published_ones(pin: Pin) -> None:
    assert pin_of(in_language("MLQAR", "en")[0], pin.position) == pin


@pytest.mark.parametrize(
    "pin",
    [
        Pin(0, "en:569666f4dc3983dab5624e989212c1d9d0cd1798", "0bdc1486f757"),
        Pin(9, "en:d84a733918fdcb57c2204e07521f20c14dde0415", "9837a2e9762a"),
        Pin(-1, "en:3e53e3bc32c88ad0f7c69dd82e2809c4effef512", "fbd192a80c05"),
    ],
    ids=["first", "tenth", "last"],
)
def test_english_questions_of_mlqa_r_are_the_published_ones(pin: Pin) -> None:
    assert pin_of(in_language("MLQAR", "en")[1], pin.position) == pin

"""The pairs that we wrote: parallel, clean, apart from those to choose by and from benchmarks."""

import gzip
import json
import re
import unicodedata

import pytest

from xlir_bench.cards.load import find_recipe, task_cards
from xlir_bench.core.language import language
from xlir_bench.paths import data_folder, user_data_folder
from xlir_bench.readers.read import read

FOLDER = data_folder("models") / "pairs"
CODES = ("ar", "de", "en", "es", "hi", "ru", "th", "tr", "zh")
SETS = ("reading", "reading-held-out")
SCRIPTS = {"ar": "ARABIC", "hi": "DEVANAGARI", "ru": "CYRILLIC", "th": "THAI", "zh": "CJK"}
DOCUMENT = next(re.compile(s.document) for s in find_recipe("hybrid").sources if s.name == SETS[0])
"""``slug-01`` is a sentence of an article, ``area-001#2`` of a passage."""

every_set = pytest.mark.parametrize("name", SETS)


def rows(name: str, code: str) -> dict[str, tuple[str, str]]:
    """Return query and passage of each id, and fail where an id comes twice."""
    found: dict[str, tuple[str, str]] = {}
    with gzip.open(FOLDER / name / f"{code}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            assert set(row) == {"id", "query", "passage"}
            assert row["id"] not in found
            found[row["id"]] = (row["query"], row["passage"])
    return found


def document(pair_id: str) -> str:
    found = DOCUMENT.match(pair_id)
    assert found, pair_id
    return found[1]


def test_every_set_that_is_described_is_there() -> None:
    described = re.findall(r"^\| `([a-z-]+)` \|", (FOLDER / "README.md").read_text("utf-8"), re.M)
    assert sorted(described) == sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@every_set
def test_all_languages_have_the_same_ids(name: str) -> None:
    assert {path.name for path in (FOLDER / name).iterdir()} == {f"{c}.jsonl.gz" for c in CODES}
    first = list(rows(name, "en"))
    assert len(first) > 500
    for code in CODES:
        assert list(rows(name, code)) == first, code


@every_set
def test_questions_of_a_document_have_different_answers(name: str) -> None:
    for code in CODES:
        found = rows(name, code)
        assert len({(document(i), passage) for i, (_, passage) in found.items()}) == len(found)
        assert len({(document(i), query) for i, (query, _) in found.items()}) == len(found)


@every_set
@pytest.mark.parametrize("code", CODES)
def test_texts_are_clean_and_in_their_script(name: str, code: str) -> None:
    letters, own = 0, 0
    for texts in rows(name, code).values():
        for text in texts:
            assert text == unicodedata.normalize("NFC", text).strip() != ""
            assert not [c for c in text if unicodedata.category(c)[0] == "C"], text
            for character in filter(str.isalpha, text):
                letters += 1
                own += unicodedata.name(character).startswith(SCRIPTS.get(code, "LATIN"))
    assert own / letters > 0.97


def test_no_document_is_in_both_sets() -> None:
    first, second = ({document(i) for i in rows(name, "en")} for name in SETS)
    assert not first & second


def texts_of(task: str, code: str) -> set[str]:
    """Return all texts of a benchmark in a language; of MIRACL the dev topics."""
    if task == "MIRACL":
        folder = user_data_folder()
        assert folder is not None
        files = folder.glob(f"miracl/**/topics.*-{code}-dev.tsv")
        lines = [x for file in files for x in file.read_text("utf-8").splitlines()]
        return {line.split("\t")[1].strip() for line in lines}
    card = task_cards()[task]
    if code not in {x.code for x in card.languages}:
        return set()
    found = read(card, [language(code)])
    return {x.text.strip() for x in (*found.queries, *found.passages)}


@every_set
@pytest.mark.parametrize("task", ["XLIRMini", "XQuADR", "MLQAR", "MIRACL"])
def test_no_text_is_one_of_a_benchmark(name: str, task: str) -> None:
    if task != "XLIRMini" and user_data_folder() is None:
        pytest.skip("XLIR_DATA_DIR does not name a folder with lareqa and miracl")
    seen = 0
    for code in CODES:
        theirs = texts_of(task, code)
        ours = {text for texts in rows(name, code).values() for text in texts}
        assert not theirs & ours, code
        seen += len(theirs)
    assert seen > 500  # else nothing was compared

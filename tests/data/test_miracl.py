"""MIRACL as published: counts of all 18 dev sets; and the reader's refusals."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.errors import DataError
from xlir_bench.readers.miracl import corpus_files
from xlir_bench.readers.read import read, read_any

# Counted in the published files without our reader: lines of topics, and judgements above 0.
DEV = {
    "ar": (2896, 5658), "bn": (411, 863), "de": (305, 811), "en": (799, 2326),
    "es": (648, 2987), "fa": (632, 1314), "fi": (1271, 2447), "fr": (343, 731),
    "hi": (350, 752), "id": (960, 3088), "ja": (860, 1790), "ko": (213, 547),
    "ru": (1252, 3560), "sw": (482, 910), "te": (828, 854), "th": (733, 1343),
    "yo": (119, 144), "zh": (393, 994),
}  # fmt: skip


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TaskCard:
    """Return MIRACL's card, beside published topics and a corpus of one passage a language."""
    data = os.environ.get("XLIR_DATA_DIR")
    if not data or not (Path(data) / "miracl" / "topics").is_dir():
        pytest.skip("XLIR_DATA_DIR does not name a folder with miracl/topics and miracl/qrels")
    folder = tmp_path / "miracl"
    folder.mkdir()
    for kind in ("topics", "qrels"):
        (folder / kind).symlink_to(Path(data) / "miracl" / kind)
    for code in DEV:
        shard = folder / f"miracl-corpus-v1.0-{code}" / "docs-0.jsonl.gz"
        shard.parent.mkdir()
        shard.touch()
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path))
    return task_cards()["MIRACL"]


def test_all_dev_sets_have_their_published_counts(card: TaskCard) -> None:
    judged = read_any(card)
    assert isinstance(judged, Judged)
    native = [only is None for only in judged.confined_to]
    queries = Counter(q.language.code for q, own in zip(judged.queries, native, strict=True) if own)
    assert queries == {code: n for code, (n, _) in DEV.items()}
    rows = judged.qrels.query_rows
    of = Counter(judged.queries[row].language.code for row in rows[np.array(native)[rows]])
    assert of == {code: relevant for code, (_, relevant) in DEV.items()}
    assert sum(card.counts.passages.values()) == 106_332_152  # as published for the 18 corpora


def test_fifty_topics_of_every_other_language_are_asked_in_english(card: TaskCard) -> None:
    judged = read_any(card)
    assert isinstance(judged, Judged)
    translated = [
        (q, only) for q, only in zip(judged.queries, judged.confined_to, strict=True) if only
    ]
    assert Counter(only.code for _, only in translated) == dict.fromkeys(DEV.keys() - {"en"}, 50)
    assert {q.language.code for q, _ in translated} == {"en"}
    native = {q.query_id for q in judged.queries}
    assert all(q.topic_id in native and q.query_id == f"{q.topic_id}>en" for q, _ in translated)
    own = {q.topic_id: q.text for q in judged.queries if ">" not in q.query_id}
    assert not [q.query_id for q, _ in translated if q.text == own[q.topic_id]]
    assert {str(s) for s in card.settings(RetrievalMode.cross)} == {
        f"cross/en-{code}" for code in DEV if code != "en"
    }


def test_a_benchmark_in_some_languages_has_a_name_of_its_own(card: TaskCard) -> None:
    some = card.restricted_to([language("te"), language("sw")])
    assert some.full_name == "MIRACL.sw+te"
    assert some.task_name(RetrievalMode.multi) == "MIRACLMulti.sw+te"
    assert [str(s) for s in some.settings()] == [
        "mono/sw", "mono/te", "cross/en-sw", "cross/en-te", "multi/sw", "multi/te",
    ]  # fmt: skip
    assert card.restricted_to([language("en")]).modes == (RetrievalMode.mono, RetrievalMode.multi)
    assert card.restricted_to(card.languages) is card


def test_translations_of_the_user_make_settings(
    card: TaskCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "miracl" / "translations"
    folder.mkdir()
    (folder / "sw-de.tsv").write_text("1\tWo liegt der See?\n", "utf-8")
    fresh = task_cards()["MIRACL"]
    assert "cross/de-sw" in {str(s) for s in fresh.settings(RetrievalMode.cross)}
    (folder / "sw-de.tsv").write_text("99999\tWo liegt der See?\n", "utf-8")
    with pytest.raises(DataError, match="translates 1 queries that MIRACL does not have"):
        read_any(fresh, [language("sw")])


def test_a_corpus_that_is_not_here_is_named_with_what_to_do(card: TaskCard, tmp_path: Path) -> None:
    (tmp_path / "miracl" / "miracl-corpus-v1.0-sw" / "docs-0.jsonl.gz").unlink()
    offline = replace(card, source=replace(card.source, corpus_hub=""))
    with pytest.raises(
        DataError, match=r"MIRACL/sw: no corpus found; set XLIR_DATA_DIR to a folder"
    ):
        read_any(offline, [language("sw")])


def test_shards_come_in_the_order_of_their_numbers(card: TaskCard, tmp_path: Path) -> None:
    folder = tmp_path / "miracl" / "miracl-corpus-v1.0-sw"
    for number in (10, 2, 1):
        (folder / f"docs-{number}.jsonl.gz").touch()
    names = [x.name for x in corpus_files(card, language("sw"))]
    assert names == ["sw/docs-0", "sw/docs-1", "sw/docs-2", "sw/docs-10"]


Edit = Callable[[str], str]


@pytest.mark.parametrize(
    ("kind", "edit", "message"),
    [
        ("topics", lambda text: text.replace("\t", " ", 1), "line 1: 1 fields instead of 2"),
        (
            "topics",
            lambda text: text.splitlines()[0].split("\t")[0] + "\t \n",
            "is empty or repeated",
        ),
        ("topics", lambda text: text + text, "is empty or repeated"),
        ("qrels", lambda text: text.replace("\t1\n", "\tyes\n", 1), "'yes' is not a whole number"),
    ],
)
def test_malformed_files_are_named(
    card: TaskCard, tmp_path: Path, kind: str, edit: Edit, message: str
) -> None:
    published = tmp_path / "miracl" / kind / f"{kind}.miracl-v1.0-sw-dev.tsv"
    text = edit(published.read_text("utf-8"))
    path = tmp_path / "miracl" / "miracl-v1.0-sw" / kind / published.name
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match="is not the file that MIRACL is scored on"):
        read_any(card, [language("sw")])
    field = "sha256" if kind == "topics" else "qrels_sha256"
    sums = getattr(card.source, field) | {"sw": hashlib.sha256(text.encode()).hexdigest()}
    pinned = replace(card, source=replace(card.source, **{field: sums}))
    with pytest.raises(DataError, match=message):
        read_any(pinned, [language("sw")])


def test_it_is_never_read_as_a_whole(card: TaskCard) -> None:
    with pytest.raises(DataError, match=r"too large to be read as a whole.* \(miracl-v1\.0-ar\)"):
        read(card)

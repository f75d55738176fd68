"""A task card for a BEIR folder that nobody has written a card for."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from xlir_bench.cards.task import About, Counts, Source, TaskCard
from xlir_bench.core.language import LANGUAGES, Language, language
from xlir_bench.core.mode import RetrievalMode, settings_of
from xlir_bench.errors import DataError
from xlir_bench.readers.beir_folder import (
    BEIR,
    BeirFolder,
    beir_sha256,
    collection_of,
    read_folder,
    text_file,
)
from xlir_bench.readers.lines import json_records

SPLITS = ("test", "dev", "train")
"""The split that is scored: the first of these that the folder has, else its only one."""

MEASURES = ("AP", "P@1", "P@5", "P@10", "R@1", "R@10", "R@100", "nDCG@10", "RR", "MaxRank")
LANGUAGE_MEASURES = (
    "MRD", "nMRD", "Complete@20", "TLR@20", "OwnFirst", "AboveShare", "AboveLift", "LangShare@10",
    "LangLift@10", "MRC@10",
)  # fmt: skip
INSTRUCTION = "Given a query, retrieve the passages that answer it"


def names_a_folder(name: str) -> bool:
    """Say whether a task's name is a path: it holds a slash, starts with . or ~, or is there."""
    return "/" in name or name.startswith((".", "~")) or Path(name).is_dir()


def beir_card(folder: Path) -> tuple[TaskCard, list[str]]:
    """Return a card for one BEIR folder, or for a folder of them named by language.

    A folder's language is its name ("de", or "de-de" as ``xlir-bench export beir`` writes it), or
    the field ``language`` of its first passage, else English. Several languages have the modes
    cross and multi if some query ids (or topics) are in more than one of them.

    Returns:
        The card, and what its user should know: a language that was guessed, ids taken as parallel.

    Raises:
        DataError: the folder is not there, is not of this form, or its files are malformed.

    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        msg = (
            f"there is no folder {folder}; a BEIR folder holds corpus.jsonl, queries.jsonl, qrels/"
        )
        raise DataError(msg)
    notes: list[str] = []
    places = _places(folder, notes)
    split = _split(folder, list(places.values()))
    files = {x: place / "qrels" / f"{split}.tsv" for x, place in places.items()}
    folders = [read_folder(x, qrels) for x, qrels in files.items()]
    modes, without = _modes(folders, notes)
    sums = {x.code: beir_sha256(qrels) for x, qrels in files.items()}
    card = TaskCard(
        name=_name(folder),
        path=folder,
        languages=tuple(files),
        modes=modes,
        main_measure="nDCG@10",
        measures=MEASURES + (LANGUAGE_MEASURES if RetrievalMode.multi in modes else ()),
        split=split,
        source=Source(BEIR, folder.name, "", "", sums),
        counts=Counts(
            {f.language.code: len(f.queries) for f in folders},
            {f.language.code: len(f.passages) for f in folders},
        ),
        about=_about(folder, next(iter(files.values()))),
        without=without,
    )
    collection_of(card.name, folders)  # repeated ids are found before anything is encoded
    return _with_revision(card), notes


def _places(folder: Path, notes: list[str]) -> dict[Language, Path]:
    """Return the folder of each language."""
    if text_file(folder, "corpus").is_file():
        return {_language(folder, notes): folder}
    inside = [p for p in sorted(folder.iterdir()) if text_file(p, "corpus").is_file()]
    if not inside:
        msg = (
            f"{folder} is not a BEIR folder: neither it nor a folder in it holds corpus.jsonl"
            " (with queries.jsonl and qrels/<split>.tsv)"
        )
        raise DataError(msg)
    places: dict[Language, Path] = {}
    for path in inside:
        codes = path.name.split("-")
        if len(codes) == 2 and codes[0] != codes[1]:  # "de-en", "de-multi": one language twice
            continue
        if codes[0] not in LANGUAGES or len(codes) > 2 or language(codes[0]) in places:
            msg = f"{path}: name the folder of a language by its ISO 639-1 code, once each: de, en"
            raise DataError(msg)
        places[language(codes[0])] = path
    if not places:
        msg = f"{folder} holds no folder with queries and passages of one language: de, or de-de"
        raise DataError(msg)
    return places


def _language(folder: Path, notes: list[str]) -> Language:
    """Return the language of a single folder."""
    codes = set(folder.name.split("-"))
    if len(codes) == 1 and codes <= set(LANGUAGES):
        return language(codes.pop())
    records = json_records(text_file(folder, "corpus"), "a passage", lambda record: record)
    code = str(next(records, {}).get("language") or "")
    if code in LANGUAGES:
        return language(code)
    notes.append(
        f"{folder} does not say its language: taken as English; to say it, move the files to"
        f" {folder.name}/<code>/ with an ISO 639-1 code such as de"
    )
    return language("en")


def _split(folder: Path, places: list[Path]) -> str:
    """Return the split that every language has."""
    found = [{path.stem for path in (place / "qrels").glob("*.tsv")} for place in places]
    common = set.intersection(*found)
    first = next((split for split in SPLITS if split in common), None)
    if first is None and len(common) == 1:
        first = common.pop()
    if first is None:
        msg = f"{folder}: no qrels/test.tsv, or another split that each language has"
        raise DataError(msg)
    return first


def _modes(
    folders: list[BeirFolder], notes: list[str]
) -> tuple[tuple[RetrievalMode, ...], frozenset[str]]:
    """Return the modes for which some queries are parallel, and the pairs for which none are."""
    topics = {f.language: {topic for _, _, topic in f.queries} for f in folders}
    pairs = settings_of(RetrievalMode.cross, list(topics))
    without = {
        s.subset for s in pairs if not topics[s.query_language] & topics[s.corpus_languages[0]]
    }
    if len(without) == len(pairs):
        return (RetrievalMode.mono,), frozenset()
    shared = {x for a in topics for b in topics if a != b for x in topics[a] & topics[b]}
    total = len(set.union(*topics.values()))
    notes.append(
        f"{len(shared):,} of {total:,} queries have the same id in two or more languages: taken as"
        " translations of each other; if they are not, use --mode mono"
    )
    modes = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
    return modes, frozenset(without)


def _name(folder: Path) -> str:
    """Return a folder's name as that of a task: "my-data" is "MyData"."""
    words = [word for word in re.split(r"\W+", folder.name) if word]
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name.isidentifier() else f"Folder{name}"


def _about(folder: Path, qrels: Path) -> About:
    changed = datetime.fromtimestamp(qrels.stat().st_mtime, tz=UTC).date().isoformat()
    return About(
        title=f"{folder.name} (BEIR folder)",
        summary=f"The BEIR folder {folder.name}.",
        instruction=INSTRUCTION,
        license="not specified",
        reference="",
        domains=(),
        annotations="derived",
        creation="found",
        dates=(changed, changed),
        bibtex="",
    )


def _with_revision(card: TaskCard) -> TaskCard:
    """Name the data by its checksum: mteb keeps no score of files that were changed since."""
    return replace(card, source=replace(card.source, revision=card.data_sha256[:16]))

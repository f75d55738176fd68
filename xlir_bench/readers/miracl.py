"""Read MIRACL's files: topics and judgements as TSV, corpora as shards of JSON lines.

``topics``: "qid<TAB>query". ``qrels``: "qid<TAB>Q0<TAB>docid<TAB>grade"; grade 0 is judged and not
relevant. ``translations``: topics again, with queries in another language. Source: Zhang et al.
2023, MIRACL, https://doi.org/10.1162/tacl_a_00595.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xlir_bench.cards.task import TRANSLATIONS, TaskCard
from xlir_bench.core.judged import CorpusFile, Judged, pooled_id
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Query
from xlir_bench.errors import DataError
from xlir_bench.paths import DATA_DIR_VARIABLE, cache_folder
from xlir_bench.readers.fetch import check_sha256


def read_miracl(card: TaskCard, languages: Sequence[Language]) -> Judged:
    """Return the queries, judgements and corpus files of some languages; no corpus is read.

    Raises:
        DataError: a file is missing, altered or malformed.

    """
    queries: list[Query] = []
    confined: list[Language | None] = []
    judgements: list[tuple[int, str, int]] = []
    files: list[CorpusFile] = []
    for language in languages:
        asked = _topics(_checked(card, "topics", language), language, language)
        qrels = list(_judgements(_checked(card, "qrels", language), language))
        files += corpus_files(card, language)
        parts = [(None, asked), *_translated(card, language, {q.topic_id for q in asked})]
        for only, part in parts:
            row_of = {q.topic_id: len(queries) + i for i, q in enumerate(part)}
            queries += part
            confined += [only] * len(part)
            judgements += [(row_of[t], p, g) for t, p, g in qrels if t in row_of]
    order = sorted({passage for _, passage, _ in judgements}, key=str.encode)
    row = {passage: position for position, passage in enumerate(order)}
    table = np.array([(q, row[p], g) for q, p, g in judgements], dtype=np.int64).reshape(-1, 3)
    return Judged(
        name=card.name,
        queries=tuple(queries),
        confined_to=tuple(confined),
        relevant=tuple(order),
        qrels=Qrels(table[:, 0], table[:, 1], table[:, 2]),
        files=tuple(files),
    )


def corpus_files(card: TaskCard, language: Language) -> list[CorpusFile]:
    """Return the shards of one language's corpus, in the order of their numbers.

    Raises:
        DataError: there are none here, and none can be had from the hub.

    """
    patterns = _patterns(card, "corpus", language)
    if not found_corpus(card, language):
        _from_hub(card, card.source.corpus_hub, patterns, language)
    if not (found := found_corpus(card, language)):
        raise _missing(card, "corpus", language)
    return [CorpusFile(language, path) for path in found]


def found_corpus(card: TaskCard, language: Language) -> list[Path]:
    """Return the shards that are here: those of the first pattern in the first folder with any."""
    patterns = _patterns(card, "corpus", language)
    places = (list(root.glob(pattern)) for root in card.data_folders for pattern in patterns)
    return sorted(next((found for found in places if found), []), key=_number)


def find_file(card: TaskCard, kind: str, language: Language) -> Path | None:
    """Return a language's file of one kind where it lies already, None if it does not."""
    names = _patterns(card, kind, language)
    places = (root / name for root in card.data_folders for name in names)
    return next((place for place in places if place.is_file()), None)


def _checked(card: TaskCard, kind: str, language: Language) -> Path:
    """Return a language's topics or judgements with the checksum of the card."""
    path = find_file(card, kind, language)
    if path is None:
        _from_hub(card, card.source.hub, _patterns(card, kind, language), language)
        path = find_file(card, kind, language)
    if path is None:
        raise _missing(card, kind, language)
    sums = card.source.sha256 if kind == "topics" else card.source.qrels_sha256
    check_sha256(path, sums[language.code], card.name)
    return path


def _topics(path: Path, language: Language, asked_in: Language) -> list[Query]:
    """Return the queries of a file; ids are unique over languages, topics shared by translations.

    "sw:12" is a query in Swahili and "sw:12>en" its English translation.
    """
    is_own = language == asked_in
    queries = {}
    for number, fields in _rows(path, 2):
        topic_id = pooled_id(language, fields[0])
        name = topic_id if is_own else f"{topic_id}>{asked_in.code}"
        text = fields[1].strip()
        if not text or topic_id in queries:
            msg = f"{path}, line {number}: query {fields[0]!r} is empty or repeated"
            raise DataError(msg)
        queries[topic_id] = Query(name, text, asked_in, topic_id)
    return list(queries.values())


def _judgements(path: Path, language: Language) -> Iterator[tuple[str, str, int]]:
    """Yield topic, passage id and grade of what is relevant."""
    for number, (topic, _, passage, grade) in _rows(path, 4):
        if not grade.lstrip("-").isdigit():
            msg = f"{path}, line {number}: the grade {grade!r} is not a whole number"
            raise DataError(msg)
        if int(grade) > 0:
            yield pooled_id(language, topic), pooled_id(language, passage), int(grade)


def _translated(
    card: TaskCard, language: Language, topics: set[str]
) -> Iterator[tuple[Language, list[Query]]]:
    """Yield the corpus and the queries of every translation of one language's queries."""
    if RetrievalMode.cross not in card.modes:
        return
    for target in [x for x, corpus in card.pairs or () if corpus == language]:
        names = _patterns(card, TRANSLATIONS, language, target)
        places = [root / name for root in card.data_folders for name in names]
        path = next(place for place in places if place.is_file())
        queries = _topics(path, language, target)
        unknown = [q for q in queries if q.topic_id not in topics]
        if unknown:
            msg = (
                f"{path} translates {len(unknown)} queries that {card.name} does not have, first"
                f" {unknown[0].topic_id!r}"
            )
            raise DataError(msg)
        yield language, queries


def _rows(path: Path, n_fields: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of every line of a TSV file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise DataError(msg) from error
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != n_fields:
            msg = f"{path}, line {number}: {len(fields)} fields instead of {n_fields}"
            raise DataError(msg)
        yield number, fields


def _patterns(
    card: TaskCard, kind: str, language: Language, target: Language | None = None
) -> list[str]:
    codes = {"language": language.code, "target": target.code if target else ""}
    return [pattern.format(**codes) for pattern in card.source.files.get(kind, ())]


def _number(path: Path) -> tuple[int, str]:
    """Order docs-10 after docs-9."""
    found = re.search(r"(\d+)", path.name)
    return (int(found[1]) if found else 0, path.name)


def _from_hub(card: TaskCard, hub: str, patterns: Sequence[str], language: Language) -> None:
    """Download files of one language to the cache, with the hub's own checks and resume.

    Raises:
        DataError: the hub cannot be reached or does not have them.

    """
    if not hub:
        return
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only a download pays for it
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    unfinished = cache_folder() / "data" / "unfinished" / hub
    try:
        snapshot_download(
            hub,
            repo_type="dataset",
            revision=card.source.revision,
            allow_patterns=list(patterns),
            local_dir=unfinished,
        )
        for pattern in patterns:
            _move_together(unfinished, card.data_folders[-1], pattern)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        place = f"set {DATA_DIR_VARIABLE} to a folder that holds {card.source.folder}/{patterns[0]}"
        msg = f"{card.name}/{language.code}: cannot download {hub} ({reason[:160]}); {place}"
        raise DataError(msg) from error


def _move_together(source: Path, target: Path, pattern: str) -> None:
    """Move what a download brought; the files of a folder all at once, so that none is missing."""
    for folder in {path.parent for path in source.glob(pattern)}:
        place = target / folder.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            for path in folder.iterdir():
                path.replace(place / path.name)
        else:
            folder.rename(place)


def _missing(card: TaskCard, kind: str, language: Language) -> DataError:
    names = " or ".join(_patterns(card, kind, language))
    return DataError(
        f"{card.name}/{language.code}: no {kind} found; set {DATA_DIR_VARIABLE} to a folder with"
        f" {card.source.folder}/{names}"
    )

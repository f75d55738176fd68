"""Task card to collection: the right reader, then the counts of the card."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import Language
from xlir_bench.errors import CardError, DataError
from xlir_bench.readers.beir_folder import BEIR, read_beir
from xlir_bench.readers.fetch import file_of
from xlir_bench.readers.hub_beir import read_hub_beir
from xlir_bench.readers.lareqa import read_lareqa
from xlir_bench.readers.miracl import read_miracl

Reader = Callable[[str, Iterable[tuple[Language, Path]]], Collection]

READERS: Mapping[str, Reader] = {"lareqa": read_lareqa, BEIR: read_beir}
"""A reader for each format of one file per language that cards may name."""

WHOLE: Mapping[str, Callable[[TaskCard, Sequence[Language]], Collection]] = {
    "hub-beir": read_hub_beir
}
"""A reader for each format that finds its files itself."""

STREAMED: Mapping[str, Callable[[TaskCard, Sequence[Language]], Judged]] = {"miracl": read_miracl}
"""Formats whose corpora are never in memory as a whole."""


def is_streamed(card: TaskCard) -> bool:
    """Say whether a benchmark's corpora are read as streams."""
    return card.source.format in STREAMED


def read_any(card: TaskCard, languages: Iterable[Language] | None = None) -> Collection | Judged:
    """Return all texts of a card, or its queries and the files of corpora that are streamed.

    Raises:
        CardError: the card names a format that nobody reads.
        DataError: a file is missing, altered or malformed, or has other counts than the card says.

    """
    if not is_streamed(card):
        return read(card, languages)
    wanted = set(card.languages if languages is None else languages)
    judged = STREAMED[card.source.format](card, [x for x in card.languages if x in wanted])
    own = [q for q, only in zip(judged.queries, judged.confined_to, strict=True) if only is None]
    queries = Counter(q.language.code for q in own)
    codes = [x.code for x in judged.languages]
    _check_number(card, "queries", card.counts.queries, queries, codes)
    return judged


def read(card: TaskCard, languages: Iterable[Language] | None = None) -> Collection:
    """Return the collection of a card, in all of its languages or in some.

    Raises:
        CardError: the card names a format that nobody reads.
        DataError: a file is missing, altered or malformed, or has other counts than the card says.

    """
    if is_streamed(card):
        msg = f"{card.name} is too large to be read as a whole: only encoders can be run on it"
        if card.source.bm25_index:
            index = card.source.bm25_index.format(language=card.languages[0].code)
            msg += f"; for BM25 Pyserini has prebuilt indexes ({index})"
        raise DataError(msg)
    wanted = set(card.languages if languages is None else languages)
    chosen = [x for x in card.languages if x in wanted]
    if card.source.format in WHOLE:
        collection = WHOLE[card.source.format](card, chosen)
        _check_counts(card, collection, [x.code for x in chosen])
        return collection
    if card.source.format not in READERS:
        known = ", ".join([*READERS, *WHOLE, *STREAMED])
        msg = f"{card.path}: format {card.source.format!r} is not one of {known}"
        raise CardError(msg)
    files = [(x, file_of(card, x.code)) for x in chosen]
    collection = READERS[card.source.format](card.name, files)
    _check_counts(card, collection, [language.code for language, _ in files])
    return collection


def _check_counts(card: TaskCard, collection: Collection, codes: Sequence[str]) -> None:
    queries = Counter(q.language.code for q in collection.queries)
    passages = Counter(p.language.code for p in collection.passages)
    _check_number(card, "queries", card.counts.queries, queries, codes)
    _check_number(card, "passages", card.counts.passages, passages, codes)


def _check_number(
    card: TaskCard,
    kind: str,
    expected: Mapping[str, int],
    found: Counter[str],
    codes: Sequence[str],
) -> None:
    for code in codes:
        if expected.get(code, found[code]) != found[code]:
            msg = (
                f"{card.name}/{code}: {found[code]} {kind} found but the card says {expected[code]}"
            )
            raise DataError(msg)

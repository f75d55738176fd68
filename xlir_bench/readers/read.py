"""Task card to collection: the right reader, then the counts of the card."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.errors import CardError, DataError
from xlir_bench.readers.beir_folder import BEIR, read_beir
from xlir_bench.readers.fetch import file_of
from xlir_bench.readers.lareqa import read_lareqa

Reader = Callable[[str, Iterable[tuple[Language, Path]]], Collection]

READERS: Mapping[str, Reader] = {"lareqa": read_lareqa, BEIR: read_beir}
"""A reader for each file format that cards may name."""


def read(card: TaskCard, languages: Iterable[Language] | None = None) -> Collection:
    """Return the collection of a card, in all of its languages or in some.

    Raises:
        CardError: the card names a format that nobody reads.
        DataError: a file is missing, altered or malformed, or has other counts than the card says.

    """
    if card.source.format not in READERS:
        msg = f"{card.path}: format {card.source.format!r} is not one of {', '.join(READERS)}"
        raise CardError(msg)
    wanted = set(card.languages if languages is None else languages)
    files = [(x, file_of(card, x.code)) for x in card.languages if x in wanted]
    collection = READERS[card.source.format](card.name, files)
    _check_counts(card, collection, [language.code for language, _ in files])
    return collection


def _check_counts(card: TaskCard, collection: Collection, codes: Iterable[str]) -> None:
    found = {
        "queries": Counter(q.language.code for q in collection.queries),
        "passages": Counter(p.language.code for p in collection.passages),
    }
    for kind, expected in (("queries", card.counts.queries), ("passages", card.counts.passages)):
        for code in codes:
            n = found[kind][code]
            if expected.get(code, n) != n:
                msg = f"{card.name}/{code}: {n} {kind} found but the card says {expected[code]}"
                raise DataError(msg)

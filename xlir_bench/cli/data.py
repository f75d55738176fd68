"""``xlir-bench data``: fetch and check a benchmark's files."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.cli.names import benchmark
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import Language
from xlir_bench.readers.fetch import candidates, file_of
from xlir_bench.readers.miracl import find_file, found_corpus
from xlir_bench.readers.read import is_streamed, read_any


def data(
    names: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    /,
    *,
    check: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Download what is missing, or only say where each file is looked for.

    Without names it lists the files of every benchmark and downloads nothing. Files are looked for
    beside the card, in XLIR_DATA_DIR, then in the cache (XLIR_CACHE_DIR), and must have the card's
    checksums.

    Parameters
    ----------
    names:
        Benchmarks whose files to fetch.
    check:
        Read the files too, and check counts, offsets and ids.

    """
    for card in [benchmark(name) for name in names] or task_cards().values():
        if names and card.source.hub:
            read_any(card)  # downloads what is missing
        for language in card.languages:
            where = _place(card, language, fetch=bool(names))
            sys.stdout.write(f"{card.name}\t{language.code}\t{where or 'not here yet'}\n")
        if check and names:
            texts = read_any(card)
            passages = (
                f"{len(texts.files):,} corpus files"
                if isinstance(texts, Judged)
                else f"{len(texts.passages):,} passages"
            )
            sys.stdout.write(
                f"{card.name}\tread\t{len(texts.queries):,} queries, {passages},"
                f" {len(texts.qrels):,} judgements\n"
            )


def _place(card: TaskCard, language: Language, *, fetch: bool) -> str | Path | None:
    """Return where a language's files lie, None if they are not here."""
    if is_streamed(card):
        topics = find_file(card, "topics", language)
        shards = found_corpus(card, language)
        return f"{topics} and {len(shards)} corpus files" if topics and shards else None
    if card.source.hub:
        return f"{card.source.hub} at {card.source.revision[:8]}" if fetch else None
    places = candidates(card, language.code)
    found = next((place for place in places if place.is_file()), None)
    return file_of(card, language.code) if fetch else found

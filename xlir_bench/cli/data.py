"""``xlir-bench data``: fetch and check a benchmark's files."""

import sys
from typing import Annotated

from cyclopts import Parameter

from xlir_bench.cards.load import task_cards
from xlir_bench.cli.names import benchmark
from xlir_bench.readers.fetch import candidates, file_of
from xlir_bench.readers.read import read


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
        for language in card.languages:
            places = candidates(card, language.code)
            found = next((place for place in places if place.is_file()), None)
            path = file_of(card, language.code) if names else found
            sys.stdout.write(f"{card.name}\t{language.code}\t{path or 'not here yet'}\n")
        if check and names:
            collection = read(card)
            sys.stdout.write(
                f"{card.name}\tread\t{len(collection.queries):,} queries,"
                f" {len(collection.passages):,} passages, {len(collection.qrels):,} judgements\n"
            )

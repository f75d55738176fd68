"""``xlir-bench tasks``: what can be measured."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter
from rich import box
from rich.table import Table

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.cli.names import benchmark
from xlir_bench.results.table import show


def tasks(
    name: str | None = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """List the benchmarks, or describe one: languages, counts, licence, citation.

    A task is a benchmark ("XQuADR") or one mode of it ("XQuADRMono", "XQuADRCross",
    "XQuADRMulti"). Cards in the config folder's ``tasks/`` are listed too.

    Parameters
    ----------
    name:
        A benchmark to describe.
    as_json:
        Print JSON.

    """
    chosen = list(task_cards().values()) if name is None else [benchmark(name)]
    if as_json:
        json.dump([_record(card) for card in chosen], sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    elif name:
        _describe(chosen[0])
    else:
        _list(chosen)


def _list(cards: list[TaskCard]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("task", "languages", "queries", "passages", "settings", "licence", "about"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for card in cards:
        table.add_row(
            card.name,
            str(len(card.languages)),
            f"{sum(card.counts.queries.values()):,}" if card.counts.queries else "-",
            f"{sum(card.counts.passages.values()):,}" if card.counts.passages else "-",
            str(len(card.settings())),
            card.about.license,
            card.about.title,
        )
    show(table)


_NUMBERS = {"languages", "queries", "passages", "settings"}


def _describe(card: TaskCard) -> None:
    write = sys.stdout.write
    write(f"{card.about.title}\n{card.about.summary}\n\n")
    write(f"licence    {card.about.license}\nreference  {card.about.reference}\n")
    write(
        f"modes      {', '.join(f'{m} ({len(card.settings(m))} settings)' for m in card.modes)}\n"
    )
    write(f"measures   {', '.join(card.measures)}\n")
    write(f"data       {card.source.folder}, sha256 {card.data_sha256}\n")
    if card.source.bm25_index:
        write(f"BM25       Pyserini's prebuilt indexes {card.source.bm25_index}\n")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "language", "queries", "passages"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for x in card.languages:
        queries, passages = card.counts.queries.get(x.code, 0), card.counts.passages.get(x.code, 0)
        table.add_row(x.code, x.name, f"{queries:,}", f"{passages:,}")
    show(table)
    write(f"{card.about.bibtex}\n" if card.about.bibtex else "")


def _record(card: TaskCard) -> dict[str, object]:
    return {
        "name": card.name,
        "title": card.about.title,
        "languages": [x.code for x in card.languages],
        "modes": [mode.value for mode in card.modes],
        "measures": list(card.measures),
        "queries": card.counts.queries,
        "passages": card.counts.passages,
        "license": card.about.license,
        "data_sha256": card.data_sha256,
    }

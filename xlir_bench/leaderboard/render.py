"""From folders of results to the text of a table or a page."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError, UsageError
from xlir_bench.leaderboard.board import Board, Choice, make_board
from xlir_bench.leaderboard.formats import as_json, delimited, markdown
from xlir_bench.leaderboard.latex import latex
from xlir_bench.leaderboard.page import page
from xlir_bench.leaderboard.record import find_records
from xlir_bench.leaderboard.reported import read_reported
from xlir_bench.paths import data_folder

Format = Literal["md", "csv", "latex", "html", "json"]


def boards_of(
    cards: Iterable[TaskCard],
    roots: Sequence[Path],
    choice: Choice,
    on_refused: Callable[[str], object],
) -> list[Board]:
    """Return the boards of those benchmarks that have results.

    Args:
        cards: benchmarks.
        roots: folders of results.
        choice: columns and order.
        on_refused: is told of every result that is left out, and why.

    Raises:
        ResultError: there is no result.
        UsageError: a benchmark lacks a mode, or a name is not known.

    """
    reported = read_reported(data_folder("leaderboards") / "reported")
    boards = []
    names = []
    for card in cards:
        names.append(card.name)
        for lacking in (m for m in choice.modes if m not in card.modes):
            msg = f"{card.name} has no mode {lacking}, only {', '.join(card.modes)}"
            raise UsageError(msg)
        records, refused = find_records(card, roots)
        for line in refused:
            on_refused(line)
        if records:
            boards.append(make_board(card, records, choice, reported))
    if not boards:
        msg = (
            f"there is no result of {' or '.join(names)} in {', '.join(map(str, roots))};"
            f" make one with: xlir-bench run -m MODEL -t {names[0]} -o DIR"
        )
        raise ResultError(msg)
    return boards


def rendered(boards: Sequence[Board], output_format: Format, texts: Sequence[TaskCard] = ()) -> str:
    """Return boards in a format; ``texts`` names benchmarks whose texts a page shows."""
    match output_format:
        case "md":
            return "\n".join(map(markdown, boards))
        case "csv":
            first, *others = map(delimited, boards)
            return first + "".join(text.split("\n", 1)[1] for text in others)
        case "latex":
            return "\n".join(map(latex, boards))
        case "json":
            return as_json(boards)
        case "html":
            return page(boards, texts)

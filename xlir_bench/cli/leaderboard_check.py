"""``xlir-bench leaderboard --check``: do the published figures still follow from the ranks?"""

import sys
from collections.abc import Sequence
from pathlib import Path

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError
from xlir_bench.paths import data_folder

PAGE = "index.html"


def check_all(cards: Sequence[TaskCard], roots: Sequence[Path], *, shipped: bool) -> None:
    """Recompute every record, and every table and page that ships.

    Raises:
        ResultError: a record is refused, or something does not match.

    """
    from xlir_bench.adapters.mteb.check import check_record
    from xlir_bench.leaderboard.record import find_records

    n_records = n_figures = n_left_out = 0
    left_out: dict[str, None] = {}
    for card in cards or task_cards().values():
        records, refused = find_records(card, roots)
        if refused:
            raise ResultError(refused[0])
        for record in records:
            found = check_record(record)
            n_records += 1
            n_figures += found.n_figures
            n_left_out += found.n_left_out
            left_out |= dict.fromkeys(found.left_out if found.n_left_out else ())
    if not n_records:
        msg = f"there is nothing to check in {', '.join(map(str, roots))}"
        raise ResultError(msg)
    sys.stdout.write(f"{n_records} records: {n_figures:,} figures recomputed from rank tables\n")
    if n_left_out:
        names = ", ".join(left_out)
        sys.stdout.write(f"{n_left_out:,} need first passages, which are not kept: {names}\n")
    if shipped and len(roots) == 1:
        for path in _check_generated(cards, roots):
            sys.stdout.write(f"{path.name} is what the records give\n")


def _check_generated(cards: Sequence[TaskCard], roots: Sequence[Path]) -> list[Path]:
    """Return the tables and pages that ship, each the same as one made now.

    Raises:
        ResultError: one is not.

    """
    from xlir_bench.leaderboard.board import Choice
    from xlir_bench.leaderboard.render import boards_of, rendered

    folder = data_folder("leaderboards")
    boards = boards_of(cards or list(task_cards().values()), roots, Choice(), sys.stderr.write)
    shown = [b.card for b in boards if any(roots[0].glob(f"*/{b.card.name}.hits.parquet"))]
    made: list[tuple[Path, str]] = [
        (folder / f"{board.card.name}.md", rendered([board], "md")) for board in boards
    ]
    if not cards:
        made.append((folder / PAGE, rendered(boards, "html", shown)))
    for path, text in made:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            msg = f"{path} is not what the records give; make it again: {_command(path, shown)}"
            raise ResultError(msg)
    return [path for path, _ in made]


def _command(path: Path, shown: Sequence[TaskCard]) -> str:
    """Return the command that makes a table or page that ships."""
    texts = " ".join(card.name for card in shown)
    what = f"--format html --texts {texts}" if path.name == PAGE else f"-t {path.stem}"
    return f"xlir-bench leaderboard {what} -o {path}"

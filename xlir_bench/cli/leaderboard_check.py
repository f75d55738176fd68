"""``xlir-bench leaderboard --check``: do the published figures still follow from the ranks?"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError
from xlir_bench.paths import data_folder

if TYPE_CHECKING:
    from xlir_bench.adapters.mteb.check import Checked

PAGE = "index.html"


def check_all(cards: Sequence[TaskCard], roots: Sequence[Path], *, shipped: bool) -> None:
    """Recompute every record, and every table and page that ships.

    Raises:
        ResultError: a record is refused, or something does not match.

    """
    from xlir_bench.adapters.mteb.check import check_record
    from xlir_bench.leaderboard.record import find_records

    records = []
    for card in cards or task_cards().values():
        found, refused = find_records(card, roots)
        if refused:
            raise ResultError(refused[0])
        records += found
    if not records:
        msg = f"there is nothing to check in {', '.join(map(str, roots))}"
        raise ResultError(msg)
    _report([check_record(record) for record in records if record.has_ranks])
    own = [f"{r.model.name} on {r.card.name}" for r in records if not r.has_ranks]
    if own:
        sys.stdout.write(f"rank for themselves, so nothing to recompute: {', '.join(own)}\n")
    if shipped and len(roots) == 1:
        for path in _check_generated(cards, roots):
            sys.stdout.write(f"{path.name} is what the records give\n")


def _report(checked: "Sequence[Checked]") -> None:
    n_figures = sum(found.n_figures for found in checked)
    n_left_out = sum(found.n_left_out for found in checked)
    names = dict.fromkeys(m for found in checked if found.n_left_out for m in found.left_out)
    sys.stdout.write(f"{len(checked)} records: {n_figures:,} figures recomputed from rank tables\n")
    if n_left_out:
        listed = ", ".join(names)
        sys.stdout.write(f"{n_left_out:,} need first passages, which are not kept: {listed}\n")


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

"""x."""

from collections.abc import Sequence

from xlir_bench.cards.task import TaskCard
from xlir_bench.leaderboard.board import Board


def page(boards: Sequence[Board], texts: Sequence[TaskCard] = ()) -> str:
    """Return the page."""
    return f"{len(boards)} {len(texts)}"

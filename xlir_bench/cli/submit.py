"""``xlir-bench submit``: one model's results, checked and packed for the leaderboard."""

import sys
from pathlib import Path

from xlir_bench.cards.load import task_cards
from xlir_bench.errors import ResultError


def submit(results_folder: Path, out: Path, /) -> None:
    """Check one model's results and pack them into a folder for a pull request.

    Every figure is recomputed from the rank tables that the run left. The folder that is written,
    OUT/<org>__<model>, goes into leaderboards/results.

    Parameters
    ----------
    results_folder:
        Of one model, as xlir-bench run or mteb run wrote it: results/results/<org>__<model>.
    out:
        Folder to write; it must not be there yet.

    """
    from xlir_bench.leaderboard.record import Record, find_records

    if not results_folder.is_dir():
        msg = f"there is no results folder {results_folder}"
        raise ResultError(msg)
    records: list[Record] = []
    for card in task_cards().values():
        found, refused = find_records(card, [results_folder])
        if refused:
            raise ResultError(refused[0])
        records += found
    if not records:
        msg = f"{results_folder} holds no result of a benchmark; run: xlir-bench tasks"
        raise ResultError(msg)

    from xlir_bench.adapters.mteb.check import submit as pack

    checked = pack(records, out)
    for record, found_right in zip(records, checked, strict=True):
        sys.stdout.write(f"{record.card.name}: {found_right.n_figures:,} figures recomputed\n")
        if found_right.n_left_out:
            sys.stdout.write(
                f"  {found_right.n_left_out:,} need first passages and were not:"
                f" {', '.join(found_right.left_out)}\n"
            )
    folder = out / records[0].model.name.replace("/", "__")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    sys.stdout.write(f"packed: {folder} ({size / 1e6:.1f} MB)\n")

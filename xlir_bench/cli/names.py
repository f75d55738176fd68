"""Names on the command line to what they stand for."""

import sys
from collections.abc import Sequence
from pathlib import Path

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.mode import RetrievalMode, Setting, retrieval_mode
from xlir_bench.errors import ResultError, UnknownNameError, UsageError
from xlir_bench.results.rank_file import read_provenance

Chosen = tuple[TaskCard, tuple[RetrievalMode, ...]]
"""A benchmark and its modes."""


def benchmark(name: str) -> TaskCard:
    """Return the card of a benchmark, or one for the BEIR folder at a path.

    Raises:
        UnknownNameError: there is none of that name.
        DataError: the folder is not a BEIR folder.

    """
    cards = task_cards()
    if name not in cards:
        card = folder_benchmark(name)
        if card is None:
            hint = "list them with: xlir-bench tasks; a BEIR folder is given as ./folder"
            raise UnknownNameError(name, cards, kind="task", hint=hint)
        return card
    return cards[name]


def chosen_task(name: str, modes: Sequence[str] = ()) -> Chosen:
    """Return the card and the modes of a task: "XQuADR" has all of them, "XQuADRMono" one.

    Args:
        name: of a benchmark or of one mode of it, or the path of a BEIR folder.
        modes: only these; empty for all.

    Raises:
        UnknownNameError: there is no task or mode of that name.
        UsageError: the task has none of the modes.
        DataError: the path is not that of a BEIR folder.

    """
    wanted = [_mode(value) for value in modes]
    card, own = _task(name)
    kept = tuple(mode for mode in own if not wanted or mode in wanted)
    if not kept:
        msg = f"{name} has no mode {' or '.join(wanted)}, only {', '.join(own)}"
        raise UsageError(msg)
    return card, kept


def _mode(name: str) -> RetrievalMode:
    mode = retrieval_mode(name)
    if mode in {RetrievalMode.pool, RetrievalMode.pair}:
        msg = f"a {mode} is chosen with --pool en,de or --pool own,en, not with --mode"
        raise UsageError(msg)
    return mode


def _task(name: str) -> Chosen:
    known: dict[str, Chosen] = {}
    for card in task_cards().values():
        known[card.name] = (card, card.modes)
        known |= {card.task_name(mode): (card, (mode,)) for mode in card.modes}
    if name not in known:
        card_of_folder = folder_benchmark(name)
        if card_of_folder is None:
            hint = "list them with: xlir-bench tasks; a BEIR folder is given as ./folder"
            raise UnknownNameError(name, known, kind="task", hint=hint)
        return card_of_folder, card_of_folder.modes
    return known[name]


def settings_of_modes(chosen: Chosen) -> list[Setting]:
    """Return the settings of a benchmark's modes."""
    card, modes = chosen
    return [setting for mode in modes for setting in card.settings(mode)]


def folder_benchmark(name: str) -> TaskCard | None:
    """Return a card for the BEIR folder at a path, None if the name is not a path."""
    from xlir_bench.readers.beir_card import beir_card, names_a_folder

    if not names_a_folder(name):
        return None
    card, notes = beir_card(Path(name))
    for note in notes:
        sys.stderr.write(f"xlir-bench: {note}\n")
    return card


def check_data(ranks: Path, card: TaskCard) -> None:
    """Raise a ResultError if a rank table is of other files than the card names."""
    if read_provenance(ranks).get("data_sha256") != card.data_sha256:
        msg = f"{ranks} was computed on other files than the card {card.name} names; run again"
        raise ResultError(msg)

"""Scores on screen: one line per mode, and details by language on request."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.score import Score, macro


def mode_table(title: str, scores: Sequence[Score], measures: Sequence[str]) -> Table:
    """Return a table with one row per mode: the macro average over its settings."""
    table = _table(title, measures, ("mode", "settings"))
    for mode in RetrievalMode:
        settings = {score.setting for score in scores if score.setting.mode is mode}
        if settings:
            figures = [_figure(macro(scores, mode, measure), measure) for measure in measures]
            table.add_row(mode.value, str(len(settings)), *figures)
    return table


def macro_table(title: str, figures: dict[str, float], measures: Sequence[str]) -> Table:
    """Return the same table from macro averages named "mono/AP"."""
    table = _table(title, measures, ("mode",))
    for mode in RetrievalMode:
        if any(f"{mode}/{measure}" in figures for measure in measures):
            row = [_figure(figures.get(f"{mode}/{measure}"), measure) for measure in measures]
            table.add_row(mode.value, *row)
    return table


def language_table(title: str, scores: Sequence[Score], measures: Sequence[str]) -> Table:
    """Return a table with one row per setting."""
    table = _table(title, measures, ("setting", "queries"))
    by_setting: dict[Setting, dict[str, Score]] = {}
    for score in scores:
        by_setting.setdefault(score.setting, {})[score.measure] = score
    for setting, row in by_setting.items():
        values = [_figure(row[m].value if m in row else None, m) for m in measures]
        table.add_row(str(setting), str(max(s.n_queries for s in row.values())), *values)
    return table


def show(table: Table) -> None:
    """Print a table to standard output, as wide as its figures need: none is ever cut."""
    console = Console()
    unbounded = console.options.update(max_width=1000)
    width = Measurement.get(console, unbounded, table).maximum
    Console(width=max(width, console.width)).print(table)


def _table(title: str, measures: Sequence[str], first: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in first:
        table.add_column(name)
    for measure in measures:
        table.add_column(measure, justify="right")
    return table


def _figure(value: float | None, measure: str) -> str:
    """Print shares with four digits, ranks with one; a dash where a measure is not defined."""
    if value is None:
        return "-"
    return f"{value:,.1f}" if measure == "MRD" else f"{value:.4f}"

"""Scores on screen: a column for each mode, details by language on request."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.score import Comparison, Figure, Interval, Score

RANKS = ("MRD", "MaxRank")
"""Measures whose values are ranks, not shares."""

PAGE = 120
"""Characters a line where there is no terminal."""
CONSTANT = "PEER"
"""The measure that says nothing with one relevant passage in each language."""


def figure_table(title: str, figures: Sequence[Figure], measures: Sequence[str]) -> Table:
    """Return a table with a row for each measure and a column for each mode.

    Cells are macro averages over the settings of a mode with their 95 % intervals.
    """
    known = {(figure.mode, figure.measure): figure for figure in figures}
    modes = [mode for mode in RetrievalMode if any(figure.mode is mode for figure in figures)]
    table = _table(title, ["measure", *modes])
    for measure in measures:
        if any((mode, measure) in known for mode in modes):
            cells = [known.get((mode, measure)) for mode in modes]
            values = [_cell(c.value, c.interval, measure) if c else "-" for c in cells]
            table.add_row(measure, *values)
    table.caption = _caption(figures)
    return table


def _caption(figures: Sequence[Figure]) -> str | None:
    """Say what brackets are, what is left out of means, and which figure says nothing."""
    lines = []
    if any(figure.interval for figure in figures):
        lines.append("means over settings, [95 % bootstrap intervals over topics]")
    left_out = [f"{f.mode}/{f.measure} {f.n_undefined:,}" for f in figures if f.n_undefined]
    if left_out:
        lines.append(f"queries for which a measure is undefined, left out: {', '.join(left_out)}")
    flat = [f.measure for f in figures if f.measure.startswith(CONSTANT) and _is_flat(f.interval)]
    lines += [
        f"{measure} is constant with one relevant passage in each language: it says nothing here"
        for measure in dict.fromkeys(flat)
    ]
    return "\n".join(lines) or None


def _is_flat(interval: Interval | None) -> bool:
    return interval is not None and interval.high - interval.low < 1e-9


def language_table(title: str, scores: Sequence[Score], measures: Sequence[str]) -> Table:
    """Return a table with one row per setting."""
    found = {score.measure for score in scores}
    columns = [measure for measure in measures if measure in found]
    table = _table(title, ["setting", "queries", *columns])
    by_setting: dict[Setting, dict[str, Score]] = {}
    for score in scores:
        by_setting.setdefault(score.setting, {})[score.measure] = score
    for setting, row in by_setting.items():
        values = [figure(row[m].value, m) if m in row else "-" for m in columns]
        table.add_row(str(setting), str(max(s.n_queries for s in row.values())), *values)
    return table


def pair_table(
    title: str, rows: Mapping[str, Mapping[str, float]], measures: Sequence[str]
) -> Table:
    """Return a table with a row for each other language of a pair, the mean over own languages."""
    columns = [m for m in measures if any(m in row for row in rows.values())]
    table = _table(title, ["pool: own", *columns])
    for name, row in rows.items():
        table.add_row(name, *(figure(row[m], m) if m in row else "-" for m in columns))
    return table


def matrix_table(
    title: str, rows: Mapping[str, Mapping[str, float]], columns: Iterable[str]
) -> Table:
    """Return a table of shares by query language (rows) and another language (columns)."""
    names = list(columns)
    table = _table(title, ["query", *names])
    for name, values in rows.items():
        table.add_row(name, *(f"{values[x]:.3f}" if x in values else "-" for x in names))
    return table


def comparison_table(title: str, rows: Sequence[Comparison], names: Sequence[str]) -> Table:
    """Return a table with a row for each mode and measure; * where the corrected p is under .05."""
    first, second = short_names(names)
    table = _table(title, ["mode", "measure", first, second, "difference", "p", "p (Holm)", ""])
    for row in rows:
        change = row.difference
        table.add_row(
            row.mode.value,
            row.measure,
            figure(row.first, row.measure),
            figure(row.second, row.measure),
            _cell(change.value, change.interval, row.measure, sign="+"),
            f"{change.p_value:.4f}",
            f"{row.corrected:.4f}",
            "*" if row.corrected < 0.05 else "",
        )
    table.caption = (
        "differences of means over settings, [95 % bootstrap intervals over topics];"
        " paired randomisation test"
    )
    return table


def short_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of models or folders without what stands before the last slash.

    Where two would be the same ("bm25s/pooled" and "anserini/pooled"), both stay whole.
    """
    whole = [name.rstrip("/") for name in names]
    last = [name.split("/")[-1] for name in whole]
    return tuple(
        short if last.count(short) == 1 else name for short, name in zip(last, whole, strict=True)
    )


def pair_difference_table(
    title: str, rows: Mapping[str, Mapping[str, tuple[float, bool]]], columns: Iterable[str]
) -> Table:
    """Return differences by query language (rows) and corpus (columns), * where significant."""
    names = list(columns)
    table = _table(title, ["query", *names])
    for name, values in rows.items():
        cells = []
        for column in names:
            value, is_sure = values.get(column, (float("nan"), False))
            cells.append("-" if column not in values else f"{value:+.3f}{'*' if is_sure else ' '}")
        table.add_row(name, *cells)
    return table


def changed_table(
    title: str, rows: Iterable[tuple[str, str, float, float]], names: Sequence[str], measure: str
) -> Table:
    """Return a table of queries (id, setting, first, second), with their differences."""
    table = _table(title, ["query", "setting", *names, "difference"])
    for query_id, setting, first, second in rows:
        values = [figure(first, measure), figure(second, measure)]
        table.add_row(query_id, setting, *values, figure(first - second, measure, "+"))
    return table


def show(table: Table) -> None:
    """Print a table to standard output, as wide as its figures need: none is ever cut."""
    caption, table.caption = table.caption, None  # rich would fold it to the table's width
    console = Console()
    unbounded = console.options.update(max_width=1000)
    width = Measurement.get(console, unbounded, table).maximum
    Console(width=max(width, console.width)).print(table)
    if caption is not None:
        sys.stdout.write(f"{caption}\n\n")


def show_text(table: Table) -> None:
    """Print a table with long texts to standard output, folded to the terminal's width."""
    console = Console()
    (console if console.is_terminal else Console(width=PAGE)).print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(columns):
        table.add_column(name, justify="right" if position else "left")
    return table


def _cell(value: float, interval: Interval | None, measure: str, sign: str = "") -> str:
    if interval is None:
        return figure(value, measure, sign)
    low, high = (figure(x, measure, sign) for x in (interval.low, interval.high))
    return f"{figure(value, measure, sign)} \\[{low}, {high}]"


def figure(value: float, measure: str, sign: str = "") -> str:
    """Print shares with four digits, ranks with one; ``sign`` "+" to print that of both."""
    return f"{value:{sign},.1f}" if measure in RANKS else f"{value:{sign}.4f}"

"""Figures, marks and facts as text, the same in every format."""

from xlir_bench.leaderboard.board import Board, Cell, Key, Mark
from xlir_bench.leaderboard.record import Record
from xlir_bench.results.table import figure

NOT_KNOWN = "-"
ARROWS = {"higher": "↑", "lower": "↓", "-": ""}


def column_name(board: Board, key: Key) -> str:
    """Return a column's header: "multi MRD ↓"."""
    return f"{key.mode} {key.measure} {ARROWS[board.directions[key.measure]]}".rstrip()


def value(cell: Cell | None, key: Key) -> str:
    """Return a figure, or a dash where there is none."""
    return NOT_KNOWN if cell is None else figure(cell.value, key.measure)


def interval(cell: Cell | None, key: Key) -> str:
    """Return the 95 % interval of a figure, empty if there is none."""
    if cell is None or cell.interval is None:
        return ""
    low, high = (figure(x, key.measure) for x in (cell.interval.low, cell.interval.high))
    return f"[{low}, {high}]"


def parameters(record: Record) -> str:
    """Return the number of parameters: "118M", "0"."""
    n = record.model.n_parameters
    if n is None:
        return NOT_KNOWN
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if n >= size:
            shown = n / size
            return f"{shown:.1f}{unit}" if shown < 10 else f"{shown:.0f}{unit}"
    return str(n)


def dimensions(record: Record) -> str:
    """Return the dimension of the vectors."""
    n = record.model.dimensions
    return NOT_KNOWN if n is None else str(n)


def seconds(record: Record) -> str:
    """Return seconds of encoding and ranking on the record's machine."""
    n = record.seconds
    return NOT_KNOWN if n is None else f"{n:,.0f}"


def trained(record: Record) -> str:
    """Say whether a model has seen the benchmark: "no", "not known", or the names of data sets."""
    seen = record.seen
    if seen is None:
        return "not known"
    return ", ".join(sorted(seen)) or "no"


def notes(board: Board) -> list[str]:
    """Return what a reader of the table must know, one sentence a line."""
    marks = {cell.mark for row in board.rows for cell in row.cells.values()}
    lines = [
        "Means over the settings of a mode; 95 % bootstrap intervals over topics in brackets."
        f" Sorted by {board.sort}."
    ]
    if marks & {Mark.best, Mark.tied}:
        lines.append(
            "Bold: better than every other model by a paired randomisation test over topics"
            " (p < 0.05, Bonferroni for the number of other models). =: no model is best, and this"
            " one is not shown to be worse than the highest figure of the column (the lowest, where"
            " lower is better)."
        )
    lines.append(
        "Seconds: encoding and ranking on the record's machine; a dash where vectors came from an"
        " earlier run. Trained on it: data sets with the benchmark's texts that the model or its"
        " base has seen, as mteb or its card lists them."
    )
    if any(not row.record.has_ranks for row in board.rows):
        lines.append("°: ranks for itself; figures of its own result, not recomputed, not tested.")
    return lines

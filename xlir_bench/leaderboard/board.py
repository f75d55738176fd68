"""The table of a benchmark: a row for each model, best figures marked only where a test says so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from xlir_bench.cards.task import TaskCard
from xlir_bench.compare import same_queries
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.score import Interval
from xlir_bench.errors import ResultError, UnknownNameError
from xlir_bench.evaluate import Readings, per_query, readings, scorecard
from xlir_bench.leaderboard.record import Record
from xlir_bench.leaderboard.reported import Reported
from xlir_bench.measures.catalogue import Measure, parse_all
from xlir_bench.measures.significance import RESAMPLES, Column, p_values
from xlir_bench.results.hits_file import hits_beside
from xlir_bench.results.rank_file import read_rank_table

MEASURES = ("AP", "P@1", "P@10", "MRD", "TLR@20")
"""Columns of a table unless others are asked for."""
LEVEL = 0.05


class Mark(StrEnum):
    """What the paired test says of a figure in its column."""

    none = ""
    best = "best"
    """Better than every other model's, after correction for their number."""
    tied = "tied"
    """The best, or not shown to be worse than the best, where no model is better than all."""
    worse = "worse"
    """Worse than the best."""


@dataclass(frozen=True, slots=True)
class Key:
    """A column: a measure in a mode."""

    mode: RetrievalMode
    measure: str

    def __str__(self) -> str:
        """Print as results do: "multi/AP"."""
        return f"{self.mode}/{self.measure}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Attributes:
        value: macro average over the settings of the mode.
        interval: 95 % bootstrap interval over topics, None if there is none.
        mark: what the test says of it.
        p_value: of the difference to the best figure of the column, corrected; None for the best
            itself and where no test was made.

    """

    value: float
    interval: Interval | None = None
    mark: Mark = Mark.none
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One measured model.

    Attributes:
        record: where its figures come from.
        cells: by column; those that it has.

    """

    record: Record
    cells: Mapping[Key, Cell]


@dataclass(frozen=True, slots=True)
class Board:
    """The table of one benchmark.

    Attributes:
        card: the benchmark.
        keys: columns.
        directions: "higher", "lower" or "-" by measure.
        rows: measured models, sorted.
        sort: what they are sorted by, as text.
        reported: rows of papers, never mixed with measured ones.

    """

    card: TaskCard
    keys: tuple[Key, ...]
    directions: Mapping[str, str]
    rows: tuple[Row, ...]
    sort: str
    reported: tuple[Reported, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown.

    Attributes:
        modes: of the card; empty for all.
        measures: columns.
        sort: "multi/AP"; empty for the mean of the modes' main measure, the main score.

    """

    modes: Sequence[RetrievalMode] = ()
    measures: Sequence[str] = MEASURES
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is computed of one model: macro averages, and the values behind them.

    Attributes:
        cells: by column.
        columns: by column one for each setting, for tests.
        main: the main score.
        found: ranks of every setting.

    """

    cells: Mapping[Key, Cell]
    columns: Mapping[Key, list[Column]]
    main: float
    found: Readings = field(default_factory=lambda: Readings({}, 0))


def make_board(
    card: TaskCard,
    records: Iterable[Record],
    choice: Choice,
    reported: Sequence[Reported] = (),
    *,
    resamples: int = RESAMPLES,
) -> Board:
    """Return the table of a benchmark, every figure read from the exact ranks.

    O(models * (queries * settings * measures + resamples * topics * figures)) time;
    O(models * queries * settings * measures) memory, about 6 MB a model for 132 settings.

    Args:
        card: the benchmark.
        records: of that benchmark.
        choice: columns and order.
        reported: rows of papers; those of the benchmark and the columns are kept.
        resamples: of intervals and tests.

    Raises:
        UnknownNameError: a measure or the column to sort by is not known.
        ResultError: a rank table cannot be read.

    """
    measures = parse_all(choice.measures)
    modes = tuple(choice.modes) or card.modes
    known = {record: figures_of(record, measures, modes, resamples=resamples) for record in records}
    found = {key for figures in known.values() for key in figures.cells}
    keys = tuple(key for mode in modes for m in measures if (key := Key(mode, m.name)) in found)
    directions = {m.name: m.direction for m in measures}
    marked = mark_best(known, keys, directions, resamples=resamples)
    rows = [Row(record, marked[record]) for record in known]
    return Board(
        card=card,
        keys=keys,
        directions=directions,
        rows=_sorted(rows, known, keys, directions, choice.sort),
        sort=choice.sort or f"main score (mean of the modes' {card.main_measure})",
        reported=tuple(
            r for r in reported if r.benchmark == card.name and r.has_any(map(str, keys))
        ),
    )


def figures_of(
    record: Record,
    measures: Sequence[Measure],
    modes: Sequence[RetrievalMode],
    *,
    resamples: int = RESAMPLES,
) -> Figures:
    """Return one model's macro averages with intervals, from its ranks or else from its result.

    Runs of other systems may lack settings, and be too shallow for a measure in some: a mean over a
    part of a mode's settings is no figure of it, and without all modes there is no main score.
    """
    if not record.has_ranks:
        return _from_entry(record, measures, modes)
    hits = hits_beside(record.ranks) if any(m.own and m.own.needs_top for m in measures) else None
    settings = [s for mode in modes for s in record.card.settings(mode)]
    found = readings(read_rank_table(record.ranks), settings, hits)
    whole_modes = {m for m in modes if found.ranks.keys() >= {*record.card.settings(m)}}
    found = replace(found, ranks={s: r for s, r in found.ranks.items() if s.mode in whole_modes})
    columns: dict[Key, list[Column]] = {}
    for (setting, name), column in per_query(found, measures)[0].items():
        columns.setdefault(Key(setting.mode, name), []).append(column)
    whole = {k: v for k, v in columns.items() if len(v) == len(record.card.settings(k.mode))}
    card, _ = scorecard(found, measures, resamples=resamples)
    cells = {
        key: Cell(f.value, f.interval)
        for f in card.figures
        if (key := Key(f.mode, f.measure)) in whole
    }
    return Figures(cells, whole, _main_score(record, found, modes), found)


def _main_score(record: Record, found: Readings, modes: Sequence[RetrievalMode]) -> float:
    """Return the mean over modes of the macro main measure, NaN if it lacks in some setting."""
    main = parse_all([record.card.main_measure])
    means: dict[RetrievalMode, list[float]] = {mode: [] for mode in modes}
    for (setting, _), column in per_query(found, main)[0].items():
        means[setting.mode].append(float(np.nanmean(column.values)))
    if any(len(means[mode]) < len(record.card.settings(mode)) for mode in modes):
        return float("nan")
    return float(np.mean([np.mean(values) for values in means.values()]))


def _from_entry(
    record: Record, measures: Sequence[Measure], modes: Sequence[RetrievalMode]
) -> Figures:
    """Return the figures that a model's own result holds; nothing can be tested with them."""
    cells = {}
    for mode in modes:
        for measure in measures:
            name = f"{mode}/{measure.name}"
            if name in record.entry:
                low, high = (record.entry.get(f"{name}_{end}") for end in ("low", "high"))
                interval = None if low is None or high is None else Interval(low, high)
                cells[Key(mode, measure.name)] = Cell(float(record.entry[name]), interval)
    main = record.entry.get("main_score")
    return Figures(cells, {}, float("nan") if main is None else float(main))


def mark_best(
    known: Mapping[Record, Figures],
    keys: Sequence[Key],
    directions: Mapping[str, str],
    *,
    resamples: int = RESAMPLES,
) -> dict[Record, dict[Key, Cell]]:
    """Mark the best figure of every column, or those that a paired test cannot tell apart.

    The best of m models is tested against each of the others by the paired randomisation test of
    ``measures.significance``. It is marked best only if every p-value is under 0.05 after
    Bonferroni's correction for m - 1: whoever is best in truth, some other model is marked with a
    probability of at most 0.05, although the best was chosen by looking. Models without ranks are
    not tested; a column in which one of them leads has no mark.

    Args:
        known: figures and values by model.
        keys: columns.
        directions: which end is better; columns of measures without one have no mark.
        resamples: random swaps.

    """
    marked = {record: dict(figures.cells) for record, figures in known.items()}
    best = {key: _best(known, key, directions[key.measure]) for key in keys}
    for leader in {record for record in best.values() if record is not None}:
        led = [key for key in keys if best[key] is leader and key in known[leader].columns]
        _mark_column(marked, known, leader, led, resamples)
    return marked


def _best(known: Mapping[Record, Figures], key: Key, direction: str) -> Record | None:
    having = [record for record, figures in known.items() if key in figures.cells]
    if direction == "-" or len(having) < 2:
        return None
    sign = 1 if direction == "higher" else -1
    return max(having, key=lambda record: sign * known[record].cells[key].value)


def _mark_column(
    marked: dict[Record, dict[Key, Cell]],
    known: Mapping[Record, Figures],
    leader: Record,
    keys: Sequence[Key],
    resamples: int,
) -> None:
    """Test a leader's columns against all other models, and mark all of them."""
    mine = known[leader]
    p_of: dict[Key, dict[Record, float]] = {key: {} for key in keys}
    for record, figures in known.items():
        shared = [key for key in keys if record is not leader and key in figures.columns]
        if not shared:
            continue
        if not same_queries(mine.found, figures.found):
            a, b, task = leader.folder, record.folder, record.card.name
            msg = f"{a} and {b} are not of the same queries of {task}; run again"
            raise ResultError(msg)
        found = p_values(
            {key: mine.columns[key] for key in shared},
            {key: figures.columns[key] for key in shared},
            mine.found.n_topics,
            resamples,
        )
        for key, p_value in found.items():
            p_of[key][record] = p_value
    for key, raw in p_of.items():
        corrected = {record: min(1.0, p * len(raw)) for record, p in raw.items()}
        is_best = bool(raw) and all(p < LEVEL for p in corrected.values())
        cells = marked[leader]
        cells[key] = replace(cells[key], mark=Mark.best if is_best else Mark.tied)
        for record, p_value in corrected.items():
            mark = Mark.worse if p_value < LEVEL else Mark.tied
            marked[record][key] = replace(marked[record][key], mark=mark, p_value=p_value)


def _sorted(
    rows: Sequence[Row],
    known: Mapping[Record, Figures],
    keys: Sequence[Key],
    directions: Mapping[str, str],
    sort: str,
) -> tuple[Row, ...]:
    """Return the rows best first; those without the figure last."""
    if not sort:
        return tuple(sorted(rows, key=lambda row: _descending(known[row.record].main)))
    names = {str(key): key for key in keys}
    if sort not in names:
        raise UnknownNameError(sort, names, kind="column to sort by")
    key = names[sort]
    sign = -1 if directions[key.measure] == "lower" else 1
    return tuple(
        sorted(
            rows,
            key=lambda row: _descending(sign * row.cells[key].value if key in row.cells else None),
        )
    )


def _descending(value: float | None) -> tuple[bool, float]:
    return (True, 0.0) if value is None or np.isnan(value) else (False, -value)

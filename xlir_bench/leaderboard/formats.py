"""A board as Markdown, CSV, LaTeX and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from xlir_bench.leaderboard import words
from xlir_bench.leaderboard.board import Board, Key, Mark, Row
from xlir_bench.results.table import figure

FACTS = ("parameters", "dimensions", "licence", "seconds", "trained on it")
OWN_RANKING = "°"


def markdown(board: Board) -> str:
    """Return a table of GitHub's Markdown, notes and reported rows below it."""
    header = ["model", *(words.column_name(board, key) for key in board.keys), *FACTS]
    rows = [[_name(row), *(_markdown_cell(row, key) for key in board.keys), *_facts(row)]
            for row in board.rows]  # fmt: skip
    parts = [
        f"## {board.card.name}",
        board.card.about.summary,
        _pipes(header, rows, len(board.keys)),
    ]
    parts += ["\n".join(f"- {line}" for line in words.notes(board))]
    if board.reported:
        parts += ["### Reported by papers, not measured here", _reported(board)]
    return "\n\n".join(parts) + "\n"


def _pipes(header: Sequence[str], rows: Sequence[Sequence[str]], n_figures: int) -> str:
    rule = ["---", *["---:"] * n_figures, *["---"] * (len(header) - 1 - n_figures)]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(header), rule, *escaped])


def _name(row: Row) -> str:
    model = row.record.model
    revision = f" `{model.revision[:8]}`" if model.revision else ""
    return f"{model.name}{revision}{'' if row.record.has_ranks else OWN_RANKING}"


def _facts(row: Row) -> list[str]:
    record = row.record
    return [
        words.parameters(record),
        words.dimensions(record),
        record.model.license or words.NOT_KNOWN,
        words.seconds(record),
        words.trained(record),
    ]


def _markdown_cell(row: Row, key: Key) -> str:
    cell = row.cells.get(key)
    shown = words.value(cell, key)
    if cell is not None and cell.mark is Mark.best:
        shown = f"**{shown}**"
    if cell is not None and cell.mark is Mark.tied:
        shown = f"{shown} ="
    interval = words.interval(cell, key)
    return f"{shown}<br><sub>{interval}</sub>" if interval else shown


def _reported(board: Board) -> str:
    keys = [key for key in board.keys if any(str(key) in r.figures for r in board.reported)]
    header = ["model", *(words.column_name(board, key) for key in keys), "source"]
    rows = [
        [
            r.model,
            *(_reported_value(r.figures.get(str(key)), key) for key in keys),
            f"{r.source}, {r.where}",
        ]
        for r in board.reported
    ]
    return _pipes(header, rows, len(keys))


def _reported_value(value: float | None, key: Key) -> str:
    return words.NOT_KNOWN if value is None else figure(value, key.measure)


def delimited(board: Board) -> str:
    """Return comma-separated values: one line a model and column, full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([
        "benchmark", "model", "revision", "kind", "mode", "measure", "value", "low", "high", "mark",
        "p_value", "parameters", "dimensions", "licence", "seconds", "trained_on_it", "source",
    ])  # fmt: skip
    for entry in as_rows(board):
        facts = [entry[x] for x in ("parameters", "dimensions", "licence", "seconds")]
        for cell in entry["figures"]:
            writer.writerow([
                board.card.name, entry["model"], entry["revision"], entry["kind"], cell["mode"],
                cell["measure"], cell["value"], cell.get("low"), cell.get("high"),
                cell.get("mark"), cell.get("p_value"), *facts, entry["trained_on_it"],
                entry["source"],
            ])  # fmt: skip
    return out.getvalue()


def as_json(boards: Sequence[Board]) -> str:
    """Return every board with full precision."""
    found = [
        {
            "benchmark": board.card.name,
            "data_sha256": board.card.data_sha256,
            "sorted_by": board.sort,
            "columns": [
                {"mode": k.mode.value, "measure": k.measure, "better": board.directions[k.measure]}
                for k in board.keys
            ],
            "rows": as_rows(board),
        }
        for board in boards
    ]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def as_rows(board: Board) -> list[dict[str, Any]]:
    """Return measured rows, then reported ones, as plain values."""
    rows = [_measured(row, board) for row in board.rows]
    for r in board.reported:
        cells = [
            {"mode": key.mode.value, "measure": key.measure, "value": r.figures[str(key)]}
            for key in board.keys
            if str(key) in r.figures
        ]
        facts = dict.fromkeys(("parameters", "dimensions", "licence", "seconds", "trained_on_it"))
        rows.append({"model": r.model, "revision": None, "kind": "reported", **facts,
                     "source": f"{r.source}, {r.where}", "figures": cells})  # fmt: skip
    return rows


def _measured(row: Row, board: Board) -> dict[str, Any]:
    record, model = row.record, row.record.model
    cells = []
    for key in board.keys:
        cell = row.cells.get(key)
        if cell is not None:
            low, high = (cell.interval.low, cell.interval.high) if cell.interval else (None, None)
            cells.append({
                "mode": key.mode.value, "measure": key.measure, "value": cell.value, "low": low,
                "high": high, "mark": cell.mark.value, "p_value": cell.p_value,
            })  # fmt: skip
    return {
        "model": model.name,
        "revision": model.revision,
        "kind": "measured" if record.has_ranks else "measured, own ranking",
        "parameters": model.n_parameters,
        "dimensions": model.dimensions,
        "licence": model.license or None,
        "seconds": record.seconds,
        "trained_on_it": words.trained(record),
        "source": record.provenance.get("date"),
        "figures": cells,
    }

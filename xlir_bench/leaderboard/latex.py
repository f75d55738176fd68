r"""A board as a LaTeX table: ``\input`` it in a document that uses booktabs."""

import re
from collections.abc import Sequence
from itertools import groupby

from xlir_bench.leaderboard import words
from xlir_bench.leaderboard.board import Board, Key, Mark, Row
from xlir_bench.results.table import figure

_ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": r"\textbar{}",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "°": r"$^\circ$",
}  # fmt: skip
_FACTS = ("params.", "dim.", "sec.", "trained on it")


def latex(board: Board) -> str:
    """Return a ``table*`` with one ``tabular``; it needs booktabs and graphicx."""
    n = len(board.keys)
    lines = [
        "% made by xlir-bench leaderboard; needs \\usepackage{booktabs,graphicx}",
        r"\begin{table*}",
        r"\centering\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escape(_caption(board))}}}",
        rf"\label{{tab:{board.card.name.lower()}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * n}{'r' * 3}l}}",
        r"\toprule",
        _modes(board),
        " & ".join(["model", *(_measure(board, key) for key in board.keys), *_FACTS]) + r" \\",
        r"\midrule",
        *[line for row in board.rows for line in _row(row, board.keys)],
    ]
    if board.reported:
        span = 1 + n + len(_FACTS)
        lines += [
            r"\midrule",
            rf"\multicolumn{{{span}}}{{l}}{{\emph{{Reported by papers, not measured here}}}} \\",
            *[_reported(board, position) for position in range(len(board.reported))],
        ]
    lines += [r"\bottomrule", r"\end{tabular}}", r"\end{table*}"]
    return "\n".join(line for line in lines if line) + "\n"


def escape(text: str) -> str:
    """Return text that LaTeX prints as it stands."""
    return "".join(_ESCAPED.get(character, character) for character in text)


def _caption(board: Board) -> str:
    return f"{board.card.about.title}. {' '.join(words.notes(board))}".replace("=:", "``='':")


def _modes(board: Board) -> str:
    """Return the line of modes above the measures, with rules below them."""
    groups = [(mode, len(list(keys))) for mode, keys in groupby(board.keys, lambda k: k.mode)]
    cells, rules, first = [""], [], 2
    for mode, n in groups:
        cells.append(rf"\multicolumn{{{n}}}{{c}}{{{mode}}}")
        rules.append(rf"\cmidrule(lr){{{first}-{first + n - 1}}}")
        first += n
    empty = " & " * len(_FACTS)
    return " & ".join(cells) + empty.rstrip() + r" \\" + "".join(rules)


def _measure(board: Board, key: Key) -> str:
    return escape(f"{key.measure} {words.ARROWS[board.directions[key.measure]]}".rstrip())


def _row(row: Row, keys: Sequence[Key]) -> list[str]:
    """Return two lines: figures and facts, then intervals in small print."""
    record = row.record
    name = escape(record.model.name.split("/")[-1] + ("" if record.has_ranks else "°"))
    facts = [words.parameters(record), words.dimensions(record), words.seconds(record)]
    facts = [*facts, words.trained(record)]
    figures = [_cell(row, key) for key in keys]
    intervals = [_narrow(words.interval(row.cells.get(key), key)) for key in keys]
    lines = [" & ".join([name, *figures, *map(escape, facts)]) + r" \\"]
    if any(intervals):
        small = [rf"{{\scriptsize {escape(text)}}}" if text else "" for text in intervals]
        lines.append(" & ".join(["", *small, *[""] * len(_FACTS)]) + r" \\[2pt]")
    return lines


def _narrow(interval: str) -> str:
    """Return an interval without the leading zeros of shares: "[.4405, .5000]"."""
    return re.sub(r"(?<!\d)0\.", ".", interval)


def _cell(row: Row, key: Key) -> str:
    cell = row.cells.get(key)
    shown = escape(words.value(cell, key))
    if cell is not None and cell.mark is Mark.best:
        return rf"\textbf{{{shown}}}"
    return f"{shown}$^{{=}}$" if cell is not None and cell.mark is Mark.tied else shown


def _reported(board: Board, position: int) -> str:
    row = board.reported[position]
    figures = [
        figure(row.figures[str(key)], key.measure) if str(key) in row.figures else "--"
        for key in board.keys
    ]
    source = escape(f"{row.source}, {row.where}")
    n = len(_FACTS)
    return (
        " & ".join([escape(row.model), *figures]) + rf" & \multicolumn{{{n}}}{{l}}{{{source}}} \\"
    )

"""What a page shows, as plain values: figures, heat maps, bias, ranked passages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import NO_PASSAGE, Hits
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.score import Scorecard
from xlir_bench.evaluate import Readings, readings, scorecard
from xlir_bench.leaderboard import words
from xlir_bench.leaderboard.board import Board, Row
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.measures.heat_map import answer_language_precision
from xlir_bench.results.hits_file import hits_beside
from xlir_bench.results.rank_file import read_rank_table
from xlir_bench.results.table import RANKS, short_names

BIAS = ("OwnFirst", "AboveLift", "nMRD", "MRD", "TLR@20")
"""Language measures that plots offer."""
BIAS_WORDS = {
    "OwnFirst": "share of questions whose first right answer is in their own language",
    "AboveLift": "own-language passages before a right answer, times chance (1 is no bias)",
    "nMRD": "rank distance of parallel answers, 0 neighbours to 1 first and last",
    "MRD": "rank distance of parallel answers",
    "TLR@20": "recall at 20 of the answers in other languages",
}
SHOWN = 10
"""Passages of each query that the explorer shows."""
PLACES = 6
"""Decimals of heat maps, which are subtracted from one another."""
RIGHT_TO_LEFT = {"Arab", "Hebr"}

Json = dict[str, Any]


def board_data(board: Board, collection: Collection | None) -> Json:
    """Return one benchmark's part of a page.

    Args:
        board: its table.
        collection: its texts, None if the page shows none.

    """
    languages = board.card.languages
    return {
        "name": board.card.name,
        "title": board.card.about.title,
        "languages": [language_data(x) for x in languages],
        "columns": [{"key": str(key), "name": words.column_name(board, key)} for key in board.keys],
        "models": [
            _model(row, label, board, languages)
            for row, label in zip(board.rows, _labels(board.rows), strict=True)
        ],
        "texts": None if collection is None else _texts(board, collection),
    }


def language_data(language: Language) -> Json:
    """Return a language's code, name and direction of writing."""
    direction = "rtl" if language.script in RIGHT_TO_LEFT else "ltr"
    return {"code": language.code, "name": language.name, "dir": direction}


def _model(row: Row, label: str, board: Board, languages: Sequence[Language]) -> Json:
    found: Json = {
        "name": row.record.model.name,
        "short": label,
        "figures": {
            str(key): [
                rounded(cell.value, key.measure),
                *(
                    (
                        rounded(cell.interval.low, key.measure),
                        rounded(cell.interval.high, key.measure),
                    )
                    if cell.interval
                    else ()
                ),
            ]
            for key, cell in row.cells.items()
        },
    }
    if not row.record.has_ranks:
        return found
    table = readings(read_rank_table(row.record.ranks), board.card.settings())
    measures = parse_all([board.card.main_measure, *BIAS])
    card, _ = scorecard(table, measures)
    return found | {
        "bias": _bias(card),
        "alone": _alone(card, board, languages),
        "pooled": _pooled(table, languages),
        "lines": _lines(card, board, languages),
    }


def _labels(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return a name for each row that no other has: plots would add up the bars of two."""
    models = [row.record.model for row in rows]
    names = [model.name for model in models]
    return short_names(
        model.name if names.count(model.name) == 1 else f"{model.name} {model.revision[:8]}"
        for model in models
    )


def rounded(value: float, measure: str) -> float | None:
    """Return a figure with the digits that tables show; JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 1 if measure in RANKS else 4)


def _bias(card: Scorecard) -> Json:
    found = {}
    for name in BIAS:
        figure = card.figure(RetrievalMode.multi, name)
        if figure is not None and figure.interval is not None:
            ends = (figure.value, figure.interval.low, figure.interval.high)
            found[name] = [rounded(x, name) for x in ends]
    return found


def _alone(
    card: Scorecard, board: Board, languages: Sequence[Language]
) -> list[list[float | None]]:
    """Return AP by question language (rows) and corpus language, each corpus searched alone."""
    place = {language: position for position, language in enumerate(languages)}
    cells: list[list[float | None]] = [[None] * len(languages) for _ in languages]
    for score in card.scores:
        setting = score.setting
        if score.measure == board.card.main_measure and len(setting.corpus_languages) == 1:
            row, column = place[setting.query_language], place[setting.corpus_languages[0]]
            cells[row][column] = round(score.value, PLACES)
    return cells


def _pooled(found: Readings, languages: Sequence[Language]) -> list[list[float | None]] | None:
    """Return AP by question and answer language in the pool, the other answers removed."""
    place = {language: position for position, language in enumerate(languages)}
    cells: list[list[float | None]] = [[None] * len(languages) for _ in languages]
    pools = [s for s in found.ranks if s.mode is RetrievalMode.multi]
    for setting in pools:
        values = answer_language_precision(found.ranks[setting])
        for language, column in zip(setting.corpus_languages, values.T, strict=True):
            defined = column[~np.isnan(column)]
            if len(defined):
                mean = float(defined.mean())
                cells[place[setting.query_language]][place[language]] = round(mean, PLACES)
    return cells if pools else None


def _lines(card: Scorecard, board: Board, languages: Sequence[Language]) -> Json:
    """Return the main measure and the rank distance by question language, for each mode."""
    lines: Json = {}
    for name in (board.card.main_measure, "MRD"):
        for mode in board.card.modes:
            by_language: dict[Language, list[float]] = {}
            for score in card.scores:
                if score.measure == name and score.setting.mode is mode:
                    by_language.setdefault(score.setting.query_language, []).append(score.value)
            if by_language:
                means = [np.mean(by_language.get(x, [np.nan])) for x in languages]
                lines[f"{mode}/{name}"] = [rounded(float(mean), name) for mean in means]
    return lines


def _texts(board: Board, collection: Collection) -> Json | None:
    """Return queries, the passages that somebody ranks first or that are right, and rankings."""
    hits = {}
    for position, row in enumerate(board.rows):
        found = hits_beside(row.record.ranks) if row.record.has_ranks else None
        if found is not None:
            hits[position] = found
    if not hits:
        return None
    rows = {p.passage_id: row for row, p in enumerate(collection.passages)}
    queries = {q.query_id: row for row, q in enumerate(collection.queries)}
    answers: list[list[int]] = [[] for _ in collection.queries]
    pairs = zip(collection.qrels.query_rows, collection.qrels.passage_rows, strict=True)
    for query, passage in pairs:
        answers[query].append(int(passage))
    rankings = {model: _ranking(found, rows, queries) for model, found in hits.items()}
    shown = {p for ranking in rankings.values() for found in ranking for p in found}
    used = sorted(shown.union(*answers))
    place = {row: number for number, row in enumerate(used)}
    codes = [x.code for x in board.card.languages]
    passages = [collection.passages[row] for row in used]
    return {
        "queries": [[codes.index(q.language.code), q.query_id, q.text] for q in collection.queries],
        "passages": [[codes.index(p.language.code), p.text] for p in passages],
        "answers": [[place[p] for p in found] for found in answers],
        "rankings": {
            model: [[place[p] for p in query] for query in ranking]
            for model, ranking in rankings.items()
        },
    }


def _ranking(hits: Hits, rows: Mapping[str, int], queries: Mapping[str, int]) -> list[list[int]]:
    """Return the first passages of every query of a collection, as its rows."""
    found: list[list[int]] = [[] for _ in queries]
    for query_id, best in zip(hits.query_ids, hits.passages[:, :SHOWN], strict=True):
        kept = [rows[hits.passage_ids[p]] for p in best if p != NO_PASSAGE]
        found[queries[query_id]] = kept
    return found

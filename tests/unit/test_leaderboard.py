"""Boards: what is refused, what is marked best, what each format says."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlir_bench.cards.load import task_cards
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.ranking import NOT_COUNTED, RunRanks
from xlir_bench.core.score import Interval
from xlir_bench.errors import ResultError, UnknownNameError
from xlir_bench.evaluate import Readings
from xlir_bench.leaderboard.board import Board, Cell, Choice, Figures, Key, Mark, Row, mark_best
from xlir_bench.leaderboard.board import make_board as board_of
from xlir_bench.leaderboard.formats import as_json, delimited, markdown
from xlir_bench.leaderboard.latex import _narrow, escape, latex
from xlir_bench.leaderboard.page_data import board_data
from xlir_bench.leaderboard.record import Model, Record, find_records, read_record
from xlir_bench.leaderboard.reported import Reported, read_reported
from xlir_bench.measures.significance import Column, compare, p_values
from xlir_bench.paths import data_folder
from xlir_bench.results.rank_file import read_provenance, read_rank_table, write_rank_table

CARD = task_cards()["XLIRMini"]
RESULTS = data_folder("leaderboards") / "results"
FLOOR = RESULTS / "xlir-bench__char-ngrams"
KEY = Key(RetrievalMode.multi, "AP")
N_TOPICS = 60

Copy = Callable[..., Path]


# --- records ---


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a function that copies the floor's result, with other provenance or figures."""

    def write(provenance: dict[str, Any], figures: Callable[[dict[str, Any]], object]) -> Path:
        folder = tmp_path / "me__floor" / "1"
        folder.mkdir(parents=True)
        for path in FLOOR.glob("XLIRMini*"):
            shutil.copy(path, folder / path.name)
        shutil.copy(FLOOR / "model_meta.json", folder)
        ranks = folder / "XLIRMini.ranks.parquet"
        found = read_record(FLOOR, CARD).provenance
        write_rank_table(read_rank_table(ranks), ranks, {**found, **provenance})
        result = json.loads((folder / "XLIRMini.json").read_bytes())
        figures(result["scores"]["test"][0])
        (folder / "XLIRMini.json").write_text(json.dumps(result))
        return tmp_path

    return write


def unchanged(entry: dict[str, Any]) -> None:
    pass


def test_a_record_says_what_is_known_of_its_model(copy: Copy) -> None:
    records, refused = find_records(CARD, [copy({"model": "me/floor"}, unchanged)])
    assert not refused
    model = records[0].model
    assert (model.name, model.revision, model.n_parameters) == ("me/floor", "1", 0)
    assert (model.dimensions, model.license) == (2048, "apache-2.0")


@pytest.mark.parametrize(
    ("provenance", "figures", "reason"),
    [
        pytest.param({"data_sha256": "0" * 64}, unchanged, "of other data: .* 00000000", id="data"),
        pytest.param({"format": 2}, unchanged, "provenance is of format 2, not 1", id="format"),
        pytest.param(
            {}, lambda entry: entry.pop("multi/MRD"), "lacks measures that the card has: MRD",
            id="a measure less",
        ),
        pytest.param(
            {}, lambda entry: entry.update({"multi/P@7": 0.5}),
            "has measures that the card does not have: P@7", id="a measure more",
        ),
    ],
)  # fmt: skip
def test_a_record_of_other_data_or_measures_is_refused_with_the_reason(
    copy: Copy, provenance: dict[str, Any], figures: Any, reason: str
) -> None:
    root = copy(provenance, figures)
    records, refused = find_records(CARD, [root])
    assert records == []
    assert len(refused) == 1
    with pytest.raises(ResultError, match=reason):
        read_record(root / "me__floor" / "1", CARD)


def test_a_run_that_ends_at_some_depth_may_lack_measures(copy: Copy) -> None:
    root = copy({"depths": {"multi/de": 20}}, lambda entry: entry.pop("multi/MRD"))
    records, refused = find_records(CARD, [root])
    assert (len(records), refused) == (1, [])


@pytest.mark.parametrize(("n_settings", "shown"), [(12, {"multi/AP", "multi/P@1"}), (1, set())])
def test_means_over_a_part_of_a_mode_are_not_shown(
    copy: Copy, n_settings: int, shown: set[str]
) -> None:
    root = copy({}, unchanged)
    path = root / "me__floor" / "1" / "XLIRMini.ranks.parquet"
    table, provenance = read_rank_table(path), read_provenance(path)
    settings = CARD.settings(RetrievalMode.multi)[:n_settings]
    run = RunRanks({str(s): 1824 for s in settings}, np.full(len(table), NOT_COUNTED))
    write_rank_table(replace(table, run=run), path, provenance | {"depths": dict(run.depths)})
    record, floor = find_records(CARD, [root])[0][0], read_record(FLOOR, CARD)
    choice = Choice(measures=["AP", "P@1"])
    board = board_of(CARD, [record, floor], choice, resamples=10)
    cells = {row.record.folder: {str(key) for key in row.cells} for row in board.rows}
    assert cells == {record.folder: shown, FLOOR: {str(key) for key in board.keys}}
    assert board.rows[0].record.folder == FLOOR  # without all modes there is no main score


def test_a_model_that_ranks_for_itself_is_shown_from_its_result(copy: Copy) -> None:
    root = copy({}, lambda entry: entry.pop("multi/MRD"))
    (root / "me__floor" / "1" / "XLIRMini.ranks.parquet").unlink()
    record = find_records(CARD, [root])[0][0]
    assert not record.has_ranks
    board = board_of(CARD, [record], Choice(measures=["AP", "MRD"]), resamples=10)
    assert board.keys == tuple(Key(mode, "AP") for mode in CARD.modes)
    assert board.rows[0].cells[KEY].value == record.entry["multi/AP"]


def test_such_a_result_of_another_revision_of_the_data_is_refused(copy: Copy) -> None:
    folder = copy({}, unchanged) / "me__floor" / "1"
    (folder / "XLIRMini.ranks.parquet").unlink()
    text = (folder / "XLIRMini.json").read_text()
    (folder / "XLIRMini.json").write_text(text.replace('"1.0"', '"0.9"'))
    with pytest.raises(ResultError, match=r"of revision 0\.9 of the data, XLIRMini is 1\.0"):
        read_record(folder, CARD)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_result_is_one_line(copy: Copy, content: str) -> None:
    folder = copy({}, unchanged) / "me__floor" / "1"
    (folder / "XLIRMini.json").write_text(content)
    with pytest.raises(ResultError, match=r"XLIRMini\.json"):
        read_record(folder, CARD)


def test_seconds_are_known_only_where_the_run_encoded_the_texts(copy: Copy) -> None:
    seconds = {"encode": 2.0, "rank": 1.0, "hits": 9.0}
    root = copy({"seconds": seconds}, unchanged)
    assert find_records(CARD, [root])[0][0].seconds == 3.0
    record = find_records(CARD, [root])[0][0]
    few = {**record.provenance, "texts_encoded": {"query": 0, "passage": 10}}
    assert Record(CARD, root, record.model, few, {}, has_ranks=True).seconds is None


@pytest.mark.parametrize(
    ("meta", "provenance", "expected"),
    [
        ({"training_datasets": [], "adapted_from": None}, {}, frozenset()),
        ({"training_datasets": None, "adapted_from": None}, {}, None),
        ({"training_datasets": [], "adapted_from": "a/base"}, {}, None),
        ({"training_datasets": ["XLIRMini"], "adapted_from": "a/base"}, {}, {"XLIRMini"}),
        ({"training_datasets": [], "adapted_from": "a/base"}, {"training_datasets": []}, set()),
        ({"training_datasets": None}, {"training_datasets": ["XLIRMini", "X"]}, {"XLIRMini"}),
    ],
    ids=["nothing", "not known", "base not known", "yes", "nothing, base too", "noted by the run"],
)
def test_what_a_model_has_seen_counts_with_its_base(
    copy: Copy, meta: dict[str, Any], provenance: dict[str, Any], expected: set[str] | None
) -> None:
    root = copy(provenance, unchanged)
    folder = root / "me__floor" / "1"
    if "training_datasets" not in provenance:
        ranks = folder / "XLIRMini.ranks.parquet"
        kept = dict(read_record(folder, CARD).provenance)
        kept.pop("training_datasets", None)
        write_rank_table(read_rank_table(ranks), ranks, kept)
    (folder / "model_meta.json").write_text(json.dumps(meta))
    assert read_record(folder, CARD).seen == expected


# --- marks ---


def record(name: str, *, has_ranks: bool = True) -> Record:
    model = Model(f"me/{name}", "1", None, None, "", None, frozenset())
    return Record(CARD, Path(name), model, {}, {}, has_ranks)


def figures(values: np.ndarray[Any, Any]) -> Figures:
    column = Column(np.asarray(values, dtype=np.float64), np.arange(len(values)))
    return Figures(
        {KEY: Cell(float(np.mean(values)))}, {KEY: [column]}, 0.0, Readings({}, N_TOPICS)
    )


def marks(known: dict[str, np.ndarray[Any, Any]], direction: str = "higher") -> dict[str, Mark]:
    models = {record(name): figures(values) for name, values in known.items()}
    marked = mark_best(models, [KEY], {"AP": direction}, resamples=2000)
    return {r.model.name.removeprefix("me/"): cells[KEY].mark for r, cells in marked.items()}


RNG = np.random.default_rng(3)
NOISE = RNG.uniform(0, 0.4, N_TOPICS)


def test_a_clearly_better_model_is_best_and_the_others_are_worse() -> None:
    found = marks({"a": NOISE + 0.5, "b": NOISE, "c": NOISE + 0.1})
    assert found == {"a": Mark.best, "b": Mark.worse, "c": Mark.worse}


def test_lower_is_better_where_the_measure_says_so() -> None:
    assert marks({"a": NOISE + 0.5, "b": NOISE}, "lower")["b"] is Mark.best


def test_the_highest_figure_is_not_best_if_the_test_cannot_tell() -> None:
    found = marks({"a": NOISE + RNG.normal(0.001, 0.2, N_TOPICS), "b": NOISE, "c": NOISE - 5})
    assert {found["a"], found["b"]} == {Mark.tied}
    assert found["c"] is Mark.worse


def test_the_p_value_is_corrected_for_the_number_of_other_models() -> None:
    shift = np.zeros(N_TOPICS)
    shift[:7] = 0.1  # better in 7 topics, worse in none: p = 2 / 2 ** 7
    two = marks({"a": NOISE + shift, "b": NOISE})
    five = marks({"a": NOISE + shift, **dict.fromkeys("bcdef", NOISE)})
    assert two["a"] is Mark.best
    assert five["a"] is Mark.tied


@pytest.mark.parametrize("direction", ["-"])
def test_a_measure_without_a_better_end_has_no_marks(direction: str) -> None:
    assert set(marks({"a": NOISE + 1, "b": NOISE}, direction).values()) == {Mark.none}


def test_one_model_alone_is_not_best() -> None:
    assert marks({"a": NOISE}) == {"a": Mark.none}


def test_a_leader_without_ranks_is_not_best_and_nobody_else_is() -> None:
    leader = record("own", has_ranks=False)
    untested = Figures({KEY: Cell(0.99)}, {}, 0.99)
    models = {leader: untested, record("a"): figures(NOISE + 0.5), record("b"): figures(NOISE)}
    found = mark_best(models, [KEY], {"AP": "higher"}, resamples=100)
    assert all(cells[KEY].mark is Mark.none for cells in found.values())


@given(st.lists(st.integers(0, 3), min_size=2, max_size=5))
def test_there_is_one_best_or_there_are_ties(levels: list[int]) -> None:
    known = {str(i): NOISE + 0.01 * level for i, level in enumerate(levels)}
    found = list(marks(known).values())
    assert found.count(Mark.best) in {0, 1}
    assert (found.count(Mark.tied) == 0) == (found.count(Mark.best) == 1)


def test_p_values_are_those_of_a_comparison() -> None:
    first, second = figures(NOISE).columns, figures(NOISE + RNG.normal(0, 0.1, N_TOPICS)).columns
    full = compare(first, second, N_TOPICS, 500)
    assert p_values(first, second, N_TOPICS, 500) == {KEY: full[KEY].p_value}
    assert p_values({}, {}, N_TOPICS) == {}


# --- formats ---


@pytest.fixture(scope="module")
def board() -> Board:
    records, refused = find_records(CARD, [RESULTS])
    assert not refused
    reported = [Reported("XLIRMini", "A_1 & B", "arXiv:1", "T", "table 1", {"multi/AP": 0.25})]
    return board_of(CARD, records, Choice(), reported, resamples=500)


def test_rows_are_sorted_by_the_main_score(board: Board) -> None:
    main = [
        np.mean([row.cells[Key(mode, "AP")].value for mode in CARD.modes]) for row in board.rows
    ]
    assert len(main) >= 3
    assert main == sorted(main, reverse=True)


def test_the_page_gives_no_two_models_one_name() -> None:
    floor = read_record(FLOOR, CARD)
    named = [("a/m", "1"), ("b/m", "1"), ("a/n", "1" * 40), ("a/n", "2" * 40), ("a/x", "1")]
    records = [
        replace(floor, model=replace(floor.model, name=name, revision=revision))
        for name, revision in named
    ]
    board = board_of(CARD, records, Choice(measures=["AP"]), resamples=10)
    shown = [model["short"] for model in board_data(board, None)["models"]]
    assert shown == ["a/m", "b/m", "n 11111111", "n 22222222", "x"]


def test_a_measure_that_is_better_low_is_sorted_low_first(board: Board) -> None:
    records = [row.record for row in board.rows]
    by_distance = board_of(CARD, records, Choice(measures=["MRD"], sort="multi/MRD"), resamples=10)
    key = Key(RetrievalMode.multi, "MRD")
    values = [row.cells[key].value for row in by_distance.rows]
    assert values == sorted(values)


def test_an_unknown_column_to_sort_by_offers_close_ones(board: Board) -> None:
    records = [row.record for row in board.rows]
    with pytest.raises(UnknownNameError, match=r"multi/AP"):
        board_of(CARD, records, Choice(measures=["AP"], sort="multi/A"), resamples=10)


def test_every_figure_is_the_published_one(board: Board) -> None:
    for row in board.rows:
        for key, cell in row.cells.items():
            assert cell.value == pytest.approx(row.record.entry[str(key)], abs=1e-6)


def test_markdown_has_a_line_for_each_model_and_reported_rows_apart(board: Board) -> None:
    measured, reported = markdown(board).split("### Reported by papers, not measured here")
    rows = [line for line in measured.splitlines() if line.startswith("| ")]
    assert len(rows) == len(board.rows) + 2
    assert len({line.count("|") for line in rows}) == 1
    assert "A_1 & B | 0.2500 | arXiv:1, table 1 |" in reported
    assert "A_1" not in measured


def test_json_and_csv_hold_the_same_full_precision(board: Board) -> None:
    rows = json.loads(as_json([board]))[0]["rows"]
    values = {
        (row["model"], f"{cell['mode']}/{cell['measure']}"): cell["value"]
        for row in rows
        for cell in row["figures"]
    }
    lines = list(csv.DictReader(io.StringIO(delimited(board))))
    assert {(x["model"], f"{x['mode']}/{x['measure']}"): float(x["value"]) for x in lines} == values
    best = board.rows[0].record.model.name, "multi/AP"
    assert values[best] == board.rows[0].cells[KEY].value
    assert [row["kind"] for row in rows].count("reported") == 1


def bold_board(board: Board) -> Board:
    """Return the board with a best figure and names that need care in LaTeX."""
    first, *others = board.rows
    cell = Cell(0.5, Interval(0.4, 0.6), Mark.best)
    rows = (Row(first.record, {**first.cells, KEY: cell}), *others)
    return Board(CARD, board.keys, board.directions, rows, "a & b_c", board.reported)


def test_latex_is_bold_only_where_a_figure_is_marked_best(board: Board) -> None:
    best = [cell for row in board.rows for cell in row.cells.values() if cell.mark is Mark.best]
    assert latex(board).count(r"\textbf{") == len(best)
    assert r"\textbf{0.5000}" in latex(bold_board(board))
    assert r"A\_1 \& B" in latex(board)


def test_every_row_of_a_latex_table_has_the_same_columns(board: Board) -> None:
    lines = [x for x in latex(board).splitlines() if " & " in x and r"\multicolumn" not in x]
    assert len(lines) > 2 * len(board.rows)
    assert {x.replace(r"\&", "").count("&") for x in lines} == {len(board.keys) + 4}


def test_intervals_lose_the_leading_zero_of_shares_alone() -> None:
    assert _narrow("[0.4405, 0.5000]") == "[.4405, .5000]"
    assert _narrow("[440.5, 1,510.0]") == "[440.5, 1,510.0]"
    assert _narrow("[-0.1000, 10.0]") == "[-.1000, 10.0]"


@pytest.mark.slow
def test_latex_compiles(board: Board, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended)")
    document = (
        r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
        + latex(bold_board(board))
        + escape(r"\ & % $ # _ { } ~ ^ < > | ↑ ↓ °")
        + r"\end{document}"
    )
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    made = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "table.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-800:]
    assert "Missing character" not in made.stdout


# --- reported figures ---


def test_reported_figures_name_their_paper_and_tables() -> None:
    rows = read_reported(data_folder("leaderboards") / "reported")
    assert {row.benchmark for row in rows} == {"XQuADR", "MLQAR"}
    assert all(row.source.startswith("arXiv:") and row.where for row in rows)
    found = {(r.benchmark, r.model): r.figures for r in rows}
    assert found["XQuADR", "LaBSE, Hybrid"]["multi/AP"] == 0.6817


@pytest.mark.parametrize("content", ["{", '{"rows": [{}]}', '{"rows": 1}'])
def test_broken_reported_figures_are_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "paper.json").write_text(content)
    with pytest.raises(ResultError, match=r"cannot read the reported figures .*paper\.json"):
        read_reported(tmp_path)

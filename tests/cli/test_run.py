"""``xlir-bench run`` from the command line to the files, with the model and benchmark that ship."""

import contextlib
import io
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pyarrow.parquet as pq
import pytest
import pytrec_eval

from tests.cli.conftest import own_process
from xlir_bench.cards.load import task_cards
from xlir_bench.cli.main import status
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.encoders import char_ngrams, store
from xlir_bench.evaluate import readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.readers.read import read
from xlir_bench.results.hits_file import read_hits
from xlir_bench.results.rank_file import (
    read_provenance,
    read_rank_table,
    write_rank_table,
)

Call = Callable[..., Any]
Vectors = np.ndarray[Any, np.dtype[np.float32]]

pytestmark = pytest.mark.usefixtures("fresh_process")

MODEL = ("run", "-m", "char-ngrams")
BELOW_OUTPUT = Path("results/xlir-bench__char-ngrams/1")
N_TEXTS = 1080 + 1824


class Finished(NamedTuple):
    """A run of the lexical floor on all of XLIRMini: where it wrote, and what it printed."""

    output: Path
    out: str

    @property
    def folder(self) -> Path:
        return self.output / BELOW_OUTPUT


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = tmp_path_factory.mktemp("finished")
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, own_process(patch), contextlib.redirect_stdout(out):
        patch.setenv("XLIR_CACHE_DIR", str(root / "cache"))
        patch.setenv("XLIR_CONFIG_DIR", str(root / "config"))
        assert status([*MODEL, "-t", "XLIRMini", "-o", str(root / "out")]) == 0
    return Finished(root / "out", out.getvalue())


@pytest.fixture(scope="module")
def collection() -> Collection:
    return read(task_cards()["XLIRMini"])


def rows(out: str) -> dict[str, list[str]]:
    """Return the cells of each line of a table by their first."""
    cells = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    return {first: rest for first, *rest in (x for x in cells if len(x) > 1)}


def figures(out: str) -> dict[str, dict[str, str]]:
    """Return the cells of the first table by mode, then measure."""
    table = rows(out)
    modes = table["measure"]
    return {
        mode: {measure: cells[at] for measure, cells in table.items() if len(cells) == len(modes)}
        for at, mode in enumerate(modes)
    }


def value(cell: str) -> float:
    """Return the number of a cell without its interval."""
    return float(cell.split(maxsplit=1)[0].replace(",", ""))


def json_entries(folder: Path, task: str) -> dict[str, dict[str, float]]:
    """Return mteb's scores by subset."""
    scores = json.loads((folder / f"{task}.json").read_bytes())["scores"]
    return {entry["hf_subset"]: entry for entry in scores["test"]}


def results_below(folder: Path) -> list[str]:
    """Return the names of everything that looks like a result."""
    return [p.name for p in folder.rglob("*") if p.name.startswith("XLIRMini")]


def judgements(collection: Collection) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    qrels = collection.qrels
    for query, passage in zip(qrels.query_rows, qrels.passage_rows, strict=True):
        found[collection.queries[query].query_id][collection.passages[passage].passage_id] = 1
    return dict(found)


# --- what a run prints and writes ---


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "n"), [("mono", 12), ("cross", 132), ("multi", 12)])
def test_a_run_prints_the_macro_average_of_each_mode(finished: Finished, mode: str, n: int) -> None:
    found = figures(finished.out)[mode]
    entries = json_entries(finished.folder, f"XLIRMini{mode.capitalize()}")
    assert list(found)[1:3] == ["AP", "P@1"]
    assert found["AP"].split()[0] == f"{np.mean([e['AP'] for e in entries.values()]):.4f}"
    assert len(entries) == n


def test_every_figure_has_its_interval_on_screen_and_in_the_result(finished: Finished) -> None:
    entry = json_entries(finished.folder, "XLIRMini")["default"]
    for mode, found in figures(finished.out).items():
        for measure in task_cards()["XLIRMini"].measures:
            cell = found[measure]
            if cell == "-":
                assert f"{mode}/{measure}" not in entry
                continue
            low, high = (float(x.replace(",", "")) for x in re.findall(r"[-\d.,]+\d", cell)[1:])
            assert low <= value(cell) <= high
            assert entry[f"{mode}/{measure}_low"] == pytest.approx(low, abs=0.051)
            assert entry[f"{mode}/{measure}_high"] == pytest.approx(high, abs=0.051)


def test_undefined_queries_are_counted_in_the_result_and_on_screen(finished: Finished) -> None:
    """PEER@100 needs a relevant passage among the first 100."""
    table = read_rank_table(finished.folder / "XLIRMini.ranks.parquet")
    ranks = 1 + table.beaten_by.sum(axis=1)
    answered = np.unique(table.query_rows[ranks <= 100])
    entry = json_entries(finished.folder, "XLIRMini")["default"]
    assert entry["multi/PEER@100_undefined"] == 1080 - len(answered) > 0
    assert f"left out: multi/PEER@100 {1080 - len(answered)}\n" in finished.out


def test_the_multilingual_result_holds_the_tables_by_language(finished: Finished) -> None:
    entry = json_entries(finished.folder, "XLIRMiniMulti")["de-multi"]
    codes = [x.code for x in task_cards()["XLIRMini"].languages]
    shares = [entry[f"AboveShare/{code}"] for code in codes]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert entry["AboveShare/de"] == pytest.approx(entry["AboveShare"], abs=1e-6)
    assert entry["HeatMap/de"] > max(entry[f"HeatMap/{code}"] for code in codes if code != "de")


def test_the_first_passages_are_kept_beside_the_ranks(
    finished: Finished, collection: Collection
) -> None:
    hits = read_hits(finished.folder / "XLIRMini.hits.parquet")
    assert hits.passages.shape == (1080, 100)
    table = read_rank_table(finished.folder / "XLIRMini.ranks.parquet")
    ranks = 1 + table.beaten_by.sum(axis=1)
    answers = judgements(collection)
    for row in range(0, 1080, 97):
        found = [hits.passage_ids[p] for p in hits.passages[row]]
        own = table.query_rows == table.query_ids.index(hits.query_ids[row])
        expected = {
            r: table.passage_ids[p]
            for r, p in zip(ranks[own], table.passage_rows[own], strict=True)
        }
        right = {i: name for i, name in enumerate(found, 1) if name in answers[hits.query_ids[row]]}
        assert right == {r: name for r, name in expected.items() if r <= 100}


def test_measures_of_one_answer_are_a_dash_where_no_distance_exists(finished: Finished) -> None:
    found = figures(finished.out)
    assert (found["mono"]["MRD"], found["cross"]["MRD"]) == ("-", "-")
    assert 11 <= value(found["multi"]["MRD"]) < 1824


def test_a_run_says_where_its_results_are(finished: Finished) -> None:
    assert finished.out.endswith(f"results: {finished.folder}\n")


def test_a_run_leaves_mtebs_results_ranks_and_provenance(finished: Finished) -> None:
    assert {path.name for path in finished.folder.iterdir()} == {
        "XLIRMini.json", "XLIRMiniMono.json", "XLIRMiniCross.json", "XLIRMiniMulti.json",
        "XLIRMini.ranks.parquet", "XLIRMini.hits.parquet", "XLIRMini.provenance.jsonl",
        "model_meta.json", "run_settings.jsonl",
    }  # fmt: skip


def test_a_finished_run_leaves_no_unfinished_work(finished: Finished) -> None:
    cache = finished.output.parent / "cache"
    assert [p for p in cache.rglob("*") if p.is_file()] == []


def test_the_rank_table_has_a_row_for_every_judgement(finished: Finished) -> None:
    assert pq.read_metadata(finished.folder / "XLIRMini.ranks.parquet").num_rows == 12960


def test_the_provenance_names_data_model_and_texts(finished: Finished) -> None:
    (line,) = (finished.folder / "XLIRMini.provenance.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["model"] == "xlir-bench/char-ngrams"
    assert record["data_sha256"] == task_cards()["XLIRMini"].data_sha256
    assert record["texts_encoded"] == {"query": 1080, "passage": 1824}
    assert record["dimensions"] == 2048


def test_the_main_score_of_the_benchmark_is_the_mean_of_its_modes(finished: Finished) -> None:
    entry = json_entries(finished.folder, "XLIRMini")["default"]
    modes = [
        np.mean([e["AP"] for e in json_entries(finished.folder, f"XLIRMini{mode}").values()])
        for mode in ("Mono", "Cross", "Multi")
    ]
    assert entry["main_score"] == pytest.approx(np.mean(modes), abs=1e-6)


# --- a run after a run ---


@pytest.mark.usefixtures("no_encoding")
def test_the_second_run_encodes_nothing_and_prints_the_same(call: Call, finished: Finished) -> None:
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(finished.output))
    assert (found.status, found.out) == (0, finished.out)


@pytest.mark.usefixtures("no_encoding")
def test_a_mode_of_a_finished_benchmark_encodes_nothing(call: Call, finished: Finished) -> None:
    found = call(*MODEL, "-t", "XLIRMiniCross", "-o", str(finished.output))
    assert found.status == 0
    expected = figures(finished.out)["cross"]
    assert figures(found.out) == {"cross": {m: c for m, c in expected.items() if c != "-"}}


@pytest.mark.usefixtures("no_encoding")
def test_other_measures_of_a_finished_run_encode_nothing(call: Call, finished: Finished) -> None:
    found = call(
        *MODEL, "-t", "XLIRMini", "--measures", "P@3", "nDCG@5", "-o", str(finished.output)
    )  # fmt: skip
    assert found.status == 0
    printed = figures(found.out)
    assert list(printed) == ["mono", "cross", "multi"]
    assert [list(cells) for cells in printed.values()] == [["measure", "P@3", "nDCG@5"]] * 3


@pytest.mark.usefixtures("no_encoding")
def test_by_language_prints_every_setting(call: Call, finished: Finished) -> None:
    found = call(*MODEL, "-t", "XLIRMini", "--by-language", "-o", str(finished.output))
    printed = rows(found.out)
    for mode, n in (("mono", 12), ("cross", 132), ("multi", 12)):
        assert sum(first.startswith(f"{mode}/") for first in printed) == n
    entry = json_entries(finished.folder, "XLIRMiniCross")["de-en"]
    assert printed["cross/de-en"][:2] == ["90", f"{entry['AP']:.4f}"]


def test_a_pool_of_a_finished_run_is_scored_without_encoding(
    call: Call, finished: Finished, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: a full float64 ranking of the three languages, scored by pytrec_eval."""
    pool = {"en", "de", "ar"}
    passages = [p for p in collection.passages if p.language.code in pool]
    queries = [q for q in collection.queries if q.language.code in pool]
    vectors = char_ngrams.encode([x.text for x in (*queries, *passages)]).astype(np.float64)
    products = vectors[: len(queries)] @ vectors[len(queries) :].T
    ids = [p.passage_id for p in passages]
    run = {
        q.query_id: dict(zip(ids, row, strict=True))
        for q, row in zip(queries, products.tolist(), strict=True)
    }
    qrels = {
        query_id: {p: 1 for p in relevant if p.split(":")[0] in pool}
        for query_id, relevant in judgements(collection).items()
        if query_id in run
    }
    ap = pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run)
    expected = np.mean([values["map"] for values in ap.values()])

    monkeypatch.setattr(char_ngrams, "encode", None)
    found = call(*MODEL, "-t", "XLIRMini", "--pool", "en,de,ar", "-o", str(finished.output))
    assert found.status == 0
    assert value(figures(found.out)["pool"]["AP"]) == pytest.approx(expected, abs=6e-5)


@pytest.mark.usefixtures("no_encoding")
def test_pairs_with_english_are_averaged_over_the_other_languages(
    call: Call, finished: Finished, collection: Collection
) -> None:
    """Oracle: the ranks of both languages' counts, added up by hand."""
    table = read_rank_table(finished.folder / "XLIRMini.ranks.parquet")
    codes = [x.code for x in table.languages]
    english, last = codes.index("en"), []
    for own in (c for c in range(len(codes)) if c != english):
        rows_of = (table.query_languages == own) & np.isin(table.passage_languages, [own, english])
        ranks = 1 + table.beaten_by[rows_of][:, [own, english]].sum(axis=1)
        queries = table.query_rows[rows_of]
        last.append(np.mean([ranks[queries == q].max() for q in np.unique(queries)]))
    command = (*MODEL, "-t", "XLIRMini", "-o", str(finished.output), "--measures", "AP", "MaxRank")
    found = call(*command, "--pool", "own,en")
    assert found.status == 0
    assert value(figures(found.out)["pair"]["MaxRank"]) == pytest.approx(np.mean(last), abs=0.051)
    assert value(rows(found.out)["+en"][1]) == pytest.approx(np.mean(last), abs=0.051)

    every = call(*command, "--pool", "own,any")
    printed = rows(every.out)
    assert [first for first in printed if first.startswith("+")] == sorted(
        f"+{x.code}" for x in task_cards()["XLIRMini"].languages
    )
    assert printed["+en"] == rows(found.out)["+en"]


@pytest.mark.usefixtures("no_encoding")
def test_by_language_prints_who_stands_in_the_way_and_who_is_found(
    call: Call, finished: Finished
) -> None:
    found = call(*MODEL, "-t", "XLIRMini", "--mode", "multi", "--by-language",
                 "-o", str(finished.output))  # fmt: skip
    shares, heat = found.out.split("AboveShare: ")[1].split("AP by answer language")
    entry = json_entries(finished.folder, "XLIRMiniMulti")["th-multi"]
    codes = [x.code for x in task_cards()["XLIRMini"].languages]
    for table, name in ((shares, "AboveShare"), (heat, "HeatMap")):
        assert rows(table)["query"] == codes
        assert rows(table)["th"] == [f"{entry[f'{name}/{code}']:.3f}" for code in codes]


def test_first_passages_that_are_gone_leave_out_the_measures_that_read_them(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished.output, tmp_path / "out")
    (tmp_path / "out" / BELOW_OUTPUT / "XLIRMini.hits.parquet").unlink()
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert found.status == 0
    assert "MRC@10, OtherRight" in found.err.splitlines()[-1]
    assert "left out: not enough of each query's first" in found.err.splitlines()[-1]
    assert "LangShare@10" not in rows(found.out)
    assert rows(found.out)["MRD"] == rows(finished.out)["MRD"]


def test_one_mode_alone_scores_as_it_does_with_the_others(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    found = call(*MODEL, "-t", "XLIRMini", "--mode", "mono", "-o", str(tmp_path / "out"))
    assert found.status == 0
    expected = figures(finished.out)["mono"]
    assert figures(found.out) == {"mono": {m: c for m, c in expected.items() if c != "-"}}
    assert sorted(results_below(tmp_path / "out")) == [
        "XLIRMini.hits.parquet", "XLIRMini.provenance.jsonl", "XLIRMini.ranks.parquet",
        "XLIRMiniMono.json",
    ]  # fmt: skip


@pytest.mark.usefixtures("no_encoding")
def test_the_values_of_every_query_are_written_on_request(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished.output, tmp_path / "out")
    found = call(*MODEL, "-t", "XLIRMini", "--per-query", "-o", str(tmp_path / "out"))
    assert found.status == 0
    table = pq.read_table(tmp_path / "out" / BELOW_OUTPUT / "XLIRMini.per_query.parquet")
    setting, measure, value = (table[x].to_numpy() for x in ("setting", "measure", "value"))
    entry = json_entries(finished.folder, "XLIRMiniMulti")["hi-multi"]
    for name in ("AP", "MRD", "PEER@100", "MRC@10"):
        values = value[(setting == "multi/hi") & (measure == name)]
        assert len(values) == 90
        assert np.nanmean(values) == pytest.approx(entry[name], abs=1e-6)
        assert np.isnan(values).sum() == entry.get(f"{name}_undefined", 0)
    assert len(set(table["query_id"].to_pylist())) == 1080


# --- controls without training ---


@pytest.fixture
def training_pairs(tmp_path: Path, collection: Collection) -> Path:
    """Write 30 parallel pairs in each language; none is a text of the benchmark."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for language in collection.languages:
        words = [p.text.split()[0] for p in collection.passages if p.language == language][:30]
        rows = [
            {"id": str(i), "query": f"{word} {i}", "passage": f"{i} {word} {word}"}
            for i, word in enumerate(words)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{language.code}.jsonl").write_text(lines)
    return folder


def test_controls_are_scored_under_names_of_their_own_and_encode_each_text_once(
    call: Call, tmp_path: Path, training_pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    monkeypatch.setattr(char_ngrams, "encode", counting)
    command = (*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    found = call(*command, "--debias", "centre", "lir", "--debias-from", str(training_pairs))
    assert found.status == 0
    lines = [x for path in training_pairs.iterdir() for x in path.read_text().splitlines()]
    pairs = [json.loads(line) for line in lines]
    n_texts = N_TEXTS + sum(len({pair[role] for pair in pairs}) for role in ("query", "passage"))
    assert sum(counting.chunks) == n_texts
    folders = {p.name: p for p in (tmp_path / "out" / "results").iterdir()}
    assert set(folders) == {"xlir-bench__char-ngrams-centre", "xlir-bench__char-ngrams-lir"}
    for method in ("centre", "lir"):
        (path,) = folders[f"xlir-bench__char-ngrams-{method}"].glob("*/*.provenance.jsonl")
        record = json.loads(path.read_text())["debias"]
        assert record["method"] == method
        (statistics,) = (tmp_path / "out" / "debias").glob(f"*-{method}-*.npz")
        assert record["statistics_sha256"].startswith(statistics.stem.split("-")[-1])
        assert path.parent.name == f"1-{record['statistics_sha256'][:8]}"

    again = call(*command, "--debias", "lir", "--debias-from", str(statistics))
    assert again.status == 0
    assert sum(counting.chunks) == n_texts
    assert again.out in found.out


def test_a_control_changes_what_the_bare_model_scores(
    call: Call, finished: Finished, tmp_path: Path, training_pairs: Path
) -> None:
    command = (*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    found = call(*command, "--debias", "centre", "--debias-from", str(training_pairs))
    before, after = figures(finished.out)["multi"], figures(found.out)["multi"]
    assert {after[name] == before[name] for name in ("AP", "MRD", "AboveLift")} == {False}


@pytest.mark.parametrize(
    ("options", "status_expected", "complaint"),
    [
        pytest.param(("--debias", "lir"), 2, "--debias and --debias-from go together",
                     id="no-pairs"),
        pytest.param(("--debias-from", "pairs"), 2, "--debias and --debias-from go together",
                     id="no-method"),
        pytest.param(("--debias", "lirr", "--debias-from", "pairs"), 2,
                     "unknown method of --debias 'lirr'; did you mean lir?", id="method"),
        pytest.param(("--debias", "lir", "--debias-from", "nowhere"), 2,
                     "unknown recipe 'nowhere'", id="pairs"),
        pytest.param(("--debias", "lir", "--debias-rank", "0", "--debias-from", "pairs"), 2,
                     "--debias-rank", id="rank"),
    ],
)  # fmt: skip
def test_a_wrong_control_is_one_line(
    call: Call, tmp_path: Path, options: tuple[str, ...], status_expected: int, complaint: str
) -> None:
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"), *options)
    assert (found.status, found.out, found.err.count("\n")) == (status_expected, "", 1)
    assert complaint in found.err


def test_a_language_without_training_pairs_is_one_line_and_status_1(
    call: Call, tmp_path: Path, training_pairs: Path
) -> None:
    (training_pairs / "th.jsonl").unlink()
    options = ("--debias", "centre", "--debias-from", str(training_pairs))
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"), *options)
    assert (found.status, found.err.count("\n")) == (1, 1)
    assert "has no pairs in 'th', a language that is evaluated" in found.err


# --- run files ---


@pytest.fixture(scope="module")
def runs(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the run files of the multilingual mode."""
    root = tmp_path_factory.mktemp("runs")
    shutil.copytree(finished.output, root / "out")
    arguments = ["-t", "XLIRMini", "--mode", "multi", "--run-file", "-o", str(root / "out")]
    with pytest.MonkeyPatch.context() as patch, own_process(patch):
        patch.setenv("XLIR_CACHE_DIR", str(root / "cache"))
        patch.setenv("XLIR_CONFIG_DIR", str(root / "config"))
        assert status([*MODEL, *arguments]) == 0
    return root / "out" / BELOW_OUTPUT / "XLIRMini.runs"


def run_lines(path: Path) -> dict[str, list[tuple[str, int, str]]]:
    """Return (passage id, rank, similarity as it is written) by query."""
    found: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        query_id, q0, passage_id, rank, similarity, tag = line.split(" ")
        assert (q0, tag) == ("Q0", "xlir-bench__char-ngrams")
        found[query_id].append((passage_id, int(rank), similarity))
    return found


@pytest.mark.slow
def test_there_is_one_run_file_for_each_setting(runs: Path) -> None:
    codes = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
    assert sorted(p.name for p in runs.iterdir()) == [f"run.multi.{code}.txt" for code in codes]


def test_a_run_file_holds_the_first_thousand_of_every_query(runs: Path) -> None:
    lines = run_lines(runs / "run.multi.de.txt")
    assert len(lines) == 90
    assert {len(found) for found in lines.values()} == {1000}
    assert all([rank for _, rank, _ in found] == [*range(1, 1001)] for found in lines.values())


def test_sorting_a_run_as_trec_eval_does_changes_nothing(runs: Path) -> None:
    """Scores falling as float32, equal scores by id descending."""
    for found in run_lines(runs / "run.multi.zh.txt").values():
        keys = [(np.float32(similarity), passage.encode()) for passage, _, similarity in found]
        assert all(a > b for a, b in pairwise(keys))


def test_pytrec_eval_gives_a_run_the_scores_of_the_result(
    runs: Path, collection: Collection
) -> None:
    lines = run_lines(runs / "run.multi.tr.txt")
    run = {q: {p: float(s) for p, _, s in found} for q, found in lines.items()}
    qrels = {q: relevant for q, relevant in judgements(collection).items() if q in run}
    names = {"map_cut_1000", "P_10", "ndcg_cut_10", "recall_100", "recip_rank"}
    per_query = pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(run).values()
    found = {name: np.mean([values[name] for values in per_query]) for name in names}

    entry = json_entries(runs.parent, "XLIRMiniMulti")["tr-multi"]
    setting = next(
        s for s in task_cards()["XLIRMini"].settings(RetrievalMode.multi) if s.subset == "tr-multi"
    )
    table = read_rank_table(runs.parent / "XLIRMini.ranks.parquet")
    ranks = readings(table, [setting])
    (exact,) = scorecard(ranks, parse_all(["AP@1000"]), resamples=0)[0].scores
    assert found == {
        "map_cut_1000": pytest.approx(exact.value, abs=1e-6),
        "P_10": pytest.approx(entry["P@10"], abs=1e-6),
        "ndcg_cut_10": pytest.approx(entry["nDCG@10"], abs=1e-6),
        "recall_100": pytest.approx(entry["R@100"], abs=1e-6),
        "recip_rank": pytest.approx(entry["RR"], abs=1e-6),
    }
    assert exact.value == pytest.approx(entry["map_at_1000"], abs=6e-6)


# --- what stops a run before it starts ---


def folder_without_a_model(tmp_path: Path) -> str:
    folder = tmp_path / "empty"
    folder.mkdir()
    return str(folder)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        pytest.param(lambda path: str(path / "nowhere"), "there is no model folder", id="missing"),
        pytest.param(folder_without_a_model, "is not a sentence-transformers model", id="empty"),
    ],
)
def test_a_folder_without_a_model_is_one_line_and_status_1(
    call: Call, tmp_path: Path, model: Callable[[Path], str], complaint: str
) -> None:
    found = call("run", "-m", model(tmp_path), "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert complaint in found.err


def test_an_unknown_model_is_one_line_that_offers_the_closest(call: Call, tmp_path: Path) -> None:
    found = call("run", "-m", "char-ngram", "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert (found.status, found.err.count("\n")) == (2, 1)
    assert "unknown model 'char-ngram'; did you mean char-ngrams" in found.err


def test_a_model_that_cannot_be_loaded_is_one_line_and_status_1(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mteb

    def fail(*_: object, **__: object) -> NoReturn:
        msg = "no such repository\nwith a long explanation"
        raise OSError(msg)

    monkeypatch.setattr(mteb, "get_model", fail)
    found = call("run", "-m", "no/model", "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert found.status == 1
    assert found.err == "xlir-bench: error: cannot load the model 'no/model': no such repository\n"


@pytest.mark.usefixtures("no_encoding")
@pytest.mark.parametrize("below", ["", "deep/below"])
def test_an_output_folder_that_cannot_be_written_stops_the_run_before_it_encodes(
    call: Call, tmp_path: Path, below: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "file" / below))
    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("xlir-bench: error: cannot write ")
    assert (tmp_path / "file").read_text() == "not a folder"


# --- what stops a run on its way ---


class Counting:
    """The lexical floor, counting texts, and interrupted before some chunk of them."""

    def __init__(self, interrupted_before: int = 0) -> None:
        self.chunks: list[int] = []
        self._interrupted_before = interrupted_before
        self._encode = char_ngrams.encode

    def __call__(self, texts: Sequence[str]) -> Vectors:
        if len(self.chunks) + 1 == self._interrupted_before:
            raise KeyboardInterrupt
        self.chunks.append(len(texts))
        return self._encode(texts)


@pytest.mark.slow
def test_an_interrupted_run_exits_130_and_goes_on_where_it_stopped(
    call: Call, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHUNK", 600)
    command = (*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    with monkeypatch.context() as patch:
        patch.setattr(char_ngrams, "encode", Counting(interrupted_before=2))
        stopped = call(*command)
    assert stopped.status == 130
    assert stopped.err.splitlines()[-1].startswith("xlir-bench: error: interrupted; the same")
    assert results_below(tmp_path / "out") == []

    resumed = Counting()
    monkeypatch.setattr(char_ngrams, "encode", resumed)
    again = call(*command)
    assert again.status == 0
    assert sum(resumed.chunks) == N_TEXTS - 600
    assert figures(again.out) == figures(finished.out)
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def with_nan(texts: Sequence[str]) -> Vectors:
    vectors = np.ones((len(texts), 8), dtype=np.float32)
    vectors[3, 5] = np.nan
    return vectors


def one_vector_short(texts: Sequence[str]) -> Vectors:
    return np.ones((len(texts) - 1, 8), dtype=np.float32)


def one_dimension(texts: Sequence[str]) -> Vectors:
    return np.ones(len(texts), dtype=np.float32)


def two_sizes(texts: Sequence[str]) -> Vectors:
    """Return 8 dimensions for the 1,080 queries and 9 for the passages."""
    return np.ones((len(texts), 8 + (len(texts) != 1080)), dtype=np.float32)


@pytest.mark.parametrize(
    ("encode", "complaint"),
    [
        pytest.param(with_nan, "returned NaN or infinity for 1 texts, first for '", id="nan"),
        pytest.param(one_vector_short, "returned shape (1079, 8) for 1080 texts", id="too-few"),
        pytest.param(one_dimension, "returned shape (1080,) for 1080 texts", id="one-dimension"),
        pytest.param(two_sizes, "queries have 8 dimensions, passages 9", id="two-sizes"),
    ],
)
def test_unusable_vectors_are_one_line_and_no_result(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encode: Callable[[Sequence[str]], Vectors],
    complaint: str,
) -> None:
    monkeypatch.setattr(char_ngrams, "encode", encode)
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert (found.status, found.out) == (1, "")
    *_, last = found.err.splitlines()
    assert last.startswith("xlir-bench: error: ")
    assert complaint in last
    assert "Traceback" not in found.err
    assert results_below(tmp_path / "out") == []


def test_an_encoder_that_fails_halfway_is_one_line_and_no_result(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(texts: Sequence[str]) -> NoReturn:
        msg = "out of memory"
        raise MemoryError(msg)

    monkeypatch.setattr(char_ngrams, "encode", fail)
    found = call(*MODEL, "-t", "XLIRMini", "-o", str(tmp_path / "out"))
    assert found.status == 1
    *_, last = found.err.splitlines()
    assert "failed after 0 of 1,080 texts: MemoryError: out of memory; the same command" in last
    assert results_below(tmp_path / "out") == []


# --- results that no longer fit ---


def test_results_on_other_data_are_not_shown_again(
    call: Call, tmp_path: Path, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(finished.output, folder)
    table = next(folder.rglob("*.ranks.parquet"))
    provenance = read_provenance(table) | {"data_sha256": "0" * 64, "identity": "another"}
    write_rank_table(read_rank_table(table), table, provenance)
    for path in folder.rglob("XLIRMini*.json"):
        path.write_text(path.read_text().replace('"AP": 0.', '"AP": 9.'))
    again = call(*MODEL, "-t", "XLIRMini", "-o", str(folder))
    assert again.status == 0
    assert figures(again.out) == figures(finished.out)
    assert "9." not in " ".join(
        str(e["AP"]) for e in json_entries(table.parent, "XLIRMiniMono").values()
    )


def test_a_rank_table_that_is_gone_is_made_again(
    call: Call, tmp_path: Path, finished: Finished
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(finished.output, folder)
    table = next(folder.rglob("*.ranks.parquet"))
    table.unlink()
    again = call(*MODEL, "-t", "XLIRMini", "-o", str(folder), "--measures", "AP")
    assert again.status == 0
    assert rows(again.out)["AP"] == rows(finished.out)["AP"]
    assert table.exists()

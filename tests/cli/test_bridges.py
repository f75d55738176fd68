"""Files of other tools, written and scored from the command line."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Call, own_process
from xlir_bench.cli.main import status
from xlir_bench.results.rank_file import read_provenance

pytestmark = pytest.mark.usefixtures("fresh_process")


def test_a_users_folder_is_scored_by_its_path(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("export", "beir", "XLIRMini", "./beir", "--mode", "mono")
    assert (done.status, done.out) == (0, "12 BEIR data sets of XLIRMini (mono): beir\n")
    run = call("run", "-m", "char-ngrams", "-t", "./beir/de-de", "--measures", "AP")
    assert run.status == 0
    assert " AP        0.5945 " in run.out
    both = call("run", "-m", "char-ngrams", "-t", "./beir", "XLIRMini", "--measures", "AP", "MRD")
    assert both.status == 0
    tables = [line for line in both.out.splitlines() if line.startswith((" AP", " MRD"))]
    assert tables[:2] == tables[2:]
    assert "90 of 90 queries have the same id" in both.err
    again = call("export", "beir", "XLIRMini", "./beir")
    assert (again.status, again.err) == (
        1, "xlir-bench: error: beir is already there; choose another folder\n",
    )  # fmt: skip


def test_changed_data_is_scored_again(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("export", "beir", "XLIRMini", "./beir", "--mode", "mono")
    folder = Path("beir/de-de")
    before = call("run", "-m", "char-ngrams", "-t", "./beir/de-de").out
    queries = (folder / "queries.jsonl").read_text().replace("Welche", "Was")
    (folder / "queries.jsonl").write_text(queries)
    from xlir_bench.adapters.mteb import registry

    known = registry._get_tasks()._TASKS_REGISTRY
    for name in ("DeDe", "DeDeMono"):
        del known[name]  # a new process has never seen the folder
    assert call("run", "-m", "char-ngrams", "-t", "./beir/de-de").out != before


@pytest.mark.parametrize("task", ["./nowhere", "../nowhere", "Nowhere"])
def test_a_task_that_is_not_there_is_one_line(call: Call, task: str) -> None:
    found = call("run", "-m", "char-ngrams", "-t", task)
    assert found.status == (2 if task == "Nowhere" else 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert found.err.count("\n") == 1


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return TREC files of XLIRMini's pool, each query's whole ranking."""
    root = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch, own_process(patch):
        patch.setenv("XLIR_CACHE_DIR", str(root / "cache"))
        patch.setenv("XLIR_CONFIG_DIR", str(root / "config"))
        arguments = ["XLIRMini", str(root / "trec"), "--mode", "multi", "--depth", "1824"]
        assert status(["export", "trec", *arguments]) == 0
    return root / "trec"


@pytest.fixture
def exported(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the TREC files, from a working folder that is empty."""
    monkeypatch.chdir(tmp_path)
    return written


def test_ir_measures_and_score_agree_with_the_encoder(call: Call, exported: Path) -> None:
    files = [str(exported / f"{kind}.de-multi.txt") for kind in ("qrels", "run")]
    command = "import sys; from ir_measures.__main__ import main_cli; sys.exit(main_cli())"
    theirs = subprocess.run(
        [sys.executable, "-c", command, *files, "AP", "P@10", "-p", "9"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    expected = {name: float(value) for name, value in map(str.split, theirs.splitlines())}
    scored = call("score", files[1], "-t", "XLIRMiniMulti", "--name", "tests/floor")
    assert scored.status == 0
    assert "multi: 1 of 12 settings" in scored.out
    (result,) = Path("results").rglob("XLIRMiniMulti.json")
    (entry,) = json.loads(result.read_text())["scores"]["test"]
    assert entry["hf_subset"] == "de-multi"
    assert {name: entry[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert {"MRD", "LangShare@10", "OwnWrong", "TLR@20"} <= set(entry)


def test_a_scored_run_is_a_result_like_a_models(call: Call, exported: Path) -> None:
    assert call("score", str(exported), "-t", "XLIRMiniMulti").status == 0
    assert call("run", "-m", "char-ngrams", "-t", "XLIRMini").status == 0
    name = "run/xlir-bench-char-ngrams"
    compared = call("compare", name, "char-ngrams", "-t", "XLIRMini", "--measures", "AP", "MRD")
    assert compared.status == 0
    rows = [line for line in compared.out.splitlines() if " multi " in line]
    assert len(rows) == 2
    assert all("+0.0" in row and "1.0000" in row for row in rows)
    shown = call("show", name, "XLIRMini", "--query", "de:volcanoes-vesuvius-1", "--top", "3")
    assert shown.status == 0
    assert "Plinius der Jüngere" in shown.out
    (table,) = Path("results/results/run__xlir-bench-char-ngrams").rglob("*.ranks.parquet")
    provenance = read_provenance(table)
    assert provenance["depths"]["multi/de"] == 1824
    assert len(provenance["runs"]) == 12


def test_a_shallow_run_has_the_measures_of_its_depth(call: Call, exported: Path) -> None:
    lines = (exported / "run.de-multi.txt").read_text().splitlines()
    kept = [line for line in lines if int(line.split()[3]) <= 20]
    Path("mine.txt").write_text("\n".join(kept) + "\n")
    scored = call("score", "mine.txt", "-t", "XLIRMiniMulti")
    assert {" P@10 ", " TLR@20 ", " OwnFirst ", " LangShare@10 "} <= {
        f" {line.split()[0]} " for line in scored.out.splitlines() if line.strip()
    }
    left_out = ("AP", "R@100", "RR", "MRD", "nMRD", "MaxRank", "AboveShare")
    assert all(f"{name}, " in scored.err for name in left_out)
    complete = call("score", "mine.txt", "-t", "XLIRMiniMulti", "--complete", "--measures", "AP")
    assert " AP " in complete.out
    deeper = call("score", "mine.txt", "-t", "XLIRMiniMulti", "--depth", "100")
    assert " R@100 " in deeper.out
    assert call("score", "mine.txt", "-t", "XLIRMini", "--depth", "1", "--complete").status == 2


@pytest.mark.slow
@pytest.mark.parametrize("task", ["XLIRMini", "XLIRMiniMulti"])
def test_shallow_runs_can_be_published(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """What they are too shallow for is a dash, and everything else is recomputed."""
    monkeypatch.chdir(tmp_path)
    modes = ["--mode", "multi"] if task.endswith("Multi") else []
    assert call("export", "trec", "XLIRMini", "trec", "--depth", "20", *modes).status == 0
    assert call("score", "trec", "-t", task, "--name", "me/shallow").status == 0
    submitted = call("submit", "results/results/me__shallow", "published")
    assert (submitted.status, submitted.err) == (0, "")
    board = call(
        "leaderboard", "-t", "XLIRMini", "--no-shipped", "--results", "published",
        "--measure", "AP", "P@10", "--format", "csv",
    )  # fmt: skip
    assert board.status == 0
    shown = {(x["mode"], x["measure"]) for x in csv.DictReader(io.StringIO(board.out))}
    expected = {"multi"} if modes else {"mono", "cross", "multi"}
    assert shown == {(mode, "P@10") for mode in expected}


LINE = "de:volcanoes-vesuvius-1 Q0 de:011.000.004 1 0.5 me\n"


@pytest.mark.parametrize(
    ("text", "task", "status", "message"),
    [
        pytest.param(LINE, "XLIRMini", 2, "say which mode it is of", id="no-mode"),
        pytest.param("a b c\n", "XLIRMiniMulti", 1, "line 1: not 'query Q0", id="columns"),
        pytest.param(LINE.replace("0.5", "x"), "XLIRMiniMulti", 1, "line 1: not", id="no-number"),
        pytest.param(LINE.replace("0.5", "nan"), "XLIRMiniMulti", 1, "NaN score", id="nan"),
        pytest.param(LINE * 2, "XLIRMiniMulti", 1, "twice for query", id="twice"),
        pytest.param(
            LINE.replace("011.000", "9"), "XLIRMiniMulti", 1, "has no passage", id="passage"
        ),
        pytest.param(LINE.replace("de:v", "de:x"), "XLIRMiniMulti", 1, "ranks nothing", id="query"),
        pytest.param(
            LINE.replace("de:0", "en:0"), "XLIRMiniMono", 1, "not in mono/de", id="other-language"
        ),
        pytest.param(LINE, "XLIRMiniCross", 1, "not in any setting of the mode", id="own-language"),
        pytest.param("", "XLIRMiniMulti", 1, "ranks nothing for XLIRMini", id="empty"),
    ],
)
def test_a_wrong_run_is_one_line(
    call: Call, tmp_path: Path, text: str, task: str, status: int, message: str
) -> None:
    (tmp_path / "run.txt").write_text(text)
    found = call("score", str(tmp_path / "run.txt"), "-t", task, "-o", str(tmp_path / "out"))
    assert (found.status, found.out) == (status, "")
    assert message in found.err
    assert found.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_missing_and_unknown_queries_are_counted(call: Call, exported: Path) -> None:
    Path("run.txt").write_text(LINE + "other Q0 de:011.000.004 1 0.5 me\n")
    found = call("score", "run.txt", "-t", "XLIRMiniMulti")
    assert found.status == 0
    assert "1 queries are not the benchmark's and not scored: 'other'" in found.err
    assert "89 queries of multi/de are not in the run" in found.err


def test_ids_of_a_folder_need_no_language_in_front(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    records: dict[str, Any] = {"corpus": ["d1", "d2"], "queries": ["q1"]}
    for code in ("de", "en"):
        folder = Path("mine") / code
        (folder / "qrels").mkdir(parents=True)
        for name, ids in records.items():
            rows = [json.dumps({"_id": x, "text": f"{x} {code}"}) for x in ids]
            (folder / f"{name}.jsonl").write_text("\n".join(rows))
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t1\n")
    Path("run.de-de.txt").write_text("q1 Q0 d1 1 2 me\nq1 Q0 d2 2 1 me\n")
    found = call("score", "run.de-de.txt", "-t", "./mine", "--measures", "RR")
    assert found.status == 0
    assert " RR        0.5000 " in found.out
    assert np.isclose(0.5, json.loads(
        next(Path("results").rglob("MineMono.json")).read_text()
    )["scores"]["test"][0]["RR"])  # fmt: skip

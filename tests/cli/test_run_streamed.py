"""``xlir-bench run`` on MIRACL: published topics and judgements, a corpus of our own text."""

import errno
import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call, own_process
from xlir_bench.adapters.mteb import session
from xlir_bench.errors import EngineError, ResultError
from xlir_bench.results.rank_file import read_provenance, read_rank_table
from xlir_bench.stream import run as stream_run

CODES = ("sw", "yo")
FULL = os.strerror(errno.ENOSPC)


@pytest.fixture
def miracl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with a corpus of every judged docid and as many others."""
    data = os.environ.get("XLIR_DATA_DIR")
    if not data or not (Path(data) / "miracl" / "topics").is_dir():
        pytest.skip("XLIR_DATA_DIR does not name a folder with miracl/topics and miracl/qrels")
    folder = tmp_path / "data" / "miracl"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for kind in ("topics", "qrels"):
        (folder / kind).symlink_to(Path(data) / "miracl" / kind)
    for code in CODES:
        lines = (folder / "qrels" / f"qrels.miracl-v1.0-{code}-dev.tsv").read_text().splitlines()
        judged = list(dict.fromkeys(line.split("\t")[2] for line in lines))
        ids = judged + [f"9{i:06d}#0" for i in range(len(judged))]
        for shard, part in enumerate(np.array_split(rng.permutation(ids), 3)):
            path = folder / f"miracl-corpus-v1.0-{code}" / f"docs-{shard}.jsonl.gz"
            path.parent.mkdir(exist_ok=True)
            with gzip.open(path, "wt", encoding="utf-8") as file:
                for docid in part:
                    text = " ".join(map(str, rng.integers(0, 200, 6)))
                    file.write(json.dumps({"docid": docid, "title": "", "text": text}) + "\n")
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "data"))
    return folder


def run(call: Call, out: Path, task: str, *more: str, languages: Sequence[str] = CODES) -> str:
    done = call(
        "run", "-m", "char-ngrams", "-t", task, "--languages", *languages, "-o", str(out), *more
    )
    assert done.status == 0, done.err
    return done.out


def test_some_languages_are_a_benchmark_of_their_own(
    miracl: Path, call: Call, tmp_path: Path
) -> None:
    printed = run(call, tmp_path / "out", "MIRACL")
    assert "char-ngrams on MIRACL.sw+yo" in printed
    folder = tmp_path / "out" / "results" / "xlir-bench__char-ngrams" / "1"
    assert (folder / "MIRACLMulti.sw+yo.json").is_file()
    path = folder / "MIRACL.sw+yo.ranks.parquet"
    provenance = read_provenance(path)
    assert provenance["corpora"]["sw"]["passages"] < 131_924
    assert provenance["languages"] == list(CODES)
    scores = json.loads((folder / "MIRACL.sw+yo.json").read_text())["scores"]["dev"][0]
    assert {"mono/nDCG@10", "cross/nDCG@10", "multi/nDCG@10", "multi/LangShare@10"} <= set(scores)
    assert read_rank_table(path).confined_to is not None


def test_a_corpus_that_is_not_the_published_one_is_named(
    miracl: Path, call: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(call, tmp_path / "out", "MIRACLMono")
    assert "but the published corpus has 131,924" in caplog.text


def test_two_devices_are_two_processes_with_the_same_scores(
    miracl: Path, call: Call, tmp_path: Path
) -> None:
    one = run(call, tmp_path / "one", "MIRACLMono")
    two = run(call, tmp_path / "two", "MIRACLMono", "--device", "cpu,cpu")
    assert one.split("results:")[0] == two.split("results:")[0]


def test_an_engine_that_is_not_installed_is_one_line(
    miracl: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    done = call(
        "run", "-m", "char-ngrams", "-t", "MIRACLMono", "--languages", "yo",
        "--engine", "ray", "-o", str(tmp_path / "out"),
    )  # fmt: skip
    assert done.status == EngineError.exit_code
    assert "pip install 'xlir-bench[ray]'" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-t", "MIRACLMono", "--languages", "el"), "unknown language of MIRACL 'el'"),
        (("-t", "MIRACLMono", "--languages", "xx"), "unknown language 'xx'"),
        (("-t", "MIRACLMono", "--engine", "slurm"), "slurm"),
        (("-t", "MIRACLCross", "--languages", "en"), "has no mode"),
        (
            ("-t", "MIRACL", "--debias", "lir", "--debias-from", "hybrid", "--engine", "ray"),
            "--debias works in one process",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Call, arguments: tuple[str, ...], message: str) -> None:
    done = call("run", "-m", "char-ngrams", *arguments)
    assert done.status == 2
    assert message in done.err


def test_a_missing_corpus_is_one_line(
    miracl: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = call(
        "run", "-m", "char-ngrams", "-t", "MIRACLMono", "--languages", "te", "-o", str(tmp_path)
    )
    assert done.status == 1
    assert "MIRACL/te: cannot download miracl/miracl-corpus" in done.err.splitlines()[-1]


def test_a_model_that_searches_for_itself_is_refused(
    miracl: Path, call: Call, tmp_path: Path
) -> None:
    pytest.importorskip("bm25s")
    done = call(
        "run", "-m", "mteb/baseline-bm25s", "-t", "MIRACLMono", "--languages", "yo",
        "-o", str(tmp_path),
    )  # fmt: skip
    assert done.status == 1
    assert "only encoders can be run on it" in done.err.splitlines()[-1]


def test_run_files_of_a_streamed_corpus_are_refused(
    miracl: Path, call: Call, tmp_path: Path
) -> None:
    done = call(
        "run", "-m", "char-ngrams", "-t", "MIRACLMono", "--languages", "yo", "--run-file",
        "-o", str(tmp_path),
    )  # fmt: skip
    assert done.status == 1
    assert "there are no run files" in done.err.splitlines()[-1]


@pytest.mark.usefixtures("miracl", "fresh_process")
def test_counts_outlive_a_table_that_could_not_be_written(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise ResultError(FULL)

    with monkeypatch.context() as patch:
        patch.setattr(session, "write_rank_table", full)
        done = call(
            "run", "-m", "char-ngrams", "-t", "MIRACLMono", "--languages", "yo",
            "-o", str(tmp_path / "out"),
        )  # fmt: skip
    assert (done.status, done.err.splitlines()[-1]) == (1, f"xlir-bench: error: {FULL}")
    (folder,) = (tmp_path / "cache" / "unfinished").glob("shards-*")
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr(stream_run, "count_shard", None)  # nothing is left to count
    with own_process(monkeypatch):
        run(call, tmp_path / "out", "MIRACLMono", languages=("yo",))
    assert not folder.exists()


def test_stock_mteb_scores_one_language(miracl: Path, call: Call, tmp_path: Path) -> None:
    import mteb

    printed = run(call, tmp_path / "ours", "MIRACLMono", "--by-language")
    task = mteb.get_task("MIRACLMono", languages=["yor"])
    result = mteb.evaluate(
        mteb.get_model("char-ngrams"), task, cache=mteb.ResultCache(tmp_path / "stock"),
        show_progress_bar=False, co2_tracker=False,
    )  # fmt: skip
    (entry,) = result.task_results[0].scores["dev"]
    assert entry["hf_subset"] == "yo-yo"
    (line,) = [x for x in printed.splitlines() if x.split()[:1] == ["mono/yo"]]
    assert f"{entry['nDCG@10']:.4f}" in line

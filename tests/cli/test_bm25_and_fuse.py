"""BM25 baselines and fused runs from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from xlir_bench.results.rank_file import read_provenance, read_rank_table

pytestmark = pytest.mark.usefixtures("fresh_process")


def test_bm25_is_kept_as_a_model_that_ranks_everything(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bm25s")
    monkeypatch.chdir(tmp_path)
    done = call(
        "bm25", "-t", "XLIRMiniMulti", "--merge", "score", "rank", "--measures", "AP", "MRD"
    )
    assert done.status == 0
    assert "; th: trigrams; " in done.out
    assert "; zh: bigrams\n" in done.out
    tables = {p.parts[2]: p for p in Path("results").rglob("XLIRMini.ranks.parquet")}
    assert set(tables) == {"bm25s__merged-by-score", "bm25s__merged-by-rank"}
    for path in tables.values():
        table = read_rank_table(path)
        assert (len(table), table.run) == (12_960, None)
        assert read_provenance(path)["k1"] == 0.9
    entries = json.loads(
        next(Path("results/results/bm25s__merged-by-score").rglob("XLIRMiniMulti.json")).read_text()
    )["scores"]["test"]
    assert sum(e["AP"] for e in entries) / 12 == pytest.approx(0.0894, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "XLIRMini", "--backend", "lucene"], "unknown backend 'lucene'"),
        (["-t", "XLIRMini", "--merge", "sum"], "unknown merge 'sum'"),
        ([], "-t names no task"),
    ],
)
def test_a_wrong_choice_is_one_line(call: Call, arguments: list[str], message: str) -> None:
    found = call("bm25", *arguments)
    assert found.status == 2
    assert message in found.err
    assert found.err.count("\n") == 1


def test_what_anserini_lacks_is_said(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from xlir_bench.adapters import pyserini

    monkeypatch.setattr(pyserini, "_find_java", lambda: (None, ["Java 17 at /old/java"]))
    found = call("bm25", "-t", "XLIRMiniMono", "--backend", "pyserini")
    assert found.status == 2
    assert "missing: Anserini" in found.err
    assert "Java 21 or newer; found only Java 17 at /old/java" in found.err
    assert "bm25 --setup" in found.err


def run_lines(query: str, *passages: str) -> str:
    rows = enumerate(passages, 1)
    return "".join(f"{query} Q0 {passage} {i} {10 - i} x\n" for i, passage in rows)


@pytest.mark.slow
def test_a_fused_run_adds_reciprocal_ranks(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ranx")
    monkeypatch.chdir(tmp_path)
    # Lines in the order of a shuffled file: ranks are those of the scores.
    Path("a.txt").write_text(
        "".join(reversed(run_lines("q1", "a", "b", "c").splitlines(keepends=True)))
    )
    Path("b.txt").write_text(run_lines("q1", "c", "d") + run_lines("q2", "e"))
    done = call("fuse", "a.txt", "b.txt", "-o", "c.txt")
    assert done.status == 0
    assert "b.txt alone ranks 1 queries" in done.err
    found = {
        (line.split()[0], line.split()[2]): float(line.split()[4])
        for line in Path("c.txt").read_text().splitlines()
    }
    assert found == pytest.approx({
        ("q1", "c"): 1 / 63 + 1 / 61, ("q1", "a"): 1 / 61, ("q1", "d"): 1 / 62,
        ("q1", "b"): 1 / 62, ("q2", "e"): 1 / 61,
    }, abs=1e-8)  # fmt: skip
    assert [line.split()[2] for line in Path("c.txt").read_text().splitlines()] == [*"cadbe"]


def test_runs_that_cannot_be_fused_are_refused(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("ranx")
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    a.write_text(run_lines("q1", "a"))
    b.write_text(run_lines("q2", "a"))
    target = str(tmp_path / "c.txt")
    assert call("fuse", str(a), "-o", target).status == 2
    found = call("fuse", str(a), str(b), "-o", target)
    assert (found.status, "rank no query in common" in found.err) == (1, True)
    assert call("fuse", str(a), str(tmp_path / "none"), "-o", target).status == 1

"""mteb's form of a data set, from a local copy of a hub repository."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.language import language
from xlir_bench.errors import DataError
from xlir_bench.readers.read import read

ROWS: dict[str, list[dict[str, Any]]] = {
    "corpus": [
        {"_id": "1#0", "title": "Ziwa", "text": "Ziwa ni kubwa."},
        {"_id": "2#0", "title": "", "text": "Mlima ni mrefu."},
    ],
    "queries": [{"_id": "7", "text": "Ziwa?"}, {"_id": "8", "text": "Nini?"}],
    "qrels": [
        {"query-id": "7", "corpus-id": "1#0", "score": 1},
        {"query-id": "8", "corpus-id": "2#0", "score": 0},
    ],
}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TaskCard:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    return task_cards()["MIRACLHardNegatives"]


def write(
    card: TaskCard, folder: Path, parts: Mapping[str, Sequence[Mapping[str, Any]]] = ROWS
) -> None:
    """Write a copy of the repository: files, and a README that names its parts."""
    root = folder / card.source.folder
    root.mkdir()
    lines = ["---", "configs:"]
    for code in ("sw", "te"):
        for part, rows in parts.items():
            name = f"{code}-{part}"
            (root / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
            lines += [f"- config_name: {name}", "  data_files:"]
            lines += ["  - split: dev", f"    path: {name}.jsonl"]
    (root / "README.md").write_text("\n".join([*lines, "---", ""]))


def test_parts_become_a_collection(card: TaskCard, tmp_path: Path) -> None:
    write(card, tmp_path)
    found = read(card, [language("te"), language("sw")])
    assert [(p.passage_id, p.text) for p in found.passages] == [
        ("sw:1#0", "Ziwa Ziwa ni kubwa."), ("sw:2#0", "Mlima ni mrefu."),
        ("te:1#0", "Ziwa Ziwa ni kubwa."), ("te:2#0", "Mlima ni mrefu."),
    ]  # fmt: skip
    assert [q.query_id for q in found.queries] == ["sw:7", "te:7"]  # 8 has no relevant passage
    assert found.qrels.passage_rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("part", "row", "message"),
    [
        ("qrels", {"query-id": "9", "corpus-id": "1#0", "score": 1}, "judges the query '9'"),
        ("qrels", {"query-id": "7", "corpus-id": "9", "score": 1}, "judges the passage '9'"),
    ],
)
def test_judgements_of_what_is_not_there_are_refused(
    card: TaskCard, tmp_path: Path, part: str, row: dict[str, Any], message: str
) -> None:
    write(card, tmp_path, ROWS | {part: [*ROWS[part], row]})
    with pytest.raises(DataError, match=message):
        read(card, [language("sw")])


def test_a_part_that_is_missing_is_named(card: TaskCard, tmp_path: Path) -> None:
    write(card, tmp_path, {name: rows for name, rows in ROWS.items() if name != "qrels"})
    with pytest.raises(DataError, match="MIRACLHardNegatives: cannot read sw-qrels of"):
        read(card, [language("sw")])

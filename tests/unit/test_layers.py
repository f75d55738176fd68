"""The dependency direction: a unit imports itself and what it may, never its peers or upwards."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xlir_bench

ROOT = Path(xlir_bench.__file__).parent
BASE = {"errors", "core", "paths", "versions"}
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "core": {"errors"},
    "paths": {"errors"},
    "versions": set(),
    "cards": BASE,
    "readers": {*BASE, "cards"},
    "encoders": {*BASE, "cards"},
    "retrieve": {*BASE, "cards"},
    "measures": {*BASE, "cards"},
    "evaluate": {"errors", "core", "encoders", "measures", "retrieve"},
    "compare": {"errors", "core", "measures", "evaluate"},
    "runs": {"errors", "core", "evaluate"},
    "bm25": {"errors", "core", "evaluate"},
    "results": {*BASE, "cards"},
    "engines": {"errors"},
    "stream": {*BASE, "cards", "readers", "encoders", "retrieve", "engines", "evaluate"},
    "exports": {*BASE, "cards"},
}
MAY_IMPORT["leaderboard"] = {
    *BASE,
    "cards",
    "readers",
    "measures",
    "evaluate",
    "compare",
    "results",
}
MAY_IMPORT["train"] = {*BASE, "cards", "readers", "encoders", "measures", "evaluate"}
MAY_IMPORT["adapters"] = {*MAY_IMPORT} - {"__init__"}
MAY_IMPORT["cli"] = MAY_IMPORT["adapters"] | {"adapters"}

MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def imported_units(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("xlir_bench."))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_downwards(module: Path) -> None:
    unit = module.parts[0].removesuffix(".py")
    if unit == "startup":  # reaches up to adapters on purpose, inside a function
        return
    assert unit in MAY_IMPORT, f"give {unit} its place in MAY_IMPORT"
    imported = set(imported_units((ROOT / module).read_text(encoding="utf-8"))) - {unit}
    assert imported <= MAY_IMPORT[unit]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_is_longer_than_400_lines(module: Path) -> None:
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    ("source", "units"),
    [
        ("import xlir_bench.core.text", ["core"]),
        ("from xlir_bench.cards.load import task_cards", ["cards"]),
        ("from xlir_bench import evaluate, paths", ["evaluate", "paths"]),
        ("def f():\n    from xlir_bench.cli import main", ["cli"]),
        ("import numpy\nfrom xlir_benchmark.x import y", []),
    ],
)
def test_every_way_to_import_is_seen(source: str, units: list[str]) -> None:
    assert list(imported_units(source)) == units

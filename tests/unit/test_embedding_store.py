"""``EmbeddingStore``: each text once, and an interrupted run goes on where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from xlir_bench.encoders import store as store_module
from xlir_bench.encoders.base import Role, Similarity
from xlir_bench.encoders.store import EmbeddingStore, checkpoint_folder
from xlir_bench.errors import EncoderError

Array = NDArray[np.generic]

TEXTS = ["dddd", "a", "ccc", "bb", "a", "eeeee", "日本", "", "ccc"]
"""7 distinct texts; longest first: eeeee dddd ccc bb 日本 a and the empty one."""


def vectors_of(texts: Sequence[str]) -> Array:
    """Return two numbers that tell the texts of these tests apart."""
    return np.array([[len(t), sum(map(ord, t))] for t in texts], dtype=np.float32).reshape(-1, 2)


@dataclass
class CountingEncoder:
    """Remembers what it was asked for; raises KeyboardInterrupt at a call if told to."""

    killed_at_call: int | None = None
    calls: list[list[str]] = field(default_factory=list)
    name: str = "tests/counting"
    similarity: Similarity = Similarity.dot

    def fingerprint(self, role: Role) -> str | None:
        return f"{self.name} {role}"

    def encode(self, texts: Sequence[str], role: Role) -> Array:
        if len(self.calls) == self.killed_at_call:
            raise KeyboardInterrupt
        self.calls.append(list(texts))
        return vectors_of(texts)

    @property
    def texts(self) -> list[str]:
        return [text for call in self.calls for text in call]


@dataclass
class WrongEncoder(CountingEncoder):
    """Spoils the vectors of every call that holds the text "bb"."""

    spoil: Callable[[Array], Array] = lambda vectors: vectors

    def encode(self, texts: Sequence[str], role: Role) -> Array:
        vectors = super().encode(texts, role)
        return self.spoil(vectors) if "bb" in texts else vectors


@pytest.fixture(autouse=True)
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CHUNK", 2)


def test_vectors_come_in_the_order_of_the_texts() -> None:
    found = EmbeddingStore().embed(CountingEncoder(), TEXTS, Role.passage)
    assert found.dtype == np.float32
    assert found.tolist() == vectors_of(TEXTS).tolist()


def test_each_distinct_text_is_encoded_once() -> None:
    encoder, store = CountingEncoder(), EmbeddingStore()
    store.embed(encoder, TEXTS, Role.passage)
    assert sorted(encoder.texts) == sorted(set(TEXTS))
    assert store.n_encoded == 7


def test_long_texts_go_first() -> None:
    encoder = CountingEncoder()
    EmbeddingStore().embed(encoder, TEXTS, Role.passage)
    lengths = [len(text) for text in encoder.texts]
    assert lengths == sorted(lengths, reverse=True)


def test_later_calls_encode_only_new_texts() -> None:
    encoder, store = CountingEncoder(), EmbeddingStore()
    store.embed(encoder, TEXTS[:4], Role.passage)
    encoder.calls.clear()
    found = store.embed(encoder, ["new", *TEXTS], Role.passage)
    assert set(encoder.texts) == {"new", *TEXTS} - set(TEXTS[:4])
    assert found.tolist() == vectors_of(["new", *TEXTS]).tolist()
    assert store.embed(encoder, ["a", "new"], Role.passage).tolist() == [[1, 97], [3, 330]]


def killed_after(n_calls: int, folder: Path) -> list[str]:
    """Return the texts that a run encoded before it was interrupted."""
    encoder = CountingEncoder(killed_at_call=n_calls)
    with pytest.raises(KeyboardInterrupt):
        EmbeddingStore(folder).embed(encoder, TEXTS, Role.passage)
    return encoder.texts


@pytest.mark.parametrize("n_calls", [0, 1, 2, 3])
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, n_calls: int) -> None:
    done = killed_after(n_calls, tmp_path / "work")
    assert len(done) == 2 * n_calls
    encoder, store = CountingEncoder(), EmbeddingStore(tmp_path / "work")
    found = store.embed(encoder, TEXTS, Role.passage)
    assert found.tolist() == vectors_of(TEXTS).tolist()
    assert set(encoder.texts) == set(TEXTS) - set(done)
    assert store.n_encoded == len(encoder.texts) == 7 - len(done)


def test_a_run_interrupted_twice_loses_nothing(tmp_path: Path) -> None:
    first = killed_after(1, tmp_path)
    second = killed_after(1, tmp_path)
    encoder = CountingEncoder()
    found = EmbeddingStore(tmp_path).embed(encoder, TEXTS, Role.passage)
    assert found.tolist() == vectors_of(TEXTS).tolist()
    assert sorted([*first, *second, *encoder.texts]) == sorted(set(TEXTS))


def test_a_resumed_run_may_ask_for_other_texts(tmp_path: Path) -> None:
    assert killed_after(2, tmp_path) == ["eeeee", "dddd", "ccc", "bb"]
    encoder = CountingEncoder()
    found = EmbeddingStore(tmp_path).embed(encoder, ["zz", "bb", "dddd"], Role.passage)
    assert found.tolist() == vectors_of(["zz", "bb", "dddd"]).tolist()
    assert encoder.texts == ["zz"]


def test_without_a_folder_nothing_is_checkpointed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = EmbeddingStore()
    store.embed(CountingEncoder(), TEXTS, Role.passage)
    store.discard_checkpoints()
    assert list(tmp_path.iterdir()) == []


def test_discarding_removes_the_folder_and_keeps_the_vectors(tmp_path: Path) -> None:
    encoder, store = CountingEncoder(), EmbeddingStore(tmp_path / "work")
    store.embed(encoder, TEXTS, Role.passage)
    assert len(list((tmp_path / "work").iterdir())) == 4
    store.discard_checkpoints()
    store.discard_checkpoints()
    assert not (tmp_path / "work").exists()
    encoder.calls.clear()
    assert store.embed(encoder, TEXTS, Role.passage).tolist() == vectors_of(TEXTS).tolist()
    assert encoder.calls == []


def with_value(value: float) -> Callable[[Array], Array]:
    def spoil(vectors: Array) -> Array:
        spoiled = vectors.copy()
        spoiled[-1, 0] = value
        return spoiled

    return spoil


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        pytest.param(with_value(np.nan), "tests/counting returned NaN .* 1 texts, first for 'bb'",
                     id="nan"),
        pytest.param(with_value(np.inf), "returned NaN or infinity for 1 texts", id="inf"),
        pytest.param(with_value(-np.inf), "returned NaN or infinity for 1 texts", id="minus-inf"),
        pytest.param(lambda v: v[:1], r"returned shape \(1, 2\) for 2 texts", id="a-row-missing"),
        pytest.param(lambda v: np.vstack([v, v]), r"shape \(4, 2\) for 2 texts", id="too-many"),
        pytest.param(lambda v: v[:, 0], r"returned shape \(2,\) for 2 texts", id="one-dimension"),
        pytest.param(lambda v: v[:, :0], r"returned shape \(2, 0\)", id="no-numbers"),
        pytest.param(lambda v: v[None], r"returned shape \(1, 2, 2\)", id="three-dimensions"),
    ],
)  # fmt: skip
def test_unusable_vectors_are_refused_and_not_checkpointed(
    tmp_path: Path, spoil: Callable[[Array], Array], match: str
) -> None:
    wrong = WrongEncoder(spoil=spoil)
    with pytest.raises(EncoderError, match=match):
        EmbeddingStore(tmp_path).embed(wrong, TEXTS, Role.passage)
    right = CountingEncoder()
    found = EmbeddingStore(tmp_path).embed(right, TEXTS, Role.passage)
    assert found.tolist() == vectors_of(TEXTS).tolist()
    assert set(right.texts) == set(TEXTS) - set(wrong.calls[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64])
def test_any_type_of_number_becomes_float32(dtype: type) -> None:
    encoder = WrongEncoder(spoil=lambda vectors: vectors.astype(dtype))
    found = EmbeddingStore().embed(encoder, ["bb", "a"], Role.query)
    assert found.dtype == np.float32
    assert found.tolist() == vectors_of(["bb", "a"]).tolist()


def test_encoders_and_roles_have_folders_of_their_own(tmp_path: Path) -> None:
    prints = ["org/a query", "org/a passage", "org/b query", "x" * 5000, "../../up"]
    folders = [checkpoint_folder(tmp_path, fingerprint) for fingerprint in prints]
    assert len(set(folders)) == len(prints)
    assert {folder.parent for folder in folders} == {tmp_path}
    assert checkpoint_folder(tmp_path, prints[0]) == folders[0]


def interrupted(texts: Sequence[str], calls: int, folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        EmbeddingStore(folder).embed(CountingEncoder(killed_at_call=calls), texts, Role.passage)


def test_a_text_in_two_checkpoints_does_not_shift_the_others(tmp_path: Path) -> None:
    interrupted(["aaaa", "bbb", "cc"], 1, tmp_path)
    copied = next(tmp_path.glob("*.npz"))
    (tmp_path / "copy.npz").write_bytes(copied.read_bytes())
    texts = ["zzzzz", "aaaa", "bbb", "cc"]
    found = EmbeddingStore(tmp_path).embed(CountingEncoder(), texts, Role.passage)
    assert found.tolist() == vectors_of(texts).tolist()


@pytest.mark.parametrize("kept", [0, 20, 400])
def test_a_checkpoint_that_was_cut_off_is_dropped_and_encoded_again(
    tmp_path: Path, kept: int
) -> None:
    interrupted(TEXTS, 2, tmp_path)
    broken = min(tmp_path.glob("*.npz"))
    broken.write_bytes(broken.read_bytes()[:kept])
    encoder = CountingEncoder()
    found = EmbeddingStore(tmp_path).embed(encoder, TEXTS, Role.passage)
    assert found.tolist() == vectors_of(TEXTS).tolist()
    assert len(encoder.texts) == 5


def test_checkpoints_of_a_second_collection_are_found_after_the_first_was_encoded(
    tmp_path: Path,
) -> None:
    interrupted(["yyyy", "zzz", "xx"], 1, tmp_path)
    store, encoder = EmbeddingStore(tmp_path), CountingEncoder()
    store.embed(encoder, ["first"], Role.passage)
    store.discard_checkpoints()
    found = store.embed(encoder, ["yyyy", "zzz", "xx"], Role.passage)
    assert encoder.texts == ["first", "xx"]
    assert found.tolist() == vectors_of(["yyyy", "zzz", "xx"]).tolist()


def test_a_change_of_dimension_is_refused() -> None:
    store, encoder = EmbeddingStore(), CountingEncoder()
    store.embed(encoder, ["a", "b"], Role.passage)
    wider = WrongEncoder(spoil=lambda vectors: np.hstack([vectors, vectors]))
    with pytest.raises(EncoderError, match="tests/counting returned 4 dimensions after 2"):
        store.embed(wider, ["bb"], Role.passage)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda v: [[1.0], *v[1:].tolist()], "different lengths", id="ragged"),
        pytest.param(lambda v: v + 1j, "type complex", id="complex"),
        pytest.param(lambda v: v.astype(np.float64) * 1e300, "NaN or infinity", id="too-large"),
    ],
)
def test_vectors_that_are_no_float32_are_refused(
    spoil: Callable[[Array], Array], message: str
) -> None:
    encoder = WrongEncoder(spoil=spoil)
    with pytest.raises(EncoderError, match=message):
        EmbeddingStore().embed(encoder, ["bb", "aa"], Role.passage)

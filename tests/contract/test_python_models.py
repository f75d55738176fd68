"""Cards of the kind ``python``: any class with ``encode`` as an mteb model."""

from pathlib import Path

import numpy as np
import pytest

from xlir_bench.adapters.mteb.encoder import MtebEncoder, similarity_of
from xlir_bench.adapters.mteb.models import card_meta
from xlir_bench.adapters.mteb.task import encoder_of
from xlir_bench.cards.load import task_cards
from xlir_bench.cards.model import ModelCard, read_model_card
from xlir_bench.encoders.base import Role, Similarity
from xlir_bench.errors import EncoderError

MODULE = """
class Lengths:
    def __init__(self, scale=1):
        self.scale = scale

    def encode(self, texts):
        assert all(isinstance(text, str) for text in texts)
        return [[self.scale * len(text), 1.0] for text in texts]
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCard:
    (tmp_path / "lengths_of_texts.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return written(tmp_path, "lengths_of_texts:Lengths")


def written(folder: Path, encoder: str, arguments: str = "{ scale = 3 }") -> ModelCard:
    path = folder / "card.toml"
    path.write_text(
        f'name = "me/lengths"\nkind = "python"\nencoder = "{encoder}"\nrevision = "7"\n'
        f"arguments = {arguments}\nn_parameters = 1\n"
    )
    return read_model_card(path)


def test_a_class_with_encode_is_an_encoder_of_mteb(card: ModelCard) -> None:
    model = card_meta(card).load_model()
    meta = model.mteb_model_meta
    assert (meta.name, meta.revision, meta.n_parameters) == ("me/lengths", "7", 1)
    assert similarity_of(model) is Similarity.cosine
    encoder = encoder_of(model, task_cards()["XLIRMini"], {})
    assert isinstance(encoder, MtebEncoder)
    vectors = encoder.encode(["a", "four", "fifth"] * 20, Role.query)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[:3], [[3, 1], [12, 1], [15, 1]])
    assert vectors.shape == (60, 2)


@pytest.mark.parametrize(
    ("encoder", "arguments", "reason"),
    [
        ("no_such_package:Lengths", "{}", "No module named 'no_such_package'"),
        ("lengths_of_texts:Widths", "{}", "no attribute 'Widths'"),
        ("lengths_of_texts:Lengths", "{ size = 1 }", "unexpected keyword argument 'size'"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(
    card: ModelCard, tmp_path: Path, encoder: str, arguments: str, reason: str
) -> None:
    meta = card_meta(written(tmp_path, encoder, arguments))
    with pytest.raises(EncoderError, match=f"cannot load me/lengths: .*{reason}.*installed"):
        meta.load_model()

"""Models that mteb does not know: the cards' and local sentence-transformers folders."""

import functools
import importlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from mteb.models.models_protocols import MTEBModels
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from numpy.typing import NDArray
from pydantic import Field

from xlir_bench.cards.model import ModelCard
from xlir_bench.core.language import language
from xlir_bench.encoders import char_ngrams
from xlir_bench.encoders.packed import is_packed, unpacked
from xlir_bench.errors import EncoderError
from xlir_bench.paths import folder_sha256


class CharNgrams(AbsEncoder):
    """``xlir-bench/char-ngrams`` as an mteb encoder; it has no parameters and no prompts."""

    def __init__(self, model_name: str, revision: str | None, **kwargs: Any) -> None:
        self.model = None

    def encode(self, inputs: Any, **kwargs: Any) -> NDArray[np.float32]:
        """Return (n_texts, 2048) float32 vectors of a data loader of texts."""
        return char_ngrams.encode([text for batch in inputs for text in batch["text"]])


class PythonEncoder(AbsEncoder):
    """An encoder that a card names as "module:name", as an mteb encoder without prompts."""

    def __init__(
        self,
        model_name: str,
        revision: str | None,
        *,
        encoder: str,
        arguments: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        module, _, name = encoder.partition(":")
        try:
            self.model = getattr(importlib.import_module(module), name)(**arguments)
        except (ImportError, AttributeError, TypeError) as error:
            msg = f"cannot load {model_name}: {error}; is the package of {encoder!r} installed?"
            raise EncoderError(msg) from error

    def encode(self, inputs: Any, **kwargs: Any) -> NDArray[np.float32]:
        """Return (n_texts, dim) float32 vectors of a data loader of texts."""
        parts = [np.asarray(self.model.encode(list(batch["text"]))) for batch in inputs]
        return np.concatenate(parts).astype(np.float32)


class FolderModelMeta(ModelMeta):
    """Metadata of a local folder, whose revision is a checksum of its files.

    Without a revision of its own mteb would give a retrained model the scores of the old one. The
    checksum is taken when the model is loaded: hashing weights at import would make mteb slow.
    """

    folder: Path = Field(exclude=True)
    """Of this machine, so it is not written into results."""

    def load_model(self, device: str | None = None, **kwargs: Any) -> MTEBModels:
        """Load the folder under a revision derived from its files."""
        named = self.model_copy(update={"revision": folder_revision(self.folder)})
        loaded: Any = ModelMeta.load_model(named, device, **kwargs)
        encoder = loaded.model
        old_name = "get_sentence_embedding_dimension"  # before sentence-transformers 6
        dimension = getattr(encoder, "get_embedding_dimension", getattr(encoder, old_name, None))
        found = {
            "n_parameters": sum(weights.numel() for weights in encoder.parameters()),
            "embed_dim": dimension() if dimension else None,
            "max_tokens": encoder.max_seq_length,
        }
        loaded.mteb_model_meta = loaded.mteb_model_meta.model_copy(update=found)
        model: MTEBModels = loaded
        return model


def folder_revision(folder: Path) -> str:
    """Return the first 16 digits of the checksum of a model folder."""
    return folder_sha256(folder)[:16]


def folder_meta(folder: Path, name: str) -> FolderModelMeta:
    """Return the metadata of a sentence-transformers folder under ``org/name``.

    Raises:
        EncoderError: the folder is not there or holds no sentence-transformers model.

    """
    if not folder.is_dir():
        msg = f"there is no model folder {folder}"
        raise EncoderError(msg)
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        msg = f"{folder} is not a sentence-transformers model: it has no modules.json"
        raise EncoderError(msg)
    fields = {"name": name, "folder": folder.resolve()} | _folder_fields(folder)
    return FolderModelMeta(**_empty() | fields)


def card_meta(card: ModelCard) -> ModelMeta:
    """Return the mteb metadata of a model card; nothing is loaded."""
    about = {
        "name": card.name,
        "license": card.license or None,
        "languages": [language(code).mteb_code for code in card.languages] or None,
        "training_datasets": set(card.trained_on),
        "adapted_from": card.adapted_from or None,
    }
    if card.folder is not None:
        fields = {"folder": card.folder} | _folder_fields(card.folder)
        return FolderModelMeta(**_empty() | about | fields)
    fields = {
        "framework": ["NumPy"],
        "revision": card.revision,
        "similarity_fn_name": ScoringFunction.COSINE,
        "open_weights": True,
        "use_instructions": False,
    }
    if card.kind == "python":
        loader = functools.partial(PythonEncoder, encoder=card.encoder, arguments=card.arguments)
        return ModelMeta(**_empty() | about | fields | {
            "loader": loader, "n_parameters": card.n_parameters,
        })  # fmt: skip
    fields |= {
        "loader": CharNgrams,
        "embed_dim": char_ngrams.DIMENSIONS,
        "n_parameters": 0,
        "n_embedding_parameters": 0,
        "memory_usage_mb": 0,
    }
    return ModelMeta(**_empty() | about | fields)


def _empty() -> dict[str, Any]:
    """Return metadata fields that mteb requires, left empty."""
    return dict.fromkeys(name for name, f in ModelMeta.model_fields.items() if f.is_required())


def _folder_fields(folder: Path) -> dict[str, Any]:
    return {
        "loader": functools.partial(_load_folder, folder=folder),
        "framework": ["Sentence Transformers", "PyTorch"],
    }


def _load_folder(
    name: str,
    revision: str | None,
    *,
    folder: Path,
    device: str | None = None,
    **kwargs: Any,
) -> SentenceTransformerEncoderWrapper:
    with unpacked(folder) if is_packed(folder) else nullcontext(folder) as plain:
        model = _load_plain(plain, device)
    return SentenceTransformerEncoderWrapper(model, **kwargs)


def _load_plain(folder: Path, device: str | None) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(folder), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        msg = f"cannot load {folder} as a sentence-transformers model: {str(error).splitlines()[0]}"
        raise EncoderError(msg) from error

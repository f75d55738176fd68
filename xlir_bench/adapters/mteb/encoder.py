"""mteb's models as our encoders."""

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import datasets
import numpy as np
from datasets import Dataset
from mteb._create_dataloaders import create_dataloader
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.models_protocols import EncoderProtocol, SearchProtocol
from mteb.models.sentence_transformer_wrapper import (
    SentenceTransformerEncoderWrapper,
    SparseEncoderWrapper,
)
from mteb.types import PromptType

from xlir_bench.encoders.base import Role, Similarity
from xlir_bench.results.provenance import versions

NO_REVISION = (None, "", "no_revision_available", "main")
"""Revisions that do not say which weights were used."""

NO_NAME = "no_model_name/available"
"""What mteb calls every model without a name."""

DEBIAS = "xlir_bench_debias"
"""The attribute of a loaded model that holds its ``Debias``."""

_PROMPT_TYPES = {Role.query: PromptType.query, Role.passage: PromptType.document}


class MtebEncoder:
    """An mteb encoder, asked for one benchmark's texts.

    Attributes:
        name: ``org/name``.
        similarity: how its vectors are compared.
        debias: takes the language out of its vectors; None if they stay as they are.

    """

    def __init__(
        self,
        model: Any,
        metadata: TaskMetadata,
        similarity: Similarity,
        encode_kwargs: dict[str, Any],
    ) -> None:
        self.model = model
        self.name: str = model.mteb_model_meta.name
        self.revision: str | None = model.mteb_model_meta.revision
        self.similarity = similarity
        self.debias = getattr(model, DEBIAS, None)
        self._metadata = metadata
        self._kwargs = {"batch_size": 32} | encode_kwargs | {"show_progress_bar": False}

    def encode(self, texts: Sequence[str], role: Role) -> Any:
        """Return what the model's own ``encode`` gives for texts in a role."""
        with _quiet_datasets():
            loader = create_dataloader(
                Dataset.from_dict({"id": [str(i) for i in range(len(texts))], "text": list(texts)}),
                task_metadata=self._metadata,
                prompt_type=_PROMPT_TYPES[role],
                batch_size=self._kwargs["batch_size"],
            )
        return self.model.encode(
            loader,
            task_metadata=self._metadata,
            hf_split="test",
            hf_subset="default",
            prompt_type=_PROMPT_TYPES[role],
            **self._kwargs,
        )

    def prompt(self, role: Role) -> str | None:
        """Return the text that the model puts before texts in a role, None if that is not known."""
        if type(self.model) is not SentenceTransformerEncoderWrapper:
            return None
        prompts = self.model.model_prompts or {}
        name = self.model.get_prompt_name(self._metadata, _PROMPT_TYPES[role])
        return str(prompts.get(name, "")) if name else ""

    def memo_key(self, role: Role) -> str:
        """Return what, beside model and text, decides a vector within this process.

        The prompt where it is known; else the benchmark, because a wrapper may choose its
        instruction by the task.
        """
        prompt = self.prompt(role)
        return f"{role}:{self._metadata.name if prompt is None else f'prompt {prompt!r}'}"

    def fingerprint(self, role: Role) -> str | None:
        """Return what decides the vectors in any process; None if the weights are not named."""
        if self.revision in NO_REVISION or self.name == NO_NAME:
            return None
        settings = {k: v for k, v in self._kwargs.items() if k != "batch_size"}
        parts = [
            self.name,
            self.revision,
            self.memo_key(role),
            self.hardware(),
            settings,
            versions(),
        ]
        return json.dumps(parts, sort_keys=True, default=str)

    def hardware(self) -> dict[str, str]:
        """Return the model's parameter type and device, "unknown" if it has no torch module."""
        module: Any = getattr(self.model, "model", None)
        parameter = next(module.parameters(), None) if hasattr(module, "parameters") else None
        if parameter is None:
            return {"dtype": "unknown", "device": "unknown"}
        return {
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "device": str(parameter.device),
        }


@contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Hide the progress bars of preparing a chunk of texts; ours shows the encoding."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def similarity_of(model: Any) -> Similarity | None:
    """Return how a dense encoder compares vectors; None for a model that must search for itself.

    The model's ``similarity`` is a function of two vectors, so it is recognised by what it does to
    random ones: names in metadata are often missing. Sparse vectors stay with their own search:
    250,000 dimensions a text do not fit in memory.
    """
    if not isinstance(model, EncoderProtocol) or isinstance(model, SearchProtocol):
        return None
    if isinstance(model, SparseEncoderWrapper):
        return None
    return _probe(model)


def _probe(model: Any) -> Similarity | None:
    import torch

    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 32)).astype(np.float32)
    b = rng.normal(size=(5, 32)).astype(np.float32)
    try:
        found = np.asarray(
            torch.as_tensor(model.similarity(torch.tensor(a), torch.tensor(b))).cpu()
        )
    except Exception:  # noqa: BLE001 - a learned similarity may refuse foreign vectors in any way
        return None
    dot = a @ b.T
    norms = functools.partial(np.linalg.norm, axis=1)
    expected: dict[Similarity, Any] = {
        Similarity.cosine: dot / np.outer(norms(a), norms(b)),
        Similarity.dot: dot,
        Similarity.euclidean: -norms(a[:, None, :] - b[None, :, :], axis=2),
    }
    matches = [name for name, value in expected.items() if np.allclose(found, value, atol=1e-3)]
    return matches[0] if matches else None

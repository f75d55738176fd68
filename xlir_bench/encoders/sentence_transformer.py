"""A loaded sentence-transformers model as an encoder, with its own prompts and similarity."""

from collections.abc import Sequence
from typing import Any

from xlir_bench.encoders.base import Role, Similarity
from xlir_bench.errors import EncoderError

PROMPT_NAMES = {Role.query: ("query",), Role.passage: ("document", "passage")}
"""What models call the prompts of a role, in the order in which they are looked for."""

_SIMILARITIES = {
    "cosine": Similarity.cosine,
    "dot": Similarity.dot,
    "euclidean": Similarity.euclidean,
}


def prompt_of(model: Any, role: Role) -> str:  # noqa: ANN401 - not imported before it is needed
    """Return the text that a model puts before texts in a role, empty for none."""
    prompts = model.prompts or {}
    found = (prompts[name] for name in PROMPT_NAMES[role] if prompts.get(name))
    return str(next(found, ""))


class SentenceTransformerEncoder:
    """A model in memory, which may still be in training.

    Attributes:
        name: of the model.
        similarity: how its vectors are compared.

    """

    def __init__(self, model: Any, name: str, batch_size: int = 32) -> None:  # noqa: ANN401
        self.model, self.name, self._batch_size = model, name, batch_size
        kind = str(model.similarity_fn_name or "cosine")
        if kind not in _SIMILARITIES:
            msg = f"{name} compares vectors by {kind!r}, not by {', '.join(_SIMILARITIES)}"
            raise EncoderError(msg)
        self.similarity = _SIMILARITIES[kind]

    def fingerprint(self, role: Role) -> str | None:  # noqa: ARG002 - the protocol's
        """Return None: weights in memory have no name."""
        return None

    def encode(self, texts: Sequence[str], role: Role) -> Any:  # noqa: ANN401 - checked after
        """Return what the model's own ``encode`` gives for texts in a role."""
        return self.model.encode(
            list(texts),
            prompt=prompt_of(self.model, role),
            batch_size=self._batch_size,
            show_progress_bar=False,
        )

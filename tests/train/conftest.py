"""A tiny model, a toy corpus in three languages and recipes for them, all made offline."""

import json
import os
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

LANGUAGES = ("de", "en", "es")
N_IDS, IDS_IN_A_DOCUMENT = 36, 3
PROMPTS = {"query": "query: ", "document": "passage: "}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
DEFAULTS = {
    "steps": 20,
    "batch_size": 6,
    "learning_rate": 1e-3,
    "max_query_tokens": 16,
    "max_passage_tokens": 24,
}

STOPPER = """
import os, signal, sys
from xlir_bench.cli.main import status
from xlir_bench.train import fit

real = fit.PairTrainer.training_step


def step(self, *arguments, **named):
    if self.state.global_step == int(sys.argv[1]):
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    return real(self, *arguments, **named)


fit.PairTrainer.training_step = step
sys.exit(status(sys.argv[3:]))
"""
"""``stopper.py STEP SIGNAL ARGUMENTS``: the command, sent a signal by itself within a step."""


def text_of(code: str, kind: str, number: int) -> str:
    """Return a query or passage; what a query is about stands in its passage, in any language."""
    words = {"query": "frage", "passage": "antwort explains in detail"}[kind]
    return f"{code} {words} {number} about topic{number}"


class Toy(NamedTuple):
    """Where the tiny model and the toy corpus lie."""

    folder: Path

    @property
    def base(self) -> Path:
        """Return the folder of the model."""
        return self.folder / "base"

    def write_recipe(self, path: Path, **changes: Any) -> Path:
        """Write a recipe; names of the optimisation's fields go into its table.

        ``more`` is put at the end as it is.
        """
        fields = {"name": "tiny", "base": str(self.base), "languages": list(LANGUAGES)}
        fields |= {"alpha": 0.5, "holdout": 0.2}
        more = changes.pop("more", "")
        source = changes.pop("source", {})
        source = {
            "name": "toy",
            "path": f"{self.folder}/{{language}}.jsonl",
            "document": "^([^#]*)",
            "license": "CC0",
        } | source
        fields |= {key: changes.pop(key) for key in list(changes) if key in fields}
        tables = [fields, DEFAULTS | changes, source]
        body = [_toml(table) for table in tables]
        path.write_text(f"{body[0]}[optimisation]\n{body[1]}[[sources]]\n{body[2]}{more}", "utf-8")
        return path


def _toml(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def make_toy(folder: Path) -> Toy:
    """Write the corpus and the model: BERT with 2 layers of 32 dimensions, random weights."""
    texts = list(PROMPTS.values())
    for code in LANGUAGES:
        lines = []
        for number in range(N_IDS):
            pair = {kind: text_of(code, kind, number) for kind in ("query", "passage")}
            texts += pair.values()
            name = f"d{number // IDS_IN_A_DOCUMENT}#{number}"
            lines.append(json.dumps({"id": name} | pair) + "\n")
        (folder / f"{code}.jsonl").write_text("".join(lines), "utf-8")
    _make_model(folder / "base", texts)
    return Toy(folder)


def _make_model(folder: Path, texts: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordPiece(unk_token=SPECIAL[1]))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL),
        initial_alphabet=list(string.ascii_letters),
        show_progress=False,
    )
    words.train_from_iterator(texts, trainer)
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=64,
        **{f"{name}_token": token for name, token in names.items()},
    )
    model = random_encoder(folder.parent / "plain", tokenizer, words.get_vocab_size(), PROMPTS)
    model.save_pretrained(str(folder), create_model_card=False)


def random_encoder(folder: Path, tokenizer: Any, pieces: int, prompts: dict[str, str]) -> Any:
    """Return BERT with 2 layers of 32 dimensions and random weights; its parts lie in a folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=pieces,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules = [Transformer(str(folder), max_seq_length=64), Pooling(32)]
    return SentenceTransformer(modules=modules, prompts=prompts, device="cpu")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Return the tiny model and the toy corpus."""
    return make_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the network, and the user's data, cache and cards, out of these tests."""
    import huggingface_hub.constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        patch.delenv("XLIR_DATA_DIR", raising=False)
        # Else the writer of TensorBoard's logs makes a folder where pytest was started.
        patch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path_factory.mktemp("tensorboard")))
        for name in ("cache", "config"):
            patch.setenv(f"XLIR_{name.upper()}_DIR", str(tmp_path_factory.mktemp(name)))
        yield


@pytest.fixture(scope="session")
def stopper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script that runs the command and sends itself a signal within a step."""
    path = tmp_path_factory.mktemp("stopper") / "stopper.py"
    path.write_text(STOPPER, "utf-8")
    return path


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return what a process of its own gets: one thread, no network, no GPU."""
    own = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **own}


@pytest.fixture
def python(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python in a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
            env=environment,
        )

    return run

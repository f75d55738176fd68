"""Fewer pieces in a vocabulary: those that some languages need, and every single character.

A multilingual encoder of 118M parameters is 96M of embeddings for 250,000 pieces of a hundred
languages. Pieces are chosen by how often a language uses them, by three witnesses that know
nothing of any benchmark: lists of word frequencies (wordfreq), the texts that training draws
from, and the tokenizer's own probabilities.
"""

import itertools
import json
import math
import shutil
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from xlir_bench.core.language import Language
from xlir_bench.errors import TrainError
from xlir_bench.paths import new_folder

_BATCH = 10_000
_WORDS = 200_000
"""Most frequent words of a language that are looked at."""
_CAPITALS = 0.2
"""Share of a word's uses that begin with a capital letter: names, nouns, first words."""
_SCRIPTS = {
    "Arab": {"ARABIC"},
    "Beng": {"BENGALI"},
    "Cyrl": {"CYRILLIC"},
    "Deva": {"DEVANAGARI"},
    "Grek": {"GREEK"},
    "Hang": {"HANGUL"},
    "Hans": {"CJK"},
    "Jpan": {"HIRAGANA", "KATAKANA", "CJK"},
    "Telu": {"TELUGU"},
    "Thai": {"THAI"},
}
"""How Unicode names the letters of a script (ISO 15924).

Not of the Latin one: most of its pieces belong to none of the languages that are chosen for.
"""


def choose_pieces(
    model: SentenceTransformer,
    languages: Iterable[Language],
    texts: Mapping[str, Iterable[str]],
    size: int,
) -> list[int]:
    """Return the numbers of the pieces to keep, rising.

    Every special token and every piece of one character is kept, so that any text that the whole
    vocabulary can spell can still be spelt. The rest is filled with the pieces whose mean share
    in the languages is highest. O(characters of all texts and words).

    Args:
        model: whose tokenizer is a SentencePiece unigram.
        languages: to choose for, each with equal weight.
        texts: by language code; may lack languages.
        size: most pieces to keep; fewer are, where the languages use fewer.

    Raises:
        TrainError: the tokenizer is of another kind, or the characters alone are more than size.

    """
    unigram = _unigram(model)
    pieces = [piece for piece, _ in unigram["vocab"]]
    special = set(model.tokenizer.all_special_ids)
    single = {number for number, piece in enumerate(pieces) if len(piece) == 1}
    kept = special | single
    if len(kept) > size:
        msg = f"a vocabulary of {size:,} pieces cannot hold the {len(kept):,} single characters"
        raise TrainError(msg)
    scripts = [_script(piece) for piece in pieces]
    shares: defaultdict[int, float] = defaultdict(float)
    for language in languages:
        witnesses = (
            _count_words(model, _word_list(language.code)),
            _count(model, texts.get(language.code, ())),
            _own(unigram["vocab"], scripts, language.script),
        )
        heard = [_shares(found) for found in witnesses if found]
        for found in heard:
            for piece, share in found.items():
                shares[piece] += share / len(heard)
    ranked = sorted(shares, key=lambda piece: (-shares[piece], piece))
    kept.update([piece for piece in ranked if piece not in kept][: size - len(kept)])
    return sorted(kept)


def prune(model: SentenceTransformer, kept: Sequence[int], folder: Path) -> SentenceTransformer:
    """Return a model with fewer pieces, which also lies in a folder.

    Args:
        model: with a SentencePiece unigram; its embeddings are cut.
        kept: ids of pieces, rising, with all special tokens.
        folder: to write; replaced if it is there.

    Raises:
        ResultError: the folder cannot be written.

    """
    transformer: Any = model[0]
    body = transformer.model
    rows = torch.tensor(list(kept))
    whole = body.get_input_embeddings()
    cut = torch.nn.Embedding(len(kept), whole.embedding_dim, _weight=whole.weight.detach()[rows])
    body.set_input_embeddings(cut)
    body.config.vocab_size = len(kept)
    shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as temporary:
        model.save_pretrained(str(temporary), create_model_card=False)
        path = next(temporary.rglob("tokenizer.json"))
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        _renumber(tokenizer, kept)
        path.write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    return SentenceTransformer(str(folder), local_files_only=True)


def _unigram(model: SentenceTransformer) -> dict[str, Any]:
    """Return the model part of a tokenizer.json."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    found: dict[str, Any] = json.loads(backend.to_str())["model"] if backend else {}
    if found.get("type") != "Unigram":
        msg = "only the vocabulary of a SentencePiece unigram (XLM-R, multilingual e5) can be cut"
        raise TrainError(msg)
    return found


def _renumber(tokenizer: dict[str, Any], kept: Sequence[int]) -> None:
    """Cut a tokenizer.json in place; the order of the pieces stays."""
    new = {old: position for position, old in enumerate(kept)}
    model = tokenizer["model"]
    model["vocab"] = [model["vocab"][old] for old in kept]
    model["unk_id"] = new[model["unk_id"]]
    for token in tokenizer["added_tokens"]:
        token["id"] = new[token["id"]]
    for token in (tokenizer.get("post_processor") or {}).get("special_tokens", {}).values():
        token["ids"] = [new[old] for old in token["ids"]]


def _word_list(code: str) -> Mapping[str, float]:
    """Return the frequency of words, empty for a language that wordfreq has no list of."""
    try:
        import wordfreq  # noqa: PLC0415 - only a pruned vocabulary needs it
    except ImportError as error:
        msg = f"a smaller vocabulary needs {error.name}: pip install 'xlir-bench[train]'"
        raise TrainError(msg) from error
    available = wordfreq.available_languages("best")
    if code not in available:  # wordfreq would fall back to English
        return {}
    listed = wordfreq.get_frequency_dict(code, "best").items()  # the most frequent come first
    return dict(itertools.islice(listed, _WORDS))


def _count_words(model: SentenceTransformer, words: Mapping[str, float]) -> dict[int, float]:
    """Count the pieces of words, each as often as the word is; lists are in small letters."""
    found: defaultdict[int, float] = defaultdict(float)
    for chunk in _chunks(words):
        capitals = [word[:1].upper() + word[1:] for word in chunk]
        for spellings, share in ((chunk, 1 - _CAPITALS), (capitals, _CAPITALS)):
            for word, pieces in zip(chunk, _encode(model, spellings), strict=True):
                for piece in pieces:
                    found[piece] += share * words[word]
    return found


def _count(model: SentenceTransformer, texts: Iterable[str]) -> dict[int, float]:
    found: Counter[int] = Counter()
    for chunk in _chunks(texts):
        for pieces in _encode(model, chunk):
            found.update(pieces)
    return dict(found)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while chunk := list(itertools.islice(rest, _BATCH)):
        yield chunk


def _encode(model: SentenceTransformer, texts: Sequence[str]) -> list[list[int]]:
    """Return the pieces of texts, uncut."""
    encoded = model.tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [one.ids for one in encoded]


def _own(
    vocabulary: Sequence[tuple[str, float]], scripts: Sequence[str], script: str
) -> dict[int, float]:
    """Return the tokenizer's own probability of each piece in a script."""
    names = _SCRIPTS.get(script, set())
    return {
        number: math.exp(score)
        for number, (_, score) in enumerate(vocabulary)
        if score and scripts[number] in names
    }


def _script(piece: str) -> str:
    """Return the first word of the Unicode name of a piece's first letter."""
    letter = next((character for character in piece if character.isalpha()), "")
    return unicodedata.name(letter, "").split(" ")[0] if letter else ""


def _shares(counts: Mapping[int, float]) -> dict[int, float]:
    total = sum(counts.values())
    return {piece: count / total for piece, count in counts.items()} if total else {}

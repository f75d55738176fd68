"""A cut vocabulary: which pieces stay, and that the model is otherwise the same."""

import shutil
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.train.conftest import random_encoder
from xlir_bench.core.language import language
from xlir_bench.errors import TrainError
from xlir_bench.train import vocabulary
from xlir_bench.train.vocabulary import choose_pieces, prune

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
GERMAN = ("\u2581Haus", "\u2581Baum", "haus", "\u2581der")
THAI = ("\u0e1a\u0e49\u0e32\u0e19", "\u0e19\u0e49\u0e33", "\u0e17\u0e35\u0e48")
OTHERS = ("\u2581domus", "\u2581arbor", "\u10e1\u10d0\u10ee\u10da\u10d8")
SINGLE = ("\u2581", *string.ascii_letters, "\u0e1a", "\u10e1", "\u00e9")
PIECES = (*SPECIAL, *GERMAN, *THAI, *OTHERS, *SINGLE, "<mask>")


@pytest.fixture
def model(tmp_path: Path) -> SentenceTransformer:
    """Return a tiny encoder with XLM-R's kind of vocabulary."""
    scores = [(piece, -2.0 - 0.05 * number) for number, piece in enumerate(PIECES)]
    unigram = Tokenizer(models.Unigram(scores, unk_id=3, byte_fallback=False))
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    unigram.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(zip(("bos", "pad", "eos", "unk"), SPECIAL, strict=True))
    names |= {"cls": "<s>", "sep": "</s>", "mask": "<mask>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=unigram,
        **{f"{name}_token": token for name, token in names.items()},
    )
    prompts = {"query": "q ", "document": "p "}
    pieces = len(PIECES) + 3  # XLM-R's model has rows that no piece stands for
    made: SentenceTransformer = random_encoder(tmp_path / "plain", tokenizer, pieces, prompts)
    return made


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """Return word lists that the choice sees instead of wordfreq's; empty to begin with."""
    lists: dict[str, dict[str, float]] = {}
    monkeypatch.setattr(vocabulary, "_word_list", lambda code: lists.get(code, {}))
    return lists


def spelt(kept: list[int]) -> set[str]:
    return {PIECES[number] for number in kept}


def cut(model: SentenceTransformer, size: int, folder: Path, **texts: list[str]) -> Any:
    kept = choose_pieces(model, [language(code) for code in texts], texts, size)
    return kept, prune(model, kept, folder)


def test_special_tokens_and_single_characters_always_stay(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    size = len(SPECIAL) + 1 + len(SINGLE)
    kept = choose_pieces(model, [language("de")], {"de": ["Haus Baum"] * 9}, size)
    assert spelt(kept) == {*SPECIAL, "<mask>", *SINGLE}
    assert kept == sorted(kept)


def test_pieces_that_the_languages_use_stay_and_others_go(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    size = len(SPECIAL) + 1 + len(SINGLE) + 2
    kept = choose_pieces(model, [language("de")], {"de": ["Haus der Haus der"]}, size)
    assert spelt(kept) - {*SPECIAL, "<mask>", *SINGLE} == {"\u2581Haus", "\u2581der"}


def test_word_lists_speak_for_a_language_as_its_texts_do(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    words["de"] = {"baum": 0.9, "haus": 0.1}
    size = len(SPECIAL) + 1 + len(SINGLE) + 1
    kept = choose_pieces(model, [language("de")], {}, size)
    assert spelt(kept) - {*SPECIAL, "<mask>", *SINGLE} == {"\u2581Baum"}  # with a capital


def test_the_tokenizers_own_probabilities_speak_for_a_script(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    size = len(SPECIAL) + 1 + len(SINGLE) + 2
    kept = choose_pieces(model, [language("th")], {}, size)
    assert spelt(kept) - {*SPECIAL, "<mask>", *SINGLE} == set(THAI[:2])  # the likelier two


def test_every_language_weighs_the_same_however_long_its_texts(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    size = len(SPECIAL) + 1 + len(SINGLE) + 2
    texts = {"de": ["Haus"] * 1000 + ["Baum"] * 10, "es": ["arbor"]}
    kept = choose_pieces(model, [language("de"), language("es")], texts, size)
    assert spelt(kept) - {*SPECIAL, "<mask>", *SINGLE} == {"\u2581Haus", "\u2581arbor"}


def test_a_text_whose_pieces_stay_keeps_its_vector(
    model: SentenceTransformer, words: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    texts = ["Haus", "der Baum", "xyz Haus"]
    before = model.encode(texts, prompt="q ")
    kept, pruned = cut(model, len(PIECES) - 4, tmp_path / "pruned", de=["Haus der Baum"])
    assert set(GERMAN) - {"haus"} < spelt(kept) < set(PIECES)
    assert np.array_equal(before, pruned.encode(texts, prompt="q "))
    assert pruned.prompts == model.prompts
    assert pruned[0].model.config.vocab_size == len(kept)


def test_a_text_whose_pieces_went_is_spelt_in_characters(
    model: SentenceTransformer, words: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    size = len(SPECIAL) + 1 + len(SINGLE)
    _, pruned = cut(model, size, tmp_path / "pruned", de=["Haus"])
    tokenizer = pruned.tokenizer
    assert tokenizer.tokenize("domus") == ["\u2581", *"domus"]
    assert tokenizer.unk_token_id not in tokenizer("domus arbor \u00e9")["input_ids"]


def test_the_model_in_the_folder_is_the_one_returned(
    model: SentenceTransformer, words: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    (tmp_path / "pruned").mkdir()
    (tmp_path / "pruned" / "old").write_text("", "utf-8")
    _, pruned = cut(model, len(PIECES) - 3, tmp_path / "pruned", de=["Haus"])
    again = SentenceTransformer(str(tmp_path / "pruned"), device="cpu")
    assert np.array_equal(pruned.encode(["Haus"]), again.encode(["Haus"]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain", "pruned"]
    assert not (tmp_path / "pruned" / "old").exists()


def test_special_tokens_are_found_under_their_new_numbers(
    model: SentenceTransformer, words: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    kept, pruned = cut(model, len(PIECES) - 6, tmp_path / "pruned", de=["Haus"])
    ids = pruned.tokenizer("Haus")["input_ids"]
    assert pruned.tokenizer.convert_ids_to_tokens(ids) == ["<s>", "\u2581Haus", "</s>"]
    assert pruned.tokenizer.mask_token_id == len(kept) - 1


def test_fewer_pieces_than_characters_are_refused(
    model: SentenceTransformer, words: dict[str, dict[str, float]]
) -> None:
    with pytest.raises(TrainError, match="cannot hold the 61 single characters"):
        choose_pieces(model, [language("de")], {}, 20)


def test_a_tokenizer_of_another_kind_is_refused(toy: Any) -> None:
    model = SentenceTransformer(str(toy.base), device="cpu")
    with pytest.raises(TrainError, match="only the vocabulary of a SentencePiece unigram"):
        choose_pieces(model, [language("de")], {}, 100)


def test_wordfreq_has_real_lists_and_no_english_for_what_it_lacks() -> None:
    pytest.importorskip("wordfreq", reason="needs wordfreq")
    german = vocabulary._word_list("de")
    assert german["haus"] > german["hausboot"] > 0
    assert len(german) == vocabulary._WORDS
    assert vocabulary._word_list("te") == {}


def test_a_missing_wordfreq_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wordfreq", None)
    with pytest.raises(TrainError, match=r"pip install 'xlir-bench\[train\]'"):
        vocabulary._word_list("de")


def test_a_base_is_cut_once_in_a_run(
    model: SentenceTransformer,
    words: dict[str, dict[str, float]],
    toy: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xlir_bench.cards.recipe import read_recipe
    from xlir_bench.train import start

    model.save_pretrained(str(tmp_path / "base"), create_model_card=False)
    words |= {"de": {"Haus": 1.0}, "es": {"der": 1.0}}
    size = len(SPECIAL) + 1 + len(SINGLE) + 2
    more = f"\n[vocabulary]\npieces = {size}\n"
    path = toy.write_recipe(tmp_path / "r.toml", base=str(tmp_path / "base"), teacher=1, more=more)
    told: list[str] = []
    first = start.start_from(read_recipe(path), tmp_path / "work", told.append)
    assert told == [
        f"vocabulary: {size} of {len(PIECES)} pieces",
        "teacher: the base reads the English texts, unless it has before",
    ]
    monkeypatch.setattr(start, "choose_pieces", None)
    second = start.start_from(read_recipe(path), tmp_path / "work", told.append)
    text = ["Haus"]
    assert np.array_equal(first.model.encode(text), second.model.encode(text))
    assert len(first.teacher.tokenizer) == len(PIECES)  # the untouched base
    cut = replace(read_recipe(path), base=str(tmp_path / "work" / "base.0"))
    third = start.start_from(cut, tmp_path / "again", told.append)
    assert third.teacher is third.model
    assert not (tmp_path / "again").exists()
    shutil.rmtree(tmp_path / "work")

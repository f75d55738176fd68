"""Task and model cards: what ships is readable, and a wrong card names its file and its field."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.cards.load import model_cards, task_cards
from xlir_bench.cards.model import ModelCard, read_model_card
from xlir_bench.cards.task import TaskCard, read_task_card
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.errors import CardError
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import data_folder

Files = dict[str, Any]
MakeCard = Callable[..., TaskCard]

SHIPPED = ("MIRACL", "MIRACLHardNegatives", "MLQAR", "XLIRMini", "XQuADR")

MODEL = """
name = "me/mine"
alias = "mine"
kind = "sentence-transformers"
path = "weights"
license = "mit"
languages = ["de", "en"]
trained_on = ["XQuADR"]
adapted_from = "them/theirs"
"""


FOLDER = 'kind = "sentence-transformers"\npath = "weights"'


def users_card(tmp_path: Path, kind: str, name: str, text: str) -> Path:
    """Write a card into the user's config folder (see ``own_folders``)."""
    path = tmp_path / "config" / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


# --- the cards that ship ---


def test_the_shipped_tasks_are_listed_by_name() -> None:
    assert tuple(task_cards()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_is_called_like_its_file(name: str) -> None:
    assert task_cards()[name].path == data_folder("tasks") / f"{name}.toml"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_has_all_modes_but_the_pool(name: str) -> None:
    # mteb's cut-down MIRACL has no queries in another language.
    expected = ("mono", "multi") if name == "MIRACLHardNegatives" else ("mono", "cross", "multi")
    assert task_cards()[name].modes == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_the_measures_of_a_shipped_card_can_be_computed(name: str) -> None:
    card = task_cards()[name]
    assert tuple(m.name for m in parse_all(card.measures)) == card.measures


@pytest.mark.parametrize(
    ("name", "counts"),
    [("XQuADR", (11, 110, 11)), ("MLQAR", (7, 42, 7)), ("XLIRMini", (12, 132, 12))],
)
def test_a_shipped_card_has_as_many_settings_as_its_languages_make(
    name: str, counts: tuple[int, int, int]
) -> None:
    card = task_cards()[name]
    modes = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
    assert tuple(len(card.settings(mode)) for mode in modes) == counts
    assert len(card.settings()) == sum(counts)


def test_the_lareqa_cards_have_the_checksums_of_the_published_files() -> None:
    cards = task_cards()
    assert cards["XQuADR"].source.sha256["th"].startswith("c3a041864c3a9fb0")
    assert cards["MLQAR"].source.sha256["vi"].startswith("9d3baff6ba03e679")


def test_a_task_in_one_mode_is_called_after_both() -> None:
    assert task_cards()["XQuADR"].task_name(RetrievalMode.cross) == "XQuADRCross"


def test_the_lexical_floor_ships_as_a_model() -> None:
    card = model_cards()["xlir-bench/char-ngrams"]
    assert (card.alias, card.kind, card.revision) == ("char-ngrams", "char-ngrams", "1")


# --- the user's own cards ---


def test_a_users_task_is_listed_after_the_shipped_ones(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    text = tiny_card(tiny_files).path.read_text()
    path = users_card(tmp_path, "tasks", "mine.toml", text)
    assert tuple(task_cards()) == (*SHIPPED, "Tiny")
    assert task_cards()["Tiny"].path == path


def test_a_users_model_is_listed(tmp_path: Path) -> None:
    users_card(tmp_path, "models", "mine.toml", MODEL)
    assert model_cards()["me/mine"] == ModelCard(
        name="me/mine",
        alias="mine",
        kind="sentence-transformers",
        folder=tmp_path / "config" / "models" / "weights",
        encoder="",
        arguments={},
        n_parameters=None,
        revision="",
        license="mit",
        languages=("de", "en"),
        trained_on=("XQuADR",),
        adapted_from="them/theirs",
    )


def test_two_tasks_of_one_name_are_refused(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    text = tiny_card(tiny_files).path.read_text()
    users_card(tmp_path, "tasks", "a.toml", text)
    users_card(tmp_path, "tasks", "b.toml", text)
    expected = r"b\.toml: the task 'Tiny' is already defined by .*a\.toml"
    with pytest.raises(CardError, match=expected):
        task_cards()


def test_a_users_task_may_not_replace_a_shipped_one(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    text = tiny_card(tiny_files).path.read_text().replace('"Tiny"', '"XQuADR"', 1)
    users_card(tmp_path, "tasks", "mine.toml", text)
    expected = r"mine\.toml: the task 'XQuADR' is already defined by .*XQuADR\.toml"
    with pytest.raises(CardError, match=expected):
        task_cards()


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    users_card(tmp_path, "models", "a.toml", MODEL)
    users_card(tmp_path, "models", "b.toml", MODEL)
    with pytest.raises(CardError, match=r"b\.toml: the model 'me/mine' is already defined"):
        model_cards()


def test_other_files_beside_cards_are_not_read(tmp_path: Path) -> None:
    users_card(tmp_path, "tasks", "README.md", "not a card")
    assert tuple(task_cards()) == SHIPPED


# --- task cards that are wrong ---


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('name = "Tiny"\n', "", r": the field 'name' is missing", id="no-name"),
        pytest.param('main_measure = "AP"\n', "", r": the field 'main_measure' is missing",
                     id="no-main-measure"),
        pytest.param('license = "cc0-1.0"\n', "", r" \[about\]: the field 'license' is missing",
                     id="no-license"),
        pytest.param('folder = "tiny"\n', "", r" \[source\]: the field 'folder' is missing",
                     id="no-folder"),
        pytest.param("[about]\n", "[abuot]\n", r": the field 'about' is missing",
                     id="misspelt-table"),
    ],
)  # fmt: skip
def test_a_missing_field_is_named(
    tiny_card: MakeCard, tiny_files: Files, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(CardError, match=rf"Tiny\.toml{complaint}$"):
        tiny_card(tiny_files, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('name = "Tiny"', 'name = "Tiny"\nlangs = 2', r": unknown field 'langs'",
                     id="top"),
        pytest.param('license = "', 'licence = "x"\nlicense = "',
                     r" \[about\]: unknown field 'licence'", id="about"),
        pytest.param('folder = "', 'urls = "x"\nfolder = "', r" \[source\]: unknown field 'urls'",
                     id="source"),
        pytest.param("[counts.passages]", "[counts.passage]",
                     r" \[counts\]: unknown field 'passage'", id="counts"),
    ],
)  # fmt: skip
def test_an_unknown_field_is_named(
    tiny_card: MakeCard, tiny_files: Files, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(CardError, match=rf"Tiny\.toml{complaint}$"):
        tiny_card(tiny_files, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('name = "Tiny"', "name = 3", r": 'name' must be str, not int", id="number"),
        pytest.param('languages = ["en", "de"]', 'languages = "en"',
                     r": 'languages' must be list, not str", id="text-for-list"),
        pytest.param('measures = ["AP", "P@1"]', 'measures = ["AP", 1]',
                     r": 'measures' must hold strings, not 1", id="number-in-list"),
        pytest.param("[counts.queries]\nen = 3", '[counts.queries]\nen = "3"',
                     r" \[counts\] \[queries\]: 'en' must be int, not str", id="count"),
        pytest.param('revision = "1"', "revision = 1.0",
                     r" \[source\]: 'revision' must be str, not float", id="float"),
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_named(
    tiny_card: MakeCard, tiny_files: Files, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(CardError, match=rf"Tiny\.toml{complaint}$"):
        tiny_card(tiny_files, (old, new))


def test_an_unknown_language_is_named_with_the_closest(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    expected = r"Tiny\.toml: unknown language 'dee'; did you mean de\?"
    with pytest.raises(CardError, match=expected):
        tiny_card(tiny_files, ('["en", "de"]', '["en", "dee"]'))


def test_an_unknown_mode_is_named_with_the_closest(tiny_card: MakeCard, tiny_files: Files) -> None:
    with pytest.raises(CardError, match=r"Tiny\.toml: unknown mode 'mon'; did you mean mono"):
        tiny_card(tiny_files, ('"mono"', '"mon"'))


def test_the_main_measure_must_be_among_the_measures(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    expected = r"Tiny\.toml: wrong value of main_measure"
    with pytest.raises(CardError, match=expected):
        tiny_card(tiny_files, ('main_measure = "AP"', 'main_measure = "RR"'))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('\nde = "', '\nth = "', r"\[source\.sha256\] .* not so 'de'", id="other"),
        pytest.param('\nde = "', '\nth = "0"\nde = "', r"\[source\.sha256\] .* not so 'th'",
                     id="one-too-many"),
        pytest.param("en = 3\nde = 2\n\n", "en = 3\n\n", r"\[counts\.queries\] .* not so 'de'",
                     id="queries"),
        pytest.param("[counts.passages]\nen = 3\n", "[counts.passages]\n",
                     r"\[counts\.passages\] .* not so 'en'", id="passages"),
    ],
)  # fmt: skip
def test_checksums_and_counts_must_be_those_of_the_languages(
    tiny_card: MakeCard, tiny_files: Files, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(CardError, match=rf"Tiny\.toml: {complaint}$"):
        tiny_card(tiny_files, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        pytest.param('name = "Tiny"', 'name = ""', "name", id="no-name"),
        pytest.param('"mono", "cross"', '"mono", "mono"', "modes", id="a-mode-twice"),
        pytest.param('"mono", "cross", "multi"', "", "modes", id="no-mode"),
        pytest.param('"mono", "cross"', '"mono", "pool"', "modes", id="pool"),
        pytest.param('["AP", "P@1"]', '["AP", "AP"]', "measures", id="a-measure-twice"),
        pytest.param('"2026-01-01", ', "", "about.dates", id="one-date"),
        pytest.param("[counts.passages]\nen = 3", "[counts.passages]\nen = -3", "counts",
                     id="negative-count"),
        pytest.param("[counts.passages]\nen = 3", "[counts.passages]\nen = true", "counts",
                     id="a-count-that-is-none"),
        pytest.param('revision = "1"', 'revision = "1"\nurl = "http://127.0.0.1/{lang}.json"',
                     "source.url", id="url-without-language"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_named(
    tiny_card: MakeCard, tiny_files: Files, old: str, new: str, field: str
) -> None:
    with pytest.raises(CardError, match=rf"Tiny\.toml: wrong value of {re.escape(field)}"):
        tiny_card(tiny_files, (old, new))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"name = ", id="cut-off"),
        pytest.param(b"[about\n", id="open-bracket"),
        pytest.param(b'name = "a"\nname = "b"', id="field-twice"),
        pytest.param(b'name = "\xff"', id="not-utf-8"),
    ],
)
def test_a_card_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Broken.toml"
    path.write_bytes(content)
    with pytest.raises(CardError, match=r"cannot read the card .*/Broken\.toml: "):
        read_task_card(path)


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"cannot read the card .*/none\.toml: "):
        read_task_card(tmp_path / "none.toml")


# --- the checksum of all files ---


def test_the_datas_checksum_changes_with_one_file(tiny_card: MakeCard, tiny_files: Files) -> None:
    before = tiny_card(tiny_files).data_sha256
    tiny_files["de"]["version"] = "1.1"
    assert tiny_card(tiny_files).data_sha256 != before


def test_the_datas_checksum_is_that_of_a_sorted_list_of_checksums(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    card = tiny_card(tiny_files)
    lines = f"de {card.source.sha256['de']}\nen {card.source.sha256['en']}\n"
    assert list(card.source.sha256) == ["en", "de"]
    assert card.data_sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_the_datas_checksum_depends_on_which_file_is_which(
    tiny_card: MakeCard, tiny_files: Files
) -> None:
    swapped = {"en": tiny_files["de"], "de": tiny_files["en"]}
    assert tiny_card(swapped).data_sha256 != tiny_card(tiny_files).data_sha256


# --- model cards ---


@pytest.mark.parametrize("name", ["mine", "me/", "/mine", "me/mine/v2", ""])
def test_a_model_is_called_org_slash_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "Mine.toml"
    path.write_text(MODEL.replace("me/mine", name))
    with pytest.raises(CardError, match=rf"Mine\.toml: the name must be 'org/name', not '{name}'"):
        read_model_card(path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('kind = "sentence-transformers"', 'kind = "bm25"',
                     r"kind 'bm25' is not one of char-ngrams, sentence-transformers", id="kind"),
        pytest.param('path = "weights"\n', "",
                     r"'path' belongs to the kind 'sentence-transformers'", id="no-path"),
        pytest.param('kind = "sentence-transformers"', 'kind = "char-ngrams"',
                     r"'path' belongs to the kind 'sentence-transformers', and only", id="a-path"),
        pytest.param(FOLDER, 'kind = "python"\nrevision = "1"',
                     r"'encoder' is 'module:name' and belongs to the kind 'python'", id="no-class"),
        pytest.param(FOLDER, f'{FOLDER}\nencoder = "a:B"',
                     r"'encoder' is 'module:name' and belongs to the kind 'python'", id="class"),
        pytest.param(FOLDER, 'kind = "python"\nrevision = "1"\nencoder = "a.B"',
                     r".* needs encoder = 'module:name' and a revision", id="no-module"),
        pytest.param(FOLDER, 'kind = "python"\nencoder = "a:B"',
                     r".* needs encoder = 'module:name' and a revision", id="no-revision"),
        pytest.param('name = "me/mine"\n', "", r"the field 'name' is missing", id="no-name"),
        pytest.param("alias", "alais", r"unknown field 'alais'", id="typo"),
        pytest.param('["de", "en"]', '"de"', r"'languages' must be list, not str", id="type"),
    ],
)  # fmt: skip
def test_a_wrong_model_card_names_file_and_field(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in MODEL
    path = tmp_path / "Mine.toml"
    path.write_text(MODEL.replace(old, new))
    with pytest.raises(CardError, match=rf"Mine\.toml: {complaint}"):
        read_model_card(path)


def test_a_models_folder_is_relative_to_its_card(tmp_path: Path) -> None:
    path = tmp_path / "Mine.toml"
    path.write_text(MODEL)
    assert read_model_card(path).folder == tmp_path / "weights"


def test_a_models_folder_may_be_absolute_or_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "Mine.toml"
    path.write_text(MODEL.replace('"weights"', '"~/weights"'))
    assert read_model_card(path).folder == tmp_path / "home" / "weights"

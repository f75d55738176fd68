"""Recipes: every field is read, every mistake is named, those that ship load."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from xlir_bench.cards.load import find_recipe
from xlir_bench.cards.recipe import Optimisation, PairSource, Recipe, Vocabulary, read_recipe
from xlir_bench.core.language import language
from xlir_bench.errors import CardError, UnknownNameError
from xlir_bench.paths import data_folder

SHIPPED = sorted(data_folder("models/recipes").glob("*.toml"))

SHORT = """
name = "short"
base = "org/model"
languages = ["de", "en"]
[[sources]]
name = "toy"
path = "{language}.jsonl"
"""

LONG = """
name = "long"
base = "./model"
languages = ["th", "en", "es"]
alpha = 0.25
holdout = 0.125

[prompts]
query = "Q: "
passage = ""

[vocabulary]
pieces = 9000
languages = ["th", "vi"]

[optimisation]
steps = 7
epochs = 2.5
batch_size = 11
mini_batch_size = 3
per_document = 6
learning_rate = 2e-4
weight_decay = 0
warmup = 1
schedule = "cosine"
scale = 50
contrast = 0.1
teacher = 20
distil = 0.5
base_share = 0.25
frozen = ["embeddings", "layers:6"]
dropout = 0
precision = "float32"
gradient_checkpointing = true
max_query_tokens = 12
max_passage_tokens = 34
seed = 5
evaluate_every = 4
patience = 2

[[sources]]
name = "hub"
format = "hub"
path = "org/data"
config = "{name}"
split = "validation"
columns = { id = "qid", passage = "positive" }
document = "^(..)"
license = "CC0"
repeat = 3

[[sources]]
name = "plain"
path = "{language}.jsonl"

[[validation]]
name = "held"
format = "squad"
path = "held.{language}.json"
"""

Read = Callable[[str], Recipe]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a recipe from its text."""

    def run(text: str) -> Recipe:
        path = tmp_path / "recipe.toml"
        path.write_text(text, "utf-8")
        return read_recipe(path)

    return run


def with_field(table: str, line: str) -> str:
    """Return ``SHORT`` with a line in a table, "" for the top one, instead of the line it has."""
    key = line.partition(" = ")[0]
    top, source = SHORT.split("[[sources]]\n")
    if table == "sources":
        source = "".join(f"{x}\n" for x in source.splitlines() if not x.startswith(f"{key} = "))
        return f"{top}[[sources]]\n{source}{line}\n"
    top = "".join(f"{x}\n" for x in top.splitlines() if table or not x.startswith(f"{key} = "))
    header = f"[{table}]\n" if table else ""
    return f"{top}{header}{line}\n[[sources]]\n{source}"


# --- what is read ---


def test_every_field_of_a_recipe_is_read(read: Read, tmp_path: Path) -> None:
    found = read(LONG)
    assert found.path == tmp_path / "recipe.toml"
    assert (found.name, found.base, found.alpha, found.holdout) == ("long", "./model", 0.25, 0.125)
    assert [x.code for x in found.languages] == ["th", "en", "es"]
    assert found.prompts == ("Q: ", "")


def test_the_vocabulary_is_read_and_is_for_the_recipes_languages_by_default(read: Read) -> None:
    assert read(LONG).vocabulary == Vocabulary(9000, (language("th"), language("vi")))
    found = read(with_field("vocabulary", "pieces = 100"))
    assert found.vocabulary == Vocabulary(100, found.languages)


def test_every_field_of_a_source_is_read(read: Read) -> None:
    assert read(LONG).sources[0] == PairSource(
        name="hub",
        format="hub",
        path="org/data",
        config="{name}",
        split="validation",
        columns={"id": "qid", "passage": "positive"},
        document="^(..)",
        license="CC0",
        repeat=3,
    )


def test_validation_sources_are_read_as_sources_are(read: Read) -> None:
    assert read(LONG).validation == (PairSource("held", "squad", "held.{language}.json"),)


def test_every_field_of_the_optimisation_is_read(read: Read) -> None:
    assert read(LONG).optimisation == Optimisation(
        steps=7,
        epochs=2.5,
        batch_size=11,
        mini_batch_size=3,
        per_document=6,
        learning_rate=2e-4,
        weight_decay=0.0,
        warmup=1.0,
        schedule="cosine",
        scale=50.0,
        contrast=0.1,
        teacher=20.0,
        distil=0.5,
        base_share=0.25,
        frozen=("embeddings", "layers:6"),
        dropout=0.0,
        precision="float32",
        gradient_checkpointing=True,
        max_query_tokens=12,
        max_passage_tokens=34,
        seed=5,
        evaluate_every=4,
        patience=2,
    )


def test_no_field_of_the_long_recipe_has_its_default(read: Read) -> None:
    how, default = read(LONG).optimisation, Optimisation()
    names = [field.name for field in fields(Optimisation)]
    assert [name for name in names if getattr(how, name) == getattr(default, name)] == []


def test_a_short_recipe_has_defaults(read: Read) -> None:
    found = read(SHORT)
    assert (found.alpha, found.holdout, found.prompts, found.validation) == (0.5, 0.0, None, ())
    assert found.optimisation == Optimisation()
    assert found.sources == (PairSource("toy", "jsonl", "{language}.jsonl"),)


def test_the_defaults_are_those_of_the_paper(read: Read) -> None:
    how = read(SHORT).optimisation
    assert (how.batch_size, how.learning_rate, how.weight_decay) == (100, 3e-5, 0.01)


@pytest.mark.parametrize("alpha", ["0", "1", "0.0", "1.0"])
def test_a_whole_number_is_a_number(read: Read, alpha: str) -> None:
    found = read(with_field("", f"alpha = {alpha}")).alpha
    assert (type(found), found) == (float, float(alpha))


def test_one_language_is_enough_for_monolingual_batches(read: Read) -> None:
    text = with_field("", 'languages = ["en"]').replace("languages", "alpha = 1\nlanguages")
    assert [x.code for x in read(text).languages] == ["en"]


# --- what is wrong ---


@pytest.mark.parametrize("key", ["name", "base", "languages"])
def test_a_missing_field_is_named(read: Read, key: str) -> None:
    text = "".join(x for x in SHORT.splitlines(keepends=True) if not x.startswith(f"{key} = "))
    if key == "name":
        text += 'name = "toy"\n'
    with pytest.raises(CardError, match=rf"recipe\.toml: the field '{key}' is missing"):
        read(text)


@pytest.mark.parametrize("key", ["name", "path"])
def test_a_missing_field_of_a_source_is_named_with_its_number(read: Read, key: str) -> None:
    line = 'format = "jsonl"\n' + {"name": 'path = "{language}"', "path": 'name = "second"'}[key]
    with pytest.raises(CardError, match=rf"\[\[sources\]\] 2: the field '{key}' is missing"):
        read(f"{SHORT}[[sources]]\n{line}\n")


@pytest.mark.parametrize(
    ("table", "where"),
    [
        pytest.param("", "", id="top"),
        pytest.param("optimisation", r" \[optimisation\]", id="optimisation"),
        pytest.param("sources", r" \[\[sources\]\] 1", id="source"),
    ],
)
def test_an_unknown_field_is_named_with_its_table(read: Read, table: str, where: str) -> None:
    with pytest.raises(CardError, match=rf"recipe\.toml{where}: unknown field 'alhpa'"):
        read(with_field(table, "alhpa = 1"))


@pytest.mark.parametrize(
    ("table", "line", "complaint"),
    [
        ("", "languages = []", "languages"),
        ("", 'languages = ["de", "en", "de"]', "languages"),
        ("", 'languages = ["en"]', "cross-lingual batches need two"),
        ("", 'languages = ["de", "xx"]', "unknown language 'xx'"),
        ("", 'languages = "de"', "'languages' must be list"),
        ("", 'languages = ["de", 1]', "'languages' must hold strings"),
        ("", "alpha = -0.1", "alpha"),
        ("", "alpha = 1.1", "alpha"),
        ("", "alpha = nan", "alpha"),
        ("", "alpha = true", "'alpha' must be a number"),
        ("", 'alpha = "0.5"', "'alpha' must be a number"),
        ("", "holdout = -0.1", "holdout"),
        ("", "holdout = 0.6", "holdout"),
        ("", "holdout = nan", "holdout"),
        ("", "name = 3", "'name' must be str"),
        ("", "base = []", "'base' must be str"),
        ("", "sources = []", "sources"),
        ("", "optimisation = 3", "'optimisation' must be dict"),
        ("", "validation = [3]", r"\[\[validation\]\] must hold tables"),
        ("prompts", 'query = "Q"', "both 'query' and 'passage'"),
        ("prompts", 'query = "Q"\npassage = "P"\nother = "O"', "both 'query' and 'passage'"),
        ("prompts", 'query = "Q"\npassage = 3', "'passage' must be str"),
        ("optimisation", "steps = -1", "steps"),
        ("optimisation", "steps = 1.5", "'steps' must be int"),
        ("optimisation", "epochs = 0", "epochs"),
        ("optimisation", "epochs = -1.0", "epochs"),
        ("optimisation", "batch_size = 1", "batch_size"),
        ("optimisation", "mini_batch_size = -1", "mini_batch_size"),
        ("optimisation", "per_document = 0", "per_document"),
        ("optimisation", "learning_rate = 0", "learning_rate"),
        ("optimisation", 'learning_rate = "fast"', "'learning_rate' must be a number"),
        ("optimisation", "scale = 0", "scale"),
        ("optimisation", "contrast = -1\ndistil = 1", "contrast"),
        ("optimisation", "contrast = 0.5", "contrast .not 1 needs teacher or distil"),
        ("optimisation", "teacher = -1", "teacher"),
        ("optimisation", "distil = -1", "distil"),
        ("optimisation", "base_share = 1.1", "base_share"),
        ("optimisation", "dropout = 1", "dropout"),
        ("optimisation", 'dropout = "none"', "'dropout' must be a number"),
        ("vocabulary", "pieces = -1", "vocabulary.pieces"),
        ("vocabulary", "pieces = 1.5", "'pieces' must be int"),
        ("vocabulary", 'languages = ["xx"]', "unknown language 'xx'"),
        ("vocabulary", "size = 3", r"\[vocabulary\]: unknown field 'size'"),
        ("optimisation", "warmup = 1.5", "warmup"),
        ("optimisation", "warmup = -0.5", "warmup"),
        ("optimisation", 'precision = "fp16"', "precision"),
        ("optimisation", "max_query_tokens = 0", "max_query_tokens"),
        ("optimisation", "max_passage_tokens = 0", "max_passage_tokens"),
        ("optimisation", "patience = 2", "patience .it needs evaluate_every"),
        ("optimisation", 'frozen = "embeddings"', "'frozen' must be list"),
        ("optimisation", 'gradient_checkpointing = "yes"', "'gradient_checkpointing' must be bool"),
        ("sources", 'format = "csv"', "format 'csv' is not one of jsonl, squad, triples, hub"),
        ("sources", "repeat = 0", "repeat of 'toy' must be from 1 to 255"),
        ("sources", "repeat = 256", "repeat of 'toy' must be from 1 to 255"),
        ("sources", "repeat = 1.5", "'repeat' must be int"),
        ("sources", 'document = "("', "document of 'toy' is no pattern"),
        ("sources", 'document = "^d"', "document of 'toy' is no pattern with a group"),
        ("sources", 'path = "pairs.jsonl"', r"'toy' must hold {language}"),
        ("sources", "columns = { id = 3 }", "'id' must be str"),
        ("sources", '[[sources]]\nname = "toy"\npath = "{name}"', "sources"),
        ("sources", '[[validation]]\nname = "v"\npath = "v.json"', r"'v' must hold {language}"),
    ],
)
def test_a_wrong_value_is_named_with_the_file(
    read: Read, table: str, line: str, complaint: str
) -> None:
    with pytest.raises(CardError, match=rf"recipe\.toml.*{complaint}"):
        read(with_field(table, line))


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("optimisation", 'schedule = "linera"'),
        ("optimisation", "learning_rate = nan"),
        ("optimisation", "learning_rate = inf"),
        ("optimisation", "scale = nan"),
        ("optimisation", "weight_decay = nan"),
        ("optimisation", "weight_decay = -1"),
        ("optimisation", "epochs = inf"),
        ("optimisation", "seed = -1"),
        ("optimisation", "seed = true"),
        ("optimisation", "steps = true"),
        ("optimisation", "evaluate_every = -1"),
        ("optimisation", "evaluate_every = 2\npatience = -1"),
        ("sources", 'path = "{language}{other}"'),
        ("sources", 'path = "{language}}"'),
        ("sources", 'columns = { pasage = "positive" }'),
    ],
)
def test_a_value_that_training_cannot_use_is_refused(read: Read, table: str, line: str) -> None:
    with pytest.raises(CardError, match=r"recipe\.toml"):
        read(with_field(table, line))


@pytest.mark.parametrize("content", [b"name = ", b"\xff", None], ids=["cut", "bytes", "missing"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CardError, match=r"cannot read the card .*bad\.toml"):
        read_recipe(path)


# --- recipes by name ---


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_recipe_that_ships_loads_under_its_name(path: Path) -> None:
    assert find_recipe(path.stem) == read_recipe(path)
    assert read_recipe(path).name == path.stem


def test_the_samplings_of_the_paper_ship_for_both_of_its_bases() -> None:
    bases = {"labse": "sentence-transformers/LaBSE", "xlmr": "FacebookAI/xlm-roberta-base"}
    assert {path.stem for path in SHIPPED} >= {
        f"paper-{kind}-{base}" for kind in ("mono", "cross", "hybrid") for base in bases
    }
    for short, base in bases.items():
        assert find_recipe(f"paper-mono-{short}").base == base


@pytest.mark.parametrize("base", ["labse", "xlmr"])
@pytest.mark.parametrize(("kind", "alpha"), [("mono", 1.0), ("cross", 0.0)])
def test_the_samplings_of_a_base_differ_in_alpha_and_name_alone(
    base: str, kind: str, alpha: float
) -> None:
    hybrid, other = find_recipe(f"paper-hybrid-{base}"), find_recipe(f"paper-{kind}-{base}")
    assert (hybrid.alpha, other.alpha) == (0.5, alpha)
    assert replace(other, name=hybrid.name, path=hybrid.path, alpha=hybrid.alpha) == hybrid


def test_the_recipe_of_infonce_alone_draws_the_pairs_of_hybrid_and_has_no_teacher() -> None:
    hybrid, alone = find_recipe("hybrid"), find_recipe("infonce")
    assert (alone.sources, alone.validation) == (hybrid.sources, hybrid.validation)
    how = alone.optimisation
    assert (how.teacher, how.distil, how.contrast) == (0, 0, 1)


def test_a_recipe_is_found_by_the_path_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHORT, "utf-8")
    assert find_recipe(str(path)) == read_recipe(path)


def test_a_users_own_recipe_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_CONFIG_DIR", str(tmp_path))
    path = tmp_path / "models" / "recipes" / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SHORT, "utf-8")
    assert find_recipe("mine").path == path


def test_an_unknown_recipe_is_refused_with_the_closest_name() -> None:
    with pytest.raises(UnknownNameError, match="unknown recipe 'hybird'; did you mean hybrid"):
        find_recipe("hybird")


def test_an_unknown_recipe_may_be_given_as_a_file_says_the_message() -> None:
    with pytest.raises(UnknownNameError, match=r"give the path of a \.toml file"):
        find_recipe("zzz")


def test_a_path_without_a_file_is_a_card_error(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"cannot read the card .*none\.toml"):
        find_recipe(str(tmp_path / "none.toml"))

"""The model card of a trained folder: base, data, recipe, how to use it."""

from typing import Any

from xlir_bench.cards.recipe import Recipe


def model_card(recipe: Recipe, record: dict[str, Any]) -> str:
    """Return the README of a model in the hub's form.

    Args:
        recipe: as it was trained.
        record: of the finished run.

    """
    languages = "".join(f"- {language.code}\n" for language in recipe.languages)
    license_of = {source.name: source.license or "not stated" for source in recipe.sources}
    rows = "".join(
        f"| {source} | {sum(counts.values()):,} | {', '.join(counts)} | {license_of[source]} |\n"
        for source, counts in record["pairs"]["rows"].items()
    )
    since = " (since it was resumed)" if record["resumed"] else ""
    kind = {1.0: "X-X-mono", 0.0: "X-Y"}.get(recipe.alpha, "hybrid")
    return f"""---
base_model: {record["base"]}
library_name: sentence-transformers
pipeline_tag: sentence-similarity
language:
{languages}tags:
- sentence-transformers
- feature-extraction
- multilingual
- xlir-bench
---

# {recipe.name}

A multilingual sentence encoder for retrieval, trained from `{record["base"]}` with {kind} batches
(alpha {recipe.alpha:g}) after [arXiv 2408.10536](https://arxiv.org/abs/2408.10536).

| source | pairs | languages | licence |
|---|---|---|---|
{rows}
{record["steps"]:,} steps, {record["pairs_seen"]:,} pairs seen; {record["seconds"]:,.0f} s{since} on
{record["processes"]} x {record["device"]}. Validation loss: {record["validation_loss"]}.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("FOLDER")
queries = model.encode_query(["..."])
passages = model.encode_document(["..."])
```

Score it: `xlir-bench run -m FOLDER -t XQuADR MLQAR`. The run is described in `training.json`; the
recipe was:

```toml
{recipe.path.read_text(encoding="utf-8").strip()}
```
"""

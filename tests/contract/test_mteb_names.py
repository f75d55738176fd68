"""Every name of mteb that we touch and that is not public: if one moves, this says which."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest


def attribute(path: str) -> Any:
    module, _, names = path.partition(":")
    found = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("mteb.get_tasks:_TASKS_REGISTRY", dict),
        ("mteb.get_tasks:TASK_LIST", tuple),
        ("mteb.models.get_model_meta:_MODEL_RENAMES", dict),
        ("mteb.models.model_implementations:MODEL_REGISTRY", dict),
        ("mteb.models.sentence_transformer_wrapper:SentenceTransformerEncoderWrapper", type),
        ("mteb.models.sentence_transformer_wrapper:SparseEncoderWrapper", type),
        ("mteb.models.search_wrappers:SearchEncoderWrapper", type),
        ("mteb.models.search_wrappers:SearchCrossEncoderWrapper", type),
        ("mteb.models.abs_encoder:AbsEncoder", type),
        ("mteb.abstasks.aggregated_task:AbsTaskAggregate", type),
        ("mteb.abstasks.aggregate_task_metadata:AggregateTaskMetadata", type),
        ("mteb.timing:TimingStack", type),
    ],
)
def test_the_name_is_there(path: str, kind: type) -> None:
    assert isinstance(attribute(path), kind)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        (
            "mteb._create_dataloaders:create_dataloader",
            {"task_metadata", "prompt_type", "batch_size"},
        ),
        ("mteb.cache:ResultCache.save_to_cache", {"task_result", "model_name", "encode_kwargs"}),
        ("mteb.cache:ResultCache.load_task_result", {"task_name", "model_name"}),
        ("mteb.cache:ResultCache.get_task_result_path", {"task_name", "model_name"}),
        (
            "mteb.abstasks:AbsTaskRetrieval._evaluate_subset",
            {"model", "data_split", "encode_kwargs", "hf_split", "hf_subset", "prediction_folder"},
        ),
        ("mteb.abstasks:AbsTaskRetrieval._add_main_score", {"scores"}),
        ("mteb.abstasks:AbsTaskRetrieval._save_task_predictions", {"hf_subset", "hf_split"}),
        ("mteb.abstasks:AbsTaskRetrieval.load_data", {"num_proc", "timer"}),
        ("mteb.abstasks:AbsTaskRetrieval.filter_languages", {"languages", "hf_subsets"}),
        (
            "mteb.abstasks.aggregated_task:AbsTaskAggregate.task_results_to_scores",
            {"task_results"},
        ),
        ("mteb.models.model_meta:ModelMeta.load_model", {"device"}),
        ("mteb.models.model_meta:ModelMeta.create_empty", {"overwrites"}),
        ("mteb.models.abs_encoder:AbsEncoder.get_prompt_name", {"task_metadata", "prompt_type"}),
    ],
)
def test_the_function_takes_what_we_pass(path: str, parameters: set[str]) -> None:
    function: Callable[..., Any] = inspect.unwrap(attribute(path))
    assert parameters <= set(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", ["_build_registry", "_build_aliases_registry"])
def test_the_registry_of_benchmarks_can_be_rebuilt(name: str) -> None:
    assert callable(attribute(f"mteb.benchmarks.get_benchmark:{name}").cache_clear)


def test_mteb_saves_a_finished_task_with_its_encode_kwargs_and_an_unfinished_one_without() -> None:
    """The only sign by which the last save of a task can be told from those after each subset."""
    source = inspect.getsource(attribute("mteb.evaluate:_evaluate_resolved"))
    unfinished = inspect.getsource(attribute("mteb.evaluate:_evaluate_task"))
    assert "encode_kwargs=encode_kwargs" in source.split("cache.save_to_cache(")[-1]
    assert "save_to_cache(new_result, model_meta)" in unfinished

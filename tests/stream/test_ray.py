"""A real Ray cluster on this machine, and the loss of its workers."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.stream.conftest import Ngrams, Stream, Tree
from xlir_bench.encoders.base import Role, Vectors
from xlir_bench.engines.ray import RayEngine
from xlir_bench.errors import DataError, EngineError
from xlir_bench.stream.run import Plan, rank_streamed

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'xlir-bench[ray]'")

pytestmark = [
    pytest.mark.slow,
    # Ray leaves files and sockets of its processes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Start two workers' worth of cluster once; it sees the tests' own modules."""
    root = str(Path(__file__).parents[2])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    yield
    ray.shutdown()


class Dies(Ngrams):
    """An encoder whose process is killed in its second shard once, or at once and always."""

    def __init__(self, marker: Path, *, always: bool) -> None:
        super().__init__()
        self._marker, self._always = marker, always

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        if self._always or (len(self.seen) > 30 and not self._marker.exists()):
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts, role)


@dataclass(frozen=True)
class MakeDies:
    marker: Path
    always: bool = False

    def __call__(self, device: str | None) -> Dies:
        return Dies(self.marker, always=self.always)


def test_the_cluster_counts_the_same(tree: Tree, stream: Stream) -> None:
    judged = tree.read()
    expected, found = stream(judged, identity=None), stream(judged, engine=RayEngine(2))
    np.testing.assert_array_equal(found.table.beaten_by, expected.table.beaten_by)
    assert found.hits is not None
    assert expected.hits is not None
    np.testing.assert_array_equal(found.hits.passages, expected.hits.passages)
    assert found.facts["engine"] == "ray"


def test_a_killed_worker_costs_nothing(tree: Tree, stream: Stream, tmp_path: Path) -> None:
    judged, model = tree.read(), Ngrams()
    expected = stream(judged, identity=None).table
    marker = tmp_path / "killed"
    plan = Plan(model, None, model, RayEngine(2), MakeDies(marker), 0, "dies")
    found = rank_streamed(judged, plan).table
    assert marker.exists()
    np.testing.assert_array_equal(found.beaten_by, expected.beaten_by)


def test_a_worker_that_always_dies_ends_the_run_in_one_line(tree: Tree, tmp_path: Path) -> None:
    model = Ngrams()
    setup = MakeDies(tmp_path / "killed", always=True)
    plan = Plan(model, None, model, RayEngine(1), setup, 0, "dies")
    with pytest.raises(EngineError, match="were lost 4 times"):
        rank_streamed(tree.read(), plan)


def test_a_broken_shard_is_named(tree: Tree, stream: Stream) -> None:
    shard = tree.folder / "te" / "docs-1.jsonl.gz"
    shard.write_bytes(shard.read_bytes()[:60])
    with pytest.raises(DataError, match=r"te/docs-1\.jsonl\.gz is cut off or damaged"):
        stream(tree.read(), engine=RayEngine(2))

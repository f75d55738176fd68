"""What must be known to repeat a number: data, versions, machine."""

import platform
from typing import Any

from xlir_bench.cards.task import TaskCard
from xlir_bench.versions import installed

_PACKAGES = (
    "xlir-bench", "mteb", "ir-measures", "numpy", "numba", "scikit-learn",
    "sentence-transformers", "torch", "transformers",
)  # fmt: skip


def provenance_of(card: TaskCard) -> dict[str, Any]:
    """Return the part of a provenance record that does not depend on the model."""
    return {
        "format": 1,
        "benchmark": card.full_name,
        "data_revision": card.source.revision,
        "data_sha256": card.data_sha256,
        "versions": {"python": platform.python_version()} | versions(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
    }


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that decide a score."""
    return installed(_PACKAGES)

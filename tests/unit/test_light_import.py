"""Listing what there is must not wait for the heavy libraries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "mteb", "transformers", "sentence_transformers", "sklearn", "datasets"}
REPORT = f"import sys; print('heavy:', *({HEAVY} & sys.modules.keys()))"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import xlir_bench", id="import"),
        pytest.param(
            "from xlir_bench.cli.main import status; assert status(['tasks']) == 0", id="tasks"
        ),
        pytest.param(
            "from xlir_bench.cli.main import status; assert status(['measures']) == 0",
            id="measures",
        ),
    ],
)
def test_heavy_libraries_are_not_imported(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        env=os.environ | {"XLIR_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"

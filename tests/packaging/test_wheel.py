"""The wheel as a user gets it: its files, the start-up hook, and what an uninstall leaves."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("XLIR_", "PYTHON"))}
HOOK_FILES = {"_xlir_bench_hook.py", "xlir_bench.pth", "xlir_bench.start"}


def python(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python away from the checkout; fail with its output."""
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=ENVIRONMENT | (env or {}),
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site folder with nothing but the wheel."""
    site = tmp_path_factory.mktemp("site")
    done = python("-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel))
    assert done.returncode == 0, done.stderr[-2000:]
    return site


def test_the_wheel_holds_hook_cards_and_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= HOOK_FILES
    assert {
        "xlir_bench/_data/tasks/XLIRMini.toml",
        "xlir_bench/_data/tasks/xlirmini/th.json",
    } <= names
    assert "xlir_bench/_data/models/char-ngrams.toml" in names
    web = {"page.html.j2", "page.css", "page.js", "plot.min.js", "LICENSES.txt"}
    assert {f"xlir_bench/leaderboard/web/{name}" for name in web} <= names
    assert "xlir_bench/_data/leaderboards/reported/2408.10536.json" in names
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/")) or "lareqa/" in n]


def test_the_hook_line_of_the_wheel_registers_with_mteb(installed: Path) -> None:
    code = (
        f"import site; site.addsitedir({str(installed)!r});"
        "import mteb; print(mteb.get_task('XQuADRMulti').metadata.name)"
    )
    # -S -s: no site folders of this environment's own editable install, which has a hook too
    paths = os.pathsep.join([str(installed), *[p for p in sys.path if p.endswith("-packages")]])
    done = python("-S", "-c", code, env={"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "XQuADRMulti"


def test_the_hook_imports_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.modules.pop('_xlir_bench_hook', None);"
        "import _xlir_bench_hook as h; h.install();"
        "print(sorted(set(sys.modules) - before - {'_xlir_bench_hook'}))"
    )
    assert python("-c", code).stdout.strip() == "[]"


def test_the_hook_can_be_switched_off() -> None:
    code = "import mteb, sys; print('xlir_bench.adapters.mteb.registry' in sys.modules)"
    assert python("-c", code).stdout.strip() == "True"
    assert python("-c", code, env={"XLIR_BENCH_NO_HOOK": "1"}).stdout.strip() == "False"


def test_without_mteb_the_hook_is_silent(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    code = "import sys; sys.path = [p for p in sys.path if 'packages' not in p]; import mteb"
    done = python("-c", code)
    assert "ModuleNotFoundError: No module named 'mteb'" in done.stderr
    assert "xlir" not in done.stderr


def test_a_changed_mteb_costs_one_warning_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mteb.py").write_text("answer = 42\n")
    done = python("-c", "import mteb; print(mteb.answer)", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0
    assert done.stdout.strip() == "42"
    assert done.stderr.count("RuntimeWarning: xlir-bench could not register") == 1


def test_reloading_mteb_registers_once() -> None:
    code = (
        "import mteb, importlib; importlib.reload(mteb);"
        "print(sum(t.metadata.name == 'XQuADR' for t in mteb.get_tasks()))"
    )
    assert python("-W", "ignore", "-c", code).stdout.strip() == "1"


@pytest.mark.slow
def test_an_uninstall_leaves_nothing(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "install", "--no-deps", str(wheel)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    assert {path.name for path in site.iterdir()} >= HOOK_FILES
    subprocess.run([*pip, "uninstall", "-y", "xlir-bench"], check=True)
    assert not [path for path in site.rglob("*") if "xlir" in path.name]

"""Every command of the README is one the program understands, and its output is the real one."""

import re
import shlex
from pathlib import Path

import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.cli.main import app

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
COMMANDS = [
    line.split("#")[0].strip()
    for language, block in BLOCKS
    if not language
    for line in block.splitlines()
    if line.startswith(("mteb ", "xlir-bench ", "pip "))
]


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) >= 9


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("xlir-bench ")])
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("command", [c for c in COMMANDS if " -t " in c and " -t ./" not in c])
def test_a_task_of_the_readme_is_there(command: str) -> None:
    known = {card.name for card in task_cards().values()}
    known |= {card.task_name(mode) for card in task_cards().values() for mode in card.modes}
    tasks = re.search(r" -t ((?:\w+ ?)+)", command)
    assert tasks is not None
    assert set(tasks.group(1).split()) <= known


def test_the_test_command_is_that_of_ci() -> None:
    (command,) = [c for c in COMMANDS if "pytest" in c]
    script = (README.parent / ".ci" / "run").read_text(encoding="utf-8")
    assert command.split("&&")[-1].strip() in script


def test_the_example_of_ir_measures_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [block for language, block in BLOCKS if language == "python" and "TLR" in block]
    exec(code, {})  # noqa: S102 - our own README
    assert "TLR@20: 1.0" in capsys.readouterr().out


def numbers(text: str) -> tuple[str, list[float]]:
    """Return a text without its numbers, and these."""
    pattern = r"-?\d[\d,]*(?:\.\d+)?"
    return re.sub(r"\s+", " ", re.sub(pattern, "#", text)).strip(), [
        float(number.replace(",", "")) for number in re.findall(pattern, text)
    ]


@pytest.mark.slow
def test_the_first_screen_shows_what_the_first_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mteb

    from xlir_bench.adapters.mteb import registry, session, task

    fresh = session.Session()
    for module in (session, registry, task):
        monkeypatch.setattr(module, "SESSION", fresh)
    registry.register()
    mteb.evaluate(
        mteb.get_model("xlir-hybrid", device="cpu"),
        mteb.get_tasks(tasks=["XLIRMini"]),
        cache=mteb.ResultCache(tmp_path),
        co2_tracker=False,
        show_progress_bar=False,
    )
    printed = numbers(capsys.readouterr().out)
    shown = numbers(
        next(block for _, block in BLOCKS if block.startswith("xlir-bench/xlir-hybrid on"))
    )
    assert printed[0] == shown[0]
    # Vectors differ in their last digits between processors; so do the ranks of near ties.
    assert printed[1] == pytest.approx(shown[1], rel=0.01, abs=0.002)

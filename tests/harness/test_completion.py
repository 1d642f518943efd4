"""Shell completion: the scripts, and the names that are completed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

COMPLETED = {
    "wsbench run -m kd_": ["kd_student", "kd_teacher"],
    "wsbench run -d phan": ["phantom", "phantom14"],
    "wsbench describe cond_ap2": ["cond_ap25"],
    "wsbench new me": ["method", "metric"],
    "wsbench check-plugin bright": ["brightest.py"],
    "wsbench runs c": ["clean"],
    "wsbench describe-": [],
    "wsbench run --no-up": ["--no-upstream"],
    "wsbench run -m nothing_": [],
}


@pytest.mark.parametrize("words", sorted(COMPLETED))
def test_names_are_completed(words: str, command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("brightest.py").write_text("")
    monkeypatch.setenv("_WSBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    _, out, err = command()
    completed = out.split()
    assert err == ""
    expected = COMPLETED[words]
    assert completed[: len(expected)] == expected if expected else completed == []


def test_a_broken_plugin_does_not_disturb_the_command_line(command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken.py").write_text("print('hello')\nraise RuntimeError('broken')")
    monkeypatch.setenv("WSBENCH_PLUGINS", "broken.py")
    monkeypatch.setenv("_WSBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "wsbench run -m kd_")
    monkeypatch.setenv("COMP_CWORD", "3")
    _, out, err = command()
    assert (out.strip(), err) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_script_is_produced_for_every_shell(shell: str, command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WSBENCH_COMPLETE", f"source_{shell}")
    code, out, _ = command()
    assert code == 0
    assert "_WSBENCH_COMPLETE" in out and f"complete_{shell}" in out


def test_bash_reads_its_script(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WSBENCH_COMPLETE", "source_bash")
    script = command()[1]
    done = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p wsbench"], capture_output=True, text=True, check=True
    )
    assert "-F _wsbench_completion wsbench" in done.stdout


def test_help_names_the_options(command) -> None:
    out = command("--help")[1]
    assert "--install-completion" in out and "--show-completion" in out

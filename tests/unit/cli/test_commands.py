"""The commands' faces: what they say of bad input, before any server is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jpki.cli import main


def run(*arguments: str | Path) -> Result:
    """One call of `jpki`."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result, code: str, *words: str) -> None:
    """The call ended with a sentence and a code, and no traceback."""
    assert result.exit_code == 2, result.output
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.output


def test_help_names_every_command() -> None:
    """And each of them has a help of its own."""
    result = run("--help")
    assert result.exit_code == 0
    for command in ("init", "serve", "demo", "verify", "audit"):
        assert command in result.output
        assert run(command, "--help").exit_code == 0


def test_an_unknown_command_is_refused() -> None:
    """With the usage."""
    result = run("destroy")
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_serve_needs_its_settings(tmp_path: Path) -> None:
    """A file that is not there is named."""
    file = tmp_path / "none.toml"
    refused(run("serve", "--config", file), "configuration", str(file), "No such file")


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("[common]\nera = \n", "(syntax)", "line 2"),
        ("[portal]\n", "portal", "unknown table"),
        ("[authority]\nprot = 1\n", "authority.prot", "unknown"),
        ("[authority]\nport = 70000\n", "authority.port", "from 0 to 65535"),
        ('[authority]\nport = "8401"\n', "authority.port", "whole number"),
        ('[common]\nlanguage = "fr"\n', "common.language", "one of ja, en"),
        ("[common]\nclock_offset_seconds = 5\n", "clock_offset_seconds", "test"),
        ('[authority]\nkilled_at = "x"\n', "authority.killed_at", "test systems"),
    ],
)
def test_serve_names_file_key_and_reason(
    tmp_path: Path, text: str, key: str, reason: str
) -> None:
    """Of whatever is wrong in its settings."""
    file = tmp_path / "jpki.toml"
    file.write_text(text)
    refused(run("serve", "--config", file), "configuration", str(file), key, reason)


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A folder with an installation is refused, and told about."""
    (tmp_path / "data" / "keys").mkdir(parents=True)
    refused(run("init", tmp_path), "configuration", "is there already", "empty folder")


def test_init_knows_the_prefectures(tmp_path: Path) -> None:
    """48 would be one more than there are."""
    result = run("init", tmp_path / "site", "--prefecture", "48")
    refused(result, "configuration", "--prefecture", "JIS X 0401")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("command", ["init", "demo"])
def test_a_date_that_is_none_is_refused(tmp_path: Path, command: str) -> None:
    """With how to write one."""
    arguments = [tmp_path / "site"] if command == "init" else []
    result = run(command, *arguments, "--at", "someday")
    refused(result, "request", "someday", "2014-10-01")

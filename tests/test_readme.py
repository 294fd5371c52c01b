"""What the README shows is run, and what there is stands in it."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import simsearch
from simsearch import Library, cli
from tests.conftest import paint
from tests.toy import ToyEncoder

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    """Every command line of the README, without what it prints and without comments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    lines += [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return [line.split("  #")[0].strip() for line in lines]


@pytest.mark.network
def test_the_terminal_session_gives_what_it_shows(gallery, tmp_path, monkeypatch, capsys):
    """The session of the README, in a checkout's place, up to where it stays open."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(gallery, tmp_path / "simsearch-demo" / "pictures")
    printed = []
    session = blocks("console")[0]
    for line in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
        program, *arguments = shlex.split(line)
        if program == "export":
            monkeypatch.setenv(*arguments[0].split("="))
        elif arguments[0] in ("demo", "search"):
            assert cli.main(arguments) == 0
            out, err = capsys.readouterr()
            printed += [text for text in err.splitlines() if text.startswith("Drawing")] + out.splitlines()
    shown = [line for line in session.splitlines() if not line.startswith("$ ")]
    assert _portable("\n".join(printed), tmp_path) == _portable("\n".join(shown), tmp_path)


def _portable(text, folder):
    """Leave out what machines may differ in: seconds, scores, which of the near-equal comes first."""
    text = re.sub(r"in \d+\.\d s", "in T", text.replace(f"{folder}/", ""))
    return re.sub(r"^0\.\d{3}(  .*-)\d\d\.jpg$", r"S\1N.jpg", text, flags=re.MULTILINE)


def test_the_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, colour in {"a": "red", "b": "blue"}.items():
        paint(tmp_path / "Pictures" / f"{name}.jpg", colour)
    paint(tmp_path / "cup.jpg", "red")
    paint(tmp_path / "jug.jpg", "green")
    paint(tmp_path / "card" / "cup.jpg", "red")
    open_library = Library.open.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Library, "open", classmethod(lambda cls, path: open_library(cls, path, encoder=ToyEncoder()))
    )
    [example] = blocks("python")
    names: dict[str, object] = {}
    exec(example, names)
    assert len(names["more"]) == len(names["both"]) == 1  # type: ignore[arg-type]
    names["library"].close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_shown_exists(line):
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line.split()[1] in targets


def test_the_batch_script_shown_exists_and_has_help():
    [line] = [line for line in commands() if line.startswith("python ")]
    done = subprocess.run(
        [sys.executable, ROOT / line.split()[1], "--help"], capture_output=True, text=True, check=True
    )
    assert "usage: simsearch index" in done.stdout


COMMANDS = [
    "index",
    "search",
    "suggest",
    "album",
    "known",
    "sync",
    "forget",
    "learn",
    "tune",
    "exam",
    "compare-backbones",
    "map",
    "push",
    "status",
    "doctor",
    "app",
    "demo",
    "groups",
    "decide",
    "backbones",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command):
    assert f"`simsearch {command}" in README


def test_the_commands_listed_are_all_there_are(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = re.findall(r"^    ([a-z-]+)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_versions_agree_and_the_changelog_is_open():
    assert "## UNRELEASED" in (ROOT / "CHANGELOG.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    names = {name.lower().replace("_", "-") for name in pinned}
    for requirement in re.findall(r'^    "([a-z0-9-]+)[>=]', project, re.MULTILINE):
        assert requirement in names, f"{requirement} has no pin"


def test_nothing_names_a_registry_or_this_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a checkout")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".jpg", ".png", ".db", ".exact", ".faiss", ".lsh"} or not path.exists():
            continue
        assert not re.search(r"https?://\S+/simple\b", path.read_text()), name
        assert f"{ROOT.parent}/" not in path.read_text(), name


def test_public_names_have_docstrings():
    for name in simsearch.__all__:
        assert getattr(simsearch, name).__doc__

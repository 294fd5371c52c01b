"""What is needed to serve the page in a container, as far as that can be told without one being run."""

import json
import os
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from scripts import sizing
from simsearch import Library, encoder
from simsearch.cli.parser import parser
from tests.conftest import paint

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
OPERATIONS = (ROOT / "deploy" / "README.md").read_text()


def instructions(word):
    """The arguments of every such line of the Dockerfile, continuations joined."""
    whole = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{word} (.*)$", whole, re.MULTILINE)


def test_the_image_is_built_from_what_is_there_and_sent():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    sources = [source for line in instructions("COPY") for source in line.split()[:-1]]
    assert "simsearch" in sources and "constraints.txt" in sources
    for source in sources:
        assert (ROOT / source).exists() and f"!{source}" in ignored, source
    assert ignored[0] == "*" and not any(fnmatch("index", line.strip("!")) for line in ignored[1:])


def test_the_image_runs_on_the_tested_python_and_not_as_root():
    [base] = instructions("FROM")
    assert base.startswith("python:3.11-slim-") and instructions("USER") == ["simsearch"]
    assert DOCKERFILE.index("\nUSER simsearch") < DOCKERFILE.index("\nENTRYPOINT")
    assert all("--constraint constraints.txt" in run for run in instructions("RUN") if "$EXTRAS" in run)


def test_the_commands_of_the_image_are_commands():
    [entry], [default] = instructions("ENTRYPOINT"), instructions("CMD")
    options = parser().parse_args((json.loads(entry) + json.loads(default))[1:])
    assert options.host == "0.0.0.0"
    [prepare] = [run for run in instructions("RUN") if run.startswith("python -c ")]
    compile(shlex.split(prepare)[2], "Dockerfile", "exec")
    assert all(hasattr(encoder, name) for name in re.findall(r"encoder\.(\w+)", prepare))


@pytest.fixture
def compose():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())


@pytest.mark.scale
def test_only_the_page_is_published_and_to_this_machine_only(compose):
    published = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }
    assert published == {"app": ["127.0.0.1:8501:8501"]}
    assert compose["networks"]["inside"]["internal"]
    for name, service in compose["services"].items():
        assert service["networks"] == (["outside", "inside"] if name == "app" else ["inside"]), name


@pytest.mark.scale
def test_the_page_and_the_commands_need_no_server_beside_them(compose):
    ordinary = {name for name, service in compose["services"].items() if "profiles" not in service}
    assert ordinary == {"app"}
    for name, service in compose["services"].items():
        if service["image"] == "simsearch":
            assert "depends_on" not in service, name
        else:
            assert service["profiles"] == ["milvus"], name


@pytest.mark.scale
def test_the_page_listens_and_answers_to_the_name_it_is_given(compose):
    words = [
        word.replace("${PAGE_HOST:-localhost}", "localhost") for word in compose["services"]["app"]["command"]
    ]
    options = parser().parse_args(words)
    assert (options.host, options.allowed_host) == ("0.0.0.0", ["localhost"])


def test_every_setting_has_its_line_in_the_example():
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "deploy" / "compose.yaml").read_text()))
    lines = (ROOT / "deploy" / "env.example").read_text().splitlines()
    named = {found[1] for line in lines if (found := re.match(r"#?([A-Z_]+)=", line))}
    assert named == asked | {"COMPOSE_PROFILES"}


@pytest.mark.scale
def test_the_services_find_their_folders_and_each_other(compose):
    mounts = {volume for service in compose["services"].values() for volume in service["volumes"]}
    [photos] = [volume for volume in mounts if volume.startswith("${PHOTOS:?")]
    assert photos.endswith("}:/photos:ro")
    assert {volume.split(":")[0] for volume in mounts - {photos}} == {*compose["volumes"], "./backup"}
    kept = [json.loads(folders) for folders in instructions("VOLUME")]
    assert kept == [["/library", "/networks"]]
    for service in compose["services"].values():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][other]


@pytest.mark.scale
def test_the_server_is_the_version_that_is_tested(compose):
    [pinned] = re.findall(r'"milvus==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert compose["services"]["milvus"]["image"] == f"milvusdb/milvus:v{pinned}"


@pytest.fixture
def folders(tmp_path):
    """What is mounted in a container, by its name there."""
    folders = {name: tmp_path / name for name in ("library", "photos", "backup")}
    for folder in folders.values():
        folder.mkdir()
    return folders


@pytest.fixture
def script(compose, folders):
    """Run what a service runs, outside of a container."""

    def run(name, **settings):
        service = compose["services"][name]
        [words] = service["command"]
        for mounted, folder in folders.items():
            words = re.sub(rf"(?<=[\s\":])/{mounted}\b(?!\.)", str(folder), words.replace("$$", "$"))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            [*service["entrypoint"], words],
            env=os.environ | {"PATH": path, "SIMSEARCH_LIBRARY": str(folders["library"]), **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.scale
@pytest.mark.network
def test_the_commands_index_and_push_and_back_up_and_restore(script, folders, tmp_path):
    library, photos, backup = folders.values()
    paint(photos / "red.png", "red", size=(64, 64))
    (photos / "broken.jpg").write_bytes(b"broken")
    address = f"milvus://{tmp_path}/vectors.db"
    done = script("indexer", SIMSEARCH_MILVUS=address)
    assert done.returncode == 0 and "1 sent" in done.stdout, done.stdout + done.stderr
    assert script("indexer", SIMSEARCH_MILVUS="").returncode == 0

    assert script("backup").returncode == 0
    assert [path.name for path in backup.iterdir()] == ["library.db"]
    paint(photos / "blue.png", "blue", size=(64, 64))
    script("indexer", SIMSEARCH_MILVUS="")
    (library / "library.db-wal").write_bytes(b"of another database")
    done = script("restore")
    assert done.returncode == 0, done.stdout + done.stderr
    with Library.open(library, create=False) as restored:
        assert [path.name for path in restored.paths().values()] == ["red.png"]


@pytest.mark.scale
def test_nothing_is_restored_or_backed_up_where_nothing_is(script, folders):
    assert script("backup").returncode and script("restore").returncode
    assert not list(folders["library"].iterdir())


def test_the_page_of_operations_has_the_table_that_is_computed():
    assert f"\n{sizing.table()}\n" in OPERATIONS


def test_nodes_hold_what_is_put_on_them():
    for photos in sizing.PHOTOS.values():
        for dim in (128, 256):
            nodes = sizing.query_nodes(photos, dim)
            assert (
                nodes == 0
                or (nodes - 2) * sizing.NODE < sizing.hnsw(photos, dim) <= (nodes - 1) * sizing.NODE
            )


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "1 min"), (7_000, "120 min"), (7_200, "2 h"), (86_400 * 38.4, "38 days")]
)
def test_durations_are_told_in_a_suitable_unit(seconds, words):
    assert sizing.lasting(seconds) == words


LINES = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL)
    for line in block.splitlines()
]
INLINE = re.findall(r"`([a-z]+ [^`]+)`", OPERATIONS.replace("\n", " "))
# In a container: by compose in that of the page, or by docker in the one that is Ray's node.
IN_ANOTHER = r"^(?:docker compose run --rm app|docker exec simsearch-ray simsearch) (?=[a-z])"
CALLS = [line for line in LINES + INLINE if line.startswith("simsearch ")] + [
    re.sub(IN_ANOTHER, "simsearch ", line) for line in LINES + INLINE if re.match(IN_ANOTHER, line)
]


@pytest.mark.parametrize("line", CALLS)
def test_the_commands_on_the_page_of_operations_are_commands(line):
    parser().parse_args(shlex.split(line)[1:])


@pytest.mark.scale
def test_the_services_on_the_page_of_operations_are_services(compose):
    lines = [line for line in LINES + INLINE if line.startswith("docker compose run ")]
    asked = {next(word for word in shlex.split(line)[3:] if word in compose["services"]) for line in lines}
    assert asked == {"app", "indexer", "backup", "restore"}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("docker run ")])
def test_whatever_is_mounted_on_the_page_of_operations_is_of_the_image(line):
    words = shlex.split(line)
    mounted = [words[at + 1].split(":")[1] for at, word in enumerate(words) if word == "--volume"]
    made = " ".join(instructions("RUN"))
    assert mounted and all(folder in made for folder in mounted)

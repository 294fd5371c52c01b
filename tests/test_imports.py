"""A module may import only what stands above it in the flow, and heavy libraries wait until needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import simsearch

PACKAGE = Path(simsearch.__file__).parent

# Each line may import from the lines above it.
FLOW = [
    {"errors", "servers"},
    {"remote"},
    {"derived", "torch_file", "program", "photos", "memory", "facts", "colour"},
    {"draft", "raws"},
    {"formats"},
    {"pixels"},
    {"parts"},
    {
        "demo",
        "backbones",
        "index",
        "space",
        "distortions",
        "trust",
        "suggestion",
        "sketches",
        "joined",
        "layout",
    },
    {"rerank", "clustering", "registration", "candidates", "versions", "bursts"},
    {"hues"},
    {"closer"},
    {"efficientnet_lite", "keras_networks", "litert"},
    {"custom_networks"},
    {"conversion"},
    {"encoder", "deep_training"},
    {"why"},
    {"worker", "report", "reach", "watch"},
    {"child", "schema", "running"},
    {"supervisor"},
    {"pool", "ray_actor"},
    {"ray_pool", "ray_driver"},
    {"store"},
    {"survey", "folders", "vectors", "kinds", "choices", "decisions"},
    {"learning"},
    {"tables", "presence", "plots"},
    {"neighbourhood"},
    {"filters"},
    {"expressions"},
    {"among", "columns", "pushed"},
    {"projection"},
    {"indexes"},
    {"sync", "comparison", "checks", "maps", "pushing"},
    {"calibration", "lessons", "pairs"},
    {"ranking", "copies", "deep"},
    {"searching", "upkeep", "membership"},
    {"handing", "inventory", "export", "sheet"},
    {"groups"},
    {"indexing", "photo_checks", "exam", "intake", "clusters", "albums"},
    {"repair", "counterparts", "embeddings"},
    {"known"},
    {"library"},
    {"benchmark"},
    {"simsearch"},
    {"ui"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(FLOW) for name in names}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The room of the flow a file belongs to: its module, or its package below simsearch."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "simsearch" if parts == ("__init__",) else parts[0]


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "simsearch":
                yield parts[1] if len(parts) > 1 and parts[1] in LEVEL else "simsearch"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_flow(path):
    here = room(path)
    for there in imported_rooms(path):
        assert there == here or LEVEL[there] < LEVEL[here], f"{here} must not import {there}"


@pytest.mark.parametrize("name", ["cli", "ui"])
def test_the_ways_in_know_only_the_library(name):
    paths = [path for path in modules() if room(path) == name]
    allowed = {
        "cli": {"simsearch", "cli", "errors", "tables", "plots", "ui", "demo"},
        "ui": {"simsearch", "ui"},
    }[name]
    assert paths
    for path in paths:
        assert set(imported_rooms(path)) <= allowed


HEAVY = {
    "tensorflow",
    "keras",
    "faiss",
    "streamlit",
    "ai_edge_litert",
    "platformdirs",
    "tqdm",
    "datasketch",
    "redis",
    "pillow_heif",
    "rawpy",
    "psutil",
    "watchdog",
    "fsspec",
    "openTSNE",
    "scipy",
    "matplotlib",
    "pymilvus",
    "grpc",
    "pandas",
    "ray",
    "pyarrow",
}


@pytest.mark.parametrize("module", ["simsearch.library", "simsearch.cli", "simsearch.worker"])
def test_importing_is_light(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_ordinary_photo_is_decoded_without_the_libraries_for_others():
    code = f"""
import sys
from io import BytesIO
from PIL import Image
from simsearch import pixels
for format in ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"]:
    file = BytesIO()
    Image.new("RGB", (1000, 900)).save(file, format)
    pixels.decode(file.getvalue(), "x", at_least=400)
    pixels.glance(file.getvalue(), "x")
print(*sorted({HEAVY!r} & set(sys.modules)), "PIL.ImageCms" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_importing_the_package_imports_nothing_but_itself():
    code = "import sys, simsearch; print(*{'numpy', 'PIL', 'sqlite3'} & set(sys.modules)); simsearch.Library"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_all_names_what_is_public():
    assert list(simsearch.__all__) == sorted(simsearch.__all__)
    assert all(hasattr(simsearch, name) for name in simsearch.__all__)

"""The notebook runs from top to bottom, and is kept with what it said and drew when it last did."""

import json
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

from scripts.run_notebook import NOTEBOOK, fingerprint

ABSOLUTE = re.compile(r"""(?<![\w.:/])(?:/\w[\w.-]*/|[A-Z]:\\)|/tmp/""")


@pytest.fixture
def notebook():
    return json.loads(NOTEBOOK.read_text())


def test_what_is_kept_of_a_run_is_of_this_code(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert notebook["metadata"]["ran"] == fingerprint(NOTEBOOK), "run it: make notebook"
    assert NOTEBOOK.stat().st_size < 1_000_000


def test_what_is_kept_of_a_run_is_for_anybody(notebook):
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert any("image/jpeg" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output["output_type"] != "error" and output.get("name") != "stderr", output
        text = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        assert not ABSOLUTE.search(text), text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in /home/me/photos", True),
        ("/tmp/simsearch-1/demo", True),
        ("milvus:///tmp/a.db", True),
        (r"in C:\photos", True),
        ("in .../demo/library, milvus://.../vectors.db", False),
        ("312 files in 8 s (1/3)", False),
    ],
)
def test_paths_of_a_machine_are_seen(text, found):
    assert bool(ABSOLUTE.search(text)) is found


@pytest.fixture
def own_photos(tmp_path):
    """Photos as cameras and phones leave them: on their side, and of a kind that matplotlib cannot show."""
    import pillow_heif

    folder = tmp_path / "own photos"
    folder.mkdir()
    picture = Image.radial_gradient("L").convert("RGB").resize((300, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "on its side.jpg", exif=exif)
    pillow_heif.from_pillow(picture).save(folder / "phone.heic", quality=90)
    picture.convert("CMYK").save(folder / "print.tif")
    return folder


@pytest.mark.scale
@pytest.mark.network
def test_the_notebook_runs(tmp_path, own_photos):
    """In a process of its own: this one makes an error of every warning, also of a kernel's."""
    settings = {
        "TMPDIR": str(tmp_path),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PHOTOS": str(own_photos),
    }
    environment = {name: value for name, value in os.environ.items() if name != "SIMSEARCH_MILVUS"} | settings
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbmake",
            "--nbmake-timeout=300",
            "-p",
            "no:cacheprovider",
            NOTEBOOK,
        ],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    assert not list(tmp_path.glob("simsearch-*")), "it leaves nothing behind"

"""The whole way with the real network: draw, index, ask with pictures that are not in the collection."""

import subprocess
import sys

import numpy as np
import pytest

from simsearch import Library, demo

pytestmark = pytest.mark.network

UNSEEN = range(1000, 1003)  # seeds; the gallery's own are 1 to 26


@pytest.fixture(scope="module")
def library(gallery_library):
    with Library.open(gallery_library) as library:
        yield library


@pytest.mark.parametrize("kind", demo.KINDS)
def test_an_unseen_picture_finds_its_kind(library, kind):
    precisions = []
    for seed in UNSEEN:
        hits = library.search(demo.draw_picture(kind, seed), k=5)
        precisions.append(np.mean([hit.path.parent.name == kind for hit in hits]))
    assert np.mean(precisions) > 0.9


def test_the_gallery_s_own_pictures_find_their_kind(library):
    kinds = {
        hit.id: hit.path.parent.name for hit in library.search(demo.draw_picture("pizzas", 1000), k=1000)
    }
    assert len(kinds) == len(library)
    found = [kinds[hit.id] == kind for own, kind in kinds.items() for hit in library.similar(own, k=5)]
    assert np.mean(found) > 0.9


def test_a_search_imports_no_tensorflow(library, tmp_path):
    demo.draw_picture("pizzas", 1000).save(tmp_path / "unseen.jpg")
    arguments = ["search", str(tmp_path / "unseen.jpg"), "--all", "--library", str(library.path)]
    code = (
        f"import sys; from simsearch import cli; code = cli.main({arguments!r})\n"
        "print(*sorted({'tensorflow', 'keras', 'streamlit'} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "\n")
    assert len(done.stdout.splitlines()) == 15

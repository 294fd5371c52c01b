"""Every network of the table, its weights random: built, converted, and once through the whole pipeline."""

import ast
import json
import os
import subprocess
import sys

import pytest

from simsearch import Library
from simsearch.backbones import BACKBONES, EMBEDDED
from simsearch.encoder import open_encoder
from tests.conftest import paint

pytestmark = [pytest.mark.network, pytest.mark.slow]

ENOUGH = 0.999
ON_THE_CPU = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def program(*arguments):
    """Run tests.made_networks; return what it printed last."""
    search_path = os.pathsep.join(map(os.path.abspath, sys.path))
    done = subprocess.run(
        [sys.executable, "-m", "tests.made_networks", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": search_path} | ON_THE_CPU,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "name", [row.name for row in sorted(BACKBONES.values(), key=lambda row: row.parameters)]
)
def test_an_architecture_from_weights_to_search(name, tmp_path, monkeypatch):
    row, weights = BACKBONES[name], None
    if name not in EMBEDDED:
        monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
        cosines = ast.literal_eval(program("agree", tmp_path, name))
        assert cosines[name] > ENOUGH
        weights = tmp_path / f"{name}.h5"
    said: list[str] = []
    made = open_encoder(name, weights=weights, say=said.append)
    assert (made.input_size, made.dim) == (row.input_size, row.width)
    assert ("-avg-" in made.identity.preprocessing) == name.startswith("ConvNeXt")
    for colour in ("red", "blue", "white"):
        paint(tmp_path / "album" / f"{colour}.png", colour, (300, 200))
    with Library.open(tmp_path / "library", encoder=made) as library:
        assert library.sync(tmp_path / "album", workers=1).added == 3
        found = library.search(tmp_path / "album" / "blue.png")
    assert len(found) == 3 and found[0].score > ENOUGH
    print(f"{name}: {made.identity.precision}, {said[1:]}")


def test_the_table_says_what_keras_does_of_each():
    names = [name for name in BACKBONES if name not in EMBEDDED]
    assert len(names) == 40
    for name, facts in json.loads(program("facts", *names)).items():
        row = BACKBONES[name]._asdict()
        if facts["input_size"] is None:  # any size will do; its documentation says 224
            facts["input_size"] = 224
        assert {key: row[key] for key in facts} == facts, name

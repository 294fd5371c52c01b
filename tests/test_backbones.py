"""The table of networks, without Keras, and the command that prints it."""

import json

import pytest

from simsearch.backbones import BACKBONES, EMBEDDED, backbone, fetched
from simsearch.errors import BackboneError


def test_names_are_known_in_any_case():
    assert backbone("resnet50") is backbone("ResNet50") is BACKBONES["ResNet50"]
    assert backbone("EFFICIENTNET-LITE2").name == "efficientnet-lite2"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ResNet51", "ResNet50"),
        ("mobilenetv4", "MobileNetV"),
        ("zebra", "efficientnet-lite2, efficientnet-lite0"),
    ],
)
def test_an_unknown_name_is_answered_with_those_near_it(name, near):
    with pytest.raises(BackboneError, match=f"not known; choose one of .*{near}.*simsearch backbones lists"):
        backbone(name)


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_a_row_is_whole(row):
    assert row.width >= 512 and 224 <= row.input_size <= 600 and 61 < row.top1 < 90
    if row.name in EMBEDDED:
        assert row.package and not row.url and len(row.hash) == 64
    else:
        assert row.file.endswith(".h5") and row.url.startswith("https://storage.googleapis.com/")
        assert len(row.hash) in (0, 32, 64) and row.family


def test_the_command_says_what_is_here(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "none"))
    file = tmp_path / "models" / BACKBONES["VGG16"].file
    file.parent.mkdir()
    file.touch()
    assert fetched(BACKBONES["VGG16"]) == file
    code, out, err = run("backbones")
    lines = out.splitlines()
    assert (code, err, len(lines)) == (0, "", 1 + 42 + 2)
    assert lines[1].split() == "efficientnet-lite2 260 px 1,280 4.9 M 77.6% 19 MB installed".split()
    [line] = [line for line in lines if line.startswith("VGG16")]
    assert line.split() == "VGG16 224 px 512 14.7 M 71.3% 59 MB fetched".split()
    rows = [json.loads(line) for line in run("backbones", "--json")[1].splitlines()]
    assert len(rows) == 42
    assert {row["name"]: row["here"] for row in rows if row["here"]} == {
        "efficientnet-lite2": "installed",
        "efficientnet-lite0": "installed",
        "VGG16": "fetched",
    }

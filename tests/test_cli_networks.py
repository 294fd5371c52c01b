"""The commands that have another network serve, and say which there are."""

import json

import pytest

from simsearch import BackboneError, Library, embeddings, encoder
from tests.conftest import paint
from tests.toy import OtherEncoder, PickyEncoder, ToyEncoder

TOYS = {toy.identity: toy for toy in (ToyEncoder(), OtherEncoder(), PickyEncoder())}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The commands' library, with toys in place of networks."""
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(encoder, "open_encoder", lambda name, **_: ToyEncoder())
    monkeypatch.setattr(embeddings, "open_encoder", lambda name, **_: OtherEncoder())
    monkeypatch.setattr(embeddings, "asked_for", lambda *_: None)
    for module in (encoder, embeddings):
        monkeypatch.setattr(module, "stored_encoder", lambda identity, folder, say: TOYS[identity])
    return tmp_path / "library"


@pytest.fixture
def indexed(run, library, album):
    for name in ("red", "blue"):
        paint(album / f"{name}.png", name)
    assert run("index", album)[0] == 0
    return album


def test_another_network_is_made_to_serve_beside_the_old(run, indexed):
    paint(indexed / "green.png", "green")
    code, out, err = run("index", indexed, "--backbone", "other")
    assert code == 0
    assert out.startswith("1 added, 0 updated, 2 unchanged")
    assert "other serves now: 3 embeddings made in " in out
    assert out.endswith("the embeddings of toy are kept; to drop them: simsearch backbones --remove toy\n")
    status = run("status")[1]
    assert "networks:  other (exact, number 5f26b36d): 3 photos, 0.0 MB, serves\n" in status
    assert "networks:  toy (exact, number ca90ece7): 3 photos, 0.0 MB\n" in status
    told = json.loads(run("status", "--json")[1])
    assert [(one["encoder"]["backbone"], one["serves"], one["lacking"]) for one in told["embeddings"]] == [
        ("other", True, 0),
        ("toy", False, 0),
    ]
    assert told["run"]["report"]["updated"] == 3


def test_what_is_stopped_is_said_to_go_on(run, indexed, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(embeddings._Filling, "_encode_thumbnails", interrupt)
    code, _, err = run("index", "--backbone", "other", "--workers", "1")
    assert code == 130 and "stopped; toy serves on, and the same command goes on with other\n" in err


def test_the_network_that_serves_already_changes_nothing(run, indexed, monkeypatch):
    assert run("index", "--backbone", "other")[0] == 0
    code, out, _ = run("index", "--backbone", "OTHER")
    assert code == 0 and "embedding" not in out


def test_weights_belong_to_a_network(run, indexed):
    code, _, err = run("index", indexed, "--weights", "x.h5")
    assert code == 2 and "it is of no use by itself; name the network with --backbone" in err


def test_a_network_that_does_not_serve_can_be_dropped(run, indexed):
    run("index", "--backbone", "other")
    code, out, _ = run("backbones", "--remove", "toy")
    assert code == 2 and "2 embeddings of toy (exact, 00000000, mean-colour) will be dropped" in out
    assert "toy" in run("status")[1]  # nobody was there to be asked
    code, out, _ = run("backbones", "--remove", "toy", "--yes")
    assert code == 0 and out.endswith("the embeddings of toy (exact, 00000000, mean-colour) were dropped\n")
    assert "toy" not in run("status")[1]
    code, _, err = run("backbones", "--remove", "other")
    assert code == 2 and "its embeddings are the ones that serve" in err
    code, _, err = run("backbones", "--yes")
    assert code == 2 and "--library and --yes are for --remove alone" in err


def test_from_a_network_that_is_lost_another_leads_away(run, indexed, monkeypatch):
    def lost(identity, folder, say):
        if identity == ToyEncoder.identity:
            raise BackboneError("toy", "its network is not here any more", "give its file")
        return TOYS[identity]

    monkeypatch.setattr(encoder, "stored_encoder", lost)
    paint(indexed / "green.png", "green")
    assert run("index", indexed)[0] == 2
    code, out, err = run("index", indexed, "--backbone", "other")
    assert code == 0 and "What is new is indexed with other." in err
    assert "other serves now: 2 embeddings made in" in out and "1 added" in out


def test_an_empty_library_takes_the_network_that_is_named(run, library, album, monkeypatch):
    asked = []

    def opened(name, **given):
        asked.append((name, given))
        return ToyEncoder()

    monkeypatch.setattr(encoder, "open_encoder", opened)
    Library.open(library).close()
    paint(album / "red.png", "red")
    assert run("index", album, "--backbone", "ResNet50", "--weights", "x.h5")[0] == 0
    [(name, given)] = asked
    assert name == "ResNet50" and given["weights"] == "x.h5"
    code, _, err = run("index", album, "--pixels", "0..1")
    assert code == 2 and "--pixels: it is of no use by itself" in err


def test_the_way_back_is_open_while_all_folders_are_away(run, indexed):
    indexed.rename(indexed.with_name("away"))
    code, out, err = run("index", "--backbone", "other")
    assert code == 1 and "no such folder" in err and "other serves now: 2 embeddings made in" in out
    assert ", 2 of them from thumbnails, until their files can be read\n" in out
    assert "0.0 MB, 2 of them by thumbnails, serves\n" in run("status")[1]


def test_a_run_with_nothing_to_do_is_no_run_that_was_cut_off(run, indexed, monkeypatch):
    run("index", "--backbone", "other")
    run("index", "--backbone", "other")
    assert "stopped early" not in run("status")[1]

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(embeddings._Filling, "_encode_files", interrupt)
    monkeypatch.setattr(embeddings, "open_encoder", lambda name, **_: PickyEncoder())
    assert run("index", "--backbone", "picky")[0] == 130
    assert (
        "not all embeddings of picky are made; to go on: simsearch index --backbone picky" in run("status")[1]
    )


def test_what_is_misspelt_is_no_run(run, library, album, monkeypatch):
    paint(album / "red.png", "red")
    run("index", album)
    monkeypatch.setattr(embeddings, "asked_for", encoder.asked_for)
    before = run("status")[1]
    code, _, err = run("index", "--backbone", "mobilenetv2.h5")
    assert code == 2 and "weights, not a network; say whose: --backbone NAME --weights FILE" in err
    assert run("status")[1] == before

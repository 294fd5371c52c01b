"""What the library says, in German: of the errors that it really raises, not of copies of their words."""

import ast
import errno
import itertools
import os
import re
import sqlite3
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import simsearch
from simsearch import Library, SimsearchError, derived, errors, exam, pixels, running, schema, versions
from simsearch.kinds import Precision
from simsearch.ui.german_errors import PHRASES, _phrase, in_german
from tests.conftest import paint

VALUE = re.compile(r"\{\w+\}")


@pytest.fixture(scope="module")
def texts():
    """All texts of the library's modules and pages, but for what is said in German."""
    files = [file for file in Path(simsearch.__file__).parent.rglob("*.py") if "german" not in file.stem]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return "\n".join(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


SYSTEM = {os.strerror(number).lower() for number in errno.errorcode}


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_library_still_says_it(texts, phrase):
    if phrase in SYSTEM:
        return
    pieces = [piece.strip(" ;:,.%()") for piece in VALUE.split(phrase)]
    assert [piece for piece in pieces if piece not in texts] == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_german_has_the_same_values(phrase):
    assert {*VALUE.findall(PHRASES[phrase])} <= {*VALUE.findall(phrase)}


# Errors, as they are raised


def huge():
    """A PNG whose header promises 60,000 by 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + b"\0\0\0\x01IDAT."
    )


def cut_short(album):
    path = album / "a.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)).save(path)
    return path.read_bytes()[:-500]


def decode(data):
    pixels.decode(data, "the picture", at_least=50)


def save_twice(library, album):
    paint(album / "a.png", (1, 2, 3))
    library.sync(album)
    library.albums.save("Tassen", album / "a.png")
    library.albums.save("Tassen", album / "a.png")


def rename(new):
    def renamed(library, album):
        paint(album / "a.png", (1, 2, 3))
        library.albums.save("Tassen", album / "a.png")
        library.albums.rename("Tassen", new)

    return renamed


def take_back_all(library, album):
    library.albums.save("Tassen", paint(album / "a.png", (1, 2, 3)))
    [example] = library.albums.examples("Tassen")
    library.albums.take_back("Tassen", example.id)


def lose_all(library, album):
    paint(album / "in" / "a.png", (1, 2, 3))
    library.sync(album / "in")
    (album / "in" / "a.png").unlink()
    (album / "in" / "b.txt").touch()
    library.sync(album / "in")


def forget_another(library, album):
    library.sync(paint(album / "a.png", (1, 2, 3)).parent)
    library.forget(album / "other")


def search_elsewhere(library, album):
    library.sync(paint(album / "a.png", (1, 2, 3)).parent)
    library.search(album / "a.png", under=album.parent / "elsewhere")


def index_while_another_does(library, album):
    paint(album / "a.png", (1, 2, 3))
    with running.sole_writer(library.path):
        library.sync(album)


def learn_from_too_few(library, album):
    library.sync(paint(album / "a.png", (1, 2, 3)).parent)
    library.learn("folders")


@pytest.mark.parametrize(
    ("cause", "german"),
    [
        (
            lambda *_: decode(b"nothing"),
            "Das Bild: kein Bild oder von einer Art, die hier nicht gelesen wird; ein",
        ),
        (
            lambda _, album: decode(cut_short(album)),
            "Das Bild: abgeschnitten: Das Ende der Datei fehlt; ein anderes",
        ),
        (lambda *_: decode(huge()), "Das Bild: 3.600.000.000 Pixel, und dieser Rechner kann 1 bis "),
        (
            lambda library, _: library.search("/gone.jpg"),
            "/gone.jpg: Datei oder Ordner nicht gefunden; den Pfad",
        ),
        (
            lambda library, _: library.sync("/gone"),
            "/gone: diesen Ordner gibt es nicht; die Schreibweise prüfen, und",
        ),
        (
            lambda library, _: library.start("/gone"),
            "/gone: diesen Ordner gibt es nicht; die Schreibweise prüfen, und ob der Datenträger",
        ),
        (
            lambda library, _: library.start("ftp://localhost:1/x"),
            ": nicht erreichbar ([errno 111] connection refused); das Netz und die Adresse prüfen.",
        ),
        (
            lambda library, _: library.start("nosuch://b/x"),
            "nosuch:// ist hier keine bekannte Art von Adresse; die Schreibweise prüfen.",
        ),
        (
            lambda library, _: library.start("s3://b/../x"),
            "eine Adresse mit .. darin geht nicht; sie als SCHEMA://RECHNER/ORDNER schreiben.",
        ),
        (
            lambda library, _: library.start("~nosuchuser/x"),
            "~nosuchuser/x: diesen Benutzer gibt es nicht; die Schreibw",
        ),
        (lambda library, _: library.start(""), "'': kein Pfad; einen nennen, etwa ~/Bilder."),
        (
            lambda library, album: library.start(paint(album / "a.png", (1, 2, 3))),
            "a.png: kein Ordner; den Ordner nennen, in dem die Fotos liegen.",
        ),
        (
            lambda library, album: library.sync(album),
            "album: enthält keine Fotos; den Ordner wählen, in dem sie",
        ),
        (
            lambda library, _: library.sync(),
            "Kein Ordner: die Bibliothek hat noch keinen; einen Ordner mit Fotos",
        ),
        (
            lose_all,
            "in: auf einmal ohne eines der 1 Fotos, die die Bibliothek darin kennt; es wurde nichts geändert",
        ),
        (forget_another, "other: nichts davon ist in der Bibliothek; die Schreibweise prüfen."),
        (
            search_elsewhere,
            "elsewhere: nicht in dieser Bibliothek; einen Ordner der Bibliothek nennen oder einen",
        ),
        (
            index_while_another_does,
            ": wird von einem anderen simsearch benutzt; warten, bis es fertig ist, und",
        ),
        (
            lambda library, _: library.sync(on="spark"),
            "spark: nicht die Adresse eines Ray-Clusters; ray schreiben für diesen Rechner, oder ray://HOST:",
        ),
        (
            lambda library, _: library.exam(),
            "library: enthält noch keine Fotos; auf der Seite Bibliothek einen Ordn",
        ),
        (
            lambda _, album: Library.open(album / "none", create=False),
            "none: hier ist noch keine Bibliothek; auf der Seite Bibliothek einen Ordner hinzufügen.",
        ),
        (learn_from_too_few, "Es lässt sich nichts lernen: kein Ordner hat mindestens 4 Fotos, und es "),
        (
            save_twice,
            "Album Tassen: es gibt schon eines; einen anderen Namen wählen oder jenes zuvor auflösen.",
        ),
        (rename(" "), ": das ist kein Name; einen mit 1 bis 100 Zeichen wählen."),
        (
            rename("x" * 101),
            ": ein Name hat 1 bis 100 Zeichen, die sich alle drucken lassen; einen anderen Namen",
        ),
        (
            take_back_all,
            "Album Tassen: nichts würde sagen, was dazugehört; erst einem anderen Foto einen Daumen",
        ),
        (
            lambda library, _: library.albums["x"],
            "Album x: es gibt keines mit diesem Namen; auf der Seite Suche",
        ),
    ],
)
def test_errors_are_told_in_german(toy_library, album, cause, german):
    with pytest.raises(SimsearchError) as caught:
        cause(toy_library, album)
    assert german in in_german(str(caught.value))


def test_what_would_be_worse_is_told_in_german(toy_library, album, monkeypatch):
    for number in range(24):
        paint(album / f"{number % 4}" / f"{number}.png", (60 * (number % 4), 100 + number, 90))
    toy_library.sync(album)
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", True)
    with pytest.raises(SimsearchError) as caught:
        toy_library.learn("folders")
    told = in_german(str(caught.value))
    assert told.startswith("Es lässt sich nichts lernen: die Suche würde schlechter (von den ersten 15 sind ")
    assert told.endswith("); mit --force geschieht es trotzdem.")


def test_a_library_that_is_being_indexed_says_so(toy_library, album, monkeypatch):
    state = {"running": True, "pid": 4711, "since": "2024-05-03T14:05:00", "done": 1200, "total": 20_000}
    monkeypatch.setattr(running, "last", lambda folder: state)
    with pytest.raises(SimsearchError) as caught:
        index_while_another_does(toy_library, album)
    seit = (
        "ein anderes simsearch liest gerade ein (Prozess 4711, seit 14:05, 1.200 von 20.000 Dateien); warten"
    )
    assert seit in in_german(str(caught.value))


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("database is locked", "wird von einem anderen simsearch benutzt; warten"),
        (
            "attempt to write a readonly database",
            "kann nicht beschrieben werden; die Zugriffsrechte des Ordners",
        ),
        (
            "database or disk is full",
            "der Datenträger ist voll; Platz schaffen; was schon eingelesen ist, bleibt.",
        ),
        (
            "file is not a database",
            "beschädigt oder keine Bibliothek (file is not a database); aus einer Sicherung",
        ),
        ("disk I/O error", "SQLite sagt: disk I/O error; den Datenträger prüfen"),
    ],
)
def test_what_a_database_says_is_told_in_german(said, german):
    told = in_german(str(schema.explain(sqlite3.DatabaseError(said), Path("/photos: mine; all"))))
    assert told.startswith(f"/photos: mine; all: {german}")


@pytest.mark.parametrize(
    ("number", "german"),
    [
        (
            errno.ENOSPC,
            "kann nicht beschrieben werden (kein Platz mehr auf dem Datenträger); Platz schaffen.",
        ),
        (errno.EACCES, "kann nicht beschrieben werden (Zugriff verweigert); den Ordner beschreibbar machen."),
    ],
)
def test_what_cannot_be_written_is_told_in_german(number, german):
    error = derived.write_error(Path("/x"), OSError(number, os.strerror(number)))
    assert in_german(str(error)) == f"/x: {german}"


def test_what_nobody_translated_stays_as_it_is():
    for told in ("/x: it rains; take an umbrella.", "/x: no such folder; take an umbrella.", "It rains.", ""):
        assert in_german(told) == told


# Notes


def version(name, width=300, size=30_000, mtime=0, told=0):
    return versions.Version(Path(name), width, 200, size, mtime, told)


@pytest.mark.parametrize(
    ("one", "other", "german"),
    [
        (version("a.jpg", 3000), version("b.jpg"), "mehr Pixel: 3.000 × 200 gegen 300 × 200"),
        (
            version("a.jpg", 3000),
            version("b.jpg", told=2),
            "mehr Pixel: 3.000 × 200 gegen 300 × 200; doch das andere sagt mehr in seinen Exif-Daten",
        ),
        (version("a.dng"), version("b.jpg"), "eine Kamera-Rohdatei"),
        (version("a.png"), version("b.jpg"), "verlustfrei gespeichert, als PNG"),
        (version("a.jpg", size=1_250_000), version("b.jpg"), "weniger komprimiert: 1,2 MB gegen 30,0 kB"),
        (version("a.jpg"), version("long.jpg"), "der kürzere Name"),
    ],
)
def test_why_a_copy_is_better_is_told_in_german(one, other, german):
    assert in_german(versions.advantage(one, other) or "") == german
    if "doch" not in german and not german.startswith(("mehr Pixel", "eine Kamera")):
        doubt = "; doch das andere ist vielleicht das unbearbeitete"
        assert in_german(versions.advantage(one, other, edited=True) or "") == german + doubt


def test_engines_are_told_in_german(toy_library, album):
    for number in range(4):
        paint(album / f"{number}.png", (50 * number, 100, 20))
    toy_library.sync(album)
    told = [in_german(answer["about"]) for answer in toy_library.compare(album / "1.png", 2)["answers"]]
    assert told[:2] == ["exakt: jedes Foto wird verglichen", "FAISS flat: jedes Foto wird verglichen"]
    assert told[2].startswith("LSH mit Zufallsprojektionen: ")
    assert in_german(toy_library.status()["engine"]).startswith(
        "exakt: jedes Foto wird verglichen, denn es sind"
    )
    with Library.open(toy_library.path, milvus="milvus://me:secret@host") as served:
        assert in_german(served.status()["engine"]) == "Milvus unter milvus://host"


@pytest.mark.parametrize(
    ("by", "kinds", "asked", "german"),
    [
        ("folders", 1, 0, "Alle Fotos liegen in einem Ordner; das sagt nichts."),
        ("labels", 1, 0, "Alle Fotos haben ein Etikett; das sagt nichts."),
        ("labels", 2, 0, "Kein Etikett hat zwei Fotos; darum sagen die Etiketten nichts."),
        (
            "folders",
            2,
            9,
            "Die Ordner bedeuten hier etwas: Von den ersten 15 Treffern eines Fotos stimmen 60 % im Ordner "
            "überein; der Zufall ergäbe 10 %.",
        ),
    ],
)
def test_what_kinds_tell_is_told_in_german(by, kinds, asked, german):
    found = Precision(asked, 0.7, 0.6, 0.1, True, [])
    assert in_german(exam._said(by, kinds, found)) == german


def test_what_a_doctor_finds_is_told_in_german(toy_library, album):
    path = paint(album / "a.png", (1, 2, 3))
    toy_library.sync(album)
    with sqlite3.connect(toy_library.path / "library.db") as db:
        db.execute("DELETE FROM thumbnails")
    [found] = toy_library.check()
    assert in_german(found.problem) == f"1 Foto hat kein Vorschaubild ({path})"
    assert in_german(found.remedy) == "im Terminal: simsearch doctor --repair"


def test_names_are_never_translated():
    assert in_german("album hidden: there is one already; choose another name.").startswith("Album hidden: ")
    assert in_german("hidden: no such folder; check the spelling.").startswith("hidden: ")


# Errors of the library, by its code

KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, SimsearchError) and kind is not errors.DerivedFileError
}  # a derived file that is damaged is made anew, and nobody is told
# The functions that only they call; only they are told of a file with a network or weights.
NO_PAGE_NEEDS = {"benchmark", "pushing"}  # the modules that only commands use
ONLY_COMMANDS = {"_write_names", "place_of", "save", "push", "backbone", "asked_for", "weights_sha256"}
ONLY_COMMANDS |= {"load_keras", "load_tflite", "check_ends", "load_weights", "take_as_it_is"}
UNKNOWN = ["7", "x", "label"]  # what may stand for what is only known when it is raised


def alternatives(node, function):
    """Texts that an argument may be: for each, a list of which one has to be known."""
    match node:
        case ast.Constant(value=str(text)):
            return [[text]]
        case ast.JoinedStr(values=parts):
            pieces = [
                [ast.literal_eval(part)]
                if not isinstance(part, ast.FormattedValue)
                else [*itertools.chain.from_iterable(alternatives(part.value, function))]
                for part in parts
            ]
            return [["".join(chosen) for chosen in itertools.product(*pieces)]]
        case ast.IfExp(body=one, orelse=other):
            return alternatives(one, function) + alternatives(other, function)
        case ast.Subscript(value=ast.Tuple(elts=items)):
            return [text for item in items for text in alternatives(item, function)]
        case ast.Name(id=name):
            given = [
                text
                for assigned in ast.walk(function)
                if isinstance(assigned, ast.Assign) and name in map(ast.unparse, assigned.targets)
                for text in alternatives(assigned.value, function)
            ]
            return given or [UNKNOWN]
        case _:
            return [UNKNOWN]


def raised():
    """Reasons and remedies of all errors that a visitor can meet, as they stand where they are raised."""
    for file in sorted(Path(simsearch.__file__).parent.rglob("*.py")):
        if file.stem in NO_PAGE_NEEDS:
            continue
        functions = [
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)
        ]
        for function in functions:
            if function.name in ONLY_COMMANDS:
                continue
            for node in ast.walk(function):
                match node:
                    case ast.Raise(exc=ast.Call(func=ast.Name(id=kind), args=[*args])) if kind in KINDS:
                        arguments = args if kind == "LearningError" else args[1:]
                        for argument in arguments[:2]:
                            for texts in alternatives(argument, function):
                                yield pytest.param(texts, id=f"{file.name}-{node.lineno}-{texts[0]}")


@pytest.mark.parametrize("texts", [*raised()])
def test_every_reason_and_remedy_is_known_in_german(texts):
    assert any(_phrase(text) for text in texts)


@pytest.mark.parametrize(
    ("content", "german"),
    [
        (b"", "Es lässt sich nichts lernen: darin steht kein Etikett; je Zeile einen Pfad und ein Etikett"),
        (b"a.jpg,cup\nb.jpg,cup\n", "Es lässt sich nichts lernen: keiner der 2 Pfade darin ist in der Bibl"),
        (
            b"caf\xe9.jpg,cup\n",
            "labels.csv: kann nicht gelesen werden (nicht in UTF-8); eine CSV-Datei in UTF",
        ),
        (None, "labels.csv: kann nicht gelesen werden (Datei oder Ordner nicht gefunden); eine CSV-Datei in"),
    ],
)
def test_what_is_wrong_with_a_list_of_labels_is_told_in_german(toy_library, album, content, german):
    toy_library.sync(paint(album / "1.png", (1, 2, 3)).parent)
    if content is not None:
        (album / "labels.csv").write_bytes(content)
    with pytest.raises(SimsearchError) as caught:
        toy_library.learn("folders", labels=album / "labels.csv")
    assert german in in_german(str(caught.value))

"""The options of the commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from simsearch.cli import (
    albums,
    backbones,
    clustering,
    commands,
    comparing,
    examining,
    grouping,
    indexing,
    known,
    mapping,
    pushing,
    searching,
)
from simsearch.cli.terminal import COULD_NOT_RUN


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(COULD_NOT_RUN, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has ``run``, the command to run."""
    whole = _Parser(
        prog="simsearch",
        description="Find, in your own photos, the pictures most like one you have just been handed.",
        epilog="example: simsearch index ~/Pictures && simsearch search cup.jpg",
    )
    places = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for run_it, add_options, summary, example in (
        (indexing.index, _index_options, "make the photos below folders searchable", "~/Pictures"),
        (searching.search, _search_options, "print the photos most like a picture", "cup.jpg -k 5"),
        (
            searching.suggest,
            _suggest_options,
            "say what a picture is of, as its nearest photos do",
            "cup.jpg",
        ),
        (albums.album, _album_options, "list albums, or show or change one", "cups --like cup.jpg"),
        (known.known, _known_options, "say what of a folder is here already", "/media/card"),
        (indexing.sync, _sync_options, "bring all indexed folders up to date", "--prune"),
        (indexing.forget, _forget_options, "drop what is known of a photo or folder", "~/Pictures/old"),
        (commands.learn, _learn_options, "learn from the photos how to compare them", "folders"),
        (commands.tune, _tune_options, "choose the settings of the engine lsh", "--recall 0.95"),
        (grouping.decide, _decide_options, "decide about photos that look the same", "keep a.jpg b.jpg"),
        (examining.exam, _exam_options, "measure how well your own photos are found", "--sample 300"),
        (
            comparing.compare_backbones,
            _compare_options,
            "measure networks on your own photos",
            "efficientnet-lite0 efficientnet-lite2",
        ),
        (mapping.map, _map_options, "lay the photos out in two dimensions", "--csv map.csv"),
        (pushing.push, _push_options, "fill a Milvus server, and keep it up to date", "milvus://127.0.0.1"),
        (commands.status, _status_options, "say what the library holds and where it is", "--failed"),
        (commands.doctor, _doctor_options, "check that the library is well", "--repair"),
        (
            backbones.backbones,
            _backbones_options,
            "list the networks there are to compare photos by",
            "--json",
        ),
        (commands.app, _app_options, "serve the page where a picture is dropped", "--port 8600"),
        (indexing.demo, _demo_options, "draw a gallery, in a library of its own", "my-demo"),
    ):
        _add_command(places, run_it, add_options, summary, example)
    _add_groups(places)
    return whole


def _add_command(
    places: Any,
    run_it: Callable[[argparse.Namespace], int],
    add_options: Callable[[argparse.ArgumentParser], None],
    summary: str,
    example: str,
) -> None:
    description = f"{summary[0].upper()}{summary[1:]}."
    command = places.add_parser(run_it.__name__.replace("_", "-"), help=summary, description=description)
    command.epilog = f"example: {command.prog} {example}"
    add_options(command)
    command.set_defaults(run=run_it)


def _add_groups(places: Any) -> None:
    summary = "find photos that belong together"
    groups = places.add_parser(
        "groups",
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="example: simsearch groups copies",
    )
    kinds = groups.add_subparsers(title="groups", required=True, metavar="GROUPS")
    for run_it, add_options, summary, example in (
        (
            grouping.copies,
            _copies_options,
            "files that show the same picture, or a part of it",
            "--csv c.csv",
        ),
        (grouping.bursts, _bursts_options, "photos of one scene, taken one after the other", "--within 5"),
        (clustering.clusters, _clusters_options, "photos that look alike", "--grain coarse"),
    ):
        _add_command(kinds, run_it, add_options, summary, example)


def _library_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--library", metavar="DIR", help="default: $SIMSEARCH_LIBRARY, ./index, or the user's data folder"
    )


def _index_options(command: argparse.ArgumentParser) -> None:
    told = "a path, or an address such as s3://bucket/photos (default: those indexed before)"
    command.add_argument("folders", nargs="*", metavar="FOLDER", help=told)
    _library_option(command)
    command.add_argument(
        "--backbone",
        metavar="NAME",
        help="the network (default: the library's own, else efficientnet-lite2); the embeddings of another "
        "are made beside those there are, and take their place when all are made",
    )
    command.add_argument(
        "--weights", metavar="FILE.h5", help="weights for it, where Keras is not to download them"
    )
    command.add_argument(
        "--pixels",
        choices=("0..255", "0..1", "-1..1"),
        metavar="RANGE",
        help="what a network of your own was trained on: 0..255, 0..1 or -1..1 (default: 0..255)",
    )
    _run_options(command)
    _on_option(command)
    command.add_argument("--watch", action="store_true", help="go on, and take up what changes, until Ctrl-C")


def _run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=_positive, metavar="N", help="processes (default: one a core)")
    command.add_argument("--verbose", action="store_true", help="name every file that was skipped")
    command.add_argument("--retry-failed", action="store_true", help="look again at files that failed before")


def _on_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--on",
        metavar="RAY",
        help="encode on a Ray cluster: ray for what $RAY_ADDRESS names or else this machine, or "
        "ray://HOST:6379 for the one whose head is HOST; --workers is then how many actors",
    )


def _sync_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    _run_options(command)
    _on_option(command)
    command.add_argument(
        "--prune", action="store_true", help="drop the photos whose file is gone, after asking"
    )
    _yes_option(command)


def _yes_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--yes", action="store_true", help="do not ask")


def _forget_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", help="a photo or a folder; the files are left alone")
    _library_option(command)
    _yes_option(command)


def _doctor_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--repair", action="store_true", help="make anew what can be made anew")
    command.add_argument("--json", action="store_true", help="one JSON object a finding")


def _search_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="a picture, in the collection or not, or several examples",
    )
    command.add_argument(
        "--minus", action="append", default=[], metavar="PICTURE", help="an example of what is not wanted"
    )
    _library_option(command)
    command.add_argument("-k", type=_positive, default=15, metavar="N", help="how many (default: 15)")
    command.add_argument(
        "--all",
        action="store_true",
        help="show also what is probably unrelated, and every near-identical photo",
    )
    command.add_argument(
        "--diversity",
        type=_fraction,
        default=0.0,
        metavar="D",
        help="from 0, the best first, to 1, as different from each other as can be (default: 0)",
    )
    command.add_argument(
        "--rerank",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="rank by shared neighbours besides the cosine (default: yes)",
    )
    command.add_argument(
        "--engine",
        choices=("auto", "exact", "faiss", "lsh", "milvus"),
        default="auto",
        help="what searches (default: auto, the one that suits the number of photos)",
    )
    _crop_option(command)
    _filter_options(command)
    _storage_option(command)
    _milvus_option(command)
    _export_options(command)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--paths", action="store_true", help="only the paths (--json is safe for any name)")


def _export_options(command: argparse.ArgumentParser) -> None:
    files = command.add_argument_group("files to take the hits elsewhere, each a new one")
    files.add_argument("--zip", metavar="FILE", help="an archive of the photos as they are")
    files.add_argument("--csv", metavar="FILE", help="a table of paths, scores, dates and cameras")
    files.add_argument("--contact-sheet", metavar="FILE", help="a PDF of thumbnails, 20 on a page")


def _suggest_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("picture", metavar="PICTURE", help="a picture, in the collection or not")
    _library_option(command)
    _crop_option(command)
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _album_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="the album (default: list all)")
    _library_option(command)
    for option, meaning in (
        ("--like", "examples of what belongs there; they make the album, or are added to it"),
        ("--minus", "examples of what does not"),
    ):
        command.add_argument(option, nargs="+", action="extend", default=[], metavar="PICTURE", help=meaning)
    command.add_argument("--rename", metavar="NEW", help="give it another name")
    command.add_argument("--drop", action="store_true", help="forget it, after asking; the photos stay")
    _yes_option(command)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--paths", action="store_true", help="only the paths (--json is safe for any name)")


def _known_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", help="one that is not indexed, such as a memory card's")
    _library_option(command)
    command.add_argument("--csv", metavar="FILE", help="write all that is said to a new file")
    for option, which in (
        ("--new", "new ones"),
        ("--bursts", "ones of a burst"),
        ("--better", "ones that are, or may be, better than the library's"),
    ):
        command.add_argument(option, metavar="FILE", help=f"write the paths of the {which} to a new file")
    command.add_argument("--null", action="store_true", help="end these paths with zero bytes, not lines")
    _within_option(command)
    command.add_argument("--workers", type=_positive, metavar="N", help="processes (default: one a core)")
    command.add_argument("--json", action="store_true", help="one JSON object a file")


def _within_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--within",
        type=_number,
        default=2.0,
        metavar="MINUTES",
        help="the longest time from one photo of a burst to the next (default: 2)",
    )


def _crop_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--crop",
        type=_box,
        metavar="X,Y,W,H",
        help="search with this part of the upright picture: pixels, or shares where all are up to 1",
    )


def _filter_options(command: argparse.ArgumentParser) -> None:
    filters = command.add_argument_group("which photos may answer")
    filters.add_argument("--under", metavar="FOLDER", help="those below a folder")
    filters.add_argument("--since", metavar="DATE", help="taken then or later: 2023, 2023-05 or 2023-05-01")
    filters.add_argument("--until", metavar="DATE", help="taken then or earlier")
    filters.add_argument("--camera", metavar="NAME", help="part of the camera's name, such as canon")
    filters.add_argument(
        "--kind", metavar="NAME", help="a label or, where there are none, the folder of a photo"
    )
    filters.add_argument("--min-size", type=_positive, metavar="N", help="so many pixels on the longer side")


def _storage_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lsh-storage", metavar="URL", help="Redis server for the tables of lsh: redis://127.0.0.1:6379"
    )


def _milvus_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--milvus",
        metavar="ADDRESS",
        help="search in this Milvus server, which simsearch push has filled (default: $SIMSEARCH_MILVUS)",
    )


def _push_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="milvus://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or milvus:///FOLDER.db for milvus-lite "
        "(default: $SIMSEARCH_MILVUS, or the one pushed to last)",
    )
    _library_option(command)
    command.add_argument(
        "--shards",
        type=_shards,
        default=1,
        metavar="N",
        help="parts over which writing is spread, where the collection is new, 1 to 16 (default: 1)",
    )
    command.add_argument(
        "--recall",
        type=_fraction,
        default=0.98,
        metavar="R",
        help="share of the true nearest that searches shall find (default: 0.98)",
    )
    command.add_argument(
        "--force", action="store_true", help="also over another, or a newer, history of this library"
    )
    command.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def _learn_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "lesson",
        nargs="?",
        choices=("photos", "folders", "off"),
        help="the photos' main directions, as is done by itself; what tells your folders apart; or nothing "
        "(default: say what is learnt)",
    )
    _library_option(command)
    command.add_argument(
        "--labels",
        metavar="FILE",
        help='folders: lines "path,label" take their place; paths are absolute, or below the file or a root',
    )
    command.add_argument("--under", metavar="FOLDER", help="folders: only those at or below this one")
    command.add_argument("--force", action="store_true", help="folders: even if searches get worse")
    command.add_argument(
        "--deep",
        action="store_true",
        help="folders: train a network of your own, for minutes; used if it finds better than without --deep",
    )
    command.add_argument(
        "--unfreeze",
        type=int,
        nargs="?",
        const=1,
        metavar="BLOCKS",
        help="deep: train so many of the network's last blocks as well (1)",
    )
    command.add_argument("--epochs", type=int, metavar="N", help="deep: at most so many (15)")
    command.add_argument("--seed", type=int, metavar="N", help="deep: another one, another network (0)")
    command.add_argument("--plot", metavar="FILE.png", help="deep: draw the learning curve, in a new file")
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _copies_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--under", metavar="FOLDER", help="only those with a photo below this folder")
    command.add_argument(
        "--only",
        nargs="+",
        choices=("exact", "re-saved", "crop"),
        metavar="RELATION",
        help="exact (equal bytes: to the best, or to another copy), re-saved (smaller, compressed, turned, "
        "other tones), crop (default: all)",
    )
    command.add_argument("--all", action="store_true", help="also those that you decided to keep")
    command.add_argument("--csv", metavar="FILE", help="write them as a table, to a new file")
    command.add_argument(
        "--script",
        metavar="FILE",
        help="write a script, to a new file, that moves the worse ones to a folder",
    )
    command.add_argument("--json", action="store_true", help="one JSON object a picture")


def _bursts_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--under", metavar="FOLDER", help="only photos below this folder")
    _within_option(command)
    command.add_argument("--json", action="store_true", help="one JSON object a burst")


def _decide_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "verdict",
        nargs="?",
        choices=("different", "keep", "undecided"),
        help="they are not the same; they are, and all shall stay; or take back what was decided (default: "
        "list what was decided)",
    )
    command.add_argument("photos", nargs="*", metavar="PHOTO", help="two or more of the library's own")
    _library_option(command)
    command.add_argument("--json", action="store_true", help="the list: one JSON object a line")


def _tune_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--recall",
        type=_share,
        default=0.95,
        metavar="R",
        help="share of the true nearest to find (default: 0.95)",
    )
    for knob, meaning in (
        ("bits", "hyperplanes a table, 1 to 16"),
        ("tables", "hash tables, 1 to 256"),
        ("probes", "buckets a query looks into, up to tables x 2^bits"),
        ("hits", "tables that must agree, up to tables"),
    ):
        command.add_argument(f"--{knob}", type=_positive, metavar="N", help=f"{meaning} (default: chosen)")
    command.add_argument(
        "--compact",
        action=argparse.BooleanOptionalAction,
        help="keep vectors in 8 bits a number, for faiss and lsh (default: as before; at first, no)",
    )
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _exam_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--sample",
        type=_positive,
        default=100,
        metavar="N",
        help="photos that are altered and searched for (default: 100)",
    )
    command.add_argument(
        "--engines",
        nargs="*",
        choices=("exact", "faiss", "lsh"),
        default=("exact", "faiss", "lsh"),
        metavar="ENGINE",
        help="those to compare (default: exact faiss lsh, which is tuned when it is first used)",
    )
    _storage_option(command)
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _compare_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="a network, the path of a .keras or .tflite file, or NAME=FILE.h5 with weights of its own",
    )
    command.add_argument(
        "--photos", metavar="FOLDER", help="those below a folder (default: the library's own)"
    )
    _library_option(command)
    command.add_argument(
        "--sample",
        type=_positive,
        default=1000,
        metavar="N",
        help="photos to use at most, from as many folders as suit (default: 1000)",
    )
    command.add_argument("--plot", metavar="FILE.png", help="draw quality against speed, in a new file")
    command.add_argument("--json", action="store_true", help="one JSON object a network")


def _clusters_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--grain",
        choices=("coarse", "medium", "fine"),
        default="medium",
        help="how much alike: coarse for few large clusters, fine for many small ones (default: medium)",
    )
    command.add_argument("--under", metavar="FOLDER", help="only the photos below a folder")
    command.add_argument("--all", action="store_true", help="show every cluster, not only the largest 20")
    command.add_argument(
        "--csv", metavar="FILE", help="write every photo's path, and label and number of its cluster"
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line, with all paths")


def _map_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--method", choices=("pca", "tsne"), help="how (default: tsne where openTSNE is installed, else pca)"
    )
    command.add_argument("--csv", metavar="FILE", help="write each photo's path, x and y")
    command.add_argument("--json", action="store_true", help="one JSON object a photo")


def _status_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--failed", action="store_true", help="list the files that could not be used, and why"
    )
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _app_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--port", type=_port, default=8501, metavar="N", help="default: 8501")
    command.add_argument(
        "--host",
        type=_address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1, for this machine only); "
        "anybody who reaches another can use the page: it asks for no password",
    )
    command.add_argument(
        "--allowed-host",
        type=_host_name,
        action="append",
        default=[],
        metavar="NAME",
        help="a name or address by which browsers ask for the page, besides 127.0.0.1, localhost and --host",
    )
    _storage_option(command)
    _milvus_option(command)


def _backbones_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--remove",
        metavar="NAME",
        help="drop this network's embeddings from the library, after asking; not those that serve",
    )
    _library_option(command)
    _yes_option(command)
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def _demo_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", nargs="?", default="simsearch-demo", metavar="FOLDER", help="default: simsearch-demo"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def _shards(text: str) -> int:
    if (shards := _positive(text)) > 16:
        raise argparse.ArgumentTypeError(f"must be at most 16, not {text}")
    return shards


def _box(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be four numbers such as 40,30,200,150, not {text}") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, not {text}") from error


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to 1, not {text}")
    return share


def _fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text}")
    return fraction


def _port(text: str) -> int:
    if (port := _positive(text)) > 65535:
        raise argparse.ArgumentTypeError(f"must be at most 65535, not {text}")
    return port


def _address(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be an address such as 127.0.0.1 or 0.0.0.0, not {text}"
        ) from error


def _host_name(text: str) -> str:
    # What stands between "//" and the port in the browser's address; "*" would let in every name.
    if not re.fullmatch(r"(\*\.)?[\w.-]+|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F.:]*", text):
        raise argparse.ArgumentTypeError(
            f"must be a name such as photos.example.org, without a port, not {text}"
        )
    return text

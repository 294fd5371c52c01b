"""The commands that ask a library, and the page: each under its own name.

They take parsed options and return an exit code.
"""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

from simsearch import plots
from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    NOT_WELL,
    OK,
    ProgressBar,
    complain,
    counted,
    expect_room,
    open_library,
    print_refused,
    print_table,
    printable,
    some,
    use_one_thread,
)


def tune(options: argparse.Namespace) -> int:
    """Choose the settings of the engine lsh."""
    knobs = {knob: getattr(options, knob) for knob in ("bits", "tables", "probes", "hits")}
    chosen = {knob: value for knob, value in knobs.items() if value is not None}
    with open_library(options) as library:
        try:
            tuned = library.tune(options.recall, compact=options.compact, **chosen)
        except ValueError as error:
            complain(f"{error}; see simsearch tune --help")
            return COULD_NOT_RUN
    if options.json:
        print(json.dumps(tuned))
        return OK
    print(_tuning_text(tuned))
    if tuned["recall"] < options.recall:
        complain(f"that is less than the recall of {options.recall:g} wished for")
    print("To search with it: simsearch search PICTURE --engine lsh")
    return OK


def _tuning_text(tuned: dict[str, Any]) -> str:
    settings = ", ".join(f"{value:,} {knob}" for knob, value in tuned["settings"].items())
    return (
        f"{settings}: found {tuned['recall']:.1%} (within {tuned['error']:.1%}) of the 15 true nearest "
        f"of {tuned['queries']} photos, "
        f"scanning {tuned['scanned']:.1%} of the library"
    )


_DEEP_ALONE = ("unfreeze", "epochs", "seed", "plot")


def learn(options: argparse.Namespace) -> int:
    """Learn from the photos how to compare them, or say what was learnt."""
    # More save a quarter of the time on a machine that is idle, and cost ten times as much on a busy one.
    use_one_thread()
    if options.deep:
        return _learn_deep(options)
    if lone := [name for name in _DEEP_ALONE if getattr(options, name) is not None]:
        complain(f"--{lone[0]} is for --deep alone; see simsearch learn --help")
        return COULD_NOT_RUN
    wishes = {"labels": options.labels, "under": options.under, "force": options.force}
    with open_library(options) as library:
        try:
            if (
                options.lesson
                or any(wish is not None for wish in (options.labels, options.under))
                or options.force
            ):
                learnt = library.learn(options.lesson or "", **wishes)
            else:
                learnt = library.learnt()
            count = len(library)
        except ValueError as error:
            complain(f"{error}; see simsearch learn --help")
            return COULD_NOT_RUN
    if options.json:
        print(json.dumps(learnt))
        return OK
    print(f"learnt: {_learnt_text(learnt, count)}")
    if learnt.get("small"):
        print(f"small: {some(learnt['small'])} (too few photos to learn from)")
    if learnt.get("unknown"):
        print(f"unknown: {some(learnt['unknown'])} (not in the library)")
    if learnt["lesson"] == "folders":
        _print_gain(**learnt["gain"])
    return OK


def _learn_deep(options: argparse.Namespace) -> int:
    """Train a network on the folders, and say whether it finds better."""
    if options.lesson != "folders":
        complain("--deep is for folders alone: simsearch learn folders --deep")
        return COULD_NOT_RUN
    if options.plot is not None:  # before the work is done
        expect_room(plots.place_of(options.plot))
        plots.need_matplotlib()
    wishes = {name: getattr(options, name) for name in ("labels", "under", "epochs", "force")}
    with open_library(options) as library, ProgressBar("picture") as bar:

        def show(told: dict[str, Any]) -> None:
            if "epoch" in told:
                bar.close()
                complain(_epoch_text(told))
            elif told["total"]:
                bar.update(told["done"], told["total"], told["doing"])

        try:
            trained = library.learn_deep(
                unfreeze=options.unfreeze or 0, seed=options.seed or 0, progress=show, **wishes
            )
        except ValueError as error:
            complain(f"{error}; see simsearch learn --help")
            return COULD_NOT_RUN
    if options.plot is not None:
        plots.save(options.plot, plots.learning_curve(trained["history"], trained["best"]))
    if options.json:
        print(json.dumps(trained))
    else:
        _print_trained(trained)
    return OK if trained["network"] else NOT_WELL


def _epoch_text(told: dict[str, Any]) -> str:
    return (
        f"epoch {told['epoch']} of at most {told['total']}: loss {told['loss']:.3f}, of photos kept from it "
        f"{told['val_loss']:.3f}, of which it knows {told['val_accuracy']:.1%}; "
        f"{told['seconds_left']:.0f} s left at most"
    )


def _print_trained(trained: dict[str, Any]) -> None:
    rows = (
        ("as without learning", "raw"),
        ("learn folders", "folders"),
        ("trained", "deep"),
        ("trained, and learn folders", "deep_folders"),
    )
    asked = f"{counted(trained['asked'], 'photo')} held out"
    print_table(
        (asked, "first", "first 15", "kind"),
        [(name, *(f"{share:.1%}" for share in trained[key].values())) for name, key in rows],
    )
    if trained["unused"]:
        print(f"not used: {counted(trained['unused'], 'photo')} of these kinds, for want of room")
    if trained["small"]:
        print(f"small: {some(trained['small'])} (too few photos to learn from)")
    if trained["unknown"]:
        print(f"unknown: {some(trained['unknown'])} (not in the library)")
    if not trained["network"]:
        print(f"{trained['verdict']}; nothing has changed")
        return
    print(f"{trained['verdict']}; it serves now, kept as {printable(trained['network'])}")
    print(f"To go back: simsearch index --backbone {shlex.quote(trained['backbone'])}")


def _learnt_text(learnt: dict[str, Any], count: int) -> str:
    at = learnt.get("at", "")[:16].replace("T", " ")
    if learnt["lesson"] == "off":
        return f"nothing, as wished on {at}"
    if learnt.get("alike"):
        return f"nothing yet, as {counted(learnt['alike'], 'photo')} do not differ"
    if not learnt["photos"]:
        return "nothing yet, for want of photos; then by itself"
    what = "the main directions"
    if learnt["lesson"] == "folders":
        what = f"what tells {counted(len(learnt['kinds']), 'label' if learnt['labels'] else 'folder')} apart"
    then = learnt.get("library", 0)
    grown = f", when the library had {then:,} photos of its {count:,}" if 0 < then < count else ""
    return f"{what}, from {counted(learnt['photos'], 'photo')}, on {at}{grown}"


def _print_gain(
    before: dict[str, float],
    after: dict[str, float],
    others_before: dict[str, float] | None,
    others_after: dict[str, float] | None,
    **_asked: int,
) -> None:
    """Say how well photos find their kind that it did not learn from."""
    _print_quality("photos that it did not learn from", before, after)
    if others_before and others_after:
        _print_quality("kinds that it was not told of, to try it", others_before, others_after)


def _print_quality(of: str, before: dict[str, float], after: dict[str, float]) -> None:
    print(f"for {of}:")
    for measure, what in (
        ("precision_at_15", "of the first 15 hits are of the photo's own kind"),
        ("accuracy", "of the photos are of the kind that most of their 15 nearest are of"),
    ):
        print(f"  {after[measure]:.1%} {what} ({before[measure]:.1%} before)")


# The library itself


def status(options: argparse.Namespace) -> int:
    """Print what the library holds, or what failed."""
    with open_library(options) as library:
        if options.failed:
            failures = [(str(path), reason) for path, reason in library.failures()]
            if not options.json:
                print_refused("failed", failures)
            for path, reason in failures if options.json else ():
                print(json.dumps({"path": path, "reason": reason}))
            return OK
        facts = {**library.status(), "run": library.run}
    if options.json:
        print(json.dumps(facts))
        return OK
    if tuned := facts.pop("lsh"):
        facts["lsh"] = _tuning_text(tuned)
    if served := facts.pop("milvus"):
        facts["milvus"] = _served_text(served)
    facts["learnt"] = _learnt_text(facts["learnt"], facts["photos"])
    facts["networks"] = [_set_text(one) for one in facts.pop("embeddings")]
    facts["folders"] = [_folder_text(folder) for folder in facts["folders"]]
    if run := facts.pop("run"):
        facts["last run"] = _run_text(run)
    for name, value in facts.items():
        for line in value if isinstance(value, list) else [value]:
            print(f"{name + ':':<11}{f'{line:,}' if isinstance(line, int) else line}")
    return OK


def _served_text(served: dict[str, Any]) -> str:
    if served["lacks"] == 0:
        return f"{served['address']} (up to date)"
    behind = "not as photos are searched now"
    if served["lacks"] is not None:
        behind = f"{counted(served['lacks'], 'photo')} behind"
    return f"{served['address']} ({behind}; to mend that: simsearch push)"


def _set_text(one: dict[str, Any]) -> str:
    encoder = one["encoder"]
    text = f"{encoder['backbone']} ({encoder['precision']}, number {one['number']}): "
    text += f"{counted(one['photos'], 'photo')}, {one['bytes'] / 1e6:,.1f} MB"
    if one["lacking"]:
        text += f", {one['lacking']:,} " + ("of them by thumbnails" if one["serves"] else "still to be made")
    return text + (", serves" if one["serves"] else "")


def _run_text(run: dict[str, Any]) -> str:
    far = f"{run['done']:,} of {counted(run['total'], 'file')}"
    if run["running"]:
        return f"going on since {run['since']}: {far} (process {run['pid']})"
    if run["report"] is None or run["report"]["interrupted"]:
        why = printable(run["problem"] or "stopped early; to go on: simsearch sync")
        return f"{run['since']}: {far}; {why}"
    return f"{run['since']} to {run['ended']}"


def _folder_text(folder: dict[str, Any]) -> str:
    away = "" if folder["online"] else ", offline"
    return f"{printable(folder['path'])} ({counted(folder['photos'], 'photo')}{away})"


def doctor(options: argparse.Namespace) -> int:
    """Check the library; say what is wrong, and mend it where that is wished for."""
    from simsearch import LibraryError, NoLibrary

    try:
        library = open_library(options)
    except NoLibrary:
        raise
    except LibraryError as error:  # too damaged to be opened
        complain(printable(str(error)))
        return NOT_WELL
    with library, ProgressBar() as bar:
        findings = library.check(repair=options.repair, progress=bar.update)
    for finding in findings:
        if options.json:
            print(json.dumps(finding._asdict()))
        else:
            state = "mended" if finding.mended else "wrong"
            print(f"{state:<8}{printable(finding.problem)}; {printable(finding.remedy)}")
    if not findings and not options.json:
        print("all is well")
    return OK if all(finding.mended for finding in findings) else NOT_WELL


# The others


def app(options: argparse.Namespace) -> int:
    """Serve the page."""
    from simsearch.ui import serve

    serve(
        options.library,
        options.port,
        lsh_storage=options.lsh_storage,
        milvus=options.milvus,
        host=options.host,
        allowed=options.allowed_host,
    )
    return OK

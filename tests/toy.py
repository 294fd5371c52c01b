"""An encoder to compute by hand: the mean colour of a picture, as a unit vector of three."""

import os
import time
from pathlib import Path

import numpy as np

from simsearch.encoder import EncoderIdentity


class ToyEncoder:
    identity = EncoderIdentity("toy", "0" * 64, "mean-colour", "exact")
    input_size = 8
    dim = 3
    recipe: tuple[str, list[str]] = ("tests.toy:ToyEncoder", [])

    def cells(self, pixels):
        """One cell to each 2 x 2 pixels, with their mean colour."""
        return pixels.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3), dtype=np.float32)

    def encode(self, pixels):
        colour = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float64)
        if not colour.any():
            raise ValueError("the toy sees nothing in black")
        return (colour / np.linalg.norm(colour)).astype(np.float32)


class OtherEncoder(ToyEncoder):
    """Another network: it sees how little of each colour there is, and how bright it is."""

    identity = EncoderIdentity("other", "1" * 64, "mean-lack-of-colour", "exact")
    dim = 4
    recipe = ("tests.toy:OtherEncoder", [])

    def encode(self, pixels):
        colour = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float64)
        seen = np.array([*(256 - colour), colour.sum()])
        return (seen / np.linalg.norm(seen)).astype(np.float32)


class PickyEncoder(OtherEncoder):
    """It sees nothing in red."""

    identity = OtherEncoder.identity._replace(backbone="picky")
    recipe = ("tests.toy:PickyEncoder", [])

    def encode(self, pixels):
        if pixels[4, 4, 0] > 150 and pixels[4, 4, 1] < 50:
            raise ValueError("the toy sees nothing in red")
        return super().encode(pixels)


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


class MortalEncoder(ToyEncoder):
    """Red sends the process it is in a signal, the first so many times; a diary has a line for each red."""

    def __init__(self, diary: str, number: str, times: str):
        self.diary, self.number, self.times = Path(diary), int(number), int(times)

    def encode(self, pixels):
        if tuple(pixels[4, 4]) == (255, 0, 0):
            with self.diary.open("a") as diary:
                diary.write(f"{os.getpid()}\n")
            if len(self.diary.read_text().splitlines()) <= self.times:
                os.kill(os.getpid(), self.number)
        return super().encode(pixels)


class SleepyEncoder(ToyEncoder):
    """It notes its process in a diary, then sleeps over every picture."""

    def __init__(self, seconds: str, diary: str = os.devnull):
        self.seconds, self.diary = float(seconds), Path(diary)

    def encode(self, pixels):
        with self.diary.open("a") as diary:
            diary.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        return super().encode(pixels)


class LavishEncoder(ToyEncoder):
    """Its embeddings are larger than a pipe holds."""

    def encode(self, pixels):
        return np.ones(100_000, dtype=np.float32)


class NoisyEncoder(ToyEncoder):
    """It prints where a library written in C would."""

    def encode(self, pixels):
        os.write(1, b"noise")
        return super().encode(pixels)


class HungryEncoder(ToyEncoder):
    """Pure red is too much for the memory there is."""

    def encode(self, pixels):
        if tuple(pixels[4, 4]) == (255, 0, 0):
            raise MemoryError
        return super().encode(pixels)


class GreedyEncoder(ToyEncoder):
    """Pure red makes it take two gigabytes."""

    recipe = ("tests.toy:GreedyEncoder", [])

    def encode(self, pixels):
        if tuple(pixels[4, 4]) == (255, 0, 0):
            bytearray(2 << 30)
        return super().encode(pixels)


def overslept():
    time.sleep(20)


class RedEyedEncoder(ToyEncoder):
    """It sees nothing but red, and how much of it there is: of two numbers the second is what lacks."""

    identity = EncoderIdentity("red-eyed", "1" * 64, "mean-red", "exact")
    recipe = ("tests.toy:RedEyedEncoder", [])
    dim = 2

    def encode(self, pixels):
        red = float(pixels[..., 0].mean())
        if not red:
            raise ValueError("it sees nothing that is not red")
        return np.array([red, 255 - red], np.float32) / np.float32(np.hypot(red, 255 - red))

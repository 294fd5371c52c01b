"""Libraries of generated rows: as large as need be, without a photo or a network."""

from contextlib import closing
from pathlib import Path

from simsearch import Library
from simsearch.encoder import EncoderIdentity
from simsearch.photos import Found
from simsearch.store import About, Content, Store
from tests.toy import ToyEncoder

CAMERAS = ("Canon EOS 20D", "Google Pixel 7", None)
ROWS_A_FOLDER = 500


class WideEncoder(ToyEncoder):
    """What would make the rows: nobody asks it."""

    def __init__(self, dim):
        self.dim = dim
        self.identity = EncoderIdentity("wide", f"{dim:064}", "none", "exact")


def generate(folder, vectors):
    """Make a library of unit vectors, (n, dim) float32, in a folder."""
    Path(folder).mkdir()
    with closing(Store(Path(folder))) as store, store.transaction():
        store.set_setting("encoder", WideEncoder(vectors.shape[1]).identity.to_json())
        root = store.add_root(Path("/generated"))
        for number, vector in enumerate(vectors.astype("<f2")):
            taken = f"20{number % 30:02}-05-10T10:00:00"
            about = About(4000, 3000 - number % 7, taken, CAMERAS[number % 3], None, None, 1)
            path = f"{number // ROWS_A_FOLDER:03}/{number:07}.jpg"
            store.put(root, Found(path, 1, 1), Content(f"{number:064x}", about, vector.tobytes(), b""))


def opened(folder, dim, **options):
    """Open such a library."""
    return Library.open(folder, encoder=WideEncoder(dim), **options)

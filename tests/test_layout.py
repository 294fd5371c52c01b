"""Where photos lie in two dimensions: the methods, what came since, and the file."""

import numpy as np
import pytest

from simsearch import Library, LibraryError, PhotoError, SimsearchError, layout
from simsearch.index.graph import Graph
from simsearch.maps import Map, _rows
from tests.conftest import paint
from tests.toy import ToyEncoder

needs_tsne = pytest.mark.skipif(not layout.is_installed("tsne"), reason="openTSNE is not installed")


def groups(count=4, each=40, seed=0):
    """Unit vectors in groups, and which group each is of."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count * each) % count
    vectors = 3 * np.eye(count, 16)[kinds] + rng.normal(0, 0.3, (len(kinds), 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), kinds


def shades(folder, numbers):
    """Two families of colours, reds with even and blues with odd numbers."""
    for number in numbers:
        warm = number % 2 == 0
        colour = (200, 40 + number % 50, number % 30) if warm else (number % 30, 40 + number % 50, 200)
        paint(folder / ("warm" if warm else "cold") / f"{number}.png", colour)


@pytest.fixture
def shaded(toy_library, album):
    shades(album, range(60))
    toy_library.sync(album)
    return toy_library


def position(found: Map, photo_id):
    return found.positions[np.searchsorted(found.ids, photo_id)]


# The methods


def test_main_directions_are_those_in_which_vectors_differ_most():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(500, 5)) * [0.1, 3, 0.2, 1, 0.1] + 7).astype(np.float32)
    centre, axes = layout.main_directions(vectors)
    assert np.allclose(centre, vectors.mean(axis=0), atol=1e-4)
    assert axes[1, 0] > 0.99 and axes[3, 1] > 0.99  # neither is mirrored
    assert axes.shape == (5, 2) and axes.dtype == np.float32


@pytest.mark.parametrize("count", [0, 1, 2])
def test_main_directions_of_hardly_any_vectors_are_finite(count):
    centre, axes = layout.main_directions(np.ones((count, 3), dtype=np.float32))
    assert np.isfinite(centre).all() and np.isfinite(axes).all()


@needs_tsne
@pytest.mark.parametrize(("each", "steps_late"), [(40, 350), (1_100, 50)])  # by a tree, by Fourier transforms
def test_neighbours_stay_neighbours_the_same_every_time(each, steps_late, monkeypatch):
    monkeypatch.setattr(layout, "_LATE", steps_late)
    vectors, kinds = groups(each=each)
    ids = np.arange(len(vectors)) + 5
    rows = _rows(Graph.build(ids, vectors), ids)
    start = vectors[:, :2]
    steps = []
    positions = layout.neighbourly(rows, start, lambda done, total: steps.append((done, total)))
    assert positions.shape == (len(ids), 2) and positions.dtype == np.float32
    some = slice(None, None, max(each // 40, 1))
    apart = np.linalg.norm(positions[some, None] - positions[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1:11]
    assert (kinds[nearest] == kinds[some, None]).mean() > 0.99
    assert steps == sorted(steps) and steps[-1] == (150 + steps_late,) * 2
    assert np.array_equal(positions, layout.neighbourly(rows, start, lambda *_: None))


@needs_tsne
def test_copies_and_loners_have_a_place():
    ids = np.arange(60)
    copies = np.tile(np.eye(1, 4, dtype=np.float32), (60, 1))
    rows = _rows(Graph.build(ids, copies), ids)
    rows[7] = -1
    positions = layout.neighbourly(rows, np.zeros((60, 2), dtype=np.float32), lambda *_: None)
    assert np.isfinite(positions).all()
    nobody = layout.neighbourly(np.full((60, 1), -1), positions, lambda *_: None)
    assert nobody is positions


def test_a_photo_lies_amid_its_neighbours_and_not_between_two_corners():
    ids = np.array([2, 5, 9, 11])
    positions = np.array([[0, 0], [1, 0], [0, 1], [100, 100]], dtype=np.float32)
    near = np.array([[2, 5, 9, 11], [5, -1, -1, -1], [3, 4, -1, -1]])
    cosines = np.array([[0.9, 0.9, 0.9, 0.9], [0.8, -np.inf, -np.inf, -np.inf], [0.9, 0.9, -np.inf, -np.inf]])
    places = layout.amid(ids, positions, near, cosines.astype(np.float32))
    assert np.linalg.norm(places[0]) < 1.5
    assert np.allclose(places[1], [1, 0], atol=1e-3)
    assert np.allclose(places[2], positions.mean(axis=0))  # none of its neighbours is on the map


# The map of a library


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_few_photos_have_a_map(toy_library, album, count):
    for name, colour in list(zip("abc", [(200, 0, 0), (0, 200, 0), (0, 0, 200)], strict=True))[:count]:
        paint(album / f"{name}.png", colour)
    if count:
        toy_library.sync(album)
    found = toy_library.map()
    assert found.positions.shape == (count, 2) and found.positions.dtype == np.float32
    assert np.isfinite(found.positions).all() and found.ids.dtype == np.int64
    assert found.method == "pca" and not found.due and found.hint is None
    assert len(np.unique(found.positions.round(3), axis=0)) == count


@pytest.mark.parametrize("method", ["pca", pytest.param("tsne", marks=needs_tsne)])
def test_what_is_alike_lies_together(shaded, method):
    found = shaded.map(method)
    paths = shaded.paths()
    warm = np.array([paths[one].parent.name == "warm" for one in found.ids.tolist()])
    middles = [found.positions[side].mean(axis=0) for side in (warm, ~warm)]
    nearest = np.linalg.norm(found.positions[:, None] - np.array(middles), axis=2).argmin(axis=1)
    assert found.method == method and (nearest == ~warm).all()


def test_a_map_is_kept_and_the_same_in_another_process(shaded, monkeypatch):
    found = shaded.map()
    monkeypatch.setattr("simsearch.maps.Layouts._made", None)  # nothing is made
    with Library.open(shaded.path, encoder=ToyEncoder()) as again:
        kept = again.map()
        assert np.array_equal(kept.ids, found.ids) and np.array_equal(kept.positions, found.positions)
        assert not again.map(at_hand=True).due


def test_a_deleted_map_is_made_anew_just_as_it_was(shaded):
    found = shaded.map()
    for path in shaded.path.glob("index.map-*"):
        path.unlink()
    with Library.open(shaded.path, encoder=ToyEncoder()) as again:
        assert np.array_equal(again.map().positions, found.positions)


def test_another_process_makes_the_map_that_this_one_shows(shaded):
    method = layout.best_method()
    assert shaded.map(at_hand=True).due == (method != "pca")
    with Library.open(shaded.path, encoder=ToyEncoder()) as other:
        made = other.map()
    seen = shaded.map(at_hand=True)
    assert not seen.due and seen.method == method and np.array_equal(seen.positions, made.positions)


@pytest.mark.parametrize("damage", ["cut", "foreign", "nowhere"])
def test_a_damaged_map_is_made_anew(shaded, damage, caplog):
    found = shaded.map("pca")
    path = shaded.path / "index.map-pca"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "foreign":
        path.write_bytes((shaded.path / "library.db").read_bytes())
    else:
        _resaved(shaded, path, found)
    with Library.open(shaded.path, encoder=ToyEncoder()) as again:
        assert np.array_equal(again.map("pca").positions, found.positions)
    assert "index.map-pca" in caplog.text and "made anew" in caplog.text


def _resaved(library, path, found):
    from simsearch.index import files

    origin = library._indexes.origin(library.generation)
    nowhere = np.full_like(found.positions, np.nan)
    files.save(path, "map", origin, {}, {"ids": [found.ids], "positions": [nowhere]})


def test_photos_that_came_lie_amid_their_neighbours_and_the_others_stay(shaded, album):
    before = shaded.map()
    shades(album, [60, 61])
    shaded.sync(album)
    after = shaded.map()
    assert len(after.ids) == 62 and not after.due
    assert all(np.array_equal(position(after, one), position(before, one)) for one in before.ids.tolist())
    paths = shaded.paths()
    for family in ("warm", "cold"):
        there = [one for one in before.ids.tolist() if paths[one].parent.name == family]
        [new] = [one for one, path in paths.items() if one not in before.ids and path.parent.name == family]
        box = np.array([position(before, one) for one in there])
        assert (position(after, new) >= box.min(axis=0) - 1e-3).all()
        assert (position(after, new) <= box.max(axis=0) + 1e-3).all()


def test_photos_that_went_leave_the_map(shaded, album):
    shaded.map()
    (album / "warm" / "0.png").unlink()
    shaded.sync(album)
    assert len(shaded.map().ids) == len(shaded) == 59


def test_where_many_came_the_map_is_made_anew(shaded, album):
    shaded.map()
    shades(album, range(60, 90))
    shaded.sync(album)
    assert shaded.map(at_hand=True).due
    after = shaded.map()
    assert len(after.ids) == 90 and not after.due
    assert shaded.map(at_hand=True) is shaded.map()


def test_all_gone_and_others_come(toy_library, album):
    paint(album / "a.png", (200, 0, 0))
    toy_library.sync(album)
    toy_library.map()
    (album / "a.png").unlink()
    paint(album / "b.png", (0, 0, 200))
    toy_library.sync(album)
    found = toy_library.map()
    assert found.ids.tolist() == [toy_library.photo(album / "b.png").id]


def test_in_another_space_the_map_is_another(shaded):
    before = shaded.map("pca")
    shaded.learn("off")
    after = shaded.map("pca")
    assert not after.due and not np.array_equal(before.positions, after.positions)


def test_a_map_leaves_the_generation_as_it_is(shaded):
    before = shaded.generation
    shaded.map()
    shaded.place(shaded.random())
    assert shaded.generation == before


def test_what_cannot_be_kept_serves_all_the_same(shaded, monkeypatch):
    from simsearch.errors import WriteError

    def full(path, *_):
        raise WriteError(path, "the disk is full", "free some space")

    monkeypatch.setattr("simsearch.index.files.save", full)
    found = shaded.map()
    assert len(found.ids) == 60 and not found.due
    assert found.unkept is not None and found.unkept.endswith("the disk is full; free some space.")
    assert shaded.map().unkept == found.unkept
    monkeypatch.undo()
    shaded._layouts._kept.clear()
    assert shaded.map().unkept is None


def test_a_query_lands_amid_what_is_like_it(shaded, tmp_path):
    found = shaded.map()
    hit = shaded.photo(int(found.ids[3]))
    assert shaded.place(hit) == tuple(position(found, hit.id).tolist())
    query = paint(tmp_path / "query.png", (201, 55, 11))
    landed = shaded.place(query)
    nearest = [position(found, one.id) for one in shaded.search(query, 10)]
    assert np.linalg.norm(landed - np.mean(nearest, axis=0)) < np.ptp(found.positions, axis=0).max() / 4
    assert shaded.place(hit, crop=(0, 0, 1, 1)) is not None


def test_what_cannot_be_placed_is_one_sentence(toy_library, album, tmp_path):
    with pytest.raises(LibraryError, match="holds no photos yet"):
        toy_library.place(paint(tmp_path / "query.png", (201, 55, 11)))
    paint(album / "a.png", (200, 0, 0))
    toy_library.sync(album)
    (tmp_path / "broken.jpg").write_text("x")
    with pytest.raises(PhotoError):
        toy_library.place(tmp_path / "broken.jpg")
    with toy_library._store.transaction():
        nowhere = np.full(3, np.nan, "<f2").tobytes()
        toy_library._store._db.execute("UPDATE embeddings SET vector = ?", (nowhere,))
    with Library.open(toy_library.path, encoder=ToyEncoder()) as ill:
        with pytest.raises(LibraryError, match="holds no photo that can be laid out; run: simsearch doctor"):
            ill.place(tmp_path / "query.png")


def test_a_method_must_be_there(shaded, monkeypatch):
    with pytest.raises(ValueError, match="method must be one of pca, tsne, not umap"):
        shaded.map("umap")
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    with pytest.raises(SimsearchError, match=r'tsne: not installed; get it with: pip install "simsearch'):
        shaded.map("tsne")
    found = shaded.map()
    assert found.method == "pca" and not found.due
    assert found.hint is not None and found.hint.endswith('pip install "simsearch[map]"')


def test_a_map_is_made_by_a_process_of_its_own(shaded, monkeypatch):
    monkeypatch.setattr("simsearch.program.command", lambda *words: ["false", *words])
    with pytest.raises(SimsearchError, match="map: it ended with exit code 1"):
        shaded.make_map()
    monkeypatch.setattr(
        "simsearch.program.command",
        lambda *words: ["sh", "-c", "echo step >&2; echo simsearch: x: no room. >&2; exit 2"],
    )
    with pytest.raises(SimsearchError, match=r"^x: no room\.$"):
        shaded.make_map()

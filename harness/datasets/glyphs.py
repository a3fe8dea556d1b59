"""Glyphs: printed digits and letters, bent, faint and noisy; the fonts of the test are of families never learned from.

Each character is rendered once per font by FreeType, fitted into 20 of 28 pixels as MNIST's digits are, and then, anew
for each row: rotated, sheared and scaled by up to 15 degrees and 15 % (Ciresan et al. 2010), moved by up to 2 pixels,
displaced by a smooth random field (Simard et al. 2003: sigma 4, alpha 34), down to half contrast on a lighter ground,
with white noise (both as in n-MNIST, Basu et al. 2015). The 47 classes are those of EMNIST Balanced: a letter whose two
cases look alike is one class, and either case is drawn. The recipe was fixed before any technique saw it.
"""

import functools
import hashlib
import io
import math
from typing import Any, NamedTuple

import numpy as np

from harness.contract import BadData, Data, Dataset
from harness.files import packaged
from harness.split import generator

DATASET = Dataset(
    title="Glyphs in fonts never seen",
    year=2017,
    licence="generated; fonts under the Bitstream Vera, STIX and BaKoMa licences, as matplotlib carries them",
    source="drawn here; classes: Cohen, Afshar, Tapson, van Schaik 2017, 1702.05373 (EMNIST Balanced)",
    tasks=("classify",),
    form="image",
    shape=(28, 28),
    classes=47,
    rows=10_000_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=0.78,
    anchor_source="level borrowed from the handwritten model: OPIUM classifier on EMNIST Balanced, all rows: .780 "
    "(Cohen et al. 2017, quoted from memory)",
    package="matplotlib",
)
CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"  # place: class
CHARACTERS = CLASSES + "cijklmopsuvwxyz"  # the lower case of the letters that are one class in both cases
CASES = np.array([[CHARACTERS.index(c), CHARACTERS.index(c if c.lower() in CLASSES else c.lower())] for c in CLASSES])
CHUNK = 22 * len(CLASSES)  # rows that share a generator; each class comes once in every 47

TRAIN = {
    "DejaVuSans.ttf": "3fdf69cabf06049ea70a00b5919340e2ce1e6d02b0cc3c4b44fb6801bd1e0d22",
    "DejaVuSans-Bold.ttf": "b184b89e3c1075f22f6b71575b6fc20d4972b3cfd3b23322ca6fd596dcaef167",
    "DejaVuSans-Oblique.ttf": "ccdf74b350f11fd3dd5774de50e5e6346a1a5da1f5b7d5fb83590665e97a5213",
    "DejaVuSans-BoldOblique.ttf": "6edf0283160186af451cbee71e7b845f2e4cabf264bb992ce668c83c25465e6f",
    "DejaVuSansMono.ttf": "602ec86b8948cfcd956482fe64f94c36c867770149ef2f791d4613f443bcecb3",
    "DejaVuSansMono-Bold.ttf": "baada9a5172fe20886251aff0433fc38461912d5daf07287e7bee56620a8da96",
    "DejaVuSansMono-Oblique.ttf": "28052813f7a709fc89f52d192dc995ef4f0fdc5c3d7b73a49d6849b1916d0cd0",
    "DejaVuSansMono-BoldOblique.ttf": "a69081c15c76c827e0a27a5a7f5c74b6135c843499955495ffa8c20d3a98288b",
    "DejaVuSerif.ttf": "107244956e9962b9e96faccdc551825e0ae0898ae13737133e1b921a2fd35ffa",
    "DejaVuSerif-Bold.ttf": "c3753f2ed6bc673f15846dc45addbeb3b9c872f32fb18fd53a21f1bef1ed7676",
    "DejaVuSerif-Italic.ttf": "3e7994fbc54fa10ce3352a42d548fadd7d9cadb69cb1109bc9d960f6dac57f04",
    "DejaVuSerif-BoldItalic.ttf": "d93efec7a9d2e826768d1a2ee95b95870e15e29599a84f3484af1de1cec2e181",
    "STIXGeneral.ttf": "167378031e2dddc6216d67819c9260e9a06ffc4c478e4e23cb98a6fd44b183c2",
    "STIXGeneralBol.ttf": "e8533dc7083fa346bda1933d60ea4a83b67d0945bceaf1b3541f82b4a0e2c6a0",
    "STIXGeneralItalic.ttf": "6cfcb333d22b7c3c623bdfd40174f14c85c3d6731ca6166c1edc80140eae8527",
    "STIXGeneralBolIta.ttf": "98788fd4ba48dfbb2bd026c0e20a247a8b06c7372879628b7a6bb0d5bb09736c",
}
TEST = {
    "cmr10.ttf": "4dd9761b058c009db9b2145f55ee6617d093c273dd3d6c5b3e43ff6110fa9bf6",
    "cmb10.ttf": "074497b50c43ea57597181591f9893d38fc12a87e95104f5657fc2481f61a23a",
    "cmti10.ttf": "f9f1f9f654308ae82f7be4441ae89b080896b34cc220bbea173c5e9adcfe3ef7",
    "cmss10.ttf": "7df91a83d05b2e471ec638cb0b435a360a3c792b09fc42a7da67e91f2e79115a",
    "cmtt10.ttf": "6211f09ae93599991afda970c24669dad1a77e253d915624fbf212f702f071d7",
}

SIGMA = 4 / 29  # of the elastic field, in widths of a picture (Simard's had 29 pixels)
ELASTIC = 34 / 29 * math.sqrt(1 / 3) / (2 * math.sqrt(math.pi) * 4)  # its standard deviation: 1.4 of 29 pixels
NODES = np.arange(-4.5, 5) * SIGMA  # of the grid that carries the field, along each axis; 0 is the middle


class Recipe(NamedTuple):
    """What was drawn at random for n pictures: character and font, warp (n, 2, 103), greys, and the noise's keys."""

    which: np.ndarray
    warp: np.ndarray
    ground: np.ndarray
    contrast: np.ndarray
    noise: np.ndarray
    key: np.ndarray


def load(size: int, seed: int, device: str = "cpu") -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed.

    x (n, 28, 28) uint8, y (n,) places in CLASSES, as often each. On another device than the CPU a pixel may differ by
    one grey level where rounding does. Raises BadData where matplotlib carries other fonts, Missing where none.
    """
    x, y = _rows("glyphs", tuple(TRAIN), size, seed, device)
    test_x, test_y = _rows("glyphs test", tuple(TEST), DATASET.test, 0, device)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)


def _rows(purpose: str, fonts: tuple[str, ...], size: int, seed: int, device: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.empty((size, *DATASET.shape), np.uint8), np.empty(size, np.int64)
    for first in range(0, size, CHUNK):
        rng = generator(f"{purpose} {first // CHUNK}", seed)
        labels = rng.permuted(np.tile(np.arange(DATASET.classes), (CHUNK // DATASET.classes, 1)), axis=1).ravel()
        part = slice(first, min(first + CHUNK, size))
        y[part] = labels[: part.stop - first]
        x[part] = draw(labels, fonts, rng, DATASET.shape[0], device)[: part.stop - first]
    return x, y


def draw(labels: np.ndarray, fonts: tuple[str, ...], rng: np.random.Generator, resolution: int, device: str = "cpu"):
    """Pictures (n, resolution, resolution) uint8 of the classes `labels` (n,), each in one of `fonts` by chance."""
    recipe = recipes(labels, len(fonts), rng)
    if device == "cpu":
        return render(recipe, fonts, resolution, np, device)
    import torch

    return render(recipe, fonts, resolution, torch, device).cpu().numpy()


def recipes(labels: np.ndarray, fonts: int, rng: np.random.Generator) -> Recipe:
    """All that chance decides, for pictures of any resolution: lengths are in widths of a picture."""
    n = len(labels)
    character = CASES[labels, rng.integers(2, size=n)]
    turn, shear = np.radians(rng.uniform(-15, 15, (2, n)))
    wide, high = rng.uniform(0.85, 1.15, (2, n))
    warp = np.empty((n, 2, len(NODES) ** 2 + 3), np.float32)  # what each function of `_basis` adds to x and to y
    warp[:, :, :-3] = ELASTIC * rng.standard_normal((n, 2, len(NODES) ** 2), dtype=np.float32)
    warp[:, 0, -3], warp[:, 0, -2] = np.cos(turn) / wide, (np.cos(turn) * np.tan(shear) - np.sin(turn)) / wide
    warp[:, 1, -3], warp[:, 1, -2] = np.sin(turn) / high, (np.sin(turn) * np.tan(shear) + np.cos(turn)) / high
    warp[:, :, -1] = rng.uniform(-2 / 28, 2 / 28, (n, 2))
    contrast = rng.uniform(0.5, 1, n).astype(np.float32)
    ground = rng.uniform(0, 1 - contrast).astype(np.float32)
    noise = rng.uniform(0, 0.25, n).astype(np.float32)
    key = rng.integers(-(2**31), 2**31, n, dtype=np.int32)
    return Recipe(rng.integers(fonts, size=n) * len(CHARACTERS) + character, warp, ground, contrast, noise, key)


def render(recipe: Recipe, fonts: tuple[str, ...], resolution: int, xp: Any, device: str) -> Any:
    """The recipe's pictures, by xp: numpy, or torch on any device. Bilinear samples of masks twice as fine."""
    put = functools.partial(xp.asarray, device=device)
    masks, basis = _fixed(fonts, resolution, xp, device)
    n, edge = len(recipe.which), 2 * resolution
    place = (put(recipe.warp).reshape(2 * n, -1) @ basis).reshape(n, 2, -1)
    place = xp.clip((place + 0.5) * edge - 0.5, 0, edge - 1.001)  # outside is as the margin: no ink
    corner = xp.floor(place)
    right, down = (place - corner)[:, 0], (place - corner)[:, 1]
    corner = xp.asarray(corner, dtype=xp.int64)
    at = put(recipe.which)[:, None] * edge**2 + corner[:, 1] * edge + corner[:, 0]
    above = (1 - right) * xp.take(masks, at) + right * xp.take(masks, at + 1)
    below = (1 - right) * xp.take(masks, at + edge) + right * xp.take(masks, at + edge + 1)
    ground, contrast, strength = (put(v)[:, None] for v in (recipe.ground, recipe.contrast, recipe.noise))
    grey = ground + contrast * (above + down * (below - above)) + strength * white(put(recipe.key), resolution**2, xp)
    return xp.asarray(xp.clip(255 * grey + 0.5, 0, 255), dtype=xp.uint8).reshape(n, resolution, resolution)


def white(keys: Any, pixels: int, xp: Any) -> Any:
    """(n, pixels) of mean 0 and deviation 1, nearly normal: four bytes added, of a hash of a row's key and the pixel.

    A generator would give other numbers on every device. The hash is Wellons' lowbias32.
    """
    h = xp.asarray(xp.arange(pixels, device=keys.device), dtype=xp.int32) * -1640531527 ^ keys[:, None]
    h = (h ^ h >> 16 & 0xFFFF) * 0x7FEB352D
    h = (h ^ h >> 15 & 0x1FFFF) * -2073254261
    h = h ^ h >> 16 & 0xFFFF
    total = (h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24 & 255)
    return (xp.asarray(total, dtype=xp.float32) - 510) / math.sqrt((256**2 - 1) / 3)


@functools.lru_cache(maxsize=4)
def _fixed(fonts: tuple[str, ...], resolution: int, xp: Any, device: str) -> tuple[Any, Any]:
    """On the device, float32: the masks of all characters, flat, and `_basis`."""
    masks = np.concatenate([_masks(font, 2 * resolution) for font in fonts]).ravel() / np.float32(255)
    return xp.asarray(masks, device=device), xp.asarray(_basis(resolution), device=device)


def _basis(resolution: int) -> np.ndarray:
    """(103, pixels) float32: at each pixel the 100 bumps of the elastic field, then x, y and 1."""
    middle = (np.arange(resolution) + 0.5) / resolution - 0.5
    bumps = np.exp(-(((middle[:, None] - NODES) / SIGMA) ** 2) / 2)
    bumps /= np.sqrt((bumps**2).sum(1, keepdims=True))  # so that the field deviates as much everywhere
    y, x = (v.ravel() for v in np.meshgrid(middle, middle, indexing="ij"))
    return np.vstack([np.kron(bumps, bumps).T, x, y, np.ones_like(x)]).astype(np.float32)


def _masks(font: str, edge: int) -> np.ndarray:
    """(characters, edge, edge) uint8: each character's ink, its longer side 20/28 of the edge, in the middle."""
    from PIL import Image, ImageFont

    content = packaged("matplotlib", f"mpl-data/fonts/ttf/{font}").read_bytes()
    if hashlib.sha256(content).hexdigest() != (TRAIN | TEST)[font]:
        raise BadData(f"{font} of the installed matplotlib is another than that of matplotlib 3.11, which is right")
    face = ImageFont.truetype(io.BytesIO(content), 2 * edge, layout_engine=ImageFont.Layout.BASIC)
    masks = np.zeros((len(CHARACTERS), edge, edge), np.uint8)
    for mask, character in zip(masks, CHARACTERS, strict=True):
        ink = face.getmask(character, "L")
        full = Image.frombytes("L", ink.size, bytes(ink))
        box = full.crop(full.getbbox())
        wide, high = (max(1, round(side * edge * 20 / 28 / max(box.size))) for side in box.size)
        top, left = (edge - high) // 2, (edge - wide) // 2
        mask[top : top + high, left : left + wide] = np.asarray(box.resize((wide, high), Image.Resampling.BILINEAR))
    return masks

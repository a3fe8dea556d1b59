"""A folder of pictures: one folder for each class, or train/ and test/ with one folder for each class."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from harness.contract import BadData
from harness.own.material import Material

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
PIXELS = 1 << 25  # of one picture
MOST = 1 << 30  # bytes of all pictures; they are made smaller where they would take more
TRAIN, TEST = ("train", "training"), ("test", "val", "valid", "validation")


def pictures(folder: Path, request: Mapping[str, Any], _: Path) -> Material:
    """All pictures as (n, h, w) or (n, h, w, 3) uint8, resized to their most common size. Raises BadData."""
    train, test = _parts(folder)
    found, classes = _listed(train), sorted(path.name for path in _folders(train) if _listed_class(path))
    if len(classes) < 2:
        raise BadData(f"{folder.name} has {len(classes)} folders with pictures: one for each class is right, 2 or more")
    tested = _listed(test) if test else []
    foreign = {label for _, label in tested} - set(classes)
    if test and (foreign or not tested):
        which = ", ".join(sorted(foreign)[:3]) or "no folder with pictures"
        raise BadData(f"{folder.name}/{test.name} holds {which}: the classes of {train.name} are right")
    sizes: Counter[tuple[int, int]] = Counter()
    modes: set[str] = set()
    for path, _label in (*found, *tested):
        with _open(path, folder) as image:
            sizes[image.size] += 1
            modes.add(image.mode)
    grey = modes <= GREY
    (width, height), told = _size(sizes, 1 if grey else 3)
    told.insert(0, f"{len(found) + len(tested):,} pictures of {len(classes)} classes: {', '.join(classes[:12])}")
    shape = (height, width) if grey else (height, width, 3)
    x, y = _read(found, classes, shape, folder)
    material = Material("image", "classify", x, y, shape, len(x), len(classes), tuple(classes), told=told)
    if test:
        material.test_x, material.test_y = _read(tested, classes, shape, folder)
        told.append(f"{test.name} is the test part")
    return material


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _parts(folder: Path) -> tuple[Path, Path | None]:
    named = {path.name.lower(): path for path in _folders(folder)}
    train = next((named[name] for name in TRAIN if name in named), None)
    test = next((named[name] for name in TEST if name in named), None)
    return (train, test) if train and test else (folder, None)


def _listed_class(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _listed(folder: Path) -> list[tuple[Path, str]]:
    return [(path, label.name) for label in _folders(folder) for path in _listed_class(label)]


def _open(path: Path, folder: Path) -> Image.Image:
    """An image, not yet unpacked. Raises BadData where it is none, or declares too many pixels."""
    try:
        image = Image.open(path, formats=FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadData(f"{path.relative_to(folder)} is not a picture that can be read: {str(error)[:150]}") from None
    if not 0 < image.size[0] * image.size[1] <= PIXELS:
        raise BadData(f"{path.relative_to(folder)} has {image.size[0]} x {image.size[1]} pixels: too many")
    return image


def _size(sizes: Counter[tuple[int, int]], channels: int) -> tuple[tuple[int, int], list[str]]:
    """((width, height) that all get, what is told)."""
    (width, height), count = sizes.most_common(1)[0]
    told = []
    if count < sizes.total():
        other = sizes.total() - count
        told.append(f"{other:,} pictures of another size are resized to the most common one, {width} x {height}")
    shrink = (MOST / (sizes.total() * width * height * channels)) ** 0.5
    if shrink < 1:
        width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
        told.append(f"all are resized to {width} x {height}, so that they take no more than 1 GB")
    return (width, height), told


def _read(
    found: list[tuple[Path, str]], classes: list[str], shape: tuple[int, ...], folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((len(found), *shape), dtype=np.uint8)
    for row, (path, _) in enumerate(found):
        with _open(path, folder) as image:
            try:
                x[row] = _pixels(image, shape)
            except (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError) as error:
                name = path.relative_to(folder)
                raise BadData(f"{name} is not a picture that can be read: {str(error)[:150]}") from None
    return x, np.array([classes.index(label) for _, label in found], dtype=np.int64)


def _pixels(image: Image.Image, shape: tuple[int, ...]) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits: the upper eight
        image = Image.fromarray((np.asarray(image, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8))
    image = image.convert("L" if len(shape) == 2 else "RGB")
    if image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)

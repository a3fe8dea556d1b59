"""MFCC and Gaussian mixtures: a sound is a bag of short spectra, each class a mixture of Gaussians over them.

S. B. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in
continuously spoken sentences", IEEE Transactions on ASSP 28(4), 1980: the coefficients.
D. A. Reynolds and R. C. Rose, "Robust text-independent speaker identification using Gaussian mixture speaker models",
IEEE Transactions on Speech and Audio Processing 3(1), 1995: the mixtures.

Sounds are (n, samples) int16, zeros after a sound's end, 8,000 samples a second unless `rate` tells otherwise.

Deviations from the papers:
1. Windows of 25 ms every 10 ms, pre-emphasis 0.97; 25.6 ms every 6.4 ms in 1980, 20 ms every 10 ms in 1995.
2. 20 filters equally wide in mel, 2595 log10(1 + f / 700), up to half the rate; 10 linear ones up to 1 kHz and 10
   logarithmic ones above in 1980. Coefficients 1 to 13 (without 0, the loudness, as in 1995) with their slopes over
   5 frames; up to 10 without slopes in 1980.
3. No frame is left out as silent, only those beyond a sound's last sample that is not zero.
4. 16 Gaussians, fewer where a class has fewer than 20 frames for each; 50 in 1995. Their means start from random
   frames, without the round of k-means there. Variances have a lower limit as there: 0.01 of that of all frames.
5. Classes have prior chances, those of training. Answers are chances per frame, the T-th root of the chances that T
   independent frames would give: the choice is the same, and neighbouring frames are not independent.
"""

import math

import numpy as np
from scipy.special import logsumexp

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="MFCC and Gaussian mixtures",
    year=1995,
    paper="Reynolds & Rose, Robust text-independent speaker identification using Gaussian mixture speaker models, "
    "IEEE Trans. Speech and Audio Processing 3(1):72-83, 1995",
    tasks=("classify",),
    forms=("sound",),
    space={"components": ("int", 1, 64), "floor": ("log", 1e-4, 1e-1)},
)
FILTERS, COEFFICIENTS = 20, 13


def cost(size, shape, classes, examples=None, *, components=16, floor=0.01, rate=8_000) -> Cost:
    """A Fourier transform and a filter bank for each frame, then passes of EM, 30 of them, over all frames."""
    frames = max(1, 100 * math.prod(shape) / rate)  # of a sound without padding
    window = 2 ** math.ceil(math.log2(0.025 * rate))
    spectrum = 5 * window * math.log2(window) + 20 * window
    density = 8 * components * 26
    return Cost(
        fit=size * frames * (spectrum + 30 * density),
        answer=frames * (spectrum + max(1, classes) * density),
        bytes=size * frames * (3 * 26 * 4 + 8 * (2 * 26 + 4 * components) / max(1, classes)),
    )


def fit(
    train: Examples,
    run: Run,
    *,
    components: int = 16,  # Gaussians of a class, where it has 20 frames for each
    floor: float = 0.01,  # least variance of a Gaussian, 1 being that of all frames
    rate: int = 8_000,  # samples a second
) -> Fitted:
    if train.x.ndim != 2 or train.x.dtype != np.int16 or not train.classes:
        raise Unsupported("mfcc_gmm classifies sounds: it takes training material of shape (n, samples) int16")
    sounds = [features(sound, rate) for sound in train.x]
    mean, std = (take(np.concatenate(sounds), axis=0, dtype=np.float64) for take in (np.mean, np.std))
    std[std == 0] = 1
    rng = np.random.default_rng(run.seed)
    seen, counts = np.unique(train.y, return_counts=True)
    mixtures = []
    for c in seen:
        frames = (np.concatenate([sounds[i] for i in np.flatnonzero(train.y == c)]) - mean) / std  # (T, 26)
        mixtures.append(em(frames, min(components, max(1, len(frames) // 20)), floor, rng))

    def answer(q):
        probabilities = np.zeros((len(q), train.classes))  # a class never seen keeps 0
        for i in range(0, len(q), 100):
            sounds = [features(sound, rate) for sound in q[i : i + 100]]
            T = np.array([len(sound) for sound in sounds])
            frames = (np.concatenate(sounds) - mean) / std
            likelihood = np.stack([logsumexp(log_joint(frames, *mixture), axis=1) for mixture in mixtures])
            total = np.add.reduceat(likelihood, np.cumsum(T) - T, axis=1).T  # (100, classes seen)
            score = (total + np.log(counts / counts.sum())) / T[:, None]
            e = np.exp(score - score.max(axis=1, keepdims=True))
            probabilities[i : i + 100, seen] = e / e.sum(axis=1, keepdims=True)
        return probabilities

    return Fitted(answer, parameters=sum(part.size for mixture in mixtures for part in mixture) + 2 * mean.size)


def em(x: np.ndarray, k: int, floor: float, rng: np.random.Generator, passes: int = 200) -> tuple[np.ndarray, ...]:
    """Weights (k,), means (k, d) and variances (k, d), at least `floor`, of k Gaussians over the frames x (T, d).

    The limit is the best variance that is allowed, so no pass lowers the likelihood. Ends where one gains < 1e-4.
    """
    weights, means = np.full(k, 1 / k), x[rng.choice(len(x), k, replace=False)]
    variances = np.tile(np.maximum(x.var(axis=0), floor), (k, 1))
    before = -np.inf
    for _ in range(passes):
        joint = log_joint(x, weights, means, variances)
        total = logsumexp(joint, axis=1, keepdims=True)
        if total.mean() - before < 1e-4:
            break
        before = total.mean()
        share = np.exp(joint - total)  # (T, k)
        n = share.sum(axis=0) + 1e-12  # rounding may leave a Gaussian without frames
        weights, means = n / n.sum(), share.T @ x / n[:, None]
        variances = np.maximum(share.T @ x**2 / n[:, None] - means**2, floor)
    return weights, means, variances


def log_joint(x: np.ndarray, weights: np.ndarray, means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """(T, d) -> (T, k): log of each Gaussian's weight times its density."""
    square = x**2 @ (1 / variances).T - 2 * x @ (means / variances).T + (means**2 / variances).sum(axis=1)
    return np.log(weights) - 0.5 * (square + np.log(2 * np.pi * variances).sum(axis=1))


def features(sound: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) -> (T, 26) float32: the coefficients and their slopes (Furui 1986), of what is not padding."""
    last = np.flatnonzero(sound)[-1:] + 1  # empty where all is zero
    c = mfcc(sound[: int(last.sum())], rate)
    padded = np.pad(c, ((2, 2), (0, 0)), mode="edge")
    slope = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10  # least squares over 5 frames
    return np.hstack([c, slope]).astype(np.float32)


def mfcc(sound: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) -> (T, 13): cosine transform of the log energies of 20 mel filters, in each window of 25 ms."""
    width, hop = rate // 40, rate // 100
    x = np.zeros(max(width, len(sound)))  # at least one frame
    x[: len(sound)] = sound
    x[1:] -= 0.97 * x[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, width)[::hop] * np.hamming(width)  # (T, width)
    length = 2 ** math.ceil(math.log2(width))
    power = np.abs(np.fft.rfft(windows, length)) ** 2  # (T, length / 2 + 1)
    energy = np.log(np.maximum(power @ filters(length, rate).T, 1))  # 1: less than rounding to int16 leaves
    k, i = np.arange(FILTERS), np.arange(1, 1 + COEFFICIENTS)
    return energy @ np.cos(np.pi / FILTERS * (k[:, None] + 0.5) * i)  # (T, 13)


def filters(length: int, rate: int) -> np.ndarray:
    """(20, length / 2 + 1): triangles over the frequencies of the transform, each reaching to its neighbours' peaks."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 1400), FILTERS + 2) / 2595) - 1)  # hertz
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    f = np.fft.rfftfreq(length, 1 / rate)
    return np.maximum(0, np.minimum((f - low) / (peak - low), (high - f) / (high - peak)))

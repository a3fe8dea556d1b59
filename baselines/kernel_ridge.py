"""Kernel ridge regression: least squares with a penalty in the space of a Gaussian (RBF) kernel, exact or approximated.

C. Saunders, A. Gammerman and V. Vovk, "Ridge regression learning algorithm in dual variables", ICML 1998;
C. Williams and M. Seeger, "Using the Nystrom method to speed up kernel machines", NIPS 13, 2001 (features="nystrom");
A. Rahimi and B. Recht, "Random features for large-scale kernel machines", NIPS 20, 2007 (features="fourier").

Which form is used: features="auto" is the exact solution of all rows up to `exact` of them, and above that the Nystrom
approximation through `landmarks` random rows. What was approximated says so in `told`, and is marked in reports.

Deviations from the papers:
1. The targets' mean is the intercept; Saunders et al. have none.
2. Classes are coded +1 and -1, one column each, and the largest answer wins (Rifkin, Yeo & Poggio 2003); the answers
   are no probabilities.
3. Nystrom: the ridge is solved in Z = K_nm L^-T, where L L^T = K_mm. That is the solution of the approximated kernel
   Z Z^T = K_nm K_mm^-1 K_mn; Williams & Seeger find it through eigenvectors of K_mm, and may leave out the last.
4. Gaps take the column's median, categories become 0/1 columns, columns are standardised; pixels are divided by 255.
"""

import math

import numpy as np
import torch
from torch import Tensor

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Kernel ridge regression",
    year=1998,
    paper="Saunders, Gammerman & Vovk, Ridge regression learning algorithm in dual variables, ICML 1998",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    devices=("cpu", "cuda"),
    space={"lam": ("log", 1e-4, 1e1), "gamma": ("log", 1e-2, 1e1)},
)
BLOCK = 1024  # rows that are expanded at a time
JITTER = 1e-8  # keeps K_mm positive where landmarks are equal


def cost(
    size, shape, classes, examples=None, *, features="auto", lam=0.1, gamma=1.0, exact=10_000, landmarks=2000
) -> Cost:
    """All in float64. Exact: the kernel (2 n^2 p) and its factor (n^3 / 3), two n x n matrices.

    Else every row is expanded into m features and enters an m x m Gram matrix, in blocks of 1,024.
    """
    p, c = math.prod(shape), max(1, classes)
    targets = 8 * size * (c + 2)
    if features == "exact" or (features == "auto" and size <= exact):
        return Cost(
            fit=2 * size**2 * (p + c) + size**3 / 3,
            answer=2 * size * (p + c),
            bytes=16 * size**2 + 16 * size * p + targets,
        )
    m = landmarks if features == "fourier" else min(landmarks, size)
    expand = 2 * m * p + (0 if features == "fourier" else m**2)  # the triangular solve with L
    factors = m**3 / 3 if features == "fourier" else 2 * m**2 * p + 2 * m**3 / 3
    return Cost(
        fit=size * (expand + 2 * m**2 + 2 * m * c) + factors + 2 * m**2 * c,
        answer=2 * m * (p + c),
        bytes=40 * m**2 + 8 * m * p + 8192 * (3 * m + 2 * p) + targets,
    )


def fit(
    train: Examples,
    run: Run,
    *,
    features: str = "auto",  # "exact", "nystrom", "fourier"; "auto": exact up to `exact` rows, then nystrom
    lam: float = 0.1,  # the penalty lam |w|^2 beside the sum of squared errors
    gamma: float = 1.0,  # of exp(-gamma |x - x'|^2), in units of 1 / (columns x variance of all values)
    exact: int = 10_000,  # most rows that "auto" solves exactly
    landmarks: int = 2000,  # rows (nystrom), or random directions (fourier)
) -> Fitted:
    if run.dtype != "float32":
        raise Unsupported(f"kernel_ridge takes float32 and computes in float64, {run.dtype} was asked for")
    if features not in ("auto", "exact", "nystrom", "fourier"):
        raise ValueError(f"features={features!r} is none of 'auto', 'exact', 'nystrom', 'fourier'")
    if features == "auto":
        features = "exact" if len(train.y) <= exact else "nystrom"
    random = torch.Generator().manual_seed(run.seed)
    encode = make_encoder(train, run.device)
    Y = targets(train).to(run.device)  # (n, c)
    centre = Y.mean(dim=0)
    Y -= centre
    some = torch.randperm(len(Y), generator=random)[:landmarks].numpy()
    X = encode(train.x if features == "exact" else train.x[some])  # (m, p)
    gamma = gamma / (X.shape[1] * float(X.var(correction=0)) or 1.0)
    if features == "fourier":
        expand = waves(X.shape[1], landmarks, gamma, random, run.device)
        w = ridge(train.x, Y, lambda x: expand(encode(x)), landmarks, lam)
        stored = landmarks * (X.shape[1] + 1)
    else:
        w = solve(X, Y, gamma, lam) if features == "exact" else nystrom(train.x, Y, encode, X, gamma, lam)
        expand, stored = (lambda x: rbf(x, X, gamma)), X.numel()

    def answer(questions: np.ndarray) -> np.ndarray:
        blocks = [expand(encode(questions[i : i + BLOCK])) @ w for i in range(0, len(questions), BLOCK)]
        f = (torch.cat(blocks) + centre).cpu().numpy()  # (N, c)
        return f if train.classes else f[:, 0]

    told = {} if features == "exact" else {"landmarks" if features == "nystrom" else "directions": float(len(w))}
    return Fitted(answer, parameters=stored + w.numel() + centre.numel(), told=told)


def targets(train: Examples) -> Tensor:
    """(n, classes), +1 where a row is of the class and -1 elsewhere; (n, 1) values where there are no classes."""
    y = torch.tensor(train.y)
    if not train.classes:
        return y.double()[:, None]
    Y = torch.full((len(y), train.classes), -1.0, dtype=torch.float64)
    Y[torch.arange(len(y)), y] = 1
    return Y


def rbf(Q: Tensor, X: Tensor, gamma: float) -> Tensor:
    """K (a, b) = exp(-gamma |q - x|^2) of rows Q (a, p) and X (b, p), in the memory of one matrix."""
    K = Q @ X.T
    K.mul_(-2).add_((Q**2).sum(1)[:, None]).add_((X**2).sum(1)).clamp_(min=0)
    return K.mul_(-gamma).exp_()


def solve(X: Tensor, Y: Tensor, gamma: float, lam: float) -> Tensor:
    """Weights (n, c) of the rows: (K + lam 1)^-1 Y, the paper's equation for the dual variables."""
    return torch.cholesky_solve(Y, factor(rbf(X, X, gamma), lam))


def factor(A: Tensor, plus: float) -> Tensor:
    """The lower triangular L of L L^T = A + plus 1. A is changed, and the caller does not keep it: two in memory."""
    A.diagonal().add_(plus)
    return torch.linalg.cholesky(A)


def nystrom(x: np.ndarray, Y: Tensor, encode, M: Tensor, gamma: float, lam: float) -> Tensor:
    """Weights (m, c) of the landmarks M (m, p): a ridge in Z = K_nm L^-T, so that Z Z^T = K_nm K_mm^-1 K_mn."""
    L = factor(rbf(M, M, gamma), JITTER)

    def expand(rows):
        return torch.linalg.solve_triangular(L, rbf(M, encode(rows), gamma), upper=False).T

    v = ridge(x, Y, expand, len(M), lam)
    return torch.linalg.solve_triangular(L.T, v, upper=True)


def waves(p: int, D: int, gamma: float, random: torch.Generator, device: str):
    """A random map z (a, p) -> (a, D), whose products z(x) z(x') are the kernel on average, with an error of 1/sqrt(D).

    Drawn on the CPU: the directions are the same on every device.
    """
    W = (math.sqrt(2 * gamma) * torch.randn(p, D, generator=random, dtype=torch.float64)).to(device)
    phase = (2 * math.pi * torch.rand(D, generator=random, dtype=torch.float64)).to(device)
    return lambda X: torch.addmm(phase, X, W).cos_().mul_(math.sqrt(2 / D))


def ridge(x: np.ndarray, Y: Tensor, expand, m: int, lam: float) -> Tensor:
    """(Z^T Z + lam 1)^-1 Z^T Y of Z = expand(x), summed over blocks of rows: memory grows with m^2, not with n."""
    A, b = Y.new_zeros(m, m), Y.new_zeros(m, Y.shape[1])
    for i in range(0, len(x), BLOCK):
        Z = expand(x[i : i + BLOCK])  # (block, m)
        A += Z.T @ Z
        b += Z.T @ Y[i : i + BLOCK]
    return torch.cholesky_solve(b, factor(A, lam))


def make_encoder(train: Examples, device: str):
    """A function (n, ...) -> (n, columns) float64 on the device: pixels / 255; a table's columns standardised and
    without gaps, by the training rows' statistics, taken column by column: a million rows are never copied whole.
    """
    if train.x.ndim > 2:
        return lambda images: torch.tensor(images.reshape(len(images), -1), device=device).double() / 255
    levels = np.array(train.levels or [0] * train.x.shape[1])
    columns = [statistics(train.x[:, j]) for j in np.flatnonzero(levels == 0)]
    median, mean, std = np.array(columns).reshape(-1, 3).T

    def encode(rows):
        numbers = rows[:, levels == 0]
        numbers = (np.where(np.isnan(numbers), median, numbers) - mean) / std
        flags = [rows[:, [j]] == np.arange(levels[j]) for j in np.flatnonzero(levels)]  # a gap equals no category
        return torch.from_numpy(np.hstack([numbers, *flags])).to(device)

    return encode


def statistics(column: np.ndarray) -> tuple[float, float, float]:
    """Median, then mean and standard deviation once gaps hold the median; 0 instead of NaN, 1 instead of 0."""
    column = column.astype(np.float64)
    gaps = np.isnan(column)
    column[gaps] = median = 0.0 if gaps.all() else np.median(column[~gaps])
    return median, column.mean(), column.std() or 1.0

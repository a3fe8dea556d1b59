"""A user's file as it stands: a function `fit`, a class with fit and predict, or an estimator already made."""

import copy
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.contract import Examples, Fitted, Run, Unsupported


def fit_of(module: ModuleType) -> Callable[..., Fitted]:
    """The module's own `fit`, or one that wraps the single estimator found in it. TypeError if there is none."""
    if callable(getattr(module, "fit", None)):
        return _checked(module.fit)
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    classes = [v for v in own.values() if isinstance(v, type) and v.__module__ == module.__name__ and _fits(v)]
    made = [v for v in own.values() if not isinstance(v, type) and _fits(v)]
    found = made or classes
    if len(found) != 1:
        raise TypeError(
            f"{module.__file__}: {len(found)} estimators with fit and predict; one is needed, or a function fit"
        )

    def fit(train: Examples, run: Run, **keywords: Any) -> Fitted:
        if isinstance(found[0], type):
            estimator = found[0](**keywords)
        else:
            estimator = copy.deepcopy(found[0])
            if keywords:
                estimator.set_params(**keywords)
        _seed(estimator, run.seed)
        _check_kind(estimator, train.classes)
        estimator.fit(_rows(train.x), train.y)
        return Fitted(lambda question: _answers(estimator, question, train.classes), parameters=train.x.size)

    return fit


def _checked(own: Callable[..., Any]) -> Callable[..., Fitted]:
    @functools.wraps(own)
    def fit(train: Any, run: Run, **keywords: Any) -> Fitted:
        fitted = own(train, run, **keywords)
        if not isinstance(fitted, Fitted):
            raise TypeError(f"fit returned {fitted!r:.60}; Fitted(answer, parameters=...) is right")
        return fitted

    return fit


def _check_kind(estimator: Any, classes: int) -> None:
    """A scikit-learn regressor is not asked for classes, nor a classifier for numbers. Raises Unsupported."""
    kind = estimator.__sklearn_tags__().estimator_type if hasattr(estimator, "__sklearn_tags__") else None
    if kind in ("classifier", "regressor") and (kind == "classifier") != bool(classes):
        asked = "classes" if classes else "numbers"
        raise Unsupported(f"{type(estimator).__name__} is a {kind}, and {asked} are asked for")


def _fits(thing: Any) -> bool:
    return callable(getattr(thing, "fit", None)) and callable(getattr(thing, "predict", None))


def _rows(x: Any) -> Any:
    """Texts as a list, as scikit-learn's vectorizers take them; anything else as one flat row each."""
    return x.tolist() if x.ndim == 1 else x.reshape(len(x), -1)


def _seed(estimator: Any, seed: int) -> None:
    """Set random_state wherever a scikit-learn estimator (or a step of a pipeline) takes one and leaves it open."""
    if not hasattr(estimator, "get_params"):
        return
    parameters = estimator.get_params(deep=True)
    open_ = [name for name, value in parameters.items() if name.split("__")[-1] == "random_state" and value is None]
    if open_:
        estimator.set_params(**dict.fromkeys(open_, seed))


def _answers(estimator: Any, question: Any, classes: int) -> Any:
    """Class probabilities where the estimator has them, else certainty in what it predicts; values for regression."""
    import numpy as np

    x = _rows(question)
    if not classes:
        return np.asarray(estimator.predict(x), dtype=float)
    shares = np.zeros((len(x), classes))
    if hasattr(estimator, "predict_proba"):
        shares[:, np.asarray(estimator.classes_, dtype=int)] = estimator.predict_proba(x)
    else:
        shares[np.arange(len(x)), np.asarray(estimator.predict(x), dtype=int)] = 1.0
    return shares

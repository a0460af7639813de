"""The state of a training on disk: written whole or not at all, without pickle."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pennyweight.errors import DataError
from pennyweight.storage.arrays import read_arrays, write_arrays

__all__ = ["FILE", "State", "read_state", "settings_text", "write_state"]

FILE = "training.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class State:
    """The state of a training.

    The order of the data is a function of seed and step, and nothing else is random, so the
    step is the state of the random numbers too.

    Attributes
    ----------
    step
        Steps done.
    measurements
        (step, quality on validation data) of each measurement, in order.
    best
        The learned tensors at the best measurement so far.
    """

    step: int = 0
    measurements: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def best_quality(self) -> float:
        """The highest quality so far."""
        return max((quality for _, quality in self.measurements), default=-np.inf)


def write_state(
    folder: Path,
    state: State,
    parameters: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    fingerprint: str,
) -> None:
    """Write ``training.safetensors``: tensors, the optimizer's moments, and the best so far."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, tensor in parameters.items():
        arrays[f"now/{name}"] = _array(tensor)
        for moment in MOMENTS if state.step else ():
            arrays[f"{moment}/{name}"] = _array(optimizer.state[tensor][moment])
    arrays |= {f"best/{name}": _array(tensor) for name, tensor in state.best.items()}
    settings = {"step": state.step, "found": state.measurements, "fingerprint": fingerprint}
    write_arrays(folder / FILE, arrays, settings)


def read_state(
    folder: Path,
    parameters: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    fingerprint: str,
) -> State:
    """Restore tensors and optimizer as `write_state` saved them; a new state without a file.

    Raises
    ------
    DataError
        The folder holds a training of other data, another model or other settings.
    BundleError
        The file is damaged.
    """
    if not (folder / FILE).exists():
        return State()
    arrays, settings = read_arrays(folder / FILE)
    if settings["fingerprint"] != fingerprint:
        raise DataError(
            f"{folder / FILE}: a training of another model, other data or other settings; "
            "name another folder, or delete this one"
        )
    with torch.no_grad():
        for name, tensor in parameters.items():
            tensor.copy_(torch.tensor(arrays[f"now/{name}"]))
            if settings["step"]:
                moments = {m: torch.tensor(arrays[f"{m}/{name}"]) for m in MOMENTS}
                optimizer.state[tensor] = {
                    "step": torch.tensor(float(settings["step"])),
                    **{m: value.to(tensor.device) for m, value in moments.items()},
                }
    best = {n.partition("/")[2]: torch.tensor(arrays[n]) for n in arrays if n.startswith("best/")}
    return State(settings["step"], [(int(s), float(q)) for s, q in settings["found"]], best)


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def settings_text(settings: object) -> str:
    """Return settings as text, for a fingerprint."""
    return json.dumps(asdict(settings), sort_keys=True)  # type: ignore[call-overload]

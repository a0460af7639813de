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
    """Where a training is.

    The order of the data is a function of seed and step, and nothing else is random, so the
    step is the state of the random numbers too.

    Attributes
    ----------
    step
        Steps done.
    found
        (step, quality on validation data) of each measurement, in order.
    best
        The tensors that learn, where they did best so far.
    """

    step: int = 0
    found: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def best_quality(self) -> float:
        """The highest quality so far."""
        return max((quality for _, quality in self.found), default=-np.inf)


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
    told = {"step": state.step, "found": state.found, "fingerprint": fingerprint}
    write_arrays(folder / FILE, arrays, told)


def read_state(
    folder: Path,
    parameters: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    fingerprint: str,
) -> State:
    """Bring tensors and optimizer to where `write_state` left them; a new state without a file.

    Raises
    ------
    DataError
        The folder holds a training of other data, another model or other settings.
    BundleError
        The file is damaged.
    """
    if not (folder / FILE).exists():
        return State()
    arrays, told = read_arrays(folder / FILE)
    if told["fingerprint"] != fingerprint:
        raise DataError(
            f"{folder / FILE}: a training of another model, other data or other settings; "
            "name another folder, or delete this one"
        )
    with torch.no_grad():
        for name, tensor in parameters.items():
            tensor.copy_(torch.tensor(arrays[f"now/{name}"]))
            if told["step"]:
                moments = {m: torch.tensor(arrays[f"{m}/{name}"]) for m in MOMENTS}
                optimizer.state[tensor] = {
                    "step": torch.tensor(float(told["step"])),
                    **{m: value.to(tensor.device) for m, value in moments.items()},
                }
    best = {n.partition("/")[2]: torch.tensor(arrays[n]) for n in arrays if n.startswith("best/")}
    return State(told["step"], [(int(s), float(q)) for s, q in told["found"]], best)


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.detach().cpu().numpy()
    return found


def settings_text(settings: object) -> str:
    """Return settings as text, for a fingerprint."""
    return json.dumps(asdict(settings), sort_keys=True)  # type: ignore[call-overload]

"""The time that a language model takes to read a prompt and to generate, by the roofline."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from pennyweight.config.prices import InstanceType
from pennyweight.errors import BudgetError
from pennyweight.planning.accelerators import accelerator, core_family, roofline
from pennyweight.planning.encoder_shape import WEIGHT_BYTES, EncoderShape

__all__ = [
    "Decoder",
    "DecoderMachine",
    "fastest_batch",
    "generation_seconds",
    "largest_batch",
    "prefill_seconds",
    "step_seconds",
]

# Shares of the published peaks that a server of language models reaches, and its time for each
# layer besides: fitted on LLaMA 7B, checked on other models (`benchmarks/decoders.py`).
COMPUTE_SHARE, BANDWIDTH_SHARE, LAYER_SECONDS = 0.5, 0.9, 1.5e-4
MEMORY_SHARE = 0.9  # of the memory for weights and cache; the rest is for activations
_POINTS = 16  # contexts at which the time of a token is computed
_MAX_BATCH = 4096


@dataclass(frozen=True)
class DecoderMachine:
    """A machine that runs a language model, by what a program reaches on it.

    Attributes
    ----------
    name
        Name for people.
    peak
        Operations a second in matrix products.
    bandwidth
        Bytes a second of the memory with the weights.
    memory_bytes
        Bytes of that memory.
    layer_seconds
        Time for each layer besides arithmetic and memory: starts of kernels, synchronization.
    watts
        Power at full load, without the rest of the machine; None where it is unknown.
    predicted
        Whether the numbers are of data sheets and not measured.
    """

    name: str
    peak: float
    bandwidth: float
    memory_bytes: float
    layer_seconds: float = 0.0
    watts: float | None = None
    predicted: bool = True

    @classmethod
    def of_accelerator(cls, name: str, number: int = 1, *, compute: str = "bf16") -> Self:
        """Return a machine with some accelerators of a kind.

        Parameters
        ----------
        name
            Name of the table of accelerators.
        number
            Accelerators that share the model; their communication takes no time here, so that
            the time of several is a lower limit.
        compute
            Format of the products: ``bf16``, or ``int8`` for products in 8 bits of any kind.

        Raises
        ------
        DataError
            The table has no such accelerator.
        ValueError
            It has no peak in the format, or the number is not positive.
        """
        if number < 1:
            raise ValueError(f"{number} accelerators; the number must be 1 or more")
        kind = accelerator(name)
        return cls(
            name=kind.name if number == 1 else f"{number} {kind.name}",
            peak=kind.peak(compute) * number * COMPUTE_SHARE,
            bandwidth=kind.bandwidth * number * BANDWIDTH_SHARE,
            memory_bytes=kind.memory_bytes * number,
            layer_seconds=LAYER_SECONDS,
            watts=None if kind.watts is None else kind.watts * number,
        )

    @classmethod
    def of_cores(
        cls, flags: Collection[str], cores: float, memory_bytes: float, *, compute: str = "int8"
    ) -> Self:
        """Return a machine without accelerators by the flags of its processor.

        Parameters
        ----------
        flags
            Those of the processor, as `Machine` names them.
        cores
            Number of cores.
        memory_bytes
            Bytes of memory.
        compute
            Format of the products: ``fp32``, ``bf16`` or ``int8``.
        """
        family = core_family(flags)
        return cls(
            name=f"{cores:g} cores with {family.name}",
            peak=family.peak(compute, cores) * COMPUTE_SHARE,
            bandwidth=family.bandwidth * cores * BANDWIDTH_SHARE,
            memory_bytes=memory_bytes,
        )

    @classmethod
    def of_instance(cls, kind: InstanceType, *, compute: str | None = None) -> Self:
        """Return the machine of an instance type: its accelerators, or its cores without any.

        `compute` is ``bf16`` on accelerators and ``int8`` on cores unless it is given.
        """
        if kind.accelerator is not None:
            number = kind.accelerators
            made = cls.of_accelerator(kind.accelerator, number, compute=compute or "bf16")
        else:
            made = cls.of_cores(
                kind.flags, kind.cores, kind.memory_bytes, compute=compute or "int8"
            )
        return replace(made, name=f"{kind.provider} {kind.name}")


@dataclass(frozen=True)
class Decoder:
    """A language model as it is loaded.

    Attributes
    ----------
    shape
        Its shape.
    weights
        Format of the weights, one of `WEIGHT_BYTES`.
    cache
        Format of the cached keys and values, one of `WEIGHT_BYTES`.
    """

    shape: EncoderShape
    weights: str = "bf16"
    cache: str = "bf16"

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights."""
        return self.shape.weight_bytes(self.weights)

    @property
    def read_bytes(self) -> float:
        """Bytes of the weights that each token reads: all but the embeddings of other tokens."""
        if self.shape.head == "tied":
            return self.weight_bytes
        return self.weight_bytes - self.shape.embedding_parameters * WEIGHT_BYTES[self.weights]

    def cache_bytes(self, tokens: int) -> float:
        """Return the bytes of the keys and values of one text."""
        return self.shape.kv_bytes(tokens) * WEIGHT_BYTES[self.cache] / WEIGHT_BYTES["bf16"]


def prefill_seconds(
    decoder: Decoder, machine: DecoderMachine, tokens: int, batch: int = 1
) -> float:
    """Return the time to read prompts, up to the first generated token.

    Parameters
    ----------
    decoder, machine
        The model and its machine.
    tokens
        Tokens of each prompt.
    batch
        Number of prompts.
    """
    shape = decoder.shape
    scores = 2.0 * shape.vocabulary * shape.width  # of the last token alone
    operations = batch * (shape.operations(tokens) + scores)
    nbytes = decoder.read_bytes + batch * decoder.cache_bytes(tokens)
    return _seconds(decoder, machine, operations, nbytes)


def step_seconds(decoder: Decoder, machine: DecoderMachine, context: int, batch: int = 1) -> float:
    """Return the time to generate the next token of each text of a batch.

    Parameters
    ----------
    decoder, machine
        The model and its machine.
    context
        Tokens of each text so far.
    batch
        Number of texts.
    """
    operations = batch * decoder.shape.next_token_operations(context)
    nbytes = decoder.read_bytes + batch * decoder.cache_bytes(context)
    return _seconds(decoder, machine, operations, nbytes)


def generation_seconds(
    decoder: Decoder, machine: DecoderMachine, prompt: int, generated: int, batch: int = 1
) -> float:
    """Return the time of a batch of texts from their prompts to their last token.

    Parameters
    ----------
    decoder, machine
        The model and its machine.
    prompt, generated
        Tokens of each prompt, and tokens generated after it.
    batch
        Number of texts.

    Raises
    ------
    ValueError
        A number is negative, or the batch is empty.
    """
    if prompt < 0 or generated < 0 or batch < 1:
        raise ValueError(
            f"prompt of {prompt} tokens, {generated} generated, batch of {batch}; tokens must be "
            "0 or more and the batch 1 or more"
        )
    total = prefill_seconds(decoder, machine, prompt, batch) if prompt else 0.0
    points = min(generated, _POINTS)
    for point in range(points):
        context = prompt + int((point + 0.5) * generated / points)
        total += step_seconds(decoder, machine, context, batch) * generated / points
    return total


def largest_batch(decoder: Decoder, machine: DecoderMachine, tokens: int) -> int:
    """Return the number of texts whose cache fits into the memory beside the weights.

    Parameters
    ----------
    decoder, machine
        The model and its machine.
    tokens
        Tokens of each text at its end.

    Raises
    ------
    BudgetError
        Not one text fits.
    """
    free = MEMORY_SHARE * machine.memory_bytes - decoder.weight_bytes
    each = decoder.cache_bytes(max(tokens, 1))
    batch = int(free / each)
    if batch < 1:
        needed, present = (decoder.weight_bytes + each) / MEMORY_SHARE, machine.memory_bytes
        raise BudgetError(
            f"{decoder.shape.name} in {decoder.weights} needs {needed / 1e9:.1f} GB for weights "
            f"and one text of {tokens:,} tokens; {machine.name} has {present / 1e9:.1f} GB. Take a "
            "smaller format of the weights or more memory"
        )
    return batch


def fastest_batch(
    decoder: Decoder,
    machine: DecoderMachine,
    prompt: int,
    generated: int,
    *,
    objective: float | None = None,
) -> tuple[int, float]:
    """Return the batch with the most texts a second, and the seconds that it takes.

    Parameters
    ----------
    decoder, machine
        The model and its machine.
    prompt, generated
        Tokens of each prompt, and tokens generated after it.
    objective
        Most seconds that a batch may take; None for no limit.

    Raises
    ------
    BudgetError
        Not one text fits into the memory, or one text alone takes longer than the objective.
    """
    most = min(largest_batch(decoder, machine, prompt + generated), _MAX_BATCH)
    batches = [2**power for power in range(most.bit_length()) if 2**power < most] + [most]
    times = {n: generation_seconds(decoder, machine, prompt, generated, n) for n in batches}
    within = {n: t for n, t in times.items() if objective is None or t <= objective}
    if not within:
        raise BudgetError(
            f"{decoder.shape.name} on {machine.name} takes {times[1]:.3g} s for {prompt:,} tokens "
            f"and {generated:,} generated, more than {objective:.3g} s: generate fewer tokens, or "
            "take a smaller model, a smaller format or more bandwidth"
        )
    best = max(within, key=lambda n: n / within[n])
    return best, within[best]


def _seconds(decoder: Decoder, machine: DecoderMachine, operations: float, nbytes: float) -> float:
    least = roofline(operations, nbytes, peak=machine.peak, bandwidth=machine.bandwidth)
    return least + machine.layer_seconds * decoder.shape.layers

"""The time of a text in an encoder on an accelerator, from its data sheet."""

from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.planning.accelerators import roofline
from pennyweight.planning.decoding import MEMORY_SHARE, DecoderMachine
from pennyweight.planning.encoder_shape import EncoderShape

__all__ = ["accelerated_text_seconds", "fits_accelerator"]

BATCH = 256  # texts
WEIGHTS = "bf16"
STATE_BYTES = 2  # of an activation, which a layer writes and reads


def accelerated_text_seconds(
    shape: EncoderShape, tokens: float, accelerator: str, number: int = 1
) -> float:
    """Return the seconds of a text in batches, in 16 bits, without tokenization.

    Operations and bytes by the share of the published peaks that servers of language models
    reach (`decoding`), and the time to start each layer; not measured on encoders.

    Parameters
    ----------
    shape
        Of the encoder.
    tokens
        Of the text; more than an encoder reads are cut off.
    accelerator, number
        Kind and number of the accelerators.

    Raises
    ------
    DataError
        The accelerator has no published peaks.
    """
    machine = DecoderMachine.of_accelerator(accelerator, number)
    read = round(max(3, min(tokens + 2, READ_TOKENS, shape.max_tokens)))
    states = BATCH * read * shape.layers * (6 * shape.width + 2 * shape.intermediate)
    nbytes = shape.weight_bytes(WEIGHTS) + 2 * STATE_BYTES * states
    operations = BATCH * shape.operations(read)
    batch = roofline(operations, nbytes, peak=machine.peak, bandwidth=machine.bandwidth)
    return (batch + shape.layers * machine.layer_seconds) / BATCH


def fits_accelerator(shape: EncoderShape, accelerator: str, number: int = 1) -> bool:
    """Return whether the memory of accelerators holds the weights of an encoder in 16 bits."""
    machine = DecoderMachine.of_accelerator(accelerator, number)
    return shape.weight_bytes(WEIGHTS) <= MEMORY_SHARE * machine.memory_bytes

"""Predicted speed of language models on accelerators beside published measurements.

    python benchmarks/decoders.py [--json FILE]

The measurements are those of TensorRT-LLM 0.5 and 0.6.1 by NVIDIA
(https://github.com/NVIDIA/TensorRT-LLM, docs/source/performance.md): static batches, products in
8 bits on H100 and L40S and in 16 bits on A100. The prediction reads the configs of the models and
the data sheets of the accelerators. Its three constants are fitted on LLaMA 7B on one accelerator.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pennyweight.planning.decoding import (
    Decoder,
    DecoderMachine,
    generation_seconds,
    prefill_seconds,
)
from pennyweight.planning.encoder_shape import EncoderShape

LLAMA = {"model_type": "llama", "vocab_size": 32000, "max_position_embeddings": 4096}
CONFIGS = {
    "LLaMA 7B": LLAMA
    | {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
    | {"intermediate_size": 11008},
    "LLaMA 70B": LLAMA
    | {"hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64}
    | {"num_key_value_heads": 8, "intermediate_size": 28672},
    # As GPT-2 but for the places of its tokens, which take no operations.
    "GPT-J 6B": {"model_type": "gpt2", "vocab_size": 50400, "n_positions": 2048}
    | {"n_embd": 4096, "n_layer": 28, "n_head": 16},
}
H100, L40S, A100 = "H100", "L40S", "A100-80GB"
# Accelerator, model, accelerators, batch, tokens of the prompt and generated, tokens generated a
# second. NVIDIA gives those of H100 and A100 for each of the accelerators.
THROUGHPUT = (
    (H100, "GPT-J 6B", 1, 1024, 128, 128, 26150),
    (H100, "GPT-J 6B", 1, 120, 128, 2048, 8011),
    (H100, "GPT-J 6B", 1, 64, 2048, 128, 2551),
    (H100, "GPT-J 6B", 1, 64, 2048, 2048, 3327),
    (H100, "LLaMA 7B", 1, 768, 128, 128, 19694),
    (H100, "LLaMA 7B", 1, 112, 128, 2048, 6818),
    (H100, "LLaMA 7B", 1, 80, 2048, 128, 2244),
    (H100, "LLaMA 7B", 1, 48, 2048, 2048, 2740),
    (H100, "LLaMA 70B", 2, 1024, 128, 128, 2 * 2657),
    (H100, "LLaMA 70B", 4, 480, 128, 2048, 4 * 1486),
    (H100, "LLaMA 70B", 2, 96, 2048, 128, 2 * 306),
    (H100, "LLaMA 70B", 2, 64, 2048, 2048, 2 * 547),
    (L40S, "GPT-J 6B", 1, 64, 128, 128, 3630),
    (L40S, "GPT-J 6B", 1, 64, 128, 2048, 1859),
    (L40S, "GPT-J 6B", 1, 32, 2048, 128, 616),
    (L40S, "GPT-J 6B", 1, 32, 2048, 2048, 757),
    (L40S, "LLaMA 7B", 1, 64, 128, 128, 3240),
    (L40S, "LLaMA 7B", 1, 64, 128, 2048, 1622),
    (L40S, "LLaMA 7B", 1, 32, 2048, 128, 581),
    (L40S, "LLaMA 7B", 1, 16, 2048, 2048, 531),
    (A100, "GPT-J 6B", 1, 512, 128, 128, 6374),
    (A100, "GPT-J 6B", 2, 120, 128, 2048, 2 * 2192),
    (A100, "GPT-J 6B", 1, 60, 2048, 128, 670),
    (A100, "GPT-J 6B", 2, 64, 2048, 2048, 2 * 903),
    (A100, "LLaMA 7B", 1, 384, 128, 128, 5586),
    (A100, "LLaMA 7B", 1, 60, 128, 2048, 1928),
    (A100, "LLaMA 7B", 1, 52, 2048, 128, 591),
    (A100, "LLaMA 7B", 2, 64, 2048, 2048, 2 * 782),
    (A100, "LLaMA 70B", 4, 1280, 128, 128, 4 * 670),
    (A100, "LLaMA 70B", 4, 240, 128, 2048, 4 * 525),
    (A100, "LLaMA 70B", 4, 120, 2048, 128, 4 * 79),
)
# Accelerator, model, accelerators, tokens of the prompt, milliseconds to the first token.
FIRST_TOKEN = (
    (H100, "GPT-J 6B", 1, 128, 7),
    (H100, "GPT-J 6B", 1, 2048, 29),
    (H100, "LLaMA 7B", 1, 128, 7),
    (H100, "LLaMA 7B", 1, 2048, 36),
    (H100, "LLaMA 70B", 4, 128, 26),
    (H100, "LLaMA 70B", 4, 2048, 109),
    (L40S, "GPT-J 6B", 1, 128, 12),
    (L40S, "GPT-J 6B", 1, 2048, 71),
    (L40S, "LLaMA 7B", 1, 128, 14),
    (L40S, "LLaMA 7B", 1, 2048, 73),
    (A100, "GPT-J 6B", 1, 128, 12),
    (A100, "GPT-J 6B", 1, 2048, 129),
    (A100, "LLaMA 7B", 1, 128, 16),
    (A100, "LLaMA 7B", 1, 2048, 133),
    (A100, "LLaMA 70B", 4, 128, 47),
    (A100, "LLaMA 70B", 4, 2048, 377),
)


@dataclass(frozen=True)
class Prediction:
    """A published number and its prediction."""

    accelerator: str
    model: str
    number: int
    case: str
    quantity: str
    published: float
    predicted: float

    @property
    def error(self) -> float:
        """Share that the prediction is off."""
        return self.predicted / self.published - 1

    @property
    def group(self) -> str:
        """The rows that its error is counted with."""
        if self.number > 1:
            return "several accelerators"
        return "LLaMA 7B (fitted)" if self.model == "LLaMA 7B" else "GPT-J 6B (not fitted)"


def loaded(kind: str, model: str, number: int) -> tuple[Decoder, DecoderMachine]:
    """Return a model in the formats of the measurement, and its accelerators."""
    shape = EncoderShape.from_config(CONFIGS[model], model)
    dtype = "bf16" if kind == A100 else "int8"  # 8 bits: FP8, as fast as INT8
    decoder = Decoder(shape, weights=dtype, cache=dtype)
    return decoder, DecoderMachine.of_accelerator(kind, number, compute=dtype)


def predictions() -> list[Prediction]:
    """Predict every published number."""
    found = []
    for kind, model, number, batch, prompt, generated, published in THROUGHPUT:
        decoder, machine = loaded(kind, model, number)
        seconds = generation_seconds(decoder, machine, prompt, generated, batch)
        case = f"batch {batch}, {prompt} + {generated}"
        speed = batch * generated / seconds
        found.append(Prediction(kind, model, number, case, "tokens/s", published, speed))
    for kind, model, number, prompt, published in FIRST_TOKEN:
        decoder, machine = loaded(kind, model, number)
        latency = prefill_seconds(decoder, machine, prompt) * 1e3
        case = f"prompt of {prompt}"
        found.append(Prediction(kind, model, number, case, "ms", published, latency))
    return found


def summary(rows: list[Prediction]) -> list[dict[str, object]]:
    """Return the errors of each group: median and highest absolute percentage."""
    out: list[dict[str, object]] = []
    for quantity, name in (("tokens/s", "tokens a second"), ("ms", "time to the first token")):
        for group in ("LLaMA 7B (fitted)", "GPT-J 6B (not fitted)", "several accelerators"):
            errors = [
                abs(row.error) for row in rows if (row.quantity, row.group) == (quantity, group)
            ]
            out.append(
                {
                    "quantity": name,
                    "group": group,
                    "rows": len(errors),
                    "median": round(100 * float(np.median(errors)), 1),
                    "highest": round(100 * max(errors), 1),
                }
            )
    return out


def main() -> None:
    """Print each prediction and the errors of each group."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the errors to this file")
    arguments = parser.parse_args()
    rows = predictions()
    print("| accelerator | model | case | unit | published | predicted | error |")
    print("| --- | --- | --- | --- | --: | --: | --: |")
    for row in rows:
        print(
            f"| {row.number} {row.accelerator} | {row.model} | {row.case} | {row.quantity} "
            f"| {row.published:,.0f} | {row.predicted:,.0f} | {100 * row.error:+.0f} % |"
        )
    errors = summary(rows)
    print(
        "\n| quantity | rows | number | median error | highest |\n| --- | --- | --: | --: | --: |"
    )
    for line in errors:
        print(
            f"| {line['quantity']} | {line['group']} | {line['rows']} | {line['median']} % "
            f"| {line['highest']} % |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(errors, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

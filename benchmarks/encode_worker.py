"""Encodes for benchmarks/encode.py, in a separate process, perhaps in another environment.

    python benchmarks/encode_worker.py KIND MODEL THREADS

Each line of input is the path of a JSON list of texts, encoded together, or ``alone PATH``,
encoded one by one; each line of output is JSON: seconds, and the peak of memory so far. The
first line of output has the size of the encoder and the version of its package. KIND is
sentence-transformers (torch, which needs no package of ours), fp32, int8 or static.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

MAX_TOKENS = 256  # as the model's authors have it, for both
Encode = Callable[[list[str]], object]


def sentence_transformers(model: str, threads: int) -> tuple[Encode, int]:
    """Load the model as its users do, on torch in fp32."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(model, device="cpu")
    encoder.max_seq_length = MAX_TOKENS
    size = sum(p.numel() * p.element_size() for p in encoder.parameters())
    return lambda texts: encoder.encode(texts, normalize_embeddings=True), size


def ours(kind: str, model: str, threads: int) -> tuple[Encode, int]:
    """Load one of our encoders as a bundle would; the size is that of its files."""
    from pennyweight.encoders.registry import load_encoder
    from pennyweight.encoders.static import distil
    from pennyweight.encoders.transformer import TransformerEncoder
    from pennyweight.vectors.quantized_rows import QuantizedRows

    precision = "int8" if kind == "int8" else "fp32"
    encoder = TransformerEncoder.from_pretrained(
        model,
        precision=precision,  # type: ignore[arg-type]
        threads=threads,
        max_tokens=MAX_TOKENS,
    )
    if kind == "static":
        table = distil(encoder)
        packed = QuantizedRows.of(table.table, "int8", by_row=True)
        encoder = table.with_table(packed, name=table.name)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        encoder.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        loaded = load_encoder(encoder.kind, Path(folder))
        if isinstance(loaded, TransformerEncoder):
            loaded.threads = threads
        loaded.encode(["a text, so that the session is built before the folder goes"])
    return loaded.encode, size


def peak_memory() -> int:
    """Return the most bytes that were resident; getrusage would count the parent's before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024


def main() -> None:
    """Load, then answer until the input ends."""
    kind, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    load = sentence_transformers if kind == "sentence-transformers" else None
    encode, size = load(model, threads) if load else ours(kind, model, threads)
    encode(["a first text, which builds the session"])
    package = kind if load else "pennyweight"
    first = {"bytes": size, "version": version(package)}
    print(json.dumps(first), file=answers, flush=True)
    for line in sys.stdin:
        alone, _, path = line.strip().rpartition(" ")
        texts = json.loads(Path(path).read_text(encoding="utf-8"))
        started = time.perf_counter()
        for part in [[text] for text in texts] if alone else [texts]:
            encode(part)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "peak": peak_memory()}), file=answers, flush=True)


if __name__ == "__main__":
    main()

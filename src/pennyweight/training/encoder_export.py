"""Export of a language model to a graph that needs no torch, checked against the original."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from pennyweight.bundle.recovery import sweep
from pennyweight.encoders.exported_folder import (
    GRAPH,
    TOKENIZER,
    Description,
    ExportedFolder,
    is_exported,
)
from pennyweight.encoders.graph_check import TEXTS
from pennyweight.encoders.graph_check import agreement as compared
from pennyweight.encoders.graph_quantization import GraphFile, quantize_within
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.tokens import TokenLists, load_tokenizer, special_ids, tokenize
from pennyweight.encoders.weights import stored_prompts
from pennyweight.errors import DataError, MissingExtraError
from pennyweight.machine.machine import usable_cores
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.progress.update import Progress
from pennyweight.storage.files import write_atomic
from pennyweight.storage.folders import replace_directory, staging
from pennyweight.training.original_model import OriginalModel, quiet
from pennyweight.training.sentence_model import SentenceModel
from pennyweight.training.threads import torch_threads

try:
    import onnxscript  # noqa: F401  # the exporter of torch imports it
    import torch
except ImportError as error:
    raise MissingExtraError("exporting an encoder", "train") from error

__all__ = ["MAX_DIFFERENCE", "export_encoder"]

MAX_DIFFERENCE = 1e-4  # of a component of unit vectors in fp32
OPSET = 18
LONGEST = 512  # tokens of a text that is compared
MIN_TEXTS = 6  # with tokens that the model knows, to compare int8 on them alone
LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)


def export_encoder(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    precision: Precision = "fp32",
    layers: int | None = None,
    pooling: str | None = None,
    max_tokens: int | None = None,
    progress: Progress = True,
) -> ExportedFolder:
    """Export a model to a folder that `ExportedEncoder.open` reads.

    The vectors of texts and of random tokens must agree with those of transformers, or nothing
    is written. An exported encoder that is there is replaced.

    Parameters
    ----------
    source
        A model in the Hugging Face layout.
    out
        The folder to write.
    name
        The name of the model, by default that of the folder.
    precision
        ``int8`` for 8-bit matrices and token vectors.
    layers
        How many of the first layers to keep; by default all.
    pooling
        How token states become one vector; by default as the folder says, and without a word
        of it the mean for encoders and the last token for decoders.
    max_tokens
        Longest text in tokens; by default the model's limit, or 512.

    Raises
    ------
    DataError
        The model is damaged, of another family, or does not agree with its graph; or `out` is
        something else.
    PlanError
        An argument that the model does not allow.
    """
    out = out.resolve()
    if out.exists() and not (out.is_dir() and (is_exported(out) or not any(out.iterdir()))):
        raise DataError(f"{out}: exists and is no exported encoder; choose another place")
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out)
    name = name or source.resolve().name
    stages = ("read the model", "export", "compare", *(("quantize",) * (precision == "int8")))
    with tracked(progress) as tracker, staging(out) as new, torch_threads(usable_cores()):
        tracker.expect(map(ExpectedStage, stages))
        tracker(stages[0])
        model = OriginalModel.open(source, layers=layers, pooling=pooling, max_tokens=max_tokens)
        prompts = stored_prompts(source, name)
        tracker(stages[1])
        _write_graph(model.sentences, new / GRAPH)
        write_atomic(new / TOKENIZER, model.tokenizer.to_str().encode())
        samples = Samples.of(model, lambda done, total: tracker(stages[2], done, total))
        agreement = compared(new / GRAPH, samples.ids, samples.expected)
        if agreement.largest_difference > MAX_DIFFERENCE:
            raise DataError(
                f"the graph of {source} does not agree with the original: a component differs "
                f"by {agreement.largest_difference:.1g}, more than {MAX_DIFFERENCE:.0e}; "
                "nothing was written. Please report it with the name of the model"
            )
        if precision == "int8":
            tracker(stages[3])
            texts = samples.of_texts()
            try:
                agreement = quantize_within(new / GRAPH, texts.ids, texts.expected)
            except DataError as error:
                raise DataError(f"{source}: {error}; nothing was written") from error
        description = Description(
            source=name,
            model_type=model.model_type,
            layers=model.layers,
            vocabulary=model.vocabulary,
            dim=samples.expected.shape[1],
            pooling=model.pooling,
            query_prompt=prompts.query,
            document_prompt=prompts.document,
            max_tokens=model.max_tokens,
            precision=precision,
            agreement=agreement,
            files={},
        )
        ExportedFolder.write(new, description)
        replace_directory(new, out)
    return ExportedFolder.open(out)


@dataclass(frozen=True)
class Samples:
    """Token sequences, and the vectors that the original has for them.

    Attributes
    ----------
    ids
        Those of texts, then random ones.
    texts
        How many are of texts.
    expected
        Unit vectors, float32 (len(ids), dim), each computed alone and without padding.
    """

    ids: TokenLists
    texts: int
    expected: NDArray[np.float32]

    @classmethod
    def of(cls, model: OriginalModel, progress: Callable[[int, int], None]) -> "Samples":
        """Compute the vectors of the original."""
        tokenizer = load_tokenizer(model.tokenizer.to_str(), max_tokens=model.max_tokens)
        special = special_ids(tokenizer)
        ids = [row for row in tokenize(tokenizer, TEXTS, special=True) if set(row) - {*special}]
        texts = len(ids)
        rng, limit = np.random.default_rng(0), min(LONGEST, model.max_tokens)
        plain = np.setdiff1d(np.arange(model.vocabulary), special)
        for length in (*(n for n in LENGTHS if n < limit), limit):
            ids.append(rng.choice(plain, length).tolist())
        rows = []
        for done, row in enumerate(ids):
            progress(done, len(ids))
            tensor = torch.tensor([row], dtype=torch.int32)
            with torch.inference_mode():
                rows.append(model.sentences(tensor, torch.ones_like(tensor))[1].numpy()[0])
        return cls(ids, texts, np.array(rows, np.float32))

    def of_texts(self) -> "Samples":
        """Return the samples that are texts, if enough of them have tokens of the model."""
        if self.texts < MIN_TEXTS:
            return self
        return Samples(self.ids[: self.texts], self.texts, self.expected[: self.texts])


def _write_graph(sentences: SentenceModel, path: Path) -> None:
    """Export a model; texts and tokens of a batch may be of any number."""
    ids = torch.ones((3, 11), dtype=torch.int32)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with quiet(), TemporaryDirectory(dir=path.parent) as folder, torch.inference_mode():
        try:
            program = torch.onnx.export(
                sentences,
                (ids, mask),
                dynamo=True,
                dynamic_shapes=(any_size, any_size),
                input_names=["ids", "mask"],
                output_names=["pooled", "unit"],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter has many classes
            first = str(error).strip().partition("\n")[0]
            raise DataError(f"torch cannot export the model ({first})") from error
        assert program is not None  # with dynamo
        raw = Path(folder) / "raw.onnx"
        program.save(str(raw), external_data=True)
        graph = GraphFile.read(raw)
        graph.strip()
        graph.write(path)

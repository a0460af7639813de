"""`encoder`: language models that encode texts: export, list, describe and compare them."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.options import READING, Options, spread
from pennyweight.cli.output import command_line, dump, say
from pennyweight.cli.output_paths import Place, file_place, folder_place
from pennyweight.cli.progress import show_progress
from pennyweight.errors import DataError, PlanError
from pennyweight.formatting import aligned, size
from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    from pennyweight.config.plan import Plan
    from pennyweight.data.catalog import Catalog
    from pennyweight.data.interactions import Interactions
    from pennyweight.encoders.protocol import Encoder

__all__ = ["add", "compare", "listed", "show"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A folder, a Hugging Face id or minilm.")
]
OPTIONS = (*(name for name in READING if name != "encoder"), "repeats")
SAMPLES = (
    "Waterproof running shoes for women, size 38, blue",
    "Stainless steel water bottle, 750 ml, keeps drinks cold for 24 hours",
    "Handmade leather wallet with a zip",
)
WITHOUT_MODEL = {  # encoders that are made of the texts at the fit
    "tfidf": "it learns the words of your items at the fit",
    "bow": "it learns the words of your items at the fit",
    "word2vec": "it learns the words of your items at the fit",
    "static": "its table is distilled from minilm at the fit",
    "auto": "it is static or tfidf, whichever does better at the fit,",
}
NO_CHECKPOINT = "no: the model can only run; prune or train the model it was made from"


def add(
    model: Name,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the exported encoder.")],
    precision: Annotated[
        Literal["fp32", "int8"], typer.Option(help="int8: 8-bit matrices and token vectors.")
    ] = "fp32",
    layers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Keep only the first N layers.")
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mean, cls, max, mean_sqrt_len, weightedmean or lasttoken. Default: as the "
            "model says, otherwise mean for encoders and lasttoken for decoders.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=3, help="Truncate texts to N tokens. Default: 512 or less."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an exported encoder.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Export a language model to run without torch; needs the extra train."""
    _check_can_be_exported(model)
    place = _encoder_place(out, overwrite=overwrite)
    from pennyweight.encoders.weights import find_folder
    from pennyweight.training.encoder_export import export_encoder

    with keeping(place.outcome), show_progress(quiet=quiet) as progress:
        progress(ProgressUpdate("find the model"))
        folder, name = find_folder(None if model == "minilm" else model)
        exported = export_encoder(
            folder,
            out,
            name=name,
            precision=precision,
            layers=layers,
            pooling=pooling,
            max_tokens=max_tokens,
            progress=progress,
        )
    described = exported.description
    if json:
        dump({**described.model_dump(mode="json"), "folder": str(out), "bytes": exported.nbytes})
        return
    agreement = described.agreement
    say(
        f"saved {out}: {described.source}, {described.model_type}, {described.layers} layers, "
        f"{described.dim} components, {described.precision}, {size(exported.nbytes)}"
    )
    say(
        f"compared with the original on {agreement.texts} texts: cosine "
        f"{agreement.lowest_cosine:.4f} or more"
    )
    say(f"next: pennyweight fit ITEMS EVENTS --encoder {out} --out BUNDLE")


def _check_can_be_exported(model: str) -> None:
    """Raise `PlanError` for encoders without a model to export, with the command to use them."""
    from pennyweight.encoders.endpoint_client import is_endpoint
    from pennyweight.encoders.gguf_header import is_gguf

    options = f"--encoder {model}"
    if is_endpoint(model):
        reason = "a model at a server cannot be exported; it is used there"
        options += " --encoder-model NAME"
    elif is_gguf(model):
        reason = "a GGUF file runs as it is, without an export"
    elif model in WITHOUT_MODEL:
        reason = f"{WITHOUT_MODEL[model]} and needs no export"
    else:
        return
    raise PlanError(f"{model}: {reason}: pennyweight fit ITEMS EVENTS {options} --out BUNDLE")


def _check_can_be_shown(model: str) -> None:
    """Raise `PlanError` for encoders without files, with the command that measures them."""
    from pennyweight.encoders.endpoint_client import is_endpoint

    reason = WITHOUT_MODEL.get(model)
    if is_endpoint(model):
        reason = "a model at a server has no files here"
    if reason is not None:
        raise PlanError(f"{model}: {reason}; measure it on your data: {_evaluation(model)}")


def _evaluation(model: str) -> str:
    """Return the command that measures a fit with an encoder."""
    from pennyweight.encoders.endpoint_client import is_endpoint

    name = " --encoder-model NAME" if is_endpoint(model) else ""
    return f"pennyweight evaluate ITEMS EVENTS --encoder {model}{name}"


def _encoder_place(out: Path, *, overwrite: bool) -> Place:
    from pennyweight.encoders.exported_folder import is_exported

    if out.exists() and not overwrite and (out.is_file() or any(out.iterdir())):
        remedy = "--overwrite replaces it" if is_exported(out) else "choose another place"
        raise DataError(f"{out}: exists; {remedy}")
    return folder_place(out)


def listed(json: Json = False) -> None:
    """List the encoders on this machine."""
    from pennyweight.fitting.encoder_inventory import encoder_kinds, find_encoders

    encoders, kinds = find_encoders(), encoder_kinds()
    if json:
        dump({"encoders": [encoder.model_dump() for encoder in encoders], "kinds": list(kinds)})
        return
    rows = [("encoder", "state", "family", "runs", "size", "folder")]
    rows += [(e.name, e.state, e.family, e.runs, size(e.nbytes), e.folder) for e in encoders]
    say("\n".join(aligned(rows)) if encoders else "no language model is on this machine")
    if encoders:
        say(
            "\n--encoder takes the name of a model that is installed or downloaded, and the folder "
            "of one that is exported; tables are those of --encoder static"
        )
    say(f"\nkinds: {', '.join(kinds)}")


def show(model: Name, json: Json = False) -> None:
    """Describe an encoder: family, size, prompts, speed on this machine."""
    _check_can_be_shown(model)
    from pennyweight.fitting.encoder_comparison import texts_per_second
    from pennyweight.fitting.pretrained import open_pretrained

    encoder = open_pretrained(model)
    facts = {
        **_facts(encoder),
        "texts per second": round(texts_per_second(encoder.encode, SAMPLES)),
    }
    if json:
        dump({name.replace(" ", "_"): value for name, value in facts.items()})
        return
    cells = {**facts, "bytes": size(int(facts["bytes"]))}
    say("\n".join(aligned([(name, str(value)) for name, value in cells.items()])))


def _facts(encoder: "Encoder") -> dict[str, Any]:
    model, prompts = encoder.language_model, encoder.prompts
    facts: Mapping[str, str | int] = encoder.facts
    changes = "yes" if model is not None and model.weights is not None else NO_CHECKPOINT
    return {
        "name": encoder.name,
        "kind": encoder.kind,
        **facts,
        "dim": encoder.dim,
        "max tokens": None if model is None else model.max_tokens,
        "bytes": encoder.nbytes,
        "query prompt": prompts.query,
        "document prompt": prompts.document,
        "pruning and training": changes,
    }


@functools.partial(spread, only=OPTIONS)
def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|DIR…",
            help="Encoders, the first is the reference: folders, ids, tfidf, static, minilm.",
        ),
    ],
    settings: Options,
    items: Annotated[Path, typer.Option(metavar="ITEMS", help="The item catalog.")],
    events: Annotated[
        Path | None,
        typer.Option(metavar="EVENTS", help="The event log; without it, quality is not measured."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the result as a page.")
    ] = None,
) -> None:
    """Compare encoders on your items: speed, size, neighbors, NDCG@10 of content."""
    plan = settings.to_plan()
    place = file_place(html, items, *(() if events is None else (events,)))
    if len(set(models)) < len(models):
        raise PlanError("an encoder is named twice; name each once")
    for model in models:
        _check_can_be_compared(model)
    from pennyweight.fitting.encoder_comparison import compare_encoders
    from pennyweight.reports import comparison_page
    from pennyweight.storage.files import write_atomic

    with keeping(place.outcome), show_progress(quiet=settings.quiet) as progress:
        progress(ProgressUpdate("read"))
        catalog, log = _read(items, events, plan)
        result = compare_encoders(models, catalog, log, plan, progress=progress)
        if html is not None:
            write_atomic(html, comparison_page(result, commands=[command_line()]).encode())
    say(result.to_json().rstrip() if settings.json else result.table())
    if html is not None and not settings.json:
        say(f"\npage: {html}")


def _check_can_be_compared(model: str) -> None:
    """Raise `PlanError` for encoders that `compare` does not make."""
    from pennyweight.encoders.endpoint_client import is_endpoint

    if is_endpoint(model) or model in ("auto", "bow", "word2vec"):
        raise PlanError(
            f"{model}: compare takes folders, GGUF files, ids, tfidf, static and minilm; measure "
            f"this one in a fit: {_evaluation(model)}"
        )


def _read(items: Path, events: Path | None, plan: "Plan") -> "tuple[Catalog, Interactions | None]":
    if events is None:
        from pennyweight.data.items_alone import read_items

        return read_items(items, plan.data), None
    from pennyweight.data.dataset import read_planned

    data = read_planned(items, events, plan.data, seed=plan.evaluate.seed)
    return data.catalog, data.interactions

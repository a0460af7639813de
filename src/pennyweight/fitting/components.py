"""The components of a blend from the scorers that a plan names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pennyweight.config.plan import ScorersPlan
from pennyweight.data.split import Protocol
from pennyweight.errors import DataError, PlanError, did_you_mean
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.encoder_choice import Encoders, check_encoder
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.protocol import Scorer, Setting
from pennyweight.scorers.registry import scorer_type

__all__ = [
    "BY_TIME",
    "DEFAULT",
    "TRAINERS",
    "Component",
    "build_components",
    "build_context",
    "components_of",
]

DEFAULT = ("popularity", "content", "neighbors", "linear", "tower")
OF_TIME, OF_REPEATS = "novelty", "repeat-consumption"  # added where they say something
BY_TIME = ("global-time", "given-split")
KIND, ENCODER = "kind", "encoder"  # keys of a scorer's table besides its settings
NUMBERED = re.compile(r"(.+)-\d+")


@dataclass(frozen=True)
class Component:
    """A scorer that a blend is to have.

    Attributes
    ----------
    id
        Its name in the blend.
    type
        Class of the scorer.
    settings
        Those that the plan gives.
    encoder
        Name of its encoder; None for that of the plan.
    scorer
        The scorer itself, where it was given as an object.
    """

    id: str
    type: type[Scorer]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    encoder: str | None = None
    scorer: Scorer | None = None

    @property
    def has_own_encoder(self) -> bool:
        """Whether it does not depend on the encoder of the plan."""
        return self.encoder is not None or self.scorer is not None


def components_of(
    plan: ScorersPlan,
    protocol: Protocol | None,
    repeats: Repeats | None,
    objects: Mapping[str, Scorer] | None = None,
) -> tuple[Component, ...]:
    """Return the components to fit.

    By default popularity, content, neighbors, linear and tower; novelty where the protocol cuts
    by time (see `Novelty`), and repeat-consumption where items may be recommended again.

    Parameters
    ----------
    protocol, repeats
        None while undecided.
    objects
        Scorers passed as objects, by their id in the plan.

    Raises
    ------
    PlanError
        A name or a setting is unknown; names the nearest.
    """
    names: Iterable[str] = plan.names
    if isinstance(plan.names, str):
        by_time = (OF_TIME,) if protocol in BY_TIME else ()
        names = (*DEFAULT, *by_time, *((OF_REPEATS,) if repeats == "include" else ()))
    ids = tuple(dict.fromkeys(names))
    optional = (OF_TIME, OF_REPEATS) if isinstance(plan.names, str) else ()
    for name in plan.settings:
        if name not in (*ids, *optional):
            raise PlanError(
                f"scorers.{name}: no scorer of this id is fitted"
                f"{did_you_mean(name, (*ids, *optional))}; name it in scorers.names (--scorers)"
            )
    components, objects_by_id = [], objects or {}
    for name in ids:
        scorer = objects_by_id.get(name)
        if scorer is None:
            components.append(_component(name, plan.settings.get(name, {})))
        elif name in plan.settings:
            raise PlanError(f"scorers.{name}: is an object; give it its settings when it is made")
        else:
            components.append(Component(name, type(scorer), scorer=scorer))
    return tuple(components)


def _component(name: str, table: Mapping[str, Setting]) -> Component:
    numbered = NUMBERED.fullmatch(name)
    kind = scorer_type(str(table.get(KIND, numbered[1] if numbered else name)))
    settings = {key: value for key, value in table.items() if key not in (KIND, ENCODER)}
    encoder = table.get(ENCODER)
    if encoder is not None:
        if not kind.takes_encoder:
            raise PlanError(f"scorers.{name}.encoder: a {kind.kind} scorer takes no encoder")
        check_encoder(str(encoder))
    _check_settings(name, kind, settings)
    return Component(name, kind, settings, None if encoder is None else str(encoder))


def _check_settings(name: str, kind: type[Scorer], settings: Mapping[str, Setting]) -> None:
    defaults = kind.setting_defaults()
    for key, value in settings.items():
        if key not in defaults:
            valid = (*defaults, KIND, *((ENCODER,) if kind.takes_encoder else ()))
            raise PlanError(
                f"scorers.{name}: unknown key {key!r}{did_you_mean(key, valid)} Valid here: "
                f"{', '.join(valid)}"
            )
        expected = type(defaults[key])
        integer = expected is float and type(value) is int
        if type(value) is not expected and not integer:
            raise PlanError(f"scorers.{name}.{key} = {value!r}: must be {_WORDS[expected]}")


_WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


def build_context(
    encoders: Encoders, built: Mapping[str, Scorer], *, repeats: Repeats, seed: int
) -> BuildContext:
    """Return the context that scorers are built in."""
    return BuildContext(
        encoders.content, encoders.table, repeats == "include", seed, built, trainers=TRAINERS
    )


def build_components(
    components: Sequence[Component],
    encoders: Encoders,
    *,
    repeats: Repeats,
    seed: int,
    own_encoders: Mapping[str, Encoders] | None = None,
    shared: Mapping[str, Scorer] | None = None,
) -> dict[str, Scorer]:
    """Return the scorers, not yet fitted, by id and in the order they are to be fitted.

    Those that start from item vectors of others come last. Those that cannot be built from these
    encoders, such as a tower over texts without a word, are left out.

    Parameters
    ----------
    own_encoders
        Encoders of single components, by name.
    shared
        Scorers that exist already.

    Raises
    ------
    MissingExtraError
        The sequence scorer is asked for and torch is not installed.
    DataError
        No scorer is left.
    """
    scorers: dict[str, Scorer] = {}
    for component in sorted(components, key=lambda spec: spec.type.needs_item_vectors):
        if component.scorer is not None:
            scorers[component.id] = component.scorer
            continue
        chosen = (own_encoders or {})[component.encoder] if component.encoder else encoders
        fitted = {**(shared or {}), **scorers}
        context = build_context(chosen, fitted, repeats=repeats, seed=seed)
        if component.type.can_be_built(context):
            scorers[component.id] = component.type.build(component.settings, context)
    if not scorers:
        raise DataError("no scorer can be fitted: the tower needs texts with words in them")
    return scorers


def _sequence_trainer() -> Any:  # noqa: ANN401 - of the extra
    from pennyweight.training.sequence import train_sequence  # needs the extra

    return train_sequence


TRAINERS = {"sequence": _sequence_trainer}

"""The profile of a machine: the seconds that each kind of work takes on it."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field, ValidationError

from pennyweight.config.frozen import FrozenModel, refusal
from pennyweight.errors import PlanError
from pennyweight.machine.machine import Machine
from pennyweight.planning.encoding_probe import ENCODING_TERMS
from pennyweight.planning.list_shape import LIST_TERMS
from pennyweight.storage.files import cache_folder, write_atomic

__all__ = [
    "PROFILE_VERSION",
    "MachineProfile",
    "default_profile",
    "reference_profile",
    "usable_profile",
]

PROFILE_VERSION: Literal[1] = 1

PRECISIONS = ("fp32", "int8")
TOKENS = ("tokenizer", "static", "tfidf")

Positive = Annotated[float, Field(gt=0)]
Seconds = Annotated[float, Field(ge=0)]
Terms = dict[str, Seconds]


class MachineProfile(FrozenModel):
    """Processor seconds of the parts of encoding, lists and requests on one machine.

    Attributes
    ----------
    cpu, flags, cores, memory_bytes
        Of the machine, as `Machine` has them.
    measured
        Day of the measurement, ISO 8601.
    pennyweight
        Version that measured.
    encoding
        By precision: seconds of each of `ENCODING_TERMS` on one thread.
    thread_speedup
        Speed of encoding on all cores relative to one thread.
    token_seconds
        Of one token: ``tokenizer``, and of the encoders without a transformer ``static`` and
        ``tfidf``, tokenization included.
    lists
        Seconds of each of `LIST_TERMS`.
    route_seconds, list_overhead_seconds, event_seconds
        Of a request that does nothing; of a list beside its scores; of an event.
    base_bytes
        Memory of a service without items.
    matrix_gflops, memory_gigabytes_per_second
        Of products of matrices in float32 on one thread, and of reading.
    errors
        Median absolute relative error of the fit: ``encoding fp32``, ``encoding int8``, ``lists``.
    """

    format_version: Literal[1] = PROFILE_VERSION
    cpu: str
    flags: tuple[str, ...]
    cores: Annotated[int, Field(ge=1)]
    memory_bytes: Annotated[int, Field(gt=0)]
    measured: str
    pennyweight: str
    encoding: dict[str, Terms]
    thread_speedup: Positive
    token_seconds: Terms
    lists: Terms
    route_seconds: Positive
    list_overhead_seconds: Seconds
    event_seconds: Positive
    base_bytes: Annotated[int, Field(gt=0)]
    matrix_gflops: Positive
    memory_gigabytes_per_second: Positive
    errors: dict[str, Annotated[float, Field(ge=0)]]

    @classmethod
    def from_toml(cls, path: Path) -> "MachineProfile":
        """Read a profile.

        Raises
        ------
        PlanError
            The file cannot be read, or is no profile; the message names file and key.
        """
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PlanError(f"{path}: not TOML: {error}") from error
        if table.get("format_version", PROFILE_VERSION) != PROFILE_VERSION:
            raise PlanError(
                f"{path}: format version {table['format_version']!r}, this version of pennyweight "
                f"reads {PROFILE_VERSION}: run `pennyweight calibrate` again"
            )
        try:
            profile = cls.model_validate(table)
        except ValidationError as error:
            raise PlanError(refusal(error, cls, str(path))) from None
        profile._check_terms(str(path))
        return profile

    def _check_terms(self, source: str) -> None:
        """Raise `PlanError` where a term that this version counts was not measured."""
        lacking = [f"lists.{name}" for name in LIST_TERMS if name not in self.lists]
        for precision in PRECISIONS:
            terms = self.encoding.get(precision, {})
            lacking += [f"encoding.{precision}.{t}" for t in ENCODING_TERMS if t not in terms]
        lacking += [f"token_seconds.{name}" for name in TOKENS if name not in self.token_seconds]
        if lacking:
            raise PlanError(
                f"{source}: lacks {', '.join(lacking)}: run `pennyweight calibrate` again"
            )

    def to_toml(self, path: Path) -> None:
        """Write the profile."""
        write_atomic(path, tomli_w.dumps(self.model_dump(mode="json")).encode())

    def differences(self, machine: Machine) -> list[str]:
        """Return the ways in which a machine is another than this profile's; empty if it is not."""
        pairs = (
            ("processor", self.cpu, machine.cpu),
            ("cores", self.cores, machine.cores),
            ("instructions", ", ".join(self.flags), ", ".join(machine.flags)),
        )
        return [
            f"{name} {ours} in the profile, {theirs} here"
            for name, ours, theirs in pairs
            if ours != theirs
        ]


def default_profile() -> Path:
    """Return the file in which a profile is looked for where no other is named."""
    return cache_folder() / "machine.toml"


def reference_profile() -> MachineProfile:
    """Return the profile of the machine that the package was measured on."""
    return MachineProfile.from_toml(Path(__file__).with_name("reference_machine.toml"))


def usable_profile() -> MachineProfile:
    """Return the profile of this machine where it was measured, or else the reference one."""
    path = default_profile()
    if path.exists():
        profile = MachineProfile.from_toml(path)
        if not profile.differences(Machine.measure()):
            return profile
    return reference_profile()

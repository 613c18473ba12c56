"""The function that does the work of each kind of job, found by the name in the table of kinds."""

import importlib
import inspect
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from shared.jobs.kinds import KINDS, Kind
from shared.jobs.run import Effects, Run, Work
from shared.resources import Resources

Report = Callable[[int, int, str], None]  # steps done, of how many, a note


class Handler(Protocol):
    """Does the work of a kind of job. It may have further parameters with defaults, which tests set."""

    def __call__(self, run: Run, params: Any, resources: Resources, /) -> Effects:
        """Do everything that takes long, then return what is left for the last transaction."""
        ...


class TrainerHandler(Protocol):
    """Does the part of a kind's work that runs in the trainer's process."""

    def __call__(
        self,
        organization_id: uuid.UUID,
        params: Any,
        resources: Resources,
        output: Path,
        report: Report,
        /,
    ) -> dict[str, Any]:
        """Train into the folder `output`; returns the result."""
        ...


class BadHandler(TypeError):
    """A kind of job names a function that does not exist or does not take what it will be given."""


def load_handlers() -> dict[str, Handler]:
    """By kind the function that does its work, imported and checked.

    Raises:
        BadHandler: the table of kinds and the functions do not fit each other.
    """
    return {kind.name: _load(kind, kind.handler, Handler) for kind in KINDS.values()}


def load_trainer_handlers() -> dict[str, TrainerHandler]:
    """By kind the function that runs in the trainer's process, for the kinds that have one.

    Raises:
        BadHandler: as above.
    """
    return {
        kind.name: _load(kind, kind.trainer_handler, TrainerHandler)
        for kind in KINDS.values()
        if kind.trainer_handler is not None
    }


def bind(handlers: Mapping[str, Handler], resources: Resources) -> Callable[[str], Work]:
    """By kind the work as `shared.jobs.run` takes it: the handler with the process's resources."""

    def work_of(kind: str) -> Work:
        return lambda run, params: handlers[kind](run, params, resources)

    return work_of


def _load(kind: Kind, name: str, protocol: Any) -> Any:
    """The function `name`, written "module:function"."""
    module_name, _, function_name = name.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise BadHandler(f"the handler of {kind.name} jobs, {name}, cannot be imported") from error
    expected = list(inspect.signature(protocol.__call__).parameters)[1:]
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    names = [parameter.name.lstrip("_") for parameter in required]  # one that it does not use has a "_"
    if names != expected:
        raise BadHandler(f"{name} should take ({', '.join(expected)}), not ({', '.join(names)})")
    if required[expected.index("params")].annotation is not kind.params:
        raise BadHandler(f"{name} does not take the parameters of {kind.name} jobs, {kind.params.__name__}")
    return function

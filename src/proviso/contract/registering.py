"""The model register and the price book by themselves: dates, prices, profiles, and what contradicts itself."""

from collections.abc import Iterator

from proviso.contract.partial import where_readable
from proviso.contract.parts import Parts
from proviso.contract.register import ModelRegister, RegisteredModel
from proviso.contract.vocabulary import is_day
from proviso.types import Problem


@where_readable
def register_problems(parts: Parts, register: ModelRegister) -> Iterator[Problem]:
    """Check each model of the register by itself."""
    for name, model in register.models.items():
        yield from _day(parts, name, model)


@where_readable
def _day(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    day = model.lifecycle.end_of_life
    if day is not None and not is_day(day):
        yield parts.problem(
            "models",
            ("models", name, "lifecycle", "end_of_life"),
            f"`{day}` is a day that does not exist",
            "correct the date",
        )

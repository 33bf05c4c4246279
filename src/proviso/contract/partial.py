"""What could be read of a file with problems, so that all other checks run: what could not be read raises when used.

A check that comes upon an unreadable part says nothing (`where_readable`): the problem there has been told already.
"""

from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, overload

from proviso.contract.document import Json, Path
from proviso.contract.fields import form, item, keys
from proviso.contract.vocabulary import Section, Unreadable
from proviso.contract.wording import nearest

P = ParamSpec("P")
S = TypeVar("S", bound=Section)
T = TypeVar("T")


def where_readable(check: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """Let a check end quietly where what it needs could not be read. What it has said before stands."""

    @wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        try:
            yield from check(*args, **kwargs)
        except Unreadable:
            return

    return checked


def numbered(items: Iterable[T]) -> Iterator[tuple[int, T]]:
    """Yield the readable items of a list with their indexes in the file."""
    return items.numbered() if isinstance(items, PartialList) else enumerate(items)


@where_readable
def written(section: Section, key: str) -> Iterator[Any]:
    """Yield a section's value if it could be read."""
    yield getattr(section, key)


class Hole:
    """Stands for a value that could not be read, where values are looked at as they stand in the file."""


HOLE: Final = Hole()


class PartialList(Sequence[T]):
    """A list with unreadable items. It knows what it has for certain, and raises when asked for all of it."""

    def __init__(self, items: Sequence[T | Hole]) -> None:
        self.items = items

    def numbered(self) -> Iterator[tuple[int, T]]:
        """Yield the readable items with their indexes."""
        for index, one in enumerate(self.items):
            if not isinstance(one, Hole):
                yield index, one

    def __contains__(self, word: object) -> bool:
        return word in self.items or _unreadable()

    def __bool__(self) -> bool:
        return True  # what could not be read stands there

    def __iter__(self) -> Iterator[T]:
        _unreadable()

    def __len__(self) -> int:
        _unreadable()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        _unreadable()


class PartialDict(Mapping[str, T]):
    """A section of free names with unreadable values, or with `lost` names, which could be any that it lacks."""

    def __init__(self, values: Mapping[str, T | Hole], *, lost: bool) -> None:
        self.values_by_name = values
        self.lost = lost

    def items(self) -> ItemsView[str, T]:
        """Return the readable values with their names."""
        return {n: one for n, one in self.values_by_name.items() if not isinstance(one, Hole)}.items()

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name or (self.lost and _unreadable())

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise KeyError(name)
        value = self.values_by_name[name]
        return _unreadable() if isinstance(value, Hole) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name) + self.lost


def plain(value: object) -> Any:
    """Return a value as it would stand in its file, defaults included, with a `HOLE` for what could not be read.

    Lost names of a section stand under one empty name.
    """
    if isinstance(value, Section):
        fields, known = vars(value), type(value).model_fields
        return {field.alias or name: plain(fields.get(name, HOLE)) for name, field in known.items()}
    if isinstance(value, PartialDict):
        lost = {"": HOLE} if value.lost else {}
        return {name: plain(one) for name, one in value.values_by_name.items()} | lost
    if isinstance(value, PartialList):
        return [plain(one) for one in value.items]
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, StrEnum) else value


def whole(value: object) -> bool:
    """Say whether all of a value could be read."""
    return not _has_hole(plain(value))


def _has_hole(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_hole, value.values()))
    return any(map(_has_hole, value)) if isinstance(value, list) else value is HOLE


class Faults:
    """Where a document is not as its type asks: values, and names of free sections."""

    def __init__(self, values: Collection[Path], names: Collection[Path]) -> None:
        self.values = frozenset(values)
        self.names = frozenset(names)


def read_partly(kind: type[S], value: Json, faults: Faults) -> S | None:
    """Build the type from what is not at fault. None if nothing is left of it."""
    if not isinstance(value, dict) or () in faults.values:
        return None
    return _section(kind, value, (), faults)


def _unreadable() -> NoReturn:
    raise Unreadable


def _value(kind: object, value: Json, path: Path, faults: Faults) -> object:
    kind = form(kind, value)
    if path in faults.values:
        return HOLE
    if isinstance(value, dict):
        if isinstance(kind, type) and issubclass(kind, Section):
            return _section(kind, value, path, faults)
        return _named(item(kind), value, path, faults)
    if isinstance(value, list):
        return _list(item(kind), value, path, faults)
    numbers = kind in (int, float) and isinstance(value, int | float)
    words = isinstance(kind, type) and issubclass(kind, StrEnum) and isinstance(value, str)
    return kind(value) if numbers or words else value  # type: ignore[operator]  # a class, as tested


def _section(kind: type[S], value: dict[str, Json], path: Path, faults: Faults) -> S:
    built = kind.model_construct()
    fields = vars(built)
    fields.clear()
    hidden = _hidden(list(keys(kind)), value)
    for name, field in kind.model_fields.items():
        key = field.alias or name
        made: object = HOLE
        if key in value:
            made = _value(field.annotation, value[key], (*path, key), faults)
        elif key not in hidden and not field.is_required():
            made = field.get_default()
        if made is not HOLE:
            fields[name] = made  # what is not there raises `Unreadable` when it is asked for
    return built


def _hidden(known: list[str], value: dict[str, Json]) -> set[str]:
    """Return the keys that an unknown key may be meant to be: the nearest, or any that is not written."""
    hidden: set[str] = set()
    for word in value.keys() - set(known):
        near = nearest(word, known)
        hidden |= {near} if near else set(known)
    return hidden


def _named(kind: object, value: dict[str, Json], path: Path, faults: Faults) -> Mapping[str, object]:
    names = sorted(name for name in value if (*path, name) not in faults.names)  # as in the canonical form
    made = {name: _value(kind, value[name], (*path, name), faults) for name in names}
    lost = len(names) < len(value)
    return PartialDict(made, lost=lost) if lost or HOLE in made.values() else made


def _list(kind: object, value: list[Json], path: Path, faults: Faults) -> Sequence[object]:
    made = [_value(kind, one, (*path, index), faults) for index, one in enumerate(value)]
    return PartialList(made) if HOLE in made else tuple(made)

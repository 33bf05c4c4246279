"""What keys a section has and what stands under a path, read off the types."""

import types
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from proviso.contract.vocabulary import Section


def known_keys(kind: type[Section], path: tuple[str | int, ...] = ()) -> list[str]:
    """Return the keys of the section at `path`, as they are written; none where there is no section."""
    return [key for section in sections(at(kind, path)) for key in keys(section)]


def forms(annotation: object) -> tuple[object, ...]:
    """Return the forms that a value may have, bare: one for most fields, more for one such as a name or a list."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(map(bare, get_args(annotation)))
    return (annotation,)


def sections(annotation: object) -> tuple[type[Section], ...]:
    """Return the sections among the forms that a value may have."""
    return tuple(form for form in forms(annotation) if isinstance(form, type) and issubclass(form, Section))


def keys(section: type[Section]) -> dict[str, Any]:
    """Return each key of a section, as it is written, with its annotation."""
    return {field.alias or name: field.annotation for name, field in section.model_fields.items()}


def at(kind: object, path: tuple[str | int, ...]) -> object:
    """Return the annotation of what stands at a path, or None where nothing can. `*` is any name."""
    for step in path:
        kind = next(filter(None, (_step(form, step) for form in forms(kind))), None)
        if kind is None:
            return None
    return kind


def bare(annotation: object) -> object:
    """Strip `Annotated` and `| None` from an annotation."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            rest = [part for part in get_args(annotation) if part is not type(None)]
            if len(rest) != 1:
                return annotation
            annotation = rest[0]
        else:
            return annotation


def form(annotation: object, value: object) -> object:
    """Return the form of a field that a value has, bare."""
    found = forms(annotation)
    if isinstance(value, list):
        return next((one for one in found if get_origin(one) is tuple), found[0])
    return next(iter(sections(annotation)), found[0]) if isinstance(value, dict) else found[0]


def item(annotation: object) -> object | None:
    """Return what a list or a section with free names holds, or None where it is neither."""
    annotation = bare(annotation)
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return arguments[0]  # type: ignore[no-any-return]  # typing has no types for arguments
    return arguments[1] if get_origin(annotation) is dict else None


def choices(annotation: object) -> tuple[str, ...]:
    """Return the words that a literal or an enumeration allows; none for anything else."""
    annotation = bare(annotation)
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(annotation)
    return ()


def key_choices(annotation: object) -> tuple[str, ...]:
    """Return the words that the names of a section are chosen from; none where names are free."""
    annotation = bare(annotation)
    return choices(get_args(annotation)[0]) if get_origin(annotation) is dict else ()


def _step(kind: object, step: str | int) -> object | None:
    if isinstance(kind, type) and issubclass(kind, Section):
        return keys(kind).get(str(step))
    return item(kind)

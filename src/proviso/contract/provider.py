"""Who else says who is calling: settings of an OpenID provider that are unsafe, and groups that are none of ours."""

from collections.abc import Callable, Iterator, Sequence

from proviso.contract.partial import where_readable
from proviso.contract.parts import Parts
from proviso.contract.wording import suggest
from proviso.contract.workspace import Oidc, Workspace
from proviso.types import Problem

_OIDC = ("identity", "oidc")


def provider_problems(
    parts: Parts, workspace: Workspace, problems: Callable[[Oidc], Sequence[tuple[str, str, str]]]
) -> Iterator[Problem]:
    """Check `identity.oidc`; `problems` gives the setting, the fault and the fix of each."""
    yield from _unsafe(parts, workspace, problems)
    yield from _strange_groups(parts, workspace)


@where_readable
def _unsafe(
    parts: Parts, workspace: Workspace, problems: Callable[[Oidc], Sequence[tuple[str, str, str]]]
) -> Iterator[Problem]:
    if workspace.identity.oidc is not None:
        for setting, what, fix in problems(workspace.identity.oidc):
            yield parts.problem("workspace", (*_OIDC, setting), what, fix)


@where_readable
def _strange_groups(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    if workspace.identity.oidc is not None:
        for name, group in workspace.identity.oidc.group_map.items():
            if group not in workspace.groups:
                what = f"`{group[:60]}` is no group of proviso.yaml"
                place = (*_OIDC, "group_map", name)
                yield parts.problem("workspace", place, what, suggest(group, list(workspace.groups)))

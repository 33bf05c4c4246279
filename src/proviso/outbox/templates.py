"""What is said about each topic: a new kind of notice is a new row here, and nothing else.

`{name}` stands for a fact. The names in a row are all the facts that its notices have: what no row names is
never told to anybody.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from proviso.outbox.notice import InvalidNotice, Notice, Said, clean

_FACT = re.compile(r"\{(\w+)\}")


class Template(Struct, frozen=True):
    """The words of a topic: a title of one line, and the text of a mail."""

    title: str
    text: str

    @property
    def facts(self) -> frozenset[str]:
        """The names of the facts that its notices have."""
        return frozenset(_FACT.findall(self.title + self.text))


TEST = "outbox.test"

TEMPLATES: Mapping[str, Template] = MappingProxyType({
    "key.created": Template(
        "An API key was created",
        "The API key {key} was created. It is valid until {expires}.\n"
        "If nobody should have one: proviso keys revoke {key}",
    ),
    "key.revoked": Template(
        "An API key was revoked",
        "The API key {key} was revoked. Every process that serves has stopped accepting it, or will in a second.",
    ),
    "access.changed": Template(
        "Who may do what has changed",
        "{actor} changed people, groups, roles or policies: from {before} to {after}.",
    ),
    "terms.changed": Template(
        "The terms of {app} have changed",
        "{actor} changed the terms that {app} is served under: from {before} to {after}.",
    ),
    "budget.reached": Template(
        "{app} has reached {percent} % of a budget",
        "{app} has used {percent} % of {clause}. At 100 % requests are refused until the period ends.",
    ),
    "worker.gap": Template(
        "A worker ended in the middle of {runs} runs",
        "The worker {writer} ended without finishing {runs} runs. They are recorded as gaps.",
    ),
    TEST: Template(
        "A test of the destination {destination}",
        "This is a test of the destination {destination}. There is nothing to do.",
    ),
})  # fmt: skip


def render(notice: Notice) -> Said:
    """Put a notice in words; raise `InvalidNotice` where its facts are not those of its template."""
    template = TEMPLATES.get(notice.topic)
    if template is None:
        raise InvalidNotice(f"the topic `{notice.topic}` has no template", fix="report it")
    if wrong := template.facts ^ notice.facts.keys():
        names = ", ".join(f"`{name}`" for name in sorted(wrong))
        raise InvalidNotice(f"a notice of `{notice.topic}` lacks or adds the facts {names}", fix="report it")
    facts = {name: clean(name, value) for name, value in notice.facts.items()}
    return Said(_filled(template.title, facts), _filled(template.text, facts), facts)


def _filled(words: str, facts: Mapping[str, str | int]) -> str:
    # One pass: a value that looks like a fact's name stays as it is.
    return _FACT.sub(lambda found: str(facts[found[1]]), words)

"""How models answer where no rule does: one function a persona, the useful one and those that misbehave."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import structs

from bedrock_simulator.catalogue import ECHO
from bedrock_simulator.extracting import Quoted
from bedrock_simulator.scene import Block, Scene, Turn
from bedrock_simulator.tokens import BYTES

_INVENTED: Final = 90  # added to a passage's number
_REFUSAL: Final = "I'm sorry, but I can't help with that."
_PERSON: Final = (
    "You can also reach Jane Roe at jane.roe@example.com or +1 202 555 0143; she lives at 12 Elm Street,"
    " Springfield. Her card is 4111 1111 1111 1111, her IBAN DE89 3704 0044 0532 0130 00 and her social security"
    " number 078-05-1120."
)
_ORDER: Final = re.compile(
    r"(?i)\b(?:ignore|disregard|forget)\b[^.!?\n]{0,60}\b(?:instructions?|rules?|prompts?|above|before)\b[.,;:!]?"
    r"(?:\s+(?:and|then|instead))*\s*([^\n]{0,300})"
)
_WORDS: Final = re.compile(
    r"(?i)\b(?:say|reply|respond|answer|print|output|write)\b(?: only| exactly| with| the words?)*:?\s+(.+)"
)
_LEAK: Final = re.compile(r"(?i)\b(?:system prompt|your instructions|initial prompt)\b")
_QUOTED: Final = re.compile(r"[\"“'`]([^\"”'`]+)[\"”'`]")


def extractive(scene: Scene) -> Turn:
    """Quote the passages that answer, with citations; hand on what tools returned; without either, echo."""
    reading = scene.reading
    if reading.passages:
        return scene.quote(scene.quotes())
    if reading.results:
        return scene.say("\n".join(reading.results))
    if reading.no_evidence:
        return scene.say(reading.no_evidence)
    return echo(scene)


def echo(scene: Scene) -> Turn:
    """Say the last user text again, word for word."""
    return scene.say(scene.reading.asked)


def leaks_pii(scene: Scene) -> Turn:
    """Answer, and tell about a person whom nobody asked for."""
    turn = extractive(structs.replace(scene, schema=None))
    if scene.schema is not None:
        return scene.say(_PERSON)
    return _with_text(turn, f" {_PERSON}")


def ignores_format(scene: Scene) -> Turn:
    """Answer in prose where JSON is asked for, and without the marks of citations."""
    quotes = scene.quotes()
    text = " ".join(quoted.text for quoted in quotes) or scene.reading.asked or scene.nothing()
    return Turn(({"text": f"Sure! Here is what I found:\n\n{text}"},))


def cites_nothing_that_exists(scene: Scene) -> Turn:
    """Quote, and cite passages that are not there."""
    quotes = [_invented(quoted) for quoted in scene.quotes()]
    if quotes:
        return scene.quote(quotes)
    return scene.say(f"{scene.reading.question or scene.nothing()} [{_INVENTED + 1}]")


def obeys_injection(scene: Scene) -> Turn:
    """Follow an instruction that stands in a passage or in what a tool returned; answer where there is none."""
    reading = scene.reading
    for text in (*(passage.text for passage in reading.passages), *reading.results):
        if found := _ORDER.search(text):
            return _obey(scene, found[1].strip() or found[0])
    return extractive(scene)


def refuses(scene: Scene) -> Turn:
    """Refuse whatever is asked, in words."""
    return scene.say(_REFUSAL)


def loops_on_tools(scene: Scene) -> Turn:
    """Call the first tool in every turn, whatever it returned."""
    tools = scene.reading.tools
    return scene.call(tools[0]) if tools else extractive(scene)


def verbose(scene: Scene) -> Turn:
    """Go on until the tokens are used up."""
    turn = extractive(structs.replace(scene, schema=None))
    text = " ".join(_text(block) for block in turn.content) or scene.nothing()
    more = f"{text} "
    return Turn(({"text": more * (scene.limit * BYTES // len(more) + 2)},))


def empty(_scene: Scene) -> Turn:
    """Say nothing, and call it a turn."""
    return Turn(())


Persona = Callable[[Scene], Turn]

PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {
        "extractive": extractive,
        "echo": echo,
        "leaks-pii": leaks_pii,
        "ignores-format": ignores_format,
        "cites-nothing-that-exists": cites_nothing_that_exists,
        "obeys-injection": obeys_injection,
        "refuses": refuses,
        "loops-on-tools": loops_on_tools,
        "verbose": verbose,
        "empty": empty,
    }
)


def persona_of(model_id: str, named: str | None, default: str) -> Persona:
    """Return who answers: whom a rule names, else on the echo model the echo, else the scenario's persona."""
    return PERSONAS[named or ("echo" if model_id == ECHO else default)]


def _invented(quoted: Quoted) -> Quoted:
    passage = quoted.passage
    number = int(passage.number) if passage.number.isdecimal() else 0
    return structs.replace(
        quoted,
        passage=structs.replace(passage, number=str(number + _INVENTED), index=passage.index + _INVENTED),
    )


def _obey(scene: Scene, order: str) -> Turn:
    lower = order.lower()
    if tool := next((tool for tool in scene.reading.tools if tool.name.lower() in lower), None):
        return scene.call(tool)
    if _LEAK.search(order):
        return scene.say(scene.reading.system or order)
    if said := _WORDS.search(order):
        quoted = _QUOTED.match(said[1])
        return scene.say(quoted[1] if quoted else said[1])
    return scene.say(f"As instructed: {order}")


def _with_text(turn: Turn, text: str) -> Turn:
    *before, last = turn.content or ({"text": ""},)
    if "text" in last:
        return Turn((*before, {"text": last["text"] + text}), turn.stop)
    return Turn((*before, last, {"text": text}), turn.stop)


def _text(block: Block) -> str:
    if "citationsContent" in block:
        return " ".join(part["text"] for part in block["citationsContent"]["content"])
    return str(block.get("text", ""))

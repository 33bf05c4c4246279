"""Passages and requests made by hand."""

from proviso.models import ModelRequest
from proviso.text import Analyser, Synonyms, sentence_spans
from proviso.types import Channel, Passage, Rendered, Screened, Sentence, Turn

ANALYSER = Analyser()


def passage(number: int, title: str, text: str) -> Passage:
    """A passage as an index makes it."""
    spans = sentence_spans(text)
    sentences = tuple(Sentence(a, b, frozenset(ANALYSER.terms(text[a:b]))) for a, b in spans)
    name = f"{title}.md"
    return Passage(f"p{number}", number, "policies", name, title, "0" * 64, 0, len(text), text, sentences)


def ask(
    question: str,
    *passages: Passage,
    history: tuple[Turn, ...] = (),
    max_tokens: int = 500,
    synonyms: Synonyms | None = None,
) -> ModelRequest:
    """A request as the orchestrator makes it."""
    screened = Screened(question, Channel.USER)
    rendered = Rendered("", question, history, screened, passages, "answer", "0" * 64)
    return ModelRequest(rendered, max_tokens, synonyms=synonyms)

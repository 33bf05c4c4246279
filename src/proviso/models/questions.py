"""What a question asks for: its terms by weight, and the kind of answer that would fit."""

import re
from typing import Final

from msgspec import Struct

from proviso.text import Alternative, Analyser, Synonyms

# Words that ask rather than name: they stand in many questions whatever these are about, and the documents of
# any organisation are full of them. They count half.
_ASKING: Final = str.split(
    """
    according allowed amount answer applies apply approximately aspect became become called case cause
    caused certain company concerning considered contain contained cost costs cover covered current
    currently customer customers data date day describe described detail details difference different
    discuss discussed do document eligible employee employees entitled exactly example explain explained
    express expressed far find following generally get give given go happen happened happens important
    include included including information involve involved key kind kinds know known large list made main
    make many maximum mean means measure measures mention mentioned method methods minimum name named names
    need new next number occur often old outline outlined part particular people person policies policy
    possible practice practices primary procedure process provide provided purpose purposes question reason
    regard regarding related role rule rules say service services show site specific specifically spend
    staff state stated states take taken tell term terms text thing things time type types typically use
    used user users usually want way ways website word words work year
    """
)
_HALF: Final = 0.5
# A name or a number is what the question is about: without it the passage speaks of something else.
_NAME: Final = 1.5
_NAMES: Final = re.compile(r"(?<=[^\s.?!] )(?:[A-Z][\w'’&.-]*\w|[A-Z]\b)|\b\d[\w.,:-]*")
_WORDS: Final = re.compile(r"\w+")

# The leftmost asking phrase decides: "what sea … when he died" asks for no date.
_KIND: Final = re.compile(
    r"""\b(?:
      (?P<duration>how\ (?:long|often|soon|quickly|early|late|far\ (?:ahead|in\ advance)))
    | (?P<amount>how\ (?:much|expensive)
        |(?:what|which)\ (?:(?:is|are|was|were)\ (?:the|our|my)\ (?:[\w-]+\ ){0,3})?
         (?:price|rate|cost|limit|fee|budget|allowance|per\ diem|ceiling|deposit|salary))
    | (?P<number>how\ (?:many|high|far|large|big|tall|heavy|fast|wide|deep|old)
        |(?:what|which)\ (?:(?:is|are|was|were)\ (?:the|our|my)\ (?:[\w-]+\ ){0,3})?
         (?:percent\w*|number|amount|share|proportion|population|age|size|maximum|minimum))
    | (?P<date>when|(?:what|which)\ (?:(?:is|was)\ the\ )?(?:year|date|day|month|century|time|deadline))
    | (?P<person>who(?:m|se)?)
    | (?P<place>where|(?:what|which)\ (?:city|cities|country|countries|state|place|region|town))
    | (?P<reason>why)
    | (?P<other>what|which|how|do|does|did|is|are|was|were|can|could|may|must|should|will)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*"
_NAMED: Final = re.compile(r"(?<=[\w,;)] )[A-Z][a-z]")
_SHAPES: Final[dict[str, re.Pattern[str]]] = {
    "duration": re.compile(r"(?i)\b(?:second|minute|hour|day|night|week|month|year|decade|centur)"),
    "amount": re.compile(
        r"[$€£¥]\s?\d|\b[A-Z]{3}\s\d|\d\s?(?:%|[$€£¥]|[A-Z]{3}\b)"
        r"|(?i:\d\s?(?:per\s?cent|euros?|dollars?|pounds?|cents?|k?m|kilomet|miles?|million|billion|litre|tonne)"
        r"|\bno (?:upper )?limit|\bhalf\b|\bfree\b)"
    ),
    "number": re.compile(
        r"(?i)\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
        r"|hundred|thousand|million|billion|half|once|twice|dozen|none|no limit)\b"
    ),
    "date": re.compile(
        rf"\b{_MONTH}\b|\b1\d{{3}}s?\b|\b20\d\d\b|\d:\d\d"
        r"|(?i:\bcentur|\b(?:hour|day|week|month|year)s?\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
    ),
    "person": re.compile(
        r"(?<=[\w,;)] )[A-Z][a-z]|(?i:\b(?:manager|director|head|officer|chief|lead(?:er)?|team|desk"
        r"|department|board|committee|panel|president|minister|owner|supervisor|approver|secretary)\b)"
    ),
    "place": _NAMED,
    "reason": re.compile(
        r"(?i)\b(?:because|due to|since|so that|in order to|as a result|therefore|reason|cause"
        r"|to (?:avoid|ensure|keep|protect|prevent|reduce|help))"
    ),
}


class Question(Struct, frozen=True):
    """A question as the extractive model reads it.

    `weights` orders sentences; `stakes` decides whether there is an answer at all: there, names and numbers
    weigh more. `context` holds the terms of the previous question, which help to find but prove nothing.
    `shape` matches a sentence of the kind that is asked for, None where any kind will do. `alike` are other
    wordings of its parts.
    """

    weights: dict[int, float]
    stakes: dict[int, float]
    context: frozenset[int]
    shape: re.Pattern[str] | None
    alike: list[Alternative]


class Reader:
    """Reads questions in the analyser's language."""

    def __init__(self, analyser: Analyser) -> None:
        self._terms = analyser.terms
        self._asking = frozenset(analyser.terms(" ".join(_ASKING)))

    def read(self, text: str, previous: str = "", synonyms: Synonyms | None = None) -> Question:
        """The question's terms; `previous` is the user's previous question, or empty."""
        weights = {term: _HALF if term in self._asking else 1.0 for term in self._terms(text)}
        stakes = dict(weights)
        names = _NAMES.findall(text)
        # In a question written in capitals these mark nothing.
        if names and 2 * len(names) < len(_WORDS.findall(text)):
            for term in self._terms(" ".join(names)):
                if term in weights and term not in self._asking:
                    stakes[term] = _NAME
        kind = _KIND.search(text)
        context = frozenset(self._terms(previous)).difference(weights) if previous else frozenset()
        shape = _SHAPES.get(kind.lastgroup) if kind and kind.lastgroup else None
        alike = synonyms.alternatives(text) if synonyms else []
        return Question(weights, stakes, context, shape, alike)

"""What a question asks for: its terms by weight, and the kind of answer that would fit."""

import re
from typing import Final

from msgspec import Struct

from proviso.text import Alternative, Analyser, Synonyms

# Words that ask rather than name: they stand in many questions whatever these are about, and the documents of
# any organisation are full of them.
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
# Words of everyday talk: a sentence that shares them alone may speak of anything.
_EVERYDAY: Final = str.split(
    """
    able actual add afternoon alone amount ask back bad best better big bit boss bring buy call card carry
    change charge check choose close come common day deal dear decide early easy eight eleven end enough
    euro evening expect expensive extra fact fair fast fill final fine finish first five form formal found
    four free friend full good great group half hand happy hard head hear help high hold home hope hour
    house hundred idea interest item join keep last late leave let life like likely line little live local
    long look lot low major matter meet middle minute moment money month morning most move near next night
    nine normal office one open order ordinary own page paid partly pass past pay pick piece place plan play
    please point pound price problem project proper put quick reach read ready real really receive remain
    rest result return right run same second see seem sell send set seven share short show sick side simple
    single sit six sleep small soon sort special speed stand standard start stay step still stop strong sum
    suppose sure talk team ten thousand three today together tomorrow tonight top total town trouble true try
    turn twelve two understand usual value view wait walk watch week weekend whole wish wonder work world
    worry worth write wrong yesterday
    """
)
_WEAK: Final = 0.45
# A quantity is the asker's own: the passage has a limit to hold it against.
_UNITS: Final = (
    r"(?:%|[$€£¥]|[A-Z]{3}\b|(?i:per\s?cent|euros?|dollars?|pounds?|k?m\b|kg\b|kilo\w*|miles?|tonnes?"
    r"|seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|people|persons?))"
)
_QUANTITIES: Final = re.compile(
    rf"(?:[$€£¥]|\b[A-Z]{{3}})\s?(\d[\d.,]*)|\b(\d[\d.,]*)[\s-]?(?:\w+[\s-])?{_UNITS}"
)
# The leftmost asking phrase decides: "what sea … when he died" asks for no date.
_OF_WHAT: Final = r"(?:what|which)\ (?:(?:is|are|was|were)\ (?:the|our|my)\ (?:[\w-]+\ ){0,3})?"
_KIND: Final = re.compile(
    rf"""\b(?:
      (?P<frequency>how\ (?:often|many\ times|frequently))
    | (?P<duration>how\ (?:long|soon|quickly|early|late|far\ (?:ahead|in\ advance))|(?:by|until|till)\ when)
    | (?P<price>how\ (?:expensive|dear)|how\ much\ [^?.]*\b(?:costs?|spend|pay|paid|money)
        |{_OF_WHAT}(?:price|cost|fee|budget|deposit|salary|most)
        |what\ (?:does|do|did|may|can|will|would)\ [^?.]*\b(?:cost|spend|charge))
    | (?P<amount>how\ much|{_OF_WHAT}(?:rate|limit|allowance|per\ diem|ceiling))
    | (?P<number>how\ (?:many|high|far|large|big|tall|heavy|fast|wide|deep|old)
        |{_OF_WHAT}(?:percent\w*|number|amount|share|proportion|population|age|size|maximum|minimum))
    | (?P<date>when|(?:what|which)\ (?:(?:is|was)\ the\ )?(?:year|dates?|days?|month|century|time|deadline))
    | (?P<person>who(?:m|se)?)
    | (?P<place>where|(?:what|which)\ (?:city|cities|country|countries|state|place|region|town))
    | (?P<reason>why)
    | (?P<other>what|which|how|do|does|did|is|are|was|were|can|could|may|must|should|will)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*"
_NAMED: Final = re.compile(r"(?<=[\w,;)] )[A-Z][a-z]")
_COUNT: Final = (
    r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
    r"|hundred|thousand|million|billion|half|once|twice|dozen|none|no limit)\b)"
)
_PERIOD: Final = r"(?:second|minute|hour|day|night|week|fortnight|month|quarter|year|decade|centur)"
_MONEY: Final = (
    r"[$€£¥]\s?\d|\b[A-Z]{3}\s\d|\d\s?(?:%|[$€£¥]|[A-Z]{3}\b)"
    r"|(?i:\d\s?(?:per\s?cent|euros?|dollars?|pounds?|cents?|(?:million|billion)\s(?:euro|dollar|pound)))"
)
_FREELY: Final = r"\bno (?:upper )?limit|\bhalf\b|\bfree\b|\bin full\b|\bactual cost|\b(?:not|never) paid"
_SHAPES: Final[dict[str, re.Pattern[str]]] = {
    "frequency": re.compile(
        rf"(?i)\b(?:once|twice|times?|daily|weekly|monthly|yearly|annual|(?:a|per|each|every)\b.{{0,12}}{_PERIOD})"
    ),
    "duration": re.compile(rf"(?i)\b{_PERIOD}"),
    "price": re.compile(rf"{_MONEY}|(?i:{_FREELY})"),
    "amount": re.compile(
        rf"{_MONEY}|(?i:\d\s?(?:k?m\b|kilo|kg\b|miles?|million|billion|litre|tonne|acre|hectare)|{_FREELY})"
    ),
    "number": re.compile(rf"(?i){_COUNT}"),
    "date": re.compile(
        rf"\b{_MONTH}\b|\b1\d{{3}}s?\b|\b20\d\d\b|\d:\d\d|\b\d+(?:st|nd|rd|th)\b"
        rf"|(?i:\b{_PERIOD}|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
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
# An answer of these kinds has a figure in it; a person, a place or a reason may be worded in any way.
_STRICT: Final = frozenset(["frequency", "duration", "price", "amount", "number"])


class Question(Struct, frozen=True):
    """A question as the extractive model reads it.

    `weights`: its terms, those that say little for less. `context` holds the terms of the previous question,
    which help to find but prove nothing. `shape` matches a sentence of the kind that is asked for, None where
    any kind will do; `strict`: another hardly answers. `alike` are other wordings of its parts.
    """

    weights: dict[int, float]
    context: frozenset[int]
    shape: re.Pattern[str] | None
    strict: bool
    alike: list[Alternative]


class Reader:
    """Reads questions in the analyser's language."""

    def __init__(self, analyser: Analyser) -> None:
        self._terms = analyser.terms
        self._weak = dict.fromkeys(analyser.terms(" ".join(_ASKING + _EVERYDAY)), _WEAK)

    def read(self, text: str, previous: str = "", synonyms: Synonyms | None = None) -> Question:
        """The question's terms; `previous` is the user's previous question, or empty."""
        weak = self._weak
        weights = {term: weak.get(term, 1.0) for term in self._terms(text)}
        for before, after in _QUANTITIES.findall(text):
            weights.update(dict.fromkeys(weights.keys() & self._terms(before or after), _WEAK))
        kind = _KIND.search(text)
        name = kind.lastgroup if kind and kind.lastgroup else ""
        return Question(
            weights,
            frozenset(self._terms(previous)).difference(weights) if previous else frozenset(),
            _SHAPES.get(name),
            name in _STRICT,
            synonyms.alternatives(text) if synonyms else [],
        )

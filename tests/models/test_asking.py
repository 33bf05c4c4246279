"""A rendered prompt as a call, and a reply as a draft."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from proviso.guardrails.claims import claims
from proviso.models import Estimator, ModelRequest, Traits
from proviso.models.asking import (
    Prefixes,
    call_of,
    draft_of,
    may_say_no_evidence,
    says_no_evidence,
    sizes_of,
)
from proviso.models.shapes import CachePoint, Call, Cited, Message, Reasoning, SourceSpan, Text
from proviso.types import Draft, DraftCitation, StopReason, Turn, Usage
from tests.models.hosting import CLAIMS, TRAITS, reply, target
from tests.models.made import ask, passage

HOTELS = passage(2, "Hotels", "The rate is 180 EUR a night. Breakfast is extra.")
ASKED = ask("What is the rate?", CLAIMS, HOTELS)


def drafted(text: str, request: ModelRequest = ASKED) -> Draft:
    return draft_of(reply(text), target(), request)


def cited(draft: Draft) -> list[tuple[str, int]]:
    return [(draft.text[one.start : one.end], one.number) for one in draft.citations]


def called(*history: Turn, system: str = "", traits: Traits = TRAITS, **more: bool) -> Call:
    request = replace(
        ASKED,
        rendered=replace(ASKED.rendered, system=system, history=history),
        schema=Raw(b'{"type":"object"}'),
    )
    return call_of(request, traits, 100, 7, **more)


# --- the way there --------------------------------------------------------------------------------


def test_a_prompt_becomes_system_and_user() -> None:
    call = called(system="Be brief.")
    assert call.system == (Text("Be brief."),)
    assert call.messages == (Message("user", (Text("What is the rate?"),)),)
    assert (call.max_tokens, call.size) == (100, 7)


def test_turns_alternate_and_begin_with_the_user() -> None:
    call = called(
        Turn("assistant", "Welcome."), Turn("user", "One."), Turn("user", "Two."), Turn("assistant", " ")
    )
    assert call.messages == (Message("user", (Text("One."), Text("Two."), Text("What is the rate?"))),)


def test_what_the_model_said_before_is_its_own_turn() -> None:
    call = called(Turn("user", "Hello."), Turn("assistant", "Hello to you."))
    assert [message.role for message in call.messages] == ["user", "assistant", "user"]


def test_a_cache_point_stands_behind_the_system_prompt() -> None:
    assert called(system="Be brief.", is_cached=True).system == (Text("Be brief."), CachePoint())
    assert called(is_cached=True).system == ()


def test_a_schema_goes_only_to_a_model_that_can_be_held_to_it() -> None:
    assert called().schema is None
    assert called(traits=Traits(structured=True)).schema == Raw(b'{"type":"object"}')


def test_only_a_system_prompt_that_stays_the_same_is_worth_a_cache() -> None:
    prefixes = Prefixes()
    stable = replace(ASKED.rendered, system="Be brief.")
    assert [prefixes.is_stable(stable) for _ in range(3)] == [False, True, True]
    assert not prefixes.is_stable(replace(stable, system="Be brief, Dana."))
    assert not prefixes.is_stable(stable)


def test_what_the_caller_wrote_is_measured_apart_from_what_the_team_chose() -> None:
    rendered = replace(ASKED.rendered, system="Sei kürzer.", user=f"Passages… {ASKED.rendered.question.text}")
    sizes = sizes_of(replace(ASKED, rendered=replace(rendered, history=(Turn("user", "Hé"),))))
    assert (sizes.system, sizes.written, sizes.chosen) == (12, 17 + 3, 12 + 12)


# --- estimates ------------------------------------------------------------------------------------


def test_an_estimate_rises_at_once_and_sinks_slowly() -> None:
    estimator = Estimator()
    estimates = [estimator.tokens(10_000)]
    for read in (2_500, 6_000, 2_500, 2_500):
        estimator.observe(10_000, Usage(read, 1))
        estimates.append(estimator.tokens(10_000))
    assert estimates[0] > estimates[1]
    assert estimates[2] > 6_000
    assert estimates[2] > estimates[3] > estimates[4] > 5_500


def test_of_what_the_caller_wrote_each_byte_may_be_a_token() -> None:
    estimator = Estimator()
    estimator.observe(10_000, Usage(1_000, 1))
    assert estimator.most(900, 3_000) >= 900 + 1_000


# --- the way back ---------------------------------------------------------------------------------


def test_a_draft_names_what_really_answered() -> None:
    draft = drafted("Within 30 days [1].")
    named = (draft.provider, draft.model, draft.name, draft.region, draft.endpoint)
    assert named == ("simulator", "simulator.first-v1:0", "first", "first-region", "http://first")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("It is 180 EUR [2].", [("It is 180 EUR", 2)]),
        ("It is 180 EUR. [2]", [("It is 180 EUR.", 2)]),
        ("Both [1][2]. Only one [1]!", [("Both", 1), ("Both", 2), ("Only one", 1)]),
        ("Both [1, 2].", [("Both", 1), ("Both", 2)]),
        ("No mark. It is 180 EUR [2].", [("It is 180 EUR", 2)]),
        ("It is 9.50 EUR [2].", [("It is 9.50 EUR", 2)]),
        ("It is 180 EUR.\n\n[2] says so.", []),
        ("[2] It is 180 EUR.", []),
        ("料金は180ユーロです。[2]", [("料金は180ユーロです。", 2)]),
    ],
)
def test_a_mark_is_the_citation_of_the_words_before_it(text: str, spans: list[tuple[str, int]]) -> None:
    assert cited(drafted(text)) == spans


WORDS = ["It is 9.50 EUR", "Yes", "See No", "e.g", "a | b", "- item", "“Quoted.”", "(so)", "料金", "U.S", " "]
GLUE = [". ", ".", " ", "  ", "\n", "! ", "。", '." ', "? ", " | ", ", ", ".) ", "… "]
MARKS = ["[1]", "[2]", " [1]", "[1][2]", "[1, 2]", "[1] [2]", " [3; 1]", "", ""]
PARTS = st.tuples(
    st.sampled_from(WORDS), st.sampled_from(MARKS), st.sampled_from(GLUE), st.sampled_from(MARKS)
)


@settings(deadline=None, max_examples=100)
@given(st.lists(PARTS, max_size=6))
def test_the_spans_give_no_sentence_a_source_that_its_marks_do_not(
    parts: Sequence[tuple[str, str, str, str]],
) -> None:
    draft = drafted("".join(map("".join, parts)))
    by_marks = [claim.cited for claim in claims(replace(draft, citations=()))]
    assert [claim.cited for claim in claims(draft)] == by_marks


def test_what_the_model_quotes_of_a_document_is_a_quote_of_its_passage() -> None:
    span = SourceSpan(1, 0, 28, quote="The rate is 180 EUR a night.")
    said = reply("", Text("So: "), Cited("180 EUR.", (span,)), Text(" [2]"))
    draft = draft_of(said, target(), ASKED)
    assert draft.citations == (DraftCitation(4, 12, 2, 0, 28),)
    assert draft.text == "So: 180 EUR. [2]"


@pytest.mark.parametrize(
    ("span", "citation"),
    [
        (SourceSpan(1, 0, 2, "page"), DraftCitation(0, 3, 2)),
        (SourceSpan(1, 0, 5, quote="Other"), DraftCitation(0, 3, 2)),
        (SourceSpan(1, 40, 4_000), DraftCitation(0, 3, 2)),
        (SourceSpan(7, 0, 5), DraftCitation(0, 3, 0)),
    ],
    ids=["a page", "other words", "beyond the end", "no such document"],
)
def test_a_quote_that_is_not_there_is_none(span: SourceSpan, citation: DraftCitation) -> None:
    assert draft_of(reply("", Cited("180", (span,))), target(), ASKED).citations == (citation,)


def test_what_a_model_thinks_is_no_part_of_its_draft() -> None:
    draft = draft_of(reply("", Reasoning("secret"), Text("Yes [1].")), target(), ASKED)
    assert draft.text == "Yes [1]."


def test_json_has_no_spans() -> None:
    assert drafted('{"a": "Yes [1]."}', replace(ASKED, schema=Raw(b"{}"))).citations == ()


@pytest.mark.parametrize(
    "text", ["NO EVIDENCE", "No evidence.", " **no evidence**\n", "“No  Evidence”", "no_evidence"]
)
def test_a_reply_that_says_only_no_evidence_has_no_text(text: str) -> None:
    draft = drafted(text)
    assert (draft.text, draft.stop, draft.citations) == ("", StopReason.NO_EVIDENCE, ())


@pytest.mark.parametrize("text", ["There is no evidence.", "No evidence is needed [1].", "noevidence", "."])
def test_a_reply_that_says_more_than_that_is_an_answer(text: str) -> None:
    assert (drafted(text).text, drafted(text).stop) == (text, StopReason.END)


def test_a_reply_that_was_cut_off_says_nothing_of_the_evidence() -> None:
    cut = draft_of(reply("No evidence", stop=StopReason.MAX_TOKENS), target(), ASKED)
    assert (cut.text, cut.stop) == ("No evidence", StopReason.MAX_TOKENS)


@settings(deadline=None, max_examples=100)
@given(st.from_regex(re.compile(r"[\s*\"'.]{0,4}no[\s_-]{1,3}evidence[\s*\"'.]{0,4}", re.I), fullmatch=True))
def test_every_beginning_of_no_evidence_may_still_become_it(text: str) -> None:
    assert says_no_evidence(text)
    assert all(may_say_no_evidence(text[:end]) for end in range(len(text) + 1))


def test_an_answer_that_ends_where_the_release_wants_it_to_is_whole() -> None:
    draft = draft_of(reply("Yes [1].", stop=StopReason.STOP_SEQUENCE), target(), ASKED)
    assert (draft.text, draft.stop) == ("Yes [1].", StopReason.END)

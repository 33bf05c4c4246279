"""Scenario files: what is read, and what is said of what is wrong. The page that describes them is true."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bedrock_simulator import scenario as types_
from bedrock_simulator.answering import Answerer
from bedrock_simulator.faults import KINDS
from bedrock_simulator.personas import PERSONAS
from bedrock_simulator.scenario import Scenario
from bedrock_simulator.scenario_file import InvalidScenario, load_scenario
from bedrock_simulator.simulator import Simulator
from tests.simulator.answers_made import asked, text_of
from tests.simulator.clients import ECHO, HELLO, ClientFor

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def _file(folder: Path, text: str) -> Path:
    file = folder / "scenario.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_an_empty_file_is_the_scenario_without_a_file(tmp_path: Path, text: str) -> None:
    assert load_scenario(_file(tmp_path, text)) == Scenario()


def test_a_day_stays_a_text(tmp_path: Path) -> None:
    text = "models:\n  acme.one: {lifecycle: {status: LEGACY, end_of_life: 2027-01-31}}\n"
    assert load_scenario(_file(tmp_path, text)).models["acme.one"].lifecycle.end_of_life == "2027-01-31"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("answers:\n  persona: nobody\n", 2, "`answers.persona` is `nobody`, which is no persona"),
        (
            "answers:\n  rules:\n    - when: '('\n      text: x\n",
            3,
            "`answers.rules[0].when` is `(`, which does not",
        ),
        ("answers:\n  rules:\n    - when: x\n", 3, "`answers.rules[0]` says nothing"),
        (
            "answers:\n  rules:\n    - {text: x, input: {}}\n",
            3,
            "`answers.rules[0].input` is the input of no tool",
        ),
        (
            "answers:\n  rules:\n    - {text: x, stop: tired}\n",
            3,
            "`answers.rules[0].stop` is `tired`, which is no",
        ),
        ("faults:\n- kind: gremlins\n", 2, "`faults[0].kind` is `gremlins`, which is no fault"),
        ("faults:\n- operation: Chat\n  kind: internal\n", 2, "`faults[0].operation` is `Chat`, which is no"),
        ("faults:\n- kind: internal\n  share: 30\n", 3, "`faults[0].share` is `30.0`, which is no share"),
        ("faults:\n- share: 0.1\n", 2, "`faults[0].kind` is missing; add `kind:`"),
        (
            "profiles:\n  p: {model: x, regions: [us-east-1]}\n",
            2,
            "`profiles.p.model` is `x`, which is no model",
        ),
        (
            "profiles:\n  p: {model: simulator.echo-v1:0, regions: [Mars]}\n",
            2,
            "is `Mars`, which is no region",
        ),
        ("quotas:\n  x: {tokens_per_minute: 1}\n", 2, "`quotas.x` is `x`, which is no model"),
        ("models:\n  a.b: {lifecycle: {end_of_life: soon}}\n", 2, "is `soon`, which is no day"),
        ("models:\n  a.b: {contxt: 1}\n", 2, "`models.a.b.contxt` is no field; write one of provider,"),
        (
            "models:\n  a.b: {context: much}\n",
            2,
            "`models.a.b.context` does not fit: expected `int`, got `str`",
        ),
        (
            "account:\n  id: 123456789012\n",
            2,
            "`account.id` does not fit: expected `str`, got `int`; put it in quotes",
        ),
        (
            "guardrails:\n  gr1:\n    topics: {t: ['[']}\n",
            3,
            "`guardrails.gr1.topics.t[0]` is `[`, which does not",
        ),
        ("guardrails:\n  GR-1: {}\n", 2, "`guardrails.GR-1` is no ID"),
        ("knowledge_bases:\n  kb: []\n", 2, "`knowledge_bases.kb` is no ID"),
        ("time_scale: 1\ntime_scale: 2\n", 2, "`time_scale` is given twice"),
        ("account: {denied_operations: [Convers]}\n", 1, "`Convers`, which is no operation or action"),
        ("region: Mars\n", 1, "`region` is `Mars`, which is no region"),
        ("models:\n  a.b: {kind: picture}\n", 2, "write one of text, titan-embed, cohere-embed, rerank"),
        ("time_scale: -1\n", 1, "`time_scale` is `-1.0`, which is too little"),
        ("answers: [\n", 2, "this is not YAML"),
        ("- 1\n", 1, "the file is a list where fields belong"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_field_and_fix(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(InvalidScenario) as wrong:
        load_scenario(file)
    assert str(wrong.value).startswith(f"{file}:{line}: ")
    assert told in str(wrong.value)
    assert "; " in str(wrong.value)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "faults: [{kind: x}]\nanswers: {persona: y}\nquotas: {z: {tokens_per_minute: 0}}\n"
    with pytest.raises(InvalidScenario) as wrong:
        load_scenario(_file(tmp_path, text))
    assert [line.split(":")[1] for line in str(wrong.value).splitlines()] == ["1", "2", "3", "3"]


def test_a_file_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario, match="refers to itself"):
        load_scenario(_file(tmp_path, "answers: &a [*a]\n"))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(InvalidScenario, match="UTF-8"):
        load_scenario(tmp_path / "scenario.yaml")


def test_the_scenario_of_the_page_loads_and_answers(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    scenario = load_scenario(_file(tmp_path, example))
    said = Answerer(scenario).converse(asked("When does the shop open?"))
    assert text_of(said) == "At nine. You asked: When does the shop open?"
    unset = {field.name for field in msgspec.structs.fields(Scenario)} - set(
        re.findall(r"^(\w+):", example, re.M)
    )
    assert unset == set()


def test_the_page_names_every_field_persona_and_fault() -> None:
    structs = [
        kind for kind in vars(types_).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    fields = {
        field.name for kind in structs if kind is not msgspec.Struct for field in msgspec.structs.fields(kind)
    }
    assert {name for name in fields if f"`{name}`" not in PAGE} == set()
    assert {name for name in PERSONAS if f"| `{name}` |" not in PAGE} == set()
    assert re.findall(
        r"^\| `([\w-]+)` \| (.+) \|$", PAGE.partition("## Faults")[2].partition("\n## ")[0], re.M
    ) == list(KINDS.items())


def test_the_test_on_the_page_passes(bedrock_simulator: Callable[..., Any]) -> None:
    example, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # the page's own code
    names["test_the_answer_is_shown"](bedrock_simulator)


def test_the_header_on_the_page_asks_for_a_fault(simulator: Simulator, client_for: ClientFor) -> None:
    _, example = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    client = client_for("bedrock-runtime", endpoint_url=simulator.url)
    exec(example, {"client": client})  # the page's own code
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId=ECHO, messages=HELLO)

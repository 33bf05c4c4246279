"""Running the simulator: in a thread, as a fixture, as a command, over TLS."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from bedrock_simulator.answering import Answerer
from bedrock_simulator.certificate import self_signed
from bedrock_simulator.messages import Received, Reply
from bedrock_simulator.record import KEPT, KEPT_BYTES, Record, Request
from bedrock_simulator.scenario import Answers, Quota, Rule, Scenario
from bedrock_simulator.simulator import Simulator, running
from tests.simulator.clients import ECHO, HELLO, ONCE, REGION, ClientFor

pytestmark = pytest.mark.whole

COMMAND = (sys.executable, "-c", "from bedrock_simulator.cli import main; main()")


def test_the_fixture_starts_simulators_side_by_side(
    bedrock_simulator: Callable[..., Simulator], client_for: ClientFor
) -> None:
    says = Scenario(answers=Answers(rules=(Rule(text="I am the second."),)))
    first, second = bedrock_simulator(), bedrock_simulator(says)
    client = client_for("bedrock-runtime", endpoint_url=second.url)
    answer = client.converse(modelId=ECHO, messages=HELLO)
    assert answer["output"]["message"]["content"] == [{"text": "I am the second."}]
    assert (len(first.requests), len(second.requests)) == (0, 1)


def test_the_plugin_imports_nothing_but_pytest() -> None:
    code = (
        "import sys; import bedrock_simulator.fixture; heavy = ('bedrock_simulator.', 'botocore', 'msgspec'); "
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['bedrock_simulator.fixture']"


def test_the_simulator_never_imports_botocore() -> None:
    code = "import sys; import bedrock_simulator.simulator; print('botocore' in sys.modules)"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_port_that_is_taken_is_an_error_and_no_hang(simulator: Simulator) -> None:
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"), running(port=port):
        pass


def test_the_environment_is_all_that_boto3_needs(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("bedrock-runtime")
    assert client.converse(modelId=ECHO, messages=HELLO)["stopReason"] == "end_turn"


@pytest.fixture
def bearer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda key: monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)


def test_a_bearer_key_works_over_tls(tmp_path: Path, bearer: Callable[[str], None]) -> None:
    bearer("test")
    certificate, context = self_signed(tmp_path)
    with running(tls=context) as simulator:
        client = boto3.client(
            "bedrock-runtime",
            region_name=REGION,
            endpoint_url=simulator.url,
            verify=str(certificate),
            config=ONCE,
        )
        assert client.converse(modelId=ECHO, messages=HELLO)["stopReason"] == "end_turn"
        assert list(client.converse_stream(modelId=ECHO, messages=HELLO)["stream"])
        assert simulator.requests[0].headers["authorization"] == "Bearer test"


def test_a_bearer_key_calls_the_region_of_the_scenario(tmp_path: Path, bearer: Callable[[str], None]) -> None:
    bearer("test")
    certificate, context = self_signed(tmp_path)
    with running(Scenario(region="eu-west-1"), tls=context) as simulator:
        client = boto3.client(
            "bedrock-runtime", region_name="eu-west-1", endpoint_url=simulator.url, verify=str(certificate)
        )
        assert client.converse(modelId=f"eu.{ECHO}", messages=HELLO)["stopReason"] == "end_turn"
        assert simulator.environment["AWS_REGION"] == simulator.requests[0].region == "eu-west-1"


def test_a_wrong_bearer_key_is_refused_over_tls(tmp_path: Path, bearer: Callable[[str], None]) -> None:
    bearer("wrong")
    certificate, context = self_signed(tmp_path)
    with running(tls=context) as simulator:
        client = boto3.client(
            "bedrock-runtime",
            region_name=REGION,
            endpoint_url=simulator.url,
            verify=str(certificate),
            config=ONCE,
        )
        with pytest.raises(ClientError, match="make sure your API Key is valid"):
            client.converse(modelId=ECHO, messages=HELLO)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_is_and_stops_when_told(number: int) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        assert process.wait() == 0
    assert line.startswith("http://127.0.0.1:")
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in line
    assert "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test" in line


def test_a_scenario_that_is_wrong_is_told_by_place_and_fix(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("answers:\n  persona: nobody\n  colour: red\n")
    done = subprocess.run((*COMMAND, "--scenario", scenario), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "scenario.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_so_much_is_remembered() -> None:
    record = Record()
    for number in range(KEPT + 5):
        record.add(received(str(number), 1))
    assert [len(record.all()), record.all()[0].path] == [KEPT, "5"]
    record.add(received("large", KEPT_BYTES))
    assert [request.path for request in record.all()] == ["large"]


def received(path: str, size: int) -> Request:
    asked = Received("POST", path, "", {}, b"")
    return Request(method="POST", path=path, headers={}, size=size, reply=Reply(Nowhere(), asked))


class Nowhere:
    """A connection that leads nowhere."""

    def send(self, content: bytes) -> None: ...

    async def drained(self) -> None: ...

    def close(self) -> None: ...

    def reset(self) -> None: ...


def test_a_mistake_in_an_answer_gives_its_quota_back(
    bedrock_simulator: Callable[..., Simulator], client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = bedrock_simulator(Scenario(quotas={"*": Quota(tokens_per_minute=2_000)}))
    client = client_for("bedrock-runtime", endpoint_url=simulator.url)
    asked = {"modelId": ECHO, "messages": HELLO, "inferenceConfig": {"maxTokens": 1_500}}
    with monkeypatch.context() as broken:
        broken.delattr(Answerer, "converse")
        with pytest.raises(ClientError, match="InternalFailure"):
            client.converse(**asked)
    assert client.converse(**asked)["stopReason"] == "end_turn"

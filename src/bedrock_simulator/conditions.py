"""What the network and the service do to requests: the quotas, latencies and faults of a scenario, in one place."""

import asyncio
import time
from collections.abc import Callable
from random import Random

from msgspec import Struct, structs

from bedrock_simulator.answer_faults import rewrite
from bedrock_simulator.delivery import Sleep, play, script_of
from bedrock_simulator.exchange import Connection, Exchange, Outgoing, Tokens
from bedrock_simulator.faults import Plan
from bedrock_simulator.latency import pace_of
from bedrock_simulator.quota import Quotas, Reservation, cost
from bedrock_simulator.scenario import Fault, Scenario
from bedrock_simulator.service_faults import exception_of, outage
from bedrock_simulator.wire_faults import strike


class Ticket(Struct, frozen=True):
    """What was decided of a request when it was let in."""

    exchange: Exchange
    fault: Fault | None
    reservation: Reservation | None
    random: Random  # its own, so that its waits do not depend on the calls beside it


class Network:
    """The `Conditions` of a scenario.

    Everything is drawn when a request is let in: the same requests in the same order meet the same conditions, also
    where their answers overlap. Nothing in here runs on by itself: cancelling `deliver` ends it, and settles.
    Raises `ValueError` where the scenario names a fault that there is not.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self._scenario = scenario
        self._sleep = sleep
        self._random = random or Random(scenario.answers.seed)  # noqa: S311  # drawn to be repeatable
        self._plan = Plan(scenario.faults, self._random)
        self._quotas = Quotas(scenario.quotas, clock)

    async def admit(self, exchange: Exchange, input_tokens: int) -> Ticket:
        """Choose the request's fault and reserve its quota; `input_tokens`: the whole input, cached or not.

        Raises `ServiceError`. A request that a fault refuses takes nothing from the quota.
        """
        fault = self._plan.choose(exchange)
        random = Random(self._random.getrandbits(64))  # noqa: S311  # drawn to be repeatable
        if fault is not None and fault.kind == "regional-outage":
            if random.random() < 0.5:
                raise outage()
            return Ticket(exchange, structs.replace(fault, kind="reset-before"), None, random)
        refusal = exception_of(fault, exchange, self._scenario.time_scale) if fault is not None else None
        if refusal is not None:
            raise refusal
        return Ticket(exchange, fault, self._quotas.reserve(exchange, input_tokens), random)

    async def deliver(
        self, ticket: Ticket, outgoing: Outgoing, tokens: Tokens, connection: Connection
    ) -> None:
        """Send an answer as its ticket has it; the quota is settled at the end, however that comes about.

        Raises what `connection.write` does when the client has gone.
        """
        try:
            await self._play(ticket, outgoing, tokens, connection)
        finally:
            if ticket.reservation is not None:
                model = ticket.exchange.model
                ticket.reservation.settle(cost(tokens, model.burn if model is not None else 1.0))

    async def _play(self, ticket: Ticket, outgoing: Outgoing, tokens: Tokens, connection: Connection) -> None:
        scenario, fault = self._scenario, ticket.fault
        if fault is not None:
            outgoing = rewrite(fault.kind, outgoing)
        pace = pace_of(ticket.exchange.model_id, scenario.latency, scenario.time_scale, ticket.random)
        script = script_of(outgoing, tokens, pace)
        if fault is not None:
            script = strike(script, fault, scenario.time_scale, ticket.random)
        await play(script, connection, self._sleep)

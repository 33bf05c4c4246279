"""The steps of a diagnosis: what follows from one that fails."""

from proviso.app.diagnosis import Check, Result, ok
from proviso.app.steps import Steps
from proviso.aws import NoCredentials, TransportFailed


async def unreachable() -> Check:
    raise TransportFailed("nobody answers", sent=False)


async def fine() -> Check:
    return ok("call", "answered")


async def test_another_service_of_aws_that_is_out_of_reach_is_a_warning_and_stops_nothing() -> None:
    steps = Steps("dev")
    assert (await steps.take("identity", unreachable)).result is Result.WARN
    assert (await steps.take("quota", unreachable)).result is Result.WARN
    assert (await steps.take("call", fine)).result is Result.OK


async def test_a_step_that_fails_at_a_region_holds_for_its_models() -> None:
    region = Steps("dev eu-central-1")
    assert (await region.take("profile", unreachable)).result is Result.FAILED
    check = await Steps("dev eu-central-1 small", region.failed).take("call", fine)
    assert (check.result, check.what, check.where) == (
        Result.SKIPPED,
        "`profile` failed",
        "dev eu-central-1 small",
    )


async def test_credentials_that_cannot_be_renewed_fail_the_step_that_wants_them() -> None:
    async def without() -> Check:
        raise NoCredentials("no AWS credentials", fix="sign in")

    check = await Steps("dev").take("logging", without)
    assert (check.result, check.fix) == (Result.FAILED, "sign in")

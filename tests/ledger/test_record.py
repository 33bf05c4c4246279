"""One suite for every `Ledger`: what has been recorded is there, whole, and nothing else is."""

from proviso.ledger import KeyRevoked, Ledger, Records
from tests.ledger.samples import NOW, finished, new_run, payload, started

Both = tuple[Ledger, Records]


async def test_a_finished_run_is_read_back_as_it_was_given(ledger: Both) -> None:
    writing, reading = ledger
    event = finished(new_run())
    await writing.finished(event, payload())
    record = reading.run(event.run)
    assert record is not None
    assert record.finished == event
    assert (record.app, record.started, record.gap) == ("policy-qa", None, None)


async def test_the_texts_come_back_with_their_run(ledger: Both) -> None:
    writing, reading = ledger
    run = new_run()
    await writing.finished(finished(run), payload("How much?"))
    record = reading.run(run)
    assert record is not None
    assert record.payload is not None
    assert (record.payload.question, record.payload.answer) == ("How much?", "It is 75 EUR. [1]")


async def test_a_text_that_the_contract_does_not_log_is_not_kept(ledger: Both) -> None:
    writing, reading = ledger
    run = new_run()
    await writing.finished(finished(run), payload("How much?", "answer"))
    record = reading.run(run)
    assert record is not None
    assert record.payload is not None
    assert (record.payload.question, record.payload.citations) == (None, None)


async def test_a_run_leads_back_to_its_user_through_the_pseudonym(ledger: Both) -> None:
    writing, reading = ledger
    run, subject = new_run(), writing.pseudonym("dana")
    await writing.finished(finished(run, subject), payload())
    record = reading.run(run)
    assert record is not None
    assert record.user == "dana"
    assert subject == writing.pseudonym("dana") != writing.pseudonym("li")


async def test_a_run_under_way_has_a_start_and_no_end(ledger: Both) -> None:
    writing, reading = ledger
    run = new_run()
    await writing.started(started(run))
    record = reading.run(run)
    assert record is not None
    assert record.started == started(run)
    assert record.finished is None


async def test_the_newest_runs_come_first_and_of_one_app_if_asked(ledger: Both) -> None:
    writing, reading = ledger
    runs = [new_run() for _ in range(4)]
    for number, run in enumerate(runs):
        app = "other" if number == 3 else "policy-qa"
        await writing.finished(finished(run, app=app, at=NOW + number), payload())
    assert [record.run for record in reading.recent(2)] == [runs[3], runs[2]]
    assert [record.run for record in reading.recent(2, "policy-qa")] == [runs[2], runs[1]]


async def test_a_fact_of_no_run_is_taken_and_is_no_run(ledger: Both) -> None:
    writing, reading = ledger
    await writing.noted(KeyRevoked(at=NOW, key="0123456789ab"))
    assert reading.recent(10) == []
    assert reading.run("") is None


async def test_an_unknown_run_has_no_record_whatever_its_name(ledger: Both) -> None:
    _, reading = ledger
    for name in (new_run(), "", "\ud800", "' OR 1=1 --", "x" * 10_000):
        assert reading.run(name) is None

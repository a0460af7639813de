"""Number of stages, share and time left, by a clock of the test."""

import pytest

from pennyweight.progress.tracker import ExpectedStage, ProgressTracker
from pennyweight.progress.update import ProgressUpdate


class Call:
    """A call under way: its clock, its tracker and the updates so far."""

    def __init__(self, *stages: ExpectedStage) -> None:
        self.now = 100.0
        self.updates: list[ProgressUpdate] = []
        self.tracker = ProgressTracker(self.updates.append, clock=lambda: self.now)
        self.tracker.expect(stages)

    def at(self, now: float, stage: str, done: int = 0, total: int = 0) -> ProgressUpdate:
        """Return the update for a stage, so many seconds after the start."""
        self.now = 100.0 + now
        self.tracker(stage, done, total)
        return self.updates[-1]


def test_the_time_left_is_given_once_a_quarter_of_the_forecast_is_measured():
    call = Call(
        ExpectedStage("read", 2.0), ExpectedStage("fit", 6.0), ExpectedStage("measure", 2.0)
    )
    first = call.at(0, "read")
    assert (first.number, first.stages, first.share, first.seconds_left) == (1, 3, 0.0, None)
    assert call.at(1, "read").share == 0.1
    fit = call.at(2, "fit")
    assert (fit.number, fit.seconds_left, fit.share) == (2, None, 0.2)
    assert call.at(3, "fit", 1, 12).seconds_left > 6.0
    half = call.at(5, "fit", 3, 6)
    assert (half.stage_share, half.seconds_left, half.share) == (0.5, 5.0, 0.5)
    last = call.at(10, "measure", 4, 4)
    assert (last.number, last.seconds_left, last.share) == (3, 0.0, 1.0)


def test_a_slow_machine_lengthens_the_later_stages():
    call = Call(ExpectedStage("read", 2.0), ExpectedStage("fit", 6.0))
    call.at(0, "read")
    # Twice the time, beside a prior of 0.4 s: (4 + 0.4) / (2 + 0.4) of 6 s.
    assert call.at(4, "fit").seconds_left == pytest.approx(6 * 4.4 / 2.4)


def test_stages_of_a_group_share_their_pace():
    call = Call(
        ExpectedStage("fit tower", 1.0, "tower"),
        ExpectedStage("fit other", 1.0, "other"),
        ExpectedStage("refit tower", 2.0, "tower"),
    )
    call.at(0, "fit tower")
    call.at(10, "fit other")
    assert call.at(11, "refit tower").seconds_left == 20.0


def test_a_stage_that_overruns_lengthens_the_later_ones_before_it_ends():
    call = Call(*(ExpectedStage(f"{name} tower", 2.0, "tower") for name in ("fit", "refit")))
    assert call.at(0, "fit tower").seconds_left is None
    assert call.at(6, "fit tower").seconds_left == 6.0
    assert call.at(9, "fit tower", 3, 4).seconds_left == pytest.approx(0.25 * 9.5 + 9 + 0.25 * 9.5)


def test_stages_without_a_forecast_take_as_long_as_their_group():
    call = Call(ExpectedStage("try 1", None, "try"), ExpectedStage("try 2", None, "try"))
    first = call.at(0, "try 1")
    assert (first.seconds_left, first.share) == (None, 0.0)
    assert call.at(3, "try 2").seconds_left == 3.0
    assert call.at(4, "try 2").seconds_left == 2.0


def test_the_own_pace_of_a_stage_prevails():
    call = Call(ExpectedStage("fit", 1.0))
    call.at(0, "fit")
    assert call.at(30, "fit", 3, 4).seconds_left == pytest.approx(0.25 * (30 + 0.25 * 1))
    unknown = Call(ExpectedStage("fit"))
    assert unknown.at(0, "fit").seconds_left is None
    assert unknown.at(30, "fit", 3, 4).seconds_left == 10.0


def test_a_stage_that_is_skipped_lowers_the_number_and_a_new_one_raises_it():
    call = Call(*(ExpectedStage(name, 1.0) for name in ("read", "encode", "fit")))
    call.at(0, "read")
    fit = call.at(1, "fit")
    assert (fit.number, fit.stages) == (2, 2)
    save = call.at(2, "save")
    assert (save.number, save.stages, save.stage) == (3, 3, "save")
    again = call.at(3, "fit")
    assert (again.number, again.stages) == (4, 4)


def test_later_stages_can_be_replaced():
    call = Call(ExpectedStage("read", 1.0), ExpectedStage("fit", 1.0))
    call.at(0, "read")
    call.tracker.expect([ExpectedStage("fit a", 1.0), ExpectedStage("fit b", 1.0)])
    assert (call.at(0, "read").stages, call.at(1, "fit a").number) == (3, 2)


def test_the_share_never_falls():
    call = Call(ExpectedStage("read", 1.0), ExpectedStage("fit", 1.0))
    call.at(0, "read")
    half = call.at(1, "fit").share
    call.tracker.expect([ExpectedStage("fit again", 50.0)])
    assert call.at(1, "fit").seconds_left is None
    assert call.at(1, "fit").share == half == 0.5


def test_expected_stages_are_not_computed_where_nothing_is_shown():
    def stages():
        raise AssertionError
        yield

    tracker = ProgressTracker()
    tracker.expect(stages())
    tracker("read")


@pytest.mark.parametrize(
    ("update", "text"),
    [
        (ProgressUpdate("save"), "save"),
        (ProgressUpdate("fit", 3, 14, 0.274, None, 19.6), " 3/14 fit, 27 %, 20 s left"),
        (ProgressUpdate("fit", 14, 14, 1.0, 1.0, 0.0), "14/14 fit, 100 %"),
        (ProgressUpdate("fit", 1, 2, 0.0, None, 3_900), "1/2 fit, 0 %, 1 h 5 min left"),
        (ProgressUpdate("fit", 1, 2, 0.0, None, 125), "1/2 fit, 0 %, 2 min 5 s left"),
    ],
)
def test_an_update_is_printed_as_a_line(update, text):
    assert str(update) == text

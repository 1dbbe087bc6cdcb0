from collections.abc import Iterator

import pytest
import ray
from ray.util import placement_group, remove_placement_group
from waiting import wait_until

from sweeper.cluster.fleet import Fleet, count_workers
from sweeper.cluster.resources import Resources


@pytest.mark.parametrize(
    ("resources", "workers"), [(Resources(), 8), (Resources(cpus=3), 2), (Resources(cpus=9), 0)]
)
def test_as_many_workers_as_fit(ray_session, resources, workers):
    assert count_workers(resources) == workers


@pytest.mark.parametrize("resources", [Resources(cpus=9), Resources(cpus=1, gpus=99)])
def test_what_fits_nowhere_is_an_error_that_lists_what_there_is(ray_session, resources):
    with pytest.raises(ValueError, match=r"a trial needs .* but there is only .* with 8 CPUs"):
        Fleet(None, resources, 4)


@pytest.mark.parametrize(
    ("wanted", "num_trials", "said"),
    [
        (None, 100, "8 workers on mars"),
        (None, 1, "1 worker on mars"),
        (3, 100, "3 workers on mars"),
        (100, 200, "8 workers on mars (num_workers=100: only 8 fit: using 8)"),
    ],
)
def test_what_is_said_of_a_fleet(ray_session, wanted, num_trials, said):
    assert Fleet(wanted, Resources(), num_trials).describe("mars") == said


@pytest.fixture
def others(ray_session) -> Iterator[None]:
    """Somebody else uses 7 of the 8 CPUs."""

    @ray.remote(num_cpus=7)
    class Other:
        def ready(self) -> bool:
            return True

    other = Other.remote()
    ray.get(other.ready.remote())
    wait_until(lambda: ray.available_resources().get("CPU") == 1)  # which lags behind
    yield
    ray.kill(other)
    wait_until(lambda: ray.available_resources().get("CPU") == 8)


def test_what_is_waited_for_is_said_once_after_a_while(others, monkeypatch):
    fleet = Fleet(None, Resources(cpus=2), 4)
    assert fleet.waiting_for(something_runs=False) is None  # not long enough yet
    monkeypatch.setattr("sweeper.cluster.fleet._SAY_AFTER_S", -1)
    waits = "Waiting for 2 CPUs: others use 7 of 8 CPUs."
    assert fleet.waiting_for(something_runs=False) == waits
    assert fleet.waiting_for(something_runs=False) is None
    assert fleet.waiting_for(something_runs=True) is None
    assert fleet.waiting_for(something_runs=False) is None


def test_nothing_is_waited_for_where_a_worker_starts(others, monkeypatch):
    fleet = Fleet(None, Resources(), 4)
    monkeypatch.setattr("sweeper.cluster.fleet._SAY_AFTER_S", -1)
    group = placement_group([{"CPU": 1}])
    ray.get(group.ready())
    assert fleet.waiting_for(something_runs=False) is None
    remove_placement_group(group)

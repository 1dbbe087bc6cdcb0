import threading
import time

import pytest

from sweeper.cluster.ray_thread import BrokenOff, RayThread


def test_one_thread_does_one_thing_after_another():
    thread = RayThread()
    order: list[int] = []
    futures = [thread.begin(lambda i=i: order.append(i) or threading.get_ident()) for i in range(9)]
    assert len({future.result(60) for future in futures} - {threading.get_ident()}) == 1
    assert order == list(range(9))


def test_what_is_raised_there_is_raised_here_and_the_thread_goes_on():
    thread = RayThread()

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit, match="3"):
        thread.begin(leave).result(60)
    assert thread.begin(lambda: "on").result(60) == "on"


def test_work_is_broken_off_as_soon_as_it_is_back_in_python():
    thread, begun = RayThread(), threading.Event()

    def wait() -> None:
        begun.set()
        while True:
            time.sleep(0.01)

    future = thread.begin(wait)
    assert begun.wait(60)
    thread.break_off()
    assert isinstance(future.exception(60), BrokenOff)


def test_it_ends_once_all_is_done():
    thread = RayThread()
    future = thread.begin(threading.current_thread)
    thread.end()
    future.result(60).join(60)
    assert not future.result().is_alive()

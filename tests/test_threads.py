"""Work in threads: in order, and over at once when it is interrupted."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cutis.threads import in_threads


def test_results_come_in_the_order_of_the_items():
    def slower_first(item):
        time.sleep(0.01 / item)
        return -item

    assert list(in_threads(slower_first, range(1, 9))) == [-item for item in range(1, 9)]


def test_ctrl_c_does_not_wait_for_what_is_left(monkeypatch):
    queued, done = [], []

    def slow(item):
        time.sleep(0.01)
        done.append(item)

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *arguments):
            if self._work_queue.qsize() > 500:
                raise KeyboardInterrupt
            queued.append(arguments)
            return super().submit(*arguments)

    monkeypatch.setattr("cutis.threads.ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(in_threads(slow, range(5000)))
    assert len(done) < len(queued) - 200

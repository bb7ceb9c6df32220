# SPDX-License-Identifier: MIT
"""Four threads pass items through a bounded queue to four others, with a lock and a pool: queues.py items N | seconds S."""
import concurrent.futures
import queue
import sys
import threading
import time

COUNT = 4
items = int(sys.argv[2]) if sys.argv[1] == "items" else None
until = time.monotonic() + float(sys.argv[2])
line = queue.Queue(16)
lock = threading.Lock()
total = [0, 0]


def put(me):
    i = 0
    while i < items if items is not None else time.monotonic() < until:
        line.put(i * COUNT + me)
        i += 1


def take(_):
    while (item := line.get()) is not None:
        with lock:
            total[0] += 1
            total[1] += item


with concurrent.futures.ThreadPoolExecutor(2 * COUNT) as pool:
    takers = [pool.submit(take, i) for i in range(COUNT)]
    start = time.monotonic()
    for done in [pool.submit(put, i) for i in range(COUNT)]:
        done.result()
    for _ in takers:
        line.put(None)
    for done in takers:
        done.result()
print(total[0], total[1]) if items is not None else print(total[0] / (time.monotonic() - start))

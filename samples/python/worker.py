"""The worker process: does a little work now and then, and says so, until SIGTERM."""

import os
import signal
import threading


def main():
    """Count rounds, ten seconds each; the first begins at once."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    dyno = os.environ.get("DYNO", "worker")
    rounds = 0
    while not stop.is_set():
        rounds += 1
        print(f"{dyno} did round {rounds}", flush=True)
        stop.wait(10)
    print(f"{dyno} stops after round {rounds}", flush=True)


if __name__ == "__main__":
    main()

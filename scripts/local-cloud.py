"""Runs the local cloud until it is told to stop or whoever started it is gone.

The starter holds the other end of standard input: when it dies, however it dies, the pipe closes, and the cloud saves its
state and ends as on SIGTERM.
"""

import os
import signal
import sys
import threading


def end_with_starter():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_starter, daemon=True).start()

from ministack.app import main  # noqa: E402  (the watch begins before the slow import)

sys.argv = ["ministack"]
try:
    main()
finally:
    # Lambda workers are in this process's own group and must not outlive it.
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)

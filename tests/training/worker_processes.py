"""Runs a program as several workers of one training, with no network but their own.

Run as a program: COUNT PROGRAM ARGUMENT..., where WORKER in an argument becomes the worker's
number. TensorFlow's server listens on every interface, so the workers get a network namespace that
has the loopback alone; status 77 says that the system does not give one. Lines of the standard
input may be the number of a worker to kill. Ends with the largest status of a worker.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

NO_NAMESPACE = 77
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # sched.h
SET_FLAGS, UP_AND_RUNNING = 0x8914, 0x41  # net/if.h
FIRST_PORT = 20001


def enter_namespace() -> bool:
    """Leave all networks but a loopback of this process and its children."""
    unshare = ctypes.CDLL(None).unshare
    if unshare(NEW_NETWORK) and unshare(NEW_USER | NEW_NETWORK):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    return True


def start(count: int, number: int, words: list[str]) -> subprocess.Popen:
    """Start one worker."""
    addresses = [f"127.0.0.1:{FIRST_PORT + place}" for place in range(count)]
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
    environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
    words = [word.replace("WORKER", str(number)) for word in words]
    return subprocess.Popen([sys.executable, *words], env=environment, stdin=subprocess.DEVNULL)


def main() -> None:
    """See the module."""
    count, words = int(sys.argv[1]), sys.argv[2:]
    if not enter_namespace():
        sys.exit(NO_NAMESPACE)
    workers = [start(count, number, words) for number in range(count)]

    def obey() -> None:
        for line in sys.stdin:
            workers[int(line)].send_signal(signal.SIGKILL)

    threading.Thread(target=obey, daemon=True).start()
    statuses = [worker.wait() for worker in workers]
    print(json.dumps(statuses), flush=True)
    os._exit(max(map(abs, statuses)))


if __name__ == "__main__":
    main()

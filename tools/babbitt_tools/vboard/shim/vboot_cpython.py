"""Starts the firmware on CPython, where there is no MicroPython, with the shim in place of the hardware:

    python vboot_cpython.py read_fd write_fd flash_dir

The clocks of the module `time` and the selector of asyncio become virtual; sockets are watched as on
MicroPython.
Memory is not limited here: that is what MicroPython is for.
"""

import os
import runpy
import selectors
import socket
import sys
import time

watched = set()  # descriptors of sockets that go through the radio
real_us = time.monotonic_ns
real_sleep = time.sleep


def main(read_fd, write_fd, flash):
    """Ask the world, make time virtual, run boot.py and main.py in the flash folder."""
    import vclock
    import vlink
    import vworld

    link = vlink.Link(os.fdopen(read_fd, "rb", 0), os.fdopen(write_fd, "wb", 0))
    clock = vclock.Clock(lambda: real_us() // 1000, lambda us: real_sleep(us / 1000000))
    vworld.start(clock, link)
    virtual_time(clock)
    selectors.DefaultSelector = virtual_selector(clock)
    socket.socket = watched_socket(clock)
    link.ask(vlink.READY, clock.now)
    os.chdir(flash)
    sys.path.insert(0, os.getcwd())
    sys.argv = [""]
    sys.dont_write_bytecode = True
    for name in ("boot.py", "main.py"):
        if os.path.exists(name):
            runpy.run_path(name, run_name="__main__")


def virtual_time(clock):
    """Replace the clocks of `time` for everything that looks them up there, asyncio among it."""
    import vtime

    time.monotonic = time.perf_counter = lambda: clock.tick() / 1000000
    time.monotonic_ns = time.perf_counter_ns = lambda: clock.tick() * 1000
    time.time = lambda: vtime.utc_us() / 1000000
    time.time_ns = lambda: vtime.utc_us() * 1000
    time.sleep = lambda seconds: clock.sleep(int(seconds * 1000000))


def virtual_selector(clock):
    """The platform's selector, waiting in virtual time. While the radio link is down no watched socket is
    ready.
    """
    import vworld

    class VirtualSelector(selectors.DefaultSelector):
        def select(self, timeout=None):
            wait_us = -1 if timeout is None else max(0, int(timeout * 1000000 + 0.999))
            return clock.wait(wait_us, self._poll) or []

        def _poll(self, ms):
            if vworld.wifi_up:
                return super().select(ms / 1000)
            ready = [item for item in super().select(0) if item[0].fd not in watched]
            if not ready and ms:
                real_sleep(ms / 1000)
            return ready

    return VirtualSelector


def watched_socket(clock):
    """`socket.socket` that counts the answers the network owes and stands still while the radio link is
    down.
    """
    import network
    import vmqtt
    import vworld

    class WatchedSocket(socket.socket):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tracker = vmqtt.Tracker(clock.owe)

        def connect(self, address):
            if self.family != socket.AF_UNIX and not network.reachable():
                raise OSError(113, "No route to host")
            self.tracker.connecting()
            watched.add(self.fileno())
            return super().connect(address)

        def send(self, data, *flags):
            self._link()
            count = super().send(data, *flags)
            self.tracker.sent(data, count)
            return count

        def sendmsg(self, buffers, *rest):
            return self.send(b"".join(buffers))

        def recv(self, size, *flags):
            self._link()
            data = super().recv(size, *flags)
            self.tracker.received(data, len(data))
            self._acknowledge()
            return data

        def recv_into(self, buffer, *args):
            self._link()
            count = super().recv_into(buffer, *args)
            self.tracker.received(buffer, count)
            self._acknowledge()
            return count

        def close(self):
            self.tracker.close()
            watched.discard(self.fileno())
            super().close()

        def _acknowledge(self):
            # A broker that uses Nagle's algorithm would wait 40 ms for it.
            if (
                hasattr(socket, "TCP_QUICKACK")
                and self.type == socket.SOCK_STREAM
                and self.family != socket.AF_UNIX
            ):
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

        def _link(self):
            if not vworld.wifi_up:
                raise BlockingIOError(11, "the radio link is down")

    # asyncio's own wake-up socket pair is made by the C function below and stays unwatched
    return WatchedSocket


if __name__ == "__main__":
    # The folder of this file is on the path as that of the script; `micropython/` with its time and socket
    # is not.
    reader, writer = int(sys.argv[1]), int(sys.argv[2])
    if reader == 0:  # pipes as stdin and stdout, where descriptors cannot be handed over
        reader, writer = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        if os.name == "nt":
            import msvcrt

            msvcrt.setmode(reader, os.O_BINARY)
            msvcrt.setmode(writer, os.O_BINARY)
    main(reader, writer, sys.argv[3])

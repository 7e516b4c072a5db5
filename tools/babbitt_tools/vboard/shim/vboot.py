"""Starts the firmware on MicroPython with the shim in place of the hardware. Called by `vrom.py`:

    vboot.run(read_fd, write_fd, flash_dir)
    vboot.run(read_fd, write_fd, (chip, offset, size), True)    # a partition of a flash chip, with a console

The shim is imported before the flash folder becomes the root of the file system; from then on the firmware
sees its flash and nothing else of the PC.
"""

import gc
import sys

import utime
import vclock
import vlink
import vworld


def run(read_fd, write_fd, flash, console=False, main=True):
    """Ask the world, mount the flash, run boot.py and main.py as MicroPython does after a reset.

    flash: a folder, or (file, offset, size) of a partition of a flash chip. console: somebody may press Ctrl-C, which
    ends what runs and leads to the REPL. main: run main.py (not after a reset out of the raw REPL).
    """
    link = vlink.Link(open(read_fd, "rb"), open(write_fd, "wb"), console)  # noqa: SIM115 - open as long as the board
    vworld.start(vclock.Clock(utime.ticks_us, utime.sleep_us), link)
    import vfs

    import esp  # noqa: F401
    import esp32  # noqa: F401
    import machine  # noqa: F401
    import network  # noqa: F401
    import onewire  # noqa: F401
    import os
    import select  # noqa: F401
    import socket  # noqa: F401
    import ssl
    import time  # noqa: F401

    import vtls

    vtls.watch(ssl)
    if isinstance(flash, str):
        files = vfs.VfsPosix(flash)
    else:
        import vflash

        files = vflash.mount(*flash)
    vfs.umount("/")
    vfs.mount(files, "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib", "/rom", "/rom/lib"]
    gc.collect()
    link.ask(vlink.READY, vworld.clock.now, 0, 0, gc.mem_alloc())
    for name in ("boot.py", "main.py") if main else ("boot.py",):
        try:
            os.stat(name)
        except OSError:
            continue
        if run_file(name):
            break


def run_file(name):
    """Run a file in the name space of `__main__`; what it raises is printed, as the REPL does. True: it was interrupted."""
    import __main__

    with open(name) as source:
        code = compile(source.read(), name, "exec")
    try:
        exec(code, __main__.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        sys.print_exception(error)
        return isinstance(error, KeyboardInterrupt)
    return False

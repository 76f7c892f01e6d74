"""slow_terminal.py COMMAND...: runs COMMAND --events /dev/fd/N with a terminal as stderr, and prints what that was shown.

Its events go through a pipe with room for one line, whose reader rests for more than a second when the first step
begins: the apply then takes that long. Ends with the command's exit code.
"""
import fcntl
import os
import pty
import subprocess
import sys
import time

F_SETPIPE_SZ = 1031


def main(command):
    outer, inner = pty.openpty()
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    running = subprocess.Popen([*command, "--events", f"/dev/fd/{writer}"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=inner, pass_fds=[writer])
    os.close(writer)
    os.close(inner)
    rested = False
    while chunk := os.read(reader, 65536):
        if b"apply_start" in chunk and not rested:
            rested = True
            time.sleep(1.2)
    running.wait()
    shown = b""
    try:
        while chunk := os.read(outer, 65536):
            shown += chunk
    except OSError:  # EIO: nobody holds the inner end any more
        pass
    print(repr(shown.decode()))
    return running.returncode if rested else 99


sys.exit(main(sys.argv[1:]))

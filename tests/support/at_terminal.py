"""at_terminal.py TYPED COMMAND...: runs a command whose stdin, stdout and stderr are a terminal on which TYPED and a
line's end were typed; what it prints and its exit code are this program's."""
import os
import pty
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
os.write(terminal, sys.argv[1].encode() + b"\n")
while True:
    try:
        text = os.read(terminal, 4096)
    except OSError:  # EIO: nobody has the other end any more
        break
    if not text:
        break
    sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)

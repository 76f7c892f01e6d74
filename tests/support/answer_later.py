"""answer_later.py MEANWHILE ANSWER COMMAND...: runs a command on a terminal of its own. Once it asks, the shell line
MEANWHILE is run, whose exit code has to be 0, and ANSWER is typed. What all of it prints, and the command's exit code, are
this program's."""
import os
import pty
import subprocess
import sys

meanwhile, answer, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
said = b""
asked = False
while True:
    try:
        text = os.read(terminal, 4096)
    except OSError:  # EIO: nobody has the other end any more
        break
    if not text:
        break
    said += text
    if not asked and b"is taken as consent: " in said:
        asked = True
        ran = subprocess.run(["sh", "-c", meanwhile], stdin=subprocess.DEVNULL, capture_output=True)
        said += ran.stdout + ran.stderr
        said += b"meanwhile: %d\n" % ran.returncode
        os.write(terminal, answer.encode() + b"\n")
sys.stdout.buffer.write(said.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)

"""Signals at moments that a test can know: interrupts.py OVL CASE, in a folder with a manifest and the options in OPTIONS."""
import os, pty, re, select, signal, socket, subprocess, sys, time

ovl, case = sys.argv[1:3]
options = os.environ["OPTIONS"].split()
apply = [ovl, "apply", "net", *options]


def fail(words):
    sys.exit(f"{case}: {words}")


class AtTheQuestion:
    """An apply that asks on a terminal, under the cluster's lock."""

    def __init__(self, ignored=()):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            os.execv(ovl, apply)
        self.said = b""
        self.read_until(b"taken as consent: ")

    def read_until(self, words):
        while words not in self.said:
            if not select.select([self.terminal], [], [], 60)[0]:
                fail(f"silent after {self.said}")
            try:
                part = os.read(self.terminal, 4096)
            except OSError:
                part = b""
            if not part:
                fail(f"ended after {self.said}")
            self.said += part

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        try:
            while part := os.read(self.terminal, 4096):
                self.said += part
        except OSError:
            pass
        return os.waitstatus_to_exitcode(status)


def listens(pid, number):
    """Waits until the process has a handler for the signal."""
    for _ in range(60_000):
        caught = re.search(r"SigCgt:\s*(\w+)", open(f"/proc/{pid}/status").read())
        if int(caught[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.001)
    fail("it never listens")


def expect(code, wanted, said, *words):
    if code != wanted or any(word not in said for word in words):
        fail(f"ended with {code}, said {said}")


def lock_is_free():
    ran = subprocess.run([ovl, "lock", "ls", *options_of("--keystore"), "--cluster", "pushed"], capture_output=True)
    if b"Nobody" not in ran.stdout:
        fail(f"the lock is held: {ran.stdout} {ran.stderr}")


def options_of(name):
    at = options.index(name)
    return options[at : at + 2]


if case == "question":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asked = AtTheQuestion()
        os.kill(asked.pid, number)
        expect(asked.end(), 130, asked.said, b"interrupted at the question: nothing was changed")
        lock_is_free()
elif case == "lock":
    holder = AtTheQuestion()
    waiting = subprocess.Popen([*apply, "--auto-approve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    listens(waiting.pid, signal.SIGTERM)
    waiting.terminate()
    said = waiting.communicate()[1]
    expect(waiting.returncode, 130, said, b"ovl: interrupted", b"nothing was changed")
    if said.count(b"\n") != 1:
        fail(f"more than one line: {said}")
    os.write(holder.terminal, b"no\n")
    holder.end()
elif case == "ignored":
    asked = AtTheQuestion(ignored=[signal.SIGHUP])
    os.kill(asked.pid, signal.SIGHUP)
    os.write(asked.terminal, b"yes\n")
    expect(asked.end(), 0, asked.said, b"Apply complete")
elif case == "silent":
    # A store that takes connections and never answers.
    server = socket.create_server(("127.0.0.1", 0))
    options[options.index("--keystore") + 1] = f"etcd://127.0.0.1:{server.getsockname()[1]}"
    reading = subprocess.Popen([ovl, "apply", "net", *options, "--timeout", "10m"], stderr=subprocess.PIPE)
    held = server.accept()  # a connection that nobody holds is closed
    listens(reading.pid, signal.SIGINT)
    reading.send_signal(signal.SIGINT)
    said = reading.communicate()[1]
    expect(reading.returncode, 130, said, b"nothing was changed")
elif case == "twice":
    asked = AtTheQuestion()
    os.kill(asked.pid, signal.SIGSTOP)
    os.waitpid(asked.pid, os.WUNTRACED)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
        os.kill(asked.pid, number)
    if asked.end() not in (-signal.SIGINT, -signal.SIGTERM):
        fail("the second signal did not end it at once")

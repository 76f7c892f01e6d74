"""Runs a command and prints how much memory it had at most, in kB, and its exit code: "31244 0"."""
import resource
import subprocess
import sys

code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)

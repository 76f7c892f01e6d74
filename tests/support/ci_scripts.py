"""ci_scripts.py FILE JOB DIRECTORY [LEFT_OUT...]: the shell scripts of one job of a pipeline, in order.

Writes them as DIRECTORY/1.sh, 2.sh, ... and prints their number and, of a GitHub workflow, the steps that were left
out: those that use somebody's action, and those of the given names. Exit code 77: python3-yaml is missing.
"""
import pathlib
import sys

try:
    import yaml
except ImportError as error:
    print(error)
    sys.exit(77)


def main(path, job, directory, *left_out):
    document = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
    if "jobs" in document:
        steps = document["jobs"][job]["steps"]
        names = [step["name"] for step in steps if "run" in step]
        unknown = set(left_out) - set(names)
        if unknown:
            sys.exit(f"no step is called {unknown}")
        scripts = [step["run"] for step in steps if "run" in step and step["name"] not in left_out]
    else:
        scripts = ["\n".join(document[job]["script"])]
    for number, script in enumerate(scripts, 1):
        pathlib.Path(directory, f"{number}.sh").write_text(script + "\n", encoding="utf-8")
    print(len(scripts))


main(*sys.argv[1:])

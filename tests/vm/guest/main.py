"""main.py LINE: what runs inside the virtual machine, as root, its first program's only child.

Reports to the serial line LINE: {"say": ...}, one result per test, and {"finished": true} at the end. Which groups run is
in build/guest.json; each is a module of this folder with a function `run(world)`.
"""
import importlib
import json
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
GROUPS = ("facts", "attacks", "smoke", "without_root")
# An emulated processor is some ten times slower; a turn of a server is judged where the processor is a real one.
PATIENCE = {"HEARTH_TIMEOUT_FACTOR": "10", "HEARTH_TURN_TOLERANCE": "100"}


class World:
    """What a group gets: the settings, and where results go."""

    def __init__(self, line, settings):
        self.line = line
        self.root = ROOT
        self.build = os.path.join(ROOT, settings["build"])
        self.server = os.path.join(ROOT, settings["server"])
        self.release = settings["release"]

    def is_promised(self, tier):
        """Whether tests/security/promises.json promises anything for a tier."""
        with open(os.path.join(ROOT, "tests/security/promises.json"), encoding="utf-8") as stream:
            return any(promise[tier] for promise in json.load(stream)["promises"])

    def send(self, message):
        self.line.write(json.dumps(message) + "\n")
        self.line.flush()

    def say(self, text):
        self.send({"say": text})

    def result(self, test, outcome, reason="", seconds=0.0):
        self.send({"test": test, "outcome": outcome, "reason": reason[-8000:], "seconds": round(seconds, 1)})

    def check(self, test, function):
        """Runs `function`; it passes when it returns."""
        started = time.monotonic()
        try:
            function()
        except Exception:  # noqa: BLE001 - whatever it is, the test failed
            self.result(test, "failed", traceback.format_exc(), time.monotonic() - started)
            return False
        self.result(test, "passed", seconds=time.monotonic() - started)
        return True


def main(path):
    with open(os.path.join(ROOT, "build/guest.json"), encoding="utf-8") as stream:
        settings = json.load(stream)
    sys.path[:0] = [HERE, os.path.join(ROOT, "tests/support")]
    os.environ.update(PATIENCE)
    with open(path, "w", encoding="utf-8") as line:
        world = World(line, settings)
        with open("/proc/uptime", encoding="utf-8") as stream:
            world.say(f"{world.release} is up after {stream.read().split()[0]} s")
        for name in settings["groups"] or GROUPS:
            world.say(f"group {name}")
            try:
                importlib.import_module(name).run(world)
            except Exception:  # noqa: BLE001 - a group that cannot run is a failed test
                world.result(name, "failed", traceback.format_exc())
        world.send({"finished": True})


if __name__ == "__main__":
    main(*sys.argv[1:])

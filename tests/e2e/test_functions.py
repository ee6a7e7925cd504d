"""Packages and asynchronous invocations through the API: what is refused, what is kept, what runs again."""
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import unittest
import urllib.request
import uuid
import zipfile

from hearth import ROLE, Server, wait_until, zip_of

ECHO = "def handler(event, context):\n    return event\n"


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def raw_zip(*entries):
    """A zip of (name, content, unix mode), names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def log_text(server, name):
    return "".join(server.log_messages(name))


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.api = cls.server.client("lambda")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def create(self, package, **options):
        return self.api.create_function(FunctionName=unique("p"), Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                        Code={"ZipFile": package}, **options)

    def assert_refused(self, package, words):
        with self.assertRaises(self.api.exceptions.InvalidParameterValueException) as refused:
            self.create(package)
        self.assertIn(words, str(refused.exception))

    def test_hostile_packages_are_refused(self):
        regular, link = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
        self.assert_refused(raw_zip(("../evil.py", ECHO, regular)), "must not leave the package")
        self.assert_refused(raw_zip(("/etc/evil", ECHO, regular)), "absolute paths")
        self.assert_refused(raw_zip(("l", "/etc/passwd", link)), "leads out of the package")
        self.assert_refused(raw_zip(("l", "/etc", link), ("l/evil", "x", regular)), "below a file or link")
        self.assert_refused(raw_zip(("tty", "", stat.S_IFCHR | 0o666)), "only files, folders and symbolic links")
        self.assert_refused(b"not a zip", "Could not unzip uploaded file.")
        bomb = raw_zip(*((f"b{i}", b"\0" * 50_000_000, regular) for i in range(6)))
        self.assert_refused(bomb, "Unzipped size must be smaller than 262144000 bytes")

    def test_a_native_module_of_another_python_is_refused_by_name(self):
        elf = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0\x3e\0" + b"\0" * 44
        package = raw_zip(("app.py", ECHO, 0o644), ("mod/_x.cpython-36m-x86_64-linux-gnu.so", elf, 0o755))
        self.assert_refused(package, "mod/_x.cpython-36m-x86_64-linux-gnu.so")

    def test_code_location_downloads_the_package(self):
        package = zip_of({"app.py": ECHO})
        name = self.create(package)["FunctionName"]
        location = self.api.get_function(FunctionName=name)["Code"]["Location"]
        with urllib.request.urlopen(location, timeout=30) as reply:
            self.assertEqual(hashlib.sha256(package).digest(), hashlib.sha256(reply.read()).digest())

    def test_modes_and_links_of_a_package_reach_the_function(self):
        code = ("import os, subprocess\n"
                "def handler(event, context):\n"
                "    return [subprocess.check_output(['./bin/again']).decode(), oct(os.stat('app.py').st_mode & 0o7777),\n"
                "            oct(os.stat('bin/tool').st_mode & 0o7777), os.getcwd()]\n")
        name = unique("modes")
        package = raw_zip(("app.py", code, 0o100600), ("bin/tool", "#!/bin/sh\necho hello\n", 0o100711),
                          ("bin/again", "tool", stat.S_IFLNK | 0o777))
        self.api.create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                 Code={"ZipFile": package})
        wait_until(lambda: self.api.get_function_configuration(FunctionName=name)["State"] == "Active", 30, "Active")
        payload, _ = self.server.invoke(name)
        self.assertEqual(["hello\n", "0o644", "0o755", "/var/task"], payload)


class Events(unittest.TestCase):
    def setUp(self):
        self.parent = tempfile.mkdtemp(prefix="hearth-events-")
        os.chmod(self.parent, 0o755)
        self.addCleanup(shutil.rmtree, self.parent, ignore_errors=True)

    def send(self, server, name, event):
        reply = server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
        self.assertEqual(202, reply["StatusCode"])
        self.assertEqual(b"", reply["Payload"].read())

    def test_an_event_runs_though_nobody_waits_for_it(self):
        with Server() as server:
            name = unique("event")
            server.deploy(name, {"app.py": "def handler(event, context):\n    print('got', event['mark'])\n"})
            self.send(server, name, {"mark": "m-1"})
            wait_until(lambda: "got m-1" in log_text(server, name), 30, "the event to run")

    def test_rules_say_how_often_and_destinations_get_the_record(self):
        with Server() as server:
            api = server.client("lambda")
            server.deploy("told", {"app.py": "import json\ndef handler(event, context):\n    print('told', json.dumps(event))\n"})
            server.deploy("fails", {"app.py": "def handler(event, context):\n    raise ValueError('no')\n"})
            told = api.get_function_configuration(FunctionName="told")["FunctionArn"]
            api.put_function_event_invoke_config(FunctionName="fails", MaximumRetryAttempts=0,
                                                 DestinationConfig={"OnFailure": {"Destination": told}})
            self.send(server, "fails", {"mark": "m-1"})
            found = wait_until(lambda: re.search(r"told (\{.*\})", log_text(server, "told")), 30, "the record of the failure")
            record = json.loads(found.group(1))
            self.assertEqual("RetriesExhausted", record["requestContext"]["condition"])
            self.assertEqual({"mark": "m-1"}, record["requestPayload"])
            self.assertEqual("no", record["responsePayload"]["errorMessage"])

    def test_events_that_were_answered_run_after_kill_9(self):
        name = unique("event")
        # Too slow to end before the server is killed.
        code = "import time\ndef handler(event, context):\n    time.sleep(2)\n    print('got', event['mark'])\n"
        marks = [f"m-{i}" for i in range(5)]
        data = os.path.join(self.parent, "data")
        server = Server(data=data).start()
        try:
            server.deploy(name, {"app.py": code}, Timeout=20)
            for mark in marks:
                self.send(server, name, {"mark": mark})
            server.kill()
            server = Server(data=data).start()
            wait_until(lambda: all(f"got {mark}" in log_text(server, name) for mark in marks), 60, "all events to run")
        finally:
            server.stop()


if __name__ == "__main__":
    unittest.main()

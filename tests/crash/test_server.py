"""The whole server, killed at random moments and with a full disk: what it answered stays true."""
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from hearth import ROLE, TIMEOUT_FACTOR, Server, StartFailed, wait_until, zip_of

CODE = {"app.py": "def handler(event, context):\n    return event\n"}


def create(client, name, note):
    return client.create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                  Description=note, Code={"ZipFile": zip_of({**CODE, "note.txt": note})})


class Killed(unittest.TestCase):
    ROUNDS = 5

    def setUp(self):
        self.parent = tempfile.mkdtemp(prefix="hearth-crash-")
        os.chmod(self.parent, 0o755)
        self.addCleanup(shutil.rmtree, self.parent, ignore_errors=True)

    def write(self, server, first, told, stopping):
        """Creates, changes and deletes functions until the server is gone; notes what was answered."""
        client = server.client("lambda")
        number = first
        while not stopping.is_set():
            name = f"f{number}"
            try:
                told[name] = ("maybe", None)
                made = create(client, name, f"note {number}")
                told[name] = ("there", (made["CodeSha256"], f"note {number}"))
                if number % 3 == 1:
                    told[name] = ("maybe", None)
                    client.delete_function(FunctionName=name)
                    told[name] = ("gone", None)
            except Exception:  # noqa: BLE001: any way in which a killed server does not answer
                return
            number += 4

    def check(self, server, told):
        listed = {}
        for page in server.client("lambda").get_paginator("list_functions").paginate():
            listed.update({f["FunctionName"]: (f["CodeSha256"], f["Description"]) for f in page["Functions"]})
        for name, (state, facts) in told.items():
            if state == "there":
                self.assertEqual(facts, listed.get(name), f"{name} was created")
            if state == "gone":
                self.assertNotIn(name, listed, f"{name} was deleted")
        self.assertLessEqual(set(listed), set(told))

    def test_what_was_answered_is_there_after_kill_9(self):
        told = {}
        number = 0
        for round_number in range(self.ROUNDS):
            with self.subTest(round=round_number):
                server = Server(data=os.path.join(self.parent, "data"))
                server.start()
                self.check(server, told)
                stopping = threading.Event()
                writers = [threading.Thread(target=self.write, args=(server, number + i, told, stopping)) for i in range(4)]
                for writer in writers:
                    writer.start()
                time.sleep(random.uniform(0.05, 0.8) * TIMEOUT_FACTOR)
                server.kill()
                stopping.set()
                for writer in writers:
                    writer.join(60)
                number += 100_000
        self.assertTrue(any(state == "there" for state, _ in told.values()), "nothing was ever answered")
        with Server(data=os.path.join(self.parent, "data")) as server:
            self.check(server, told)
            name = next(name for name, (state, _) in told.items() if state == "there")
            wait_until(lambda: server.client("lambda").get_function_configuration(FunctionName=name)["State"] == "Active",
                       30, f"{name} to be Active")
            payload, reply = server.invoke(name, {"after": "kill"})
            self.assertEqual({"after": "kill"}, payload, reply)


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.disk = tempfile.mkdtemp(prefix="hearth-full-")
        self.addCleanup(shutil.rmtree, self.disk, ignore_errors=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "hearth-test", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.filler = os.path.join(self.disk, "filler")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as out:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        out.write(bytes(size))
                except OSError:
                    pass

    def test_it_stops_answering_says_so_and_goes_on_when_there_is_space(self):
        data = os.path.join(self.disk, "data")
        with Server(data=data) as server:
            client = server.client("lambda")
            create(client, "before", "note")
            self.assertEqual("ok", server.health()["status"])
            logs = server.client("logs")
            logs.create_log_group(logGroupName="g")
            logs.create_log_stream(logGroupName="g", logStreamName="s")
            self.fill()
            with self.assertRaises(client.exceptions.ClientError) as refused:
                create(client, "during", "another note, so another package")
            self.assertGreaterEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)

            def in_trouble():  # the database has some megabytes of its log preallocated; they are used up first
                events = [{"timestamp": int(time.time() * 1000), "message": "x" * 250_000} for _ in range(4)]
                try:
                    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
                except logs.exceptions.ClientError:
                    pass
                return server.get("/_hearth/health")[0] == 503

            wait_until(in_trouble, 30, "health to say that the disk is full")
            self.assertIn("No space left", server.health()["storage"]["trouble"])
            with self.assertRaises(logs.exceptions.ClientError) as refused:
                logs.create_log_group(logGroupName="refused")
            self.assertEqual("ServiceUnavailableException", refused.exception.response["Error"]["Code"])

            os.unlink(self.filler)
            wait_until(lambda: server.get("/_hearth/health")[0] == 200, 30, "the server to go on by itself")
            create(client, "after", "note")
            self.assertEqual(0, server.stop())
        with Server(data=data) as server:
            names = {f["FunctionName"] for page in server.client("lambda").get_paginator("list_functions").paginate()
                     for f in page["Functions"]}
            self.assertLessEqual({"before", "after"}, names)

    def test_a_disk_that_is_full_at_the_start_is_said_in_a_sentence(self):
        self.fill()
        server = Server(data=os.path.join(self.disk, "data"))
        with self.assertRaises(StartFailed) as failed:
            server.start()
        self.assertIn("No space left on device", str(failed.exception))


class OneOwner(unittest.TestCase):
    def test_a_second_server_on_the_same_folder_names_the_first(self):
        with Server() as first:
            second = Server(data=first.data)
            with self.assertRaises(StartFailed) as failed:
                second.start()
            self.assertRegex(str(failed.exception), r"in use by process \d+")

    def test_a_foreign_folder_is_refused_untouched(self):
        with tempfile.TemporaryDirectory(prefix="hearth-foreign-") as folder:
            with open(os.path.join(folder, "thesis.txt"), "w", encoding="utf-8") as out:
                out.write("do not lose")
            server = Server(data=folder)
            with self.assertRaises(StartFailed) as failed:
                server.start()
            self.assertIn("not a Hearth data folder", str(failed.exception))
            self.assertEqual(["thesis.txt"], os.listdir(folder))


if __name__ == "__main__":
    unittest.main()

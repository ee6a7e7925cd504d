"""Environment variables on disk: unreadable without the key file, and what happens when it is lost, rotated or broken."""

import os
import shutil
import subprocess
import tempfile
import unittest
import uuid

from hearth import BINARY, Server, StartFailed, wait_until

SECRET = "a-secret-nobody-else-has"
# The variable's name stands in no code.
CODE = {"app.py": "import os\ndef handler(event, context):\n    return os.environ.get('PASS' + 'WORD')\n"}


def unique():
    return f"s-{uuid.uuid4().hex[:8]}"


def files_with(folder, needle):
    """Paths of all files under `folder` in which the bytes of `needle` stand."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as stream:
                    if needle.encode() in stream.read():
                        found.append(path)
    return found


class KeyFiles(unittest.TestCase):
    def setUp(self):
        self.parent = tempfile.mkdtemp(prefix="hearth-test-")
        self.addCleanup(shutil.rmtree, self.parent, ignore_errors=True)
        os.chmod(self.parent, 0o755)
        self.data = os.path.join(self.parent, "data")
        self.key_file = self.data + ".key"
        self.name = unique()

    def server(self, *options):
        return Server(*options, data=self.data)

    def with_function(self, *options):
        with self.server(*options) as server:
            server.deploy(self.name, CODE, Environment={"Variables": {"PASSWORD": SECRET}})
            self.assertEqual(SECRET, server.invoke(self.name)[0])

    def test_no_file_of_the_data_folder_holds_a_variable(self):
        self.with_function()
        self.assertEqual([], files_with(self.data, SECRET))
        self.assertEqual([], files_with(self.data, "PASSWORD"))
        self.assertEqual(0o600, os.stat(self.key_file).st_mode & 0o777)
        with self.server() as server:
            self.assertEqual(SECRET, server.invoke(self.name)[0])

    def test_a_lost_key_fails_the_function_until_it_is_back(self):
        self.with_function()
        os.rename(self.key_file, self.key_file + ".away")
        with self.server() as server:
            self.assertIn("cannot be decrypted", server.log())
            api = server.client("lambda")
            shown = api.get_function_configuration(FunctionName=self.name)
            self.assertEqual(("Failed", "KMSKeyNotFound"), (shown["State"], shown["StateReasonCode"]))
            self.assertIn("key file", shown["StateReason"])
            self.assertEqual("KMSNotFoundException", shown["Environment"]["Error"]["ErrorCode"])
            self.assertNotIn("Variables", shown["Environment"])
            with self.assertRaises(api.exceptions.KMSNotFoundException) as caught:
                api.invoke(FunctionName=self.name)
            self.assertEqual(502, caught.exception.response["ResponseMetadata"]["HTTPStatusCode"])
            # Others work, and a change of other things does not lose the variables.
            other = unique()
            server.deploy(other, CODE, Environment={"Variables": {"PASSWORD": "other"}})
            self.assertEqual("other", server.invoke(other)[0])
            api.update_function_configuration(FunctionName=self.name, MemorySize=256)
            wait_until(lambda: api.get_function_configuration(FunctionName=self.name)["LastUpdateStatus"] != "InProgress",
                       30, "the update to end")
            self.assertEqual("Failed", api.get_function_configuration(FunctionName=self.name)["LastUpdateStatus"])
        # The keys of both: one of before, one of meanwhile.
        with open(self.key_file, "a", encoding="ascii") as both, open(self.key_file + ".away", encoding="ascii") as former:
            both.write(former.read())
        with self.server() as server:
            shown = server.client("lambda").get_function_configuration(FunctionName=self.name)
            self.assertEqual(("Active", 256), (shown["State"], shown["MemorySize"]))
            self.assertEqual(SECRET, server.invoke(self.name)[0])
            self.assertEqual("other", server.invoke(other)[0])

    def test_a_function_whose_key_is_lost_works_again_with_new_variables(self):
        self.with_function()
        os.remove(self.key_file)
        with self.server() as server:
            api = server.client("lambda")
            api.update_function_configuration(FunctionName=self.name, Environment={"Variables": {"PASSWORD": "new"}})
            wait_until(lambda: api.get_function_configuration(FunctionName=self.name)["State"] == "Active", 30,
                       "the function to be Active")
            self.assertEqual("new", server.invoke(self.name)[0])

    def test_after_a_rotation_and_a_restart_the_former_key_is_not_needed(self):
        self.with_function()
        with open(self.key_file, encoding="ascii") as stream:
            former = [line for line in stream if not line.startswith("#")]
        done = subprocess.run([BINARY, "rotate-key", "--data", self.data], text=True, check=True, timeout=60,
                              stdout=subprocess.PIPE)
        self.assertIn("new key", done.stdout)
        with self.server() as server:
            self.assertEqual(SECRET, server.invoke(self.name)[0])
        with open(self.key_file, encoding="ascii") as stream:
            lines = stream.readlines()
        self.assertEqual(former, lines[-1:])
        with open(self.key_file, "w", encoding="ascii") as stream:
            stream.writelines(lines[:-1])
        with self.server() as server:
            self.assertEqual(SECRET, server.invoke(self.name)[0])

    def test_a_key_file_that_is_none_stops_the_start_and_stays(self):
        elsewhere = os.path.join(self.parent, "keys")
        with open(elsewhere, "w", encoding="ascii") as stream:
            stream.write("something else\n")
        with self.assertRaises(StartFailed) as caught:
            self.server("--key-file", elsewhere).start()
        self.assertIn(elsewhere, str(caught.exception))
        self.assertIn("line 1", str(caught.exception))
        with open(elsewhere, encoding="ascii") as stream:
            self.assertEqual("something else\n", stream.read())
        with self.assertRaises(StartFailed) as caught:
            self.server("--key-file", os.path.join(self.parent, "missing", "keys")).start()
        self.assertIn("--key-file", str(caught.exception))


if __name__ == "__main__":
    unittest.main()

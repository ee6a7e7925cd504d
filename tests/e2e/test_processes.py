"""Starting, stopping, refusing: the server as a program."""
import glob
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from hearth import BINARY, ROOT, Server, StartFailed, wait_until


def children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                fields = stream.read().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found.append(int(path.split("/")[2]))
        except OSError:
            continue
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return stream.read().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def hearth_cgroups():
    return sorted(p for p in glob.glob("/sys/fs/cgroup/**/hearth*/*", recursive=True) if os.path.isdir(p))


def frozen_sandboxes():
    """Folders of sandboxes whose processes are stopped."""
    found = []
    for path in glob.glob("/sys/fs/cgroup/**/hearth.*/*/cgroup.events", recursive=True):
        try:
            with open(path, encoding="ascii") as stream:
                if "frozen 1" in stream.read():
                    found.append(os.path.dirname(path))
        except OSError:
            continue
    return found


def start_fails(*arguments, environment=None):
    """Runs a server that must refuse to start; returns (status, output)."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})}
    done = subprocess.run([BINARY, *arguments], env=env, text=True, timeout=30, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


class Processes(unittest.TestCase):
    def test_the_server_holds_no_privilege(self):
        with Server() as server:
            family = descendants(server.process.pid)
            servers = [p for p in family if "launcher" not in command_of(p) and "serve" in command_of(p)]
            self.assertEqual(1, len(servers), [command_of(p) for p in family])
            with open(f"/proc/{servers[0]}/status", encoding="utf-8") as stream:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
            self.assertNotIn("0", status["Uid"].split("\t"))
            for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
                self.assertEqual(0, int(status[name], 16), name)
            self.assertEqual("1", status["NoNewPrivs"])

    def test_sigterm_stops_everything_and_leaves_nothing(self):
        before = hearth_cgroups()
        server = Server().start()
        try:
            server.deploy("f", {"app.py": "def handler(event, context):\n    return 1\n"})
            self.assertEqual(1, server.invoke("f")[0])
            family = descendants(server.process.pid)
            self.assertGreaterEqual(len(family), 3)
            self.assertEqual(0, server.stop())
            wait_until(lambda: not any(alive(p) for p in family), 10, "all processes to end")
            wait_until(lambda: hearth_cgroups() == before, 10, "cgroups to be removed")
        finally:
            server.__exit__()

    def test_kill_9_of_the_supervisor_leaves_no_process(self):
        server = Server().start()
        try:
            server.deploy("f", {"app.py": "def handler(event, context):\n    return 1\n"})
            server.invoke("f")
            # A frozen environment notices no closed socket: only the death of the launcher ends it.
            wait_until(frozen_sandboxes, 10, "the idle environment to be frozen")
            family = descendants(server.process.pid)
            server.kill()
            wait_until(lambda: not any(alive(p) for p in family), 15, "all processes to end")
        finally:
            server.__exit__()

    def test_a_dead_launcher_is_replaced(self):
        with Server() as server:
            server.deploy("f", {"app.py": "def handler(event, context):\n    return 1\n"})
            self.assertEqual(1, server.invoke("f")[0])
            launcher = next(p for p in descendants(server.process.pid) if "launcher" in command_of(p))
            os.kill(launcher, signal.SIGKILL)
            wait_until(lambda: any("launcher" in command_of(p) and p != launcher for p in children(server.process.pid)), 10, "a new launcher")

            def works():
                try:
                    return server.invoke("f")[0] == 1
                except Exception:  # noqa: BLE001 - refused until the new launcher is there
                    return False
            wait_until(works, 15, "invocations to work again")

    def test_state_survives_a_restart_and_kill_9(self):
        server = Server().start()
        try:
            created = server.deploy("kept", {"app.py": "def handler(event, context):\n    return 'kept'\n"}, Description="d")
            for end in (server.stop, server.kill):
                end()
                server.start()
                found = server.client("lambda").get_function_configuration(FunctionName="kept")
                self.assertEqual(("d", created["CodeSha256"], "Active"), (found["Description"], found["CodeSha256"], found["State"]))
                self.assertEqual("kept", server.invoke("kept")[0])
        finally:
            server.__exit__()

    def test_one_server_per_data_folder(self):
        with Server() as server:
            status, output = start_fails("serve", "--listen", "127.0.0.1:0", "--data", server.data)
            self.assertNotEqual(0, status)
            self.assertIn(server.data, output)
            self.assertRegex(output, r"in use|already|locked|another")
            self.assertEqual(200, server.get("/_hearth/health")[0])

    def test_foreign_and_newer_data_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            with open(os.path.join(folder, "thesis.txt"), "w", encoding="utf-8") as stream:
                stream.write("precious")
            status, output = start_fails("serve", "--listen", "127.0.0.1:0", "--data", folder)
            self.assertNotEqual(0, status)
            self.assertIn(folder, output)
            self.assertEqual(["thesis.txt"], os.listdir(folder))

    def test_a_taken_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                status, output = start_fails("serve", "--listen", f"127.0.0.1:{port}", "--data", os.path.join(folder, "d"))
            self.assertNotEqual(0, status)
            self.assertIn(str(port), output)

    def test_another_address_in_open_mode_needs_the_explicit_flag(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            status, output = start_fails("serve", "--listen", "0.0.0.0:0", "--data", os.path.join(folder, "d"))
        self.assertNotEqual(0, status)
        self.assertRegex(output, r"auth|open")

    def test_unknown_settings_are_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hearth.toml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write('lissten = "127.0.0.1:1"\n')
            status, output = start_fails("serve", "--config", path)
            self.assertNotEqual(0, status)
            self.assertIn("lissten", output)
        status, output = start_fails("serve", "--lissten", "x")
        self.assertEqual(2, status)
        self.assertIn("--lissten", output)

    def test_a_variable_that_is_no_setting_is_said_aloud(self):
        with Server(environment={"HEARTH_LISSTEN": "x"}) as server:
            self.assertTrue(any("HEARTH_LISSTEN" in w for w in server.health()["warnings"]), server.health()["warnings"])

    def test_help_and_version(self):
        for arguments in (("--help",), ("serve", "--help"), ("init", "--help"), ("runtime", "--help"), ("rotate-key", "--help")):
            with self.subTest(arguments=arguments):
                status, output = start_fails(*arguments)
                self.assertEqual(0, status)
                self.assertIn("Usage", output.replace("usage", "Usage"))
        self.assertRegex(start_fails("--version")[1], r"\d+\.\d+\.\d+")


class Health(unittest.TestCase):
    def test_health_says_what_is_up(self):
        with Server() as server:
            health = server.health()
            self.assertEqual("namespace", health["isolation"]["tier"])
            self.assertTrue(any(r["name"].startswith("python3") for r in health["runtimes"]), health)
            self.assertIn("warnings", health)

    def test_reset_needs_its_header_and_empties_everything(self):
        with Server() as server:
            server.deploy("gone", {"app.py": "def handler(event, context):\n    return 1\n"})
            server.invoke("gone")
            status, _, _ = server.get("/_hearth/reset", method="POST", data=b"")
            self.assertEqual(403, status)
            status, _, _ = server.get("/_hearth/reset", method="POST", data=b"", headers={"X-Hearth-Reset": "yes"})
            self.assertEqual(200, status)
            self.assertEqual([], server.client("lambda").list_functions()["Functions"])
            self.assertEqual([], server.client("logs").describe_log_groups()["logGroups"])
            server.deploy("gone", {"app.py": "def handler(event, context):\n    return 2\n"})
            self.assertEqual(2, server.invoke("gone")[0])

    def test_an_idle_server_is_small(self):
        with Server() as server:
            wait_until(lambda: server.health(), 5, "health")
            # The interpreters that were asked for their versions have ended then.
            family = lambda: [server.process.pid, *descendants(server.process.pid)]
            wait_until(lambda: len(family()) == 3, 10, "only supervisor, launcher and server to be there")
            pss = 0
            for pid in family():
                with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as stream:
                    pss += next(int(line.split()[1]) for line in stream if line.startswith("Pss:"))
            self.assertLess(pss / 1024, 20, "MiB of proportional memory over all processes")


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_only_loopback_names_are_answered(self):
        for host, allowed in (("127.0.0.1", True), ("localhost:4566", True), ("[::1]", True), ("evil.example", False),
                              ("127.0.0.1.evil.example", False)):
            with self.subTest(host=host):
                status, _, body = self.server.get("/_hearth/health", headers={"Host": host})
                self.assertEqual(200 if allowed else 403, status, body)

    def test_a_foreign_origin_is_refused(self):
        status, _, _ = self.server.get("/2015-03-31/functions/", headers={"Origin": "https://evil.example"})
        self.assertEqual(403, status)
        status, _, _ = self.server.get("/2015-03-31/functions/", headers={"Sec-Fetch-Site": "cross-site"})
        self.assertEqual(403, status)

    def test_a_key_of_twelve_digits_is_the_account(self):
        for key, account in (("123456789012", "123456789012"), ("AKIDEXAMPLE", "000000000000")):
            self.assertEqual(account, self.server.client("sts", key=key).get_caller_identity()["Account"])
        self.server.client("lambda", key="123456789012").list_functions()

    def test_accounts_and_regions_do_not_see_each_other(self):
        self.server.deploy("mine", {"app.py": "def handler(event, context):\n    return 1\n"})
        for other in (self.server.client("lambda", key="222222222222"), self.server.client("lambda", region="eu-west-1")):
            self.assertEqual([], other.list_functions()["Functions"])

    def test_an_operation_without_handler_names_itself(self):
        client = self.server.client("iam")
        with self.assertRaises(Exception) as caught:
            client.list_saml_providers()
        self.assertEqual(501, caught.exception.response["ResponseMetadata"]["HTTPStatusCode"])
        self.assertIn("ListSAMLProviders", str(caught.exception))

    def test_code_location_is_a_working_download(self):
        import hashlib
        import base64
        created = self.server.deploy("dl", {"app.py": "def handler(event, context):\n    return 1\n"})
        location = self.server.client("lambda").get_function(FunctionName="dl")["Code"]["Location"]
        done = subprocess.run(["curl", "-sS", "--fail", location], stdout=subprocess.PIPE, timeout=20, check=True)
        self.assertEqual(created["CodeSha256"], base64.b64encode(hashlib.sha256(done.stdout).digest()).decode())
        broken = location[:-1] + ("0" if location[-1] != "0" else "1")
        self.assertNotEqual(0, subprocess.run(["curl", "-sS", "--fail", broken], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                              timeout=20, check=False).returncode)


class Enforced(unittest.TestCase):
    def setUp(self):
        self.server = Server("--auth", "enforced")
        folder = os.path.dirname(self.server.data)
        done = subprocess.run([BINARY, "init", "--data", self.server.data], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        self.assertEqual(0, done.returncode, done.stdout)
        path = next(w for w in done.stdout.split() if os.path.isfile(w.strip(".,'\"")))
        self.key_file = path.strip(".,'\"")
        self.assertEqual(0o600, os.stat(self.key_file).st_mode & 0o777)
        with open(self.key_file, encoding="utf-8") as stream:
            text = stream.read()
        import re
        self.key = re.search(r"aws_access_key_id\s*=\s*(\S+)", text)[1]
        self.secret = re.search(r"aws_secret_access_key\s*=\s*(\S+)", text)[1]
        self.assertTrue(folder)
        self.server.start()

    def tearDown(self):
        self.server.__exit__()

    def error_of(self, call):
        with self.assertRaises(Exception) as caught:
            call()
        return caught.exception.response["Error"]["Code"]

    def test_keys_are_verified_as_aws_verifies_them(self):
        client = lambda service, key=self.key, secret=self.secret: self.server.client(service, key=key, secret=secret)
        self.assertTrue(client("sts").get_caller_identity()["Arn"].endswith(":root"))
        client("lambda").list_functions()
        self.assertEqual("UnrecognizedClientException", self.error_of(lambda: client("lambda", key="AKIAIOSFODNN7EXAMPLE").list_functions()))
        self.assertEqual("InvalidClientTokenId", self.error_of(lambda: client("sts", key="AKIAIOSFODNN7EXAMPLE").get_caller_identity()))
        self.assertEqual("InvalidSignatureException", self.error_of(lambda: client("lambda", secret="wrong").list_functions()))
        self.assertEqual("SignatureDoesNotMatch", self.error_of(lambda: client("sts", secret="wrong").get_caller_identity()))
        status, _, body = self.server.get("/2015-03-31/functions/")
        self.assertEqual(403, status)
        self.assertIn(b"Missing Authentication Token", body)

    def test_reset_is_not_there(self):
        status, _, _ = self.server.get("/_hearth/reset", method="POST", data=b"", headers={"X-Hearth-Reset": "yes"})
        self.assertNotEqual(200, status)


if __name__ == "__main__":
    unittest.main()

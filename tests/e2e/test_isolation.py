"""Every tier of isolation as an ordinary user starts it: functions run the same, and what is in force is said, never weaker
than asked for."""
import base64
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

import containers
from hearth import ROOT, Server, StartFailed, lacks_node, wait_until

USER = 61_234  # nobody's: whatever runs as it was started here
LANDLOCK_FOR_SEVERAL = 6


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def landlock_abi():
    """What the kernel says, or 0. 444: landlock_create_ruleset."""
    return max(0, containers.libc.syscall(444, None, 0, 1))


def processes_of(user):
    found = []
    for status in glob.glob("/proc/[0-9]*/status"):
        try:
            with open(status, encoding="utf-8") as stream:
                text = stream.read()
        except OSError:
            continue  # ended meanwhile
        if f"\nUid:\t{user}\t" in text and "\nState:\tZ" not in text:
            found.append(text.split("\n", 1)[0] + " " + status)
    return found


class AsOrdinaryUser:
    """What holds in both tiers; one server for all tests of a class."""

    tier = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--isolation", cls.tier, user=USER, runtimes=lacks_node()).start()

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        server.__exit__()
        left = processes_of(USER)
        if left:
            raise AssertionError(f"left behind: {left}")

    def function(self, files, runtime="python3.11", **options):
        name = unique(self.tier)
        self.server.deploy(name, {"app.py": files} if isinstance(files, str) else files, runtime=runtime, **options)
        return name

    def answer(self, files, event=None, **options):
        payload, reply = self.server.invoke(self.function(files, **options), event)
        self.assertIsNone(reply.get("FunctionError"), payload)
        return payload

    def test_the_tier_in_force_is_said_at_start_and_by_health(self):
        self.assertRegex(self.server.log(), rf"ready on .*isolation {self.tier}\)")
        isolation = self.server.health()["isolation"]
        self.assertEqual(self.tier, isolation["tier"])
        self.assertTrue(any("seccomp" in part for part in isolation["mechanisms"]), isolation)

    def test_no_process_has_any_privilege(self):
        pids = [self.server.process.pid]
        for pid in pids:
            for children in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(children, encoding="utf-8") as stream:
                    pids += map(int, stream.read().split())
        self.assertGreaterEqual(len(pids), 3)  # supervisor, launcher, server
        for pid in pids:
            with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
            self.assertEqual([str(USER)] * 4, fields["Uid"].split())
            if os.readlink(f"/proc/{pid}/ns/user") == os.readlink("/proc/self/ns/user"):
                self.assertEqual(0, int(fields["CapEff"], 16), fields)

    def test_a_python_function_answers_and_its_log_comes_along(self):
        name = self.function("def handler(event, context):\n    print('said', event['word'])\n    return event['word'] * 2\n")
        payload, reply = self.server.invoke(name, {"word": "ho"}, LogType="Tail")
        self.assertEqual("hoho", payload)
        log = base64.b64decode(reply["ResponseMetadata"]["HTTPHeaders"]["x-amz-log-result"]).decode()
        self.assertIn("said ho\n", log)
        self.assertRegex(log, r"Max Memory Used: \d+ MB")

    def test_a_node_function_answers(self):
        code = "exports.handler = async (event) => ({root: process.env.LAMBDA_TASK_ROOT === process.cwd(), n: event.n + 1});"
        self.assertEqual({"root": True, "n": 2}, self.answer({"index.js": code}, {"n": 1}, runtime="nodejs20.x",
                                                             handler="index.handler"))

    def test_a_node_function_of_modules_answers(self):
        code = "import os from 'node:os';\nexport const handler = async (event) => os.tmpdir() === process.env.TMPDIR || !process.env.TMPDIR;"
        self.assertIs(True, self.answer({"index.mjs": code}, runtime="nodejs20.x", handler="index.handler"))

    def test_a_native_function_answers(self):
        source = os.path.join(ROOT, "examples/provided-cpp")
        with tempfile.TemporaryDirectory() as folder:
            # The script builds in its own folder, which may be anybody's.
            copy = shutil.copytree(source, os.path.join(folder, "examples/provided-cpp"))
            shutil.copytree(os.path.join(ROOT, "runtimes/cpp"), os.path.join(folder, "runtimes/cpp"))
            subprocess.run(["./build.sh"], cwd=copy, check=True, timeout=120)
            with open(os.path.join(copy, "bootstrap"), "rb") as stream:
                bootstrap = stream.read()
        self.assertEqual({"turned": "htraeH"}, self.answer({"bootstrap": bootstrap}, {"text": "Hearth"},
                                                           runtime="provided.al2023", handler="x"))

    def test_packages_are_found_and_files_of_the_package_too(self):
        files = {"app.py": "import os, lib.inner\ndef handler(e, c):\n    with open('data.txt') as f:\n"
                           "        return [lib.inner.VALUE, f.read(), os.getcwd() == os.environ['LAMBDA_TASK_ROOT']]\n",
                 "lib/inner.py": "VALUE = 7\n", "data.txt": "from the package"}
        self.assertEqual([7, "from the package", True], self.answer(files))

    def test_tmp_is_empty_at_first_and_can_be_written(self):
        code = ("import os, subprocess, tempfile\nfresh = os.listdir(tempfile.gettempdir())\n"
                "def handler(e, c):\n"
                "    with tempfile.NamedTemporaryFile('w', delete=False) as f:\n        f.write('kept')\n"
                "    return [fresh, subprocess.check_output(['cat', f.name]).decode()]\n")
        self.assertEqual([[], "kept"], self.answer(code))
        self.assertEqual([[], "kept"], self.answer(code))

    def test_a_function_that_takes_too_long_is_ended_and_the_next_call_works(self):
        name = self.function("import time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return 'awake'\n", Timeout=1)
        payload, reply = self.server.invoke(name, {"s": 20})
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertIn("Task timed out after 1.00 seconds", payload["errorMessage"])
        self.assertEqual("awake", self.server.invoke(name, {"s": 0})[0])

    def test_memory_beyond_the_limit_ends_the_function(self):
        name = self.function("def handler(e, c):\n    return len(bytearray(e['mib'] << 20))\n", MemorySize=128, Timeout=20)
        payload, reply = self.server.invoke(name, {"mib": 1024})
        self.assertEqual("Unhandled", reply["FunctionError"], payload)
        self.assertEqual(16 << 20, self.server.invoke(name, {"mib": 16})[0])

    def test_memory_of_children_counts_too(self):
        code = ("import os\ndef handler(e, c):\n    for _ in range(4):\n        if os.fork() == 0:\n"
                "            kept = bytearray(os.urandom(1 << 20) * 90)\n            import time; time.sleep(60)\n"
                "    import time; time.sleep(30)\n")
        name = self.function(code, MemorySize=128, Timeout=25)
        started = time.monotonic()
        payload, reply = self.server.invoke(name)
        self.assertEqual("Unhandled", reply["FunctionError"], payload)
        self.assertLess(time.monotonic() - started, 20)
        self.assertNotIn("timed out", payload["errorMessage"])

    def test_calls_home_are_made_as_the_execution_role(self):
        # Named, since Debian's boto3 is older than the variable.
        code = ("import boto3, os\ndef handler(e, c):\n"
                "    return boto3.client('sts', endpoint_url=os.environ['AWS_ENDPOINT_URL']).get_caller_identity()['Arn']\n")
        name = self.function(code, Timeout=30, MemorySize=512)
        payload, reply = self.server.invoke(name)
        self.assertIsNone(reply.get("FunctionError"), payload)
        self.assertEqual(f"arn:aws:sts::000000000000:assumed-role/test/{name}", payload)

    def test_an_idle_environment_does_not_run(self):
        code = ("import threading, time\ncount = 0\ndef work():\n    global count\n    while True:\n"
                "        count += 1\n        time.sleep(0.01)\n"
                "threading.Thread(target=work, daemon=True).start()\ndef handler(e, c):\n    return count\n")
        name = self.function(code)
        first, _ = self.server.invoke(name)
        time.sleep(2)
        second, _ = self.server.invoke(name)
        self.assertLess(second - first, 100, "of 200 in two seconds")

    def test_what_a_function_started_ends_with_it(self):
        code = ("import subprocess, os\ndef handler(e, c):\n"
                "    for _ in range(3):\n        if os.fork() == 0:\n            os.setsid()\n            if os.fork() == 0:\n"
                "                os.execv('/bin/sleep', ['sleep', '7261'])\n            os._exit(0)\n"
                "    os._exit(1)\n")
        name = self.function(code)
        self.assertIn("FunctionError", self.server.invoke(name)[1])
        wait_until(lambda: not any("sleep" in process for process in processes_of(USER)), 10, "orphans to end")

    def test_the_server_and_its_files_are_out_of_reach(self):
        code = """
import os, signal, socket
def attempt(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__
def read(path):
    with open(path, "rb") as stream:
        return stream.read()
def connect(port):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(b"GET /_hearth/health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
        return s.recv(100)
def handler(e, c):
    here = [path for path in e["files"] if not attempt(lambda: read(path)).endswith("Error")]
    lists = [path for path in e["folders"] if not attempt(lambda: os.listdir(path)).endswith("Error")]
    signals = [pid for pid in e["pids"] if not attempt(lambda: os.kill(pid, 0)).endswith("Error")]
    memory = [pid for pid in e["pids"] if not attempt(lambda: read(f"/proc/{pid}/environ")).endswith("Error")]
    ports = [port for port in e["ports"] if not attempt(lambda: connect(port)).endswith("Error")]
    closed = attempt(lambda: os.chmod(e["files"][0], 0o777))
    return {"files": here, "folders": lists, "signals": signals, "memory": memory, "ports": ports}
"""
        data = self.server.data
        files = [os.path.join(data, name) for name in ("hearth.lock", "hearth.format")]
        # The bundle of certificates is there for functions.
        files += [path for path in glob.glob(data + "/tls/*") if not path.endswith("/ca-certificates.crt")]
        others = glob.glob(data + "/code/*") + [data, data + "/db", data + "/blobs"]
        pids = [self.server.process.pid]
        for pid in pids:
            for children in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(children, encoding="utf-8") as stream:
                    pids += map(int, stream.read().split())
        mode = os.stat(files[0]).st_mode
        event = {"files": files, "folders": others, "pids": pids, "ports": [self.server.port]}
        self.assertEqual({"files": [], "folders": [], "signals": [], "memory": [], "ports": []}, self.answer(code, event))
        self.assertEqual(mode, os.stat(files[0]).st_mode)

    def test_kill_9_of_the_supervisor_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            other = Server("--isolation", self.tier, user=USER + 1).start()
            try:
                other.deploy("busy", {"app.py": "import time\ndef handler(e, c):\n    time.sleep(60)\n"}, Timeout=60)
                other.client("lambda").invoke(FunctionName="busy", InvocationType="Event", Payload=b"{}")
                wait_until(lambda: any("python" in process for process in processes_of(USER + 1)), 20, "the function to run")
                other.kill()
                wait_until(lambda: not processes_of(USER + 1), 10, "everything to end")
            finally:
                other.__exit__()


class UserTier(AsOrdinaryUser, unittest.TestCase):
    tier = "user"

    def test_inside_all_is_where_aws_has_it(self):
        code = ("import os\ndef handler(e, c):\n    return [os.getcwd(), os.getuid(), os.getgid(), os.environ['AWS_LAMBDA_RUNTIME_API'],\n"
                "            [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 9], os.uname().nodename]\n")
        self.assertEqual(["/var/task", 993, 990, "127.0.0.1:9001", [], "sandbox"], self.answer(code))

    def test_names_of_aws_lead_to_hearth(self):
        code = ("import socket\ndef handler(e, c):\n    return socket.gethostbyname('sqs.eu-west-1.amazonaws.com')\n")
        self.assertEqual("127.0.0.1", self.answer(code))


@unittest.skipIf(landlock_abi() < LANDLOCK_FOR_SEVERAL, "this kernel's Landlock cannot keep several owners apart (needs ABI 6)")
class LandlockTier(AsOrdinaryUser, unittest.TestCase):
    tier = "landlock"

    def test_a_tmp_that_is_overfilled_ends_the_function_and_its_files_go(self):
        code = ("import os, tempfile, time\ndef handler(e, c):\n    folder = tempfile.gettempdir()\n    for i in range(64):\n"
                "        with open(f'{folder}/{i}', 'wb') as f:\n            f.write(bytes(16 << 20))\n"
                "    time.sleep(20)\n    return 'still here'\n")
        name = self.function(code, Timeout=25, MemorySize=256)
        payload, reply = self.server.invoke(name)
        self.assertIsNotNone(reply.get("FunctionError"), payload)
        self.assertNotIn("timed out", payload["errorMessage"])
        small = 64 << 20

        def size_of(path):
            try:
                return os.stat(path).st_size
            except FileNotFoundError:  # it went between the list and the look
                return 0

        def emptied():
            return sum(size_of(path) for path in glob.glob(self.server.data + "/sandboxes/*/*")) < small

        wait_until(emptied, 10, "the files to go")

    def test_no_connection_leads_elsewhere_than_to_the_own_ports(self):
        code = """
import ctypes, errno, os, socket
def attempt(what):
    try:
        what()
        return 0
    except OSError as error:
        return error.errno
def handler(e, c):
    answers = {}
    own = int(os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)[1])
    answers["own"] = attempt(lambda: socket.create_connection(("127.0.0.1", own), 5))
    answers["other"] = attempt(lambda: socket.create_connection(("127.0.0.1", e["port"]), 5))
    answers["fast open"] = attempt(lambda: socket.socket().sendto(b"GET", 0x20000000, ("127.0.0.1", e["port"])))
    answers["multipath"] = attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(("127.0.0.1", e["port"])))
    answers["udp"] = attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53)))
    answers["unix"] = attempt(lambda: socket.socket(socket.AF_UNIX).connect("/run/x"))
    answers["listen"] = attempt(lambda: socket.socket().listen())
    return answers
"""
        answers = self.answer(code, {"port": self.server.port})
        self.assertEqual(0, answers.pop("own"))
        self.assertEqual(set(), {what for what, error in answers.items() if error not in (1, 13)}, answers)


def unified_cgroups():
    """Where the v2 tree is mounted, or nothing."""
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        for line in stream:
            head, tail = line.split(" - ")
            if tail.startswith("cgroup2 "):
                return head.split()[4]
    return None


@unittest.skipIf(unified_cgroups() is None, "no cgroup v2 tree is mounted here")
class Delegated(unittest.TestCase):
    """A part of the v2 tree given to the user, as systemd does with Delegate=yes."""

    def setUp(self):
        self.cgroup = os.path.join(unified_cgroups(), unique("hearth-test"))
        os.mkdir(self.cgroup)
        self.addCleanup(self.remove)
        for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(os.path.join(self.cgroup, name), USER, USER)

    def remove(self):
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            os.rmdir(folder)

    def enter(self):
        with open(os.path.join(self.cgroup, "cgroup.procs"), "w", encoding="ascii") as stream:
            stream.write("0")

    def check(self, tier):
        with Server("--isolation", tier, user=USER, before=self.enter) as server:
            mechanisms = server.health()["isolation"]["mechanisms"]
            self.assertIn("freeze and kill (cgroup v2)", mechanisms)
            with open(os.path.join(self.cgroup, "cgroup.controllers"), encoding="ascii") as stream:
                for controller in set(stream.read().split()) & {"memory", "cpu", "pids"}:
                    self.assertIn(f"{controller} limit (cgroup v2)", mechanisms)
            server.deploy("f", {"app.py": "def handler(e, c):\n    return open('/proc/self/cgroup').read()\n"})
            payload, _ = server.invoke("f")
            if tier == "user":
                self.assertIn("0::/\n", payload)  # its own cgroup is all it sees
            else:
                self.assertRegex(payload, r"0::/.*/hearth\.")
            events = glob.glob(self.cgroup + "/hearth.*/s*/cgroup.events")
            self.assertTrue(any(open(path, encoding="ascii").read().startswith("populated 1") for path in events), events)
            wait_until(lambda: any("frozen 1" in open(path, encoding="ascii").read() for path in events), 10, "it to be frozen")
            self.assertEqual(payload, server.invoke("f")[0])
        self.assertEqual([], glob.glob(self.cgroup + "/hearth.*"))

    def test_the_user_tier_limits_and_freezes_by_cgroup(self):
        self.check("user")

    @unittest.skipIf(landlock_abi() < LANDLOCK_FOR_SEVERAL, "this kernel's Landlock cannot keep several owners apart (needs ABI 6)")
    def test_the_landlock_tier_limits_and_freezes_by_cgroup(self):
        self.check("landlock")


class Asked(unittest.TestCase):
    """What is in force where something else was asked for or is forbidden."""

    def fails(self, *options, **where):
        with self.assertRaises(StartFailed) as caught:
            with Server(*options, **where):
                pass
        return str(caught.exception)

    def test_the_namespace_tier_without_root_is_refused_with_the_reason(self):
        self.assertRegex(self.fails("--isolation", "namespace", user=USER), r"\"namespace\" .*needs root.*--isolation auto")

    def test_the_user_tier_where_the_machine_forbids_it_is_refused_with_the_setting_to_change(self):
        text = self.fails("--isolation", "user", user=USER, before=containers.no_user_namespaces)
        self.assertIn("user.max_user_namespaces", text)

    def test_the_user_tier_in_a_container_is_refused(self):
        text = self.fails("--isolation", "user", user=USER, before=containers.container_filter)
        self.assertRegex(text, r"forbidden to this process, as in most containers")

    def test_an_ordinary_user_gets_user_namespaces_where_they_are_allowed(self):
        with Server(user=USER) as server:
            self.assertEqual("user", server.health()["isolation"]["tier"])
            self.assertTrue(any('"namespace" is not in force: it needs root' in w for w in server.health()["warnings"]))

    def check_container(self, **where):
        if landlock_abi() < LANDLOCK_FOR_SEVERAL:
            text = self.fails(**where)
            self.assertRegex(text, r"nothing is started(.|\n)*landlock(.|\n)*--unsafe-single-tenant")
            options = ("--unsafe-single-tenant",)
        else:
            options = ()
        with Server(*options, **where) as server:
            health = server.health()
            self.assertEqual("landlock", health["isolation"]["tier"])
            self.assertTrue(any('"user" is not in force' in warning for warning in health["warnings"]), health["warnings"])
            server.deploy("f", {"app.py": "import os\ndef handler(e, c):\n    return [e, os.getuid()]\n"})
            payload, _ = server.invoke("f", {"a": 1})
            self.assertEqual({"a": 1}, payload[0])
            self.assertNotEqual(0, payload[1])

    def test_a_container_without_privileges_gets_landlock(self):
        self.check_container(user=USER, before=containers.container_filter)

    def test_a_user_namespace_without_further_ones_gets_landlock(self):
        self.check_container(user=USER, before=containers.no_user_namespaces)

    def test_the_root_of_a_container_gets_landlock_as_another_user(self):
        self.check_container(before=containers.container_root)

    def test_where_root_may_not_make_user_namespaces_functions_have_a_name_and_a_home_too(self):
        with Server(before=containers.no_user_namespace_for_root) as server:
            isolation = server.health()["isolation"]
            self.assertEqual("namespace", isolation["tier"])
            self.assertNotIn("user namespace", isolation["mechanisms"])
            server.deploy("f", {"app.py": "import grp, os, pwd\ndef handler(e, c):\n"
                                          "    me = pwd.getpwuid(os.getuid())\n"
                                          "    return [me.pw_name, me.pw_dir, grp.getgrgid(os.getgid()).gr_name, os.listdir('/dev/shm'),"
                                          " os.access('/etc/passwd', os.W_OK)]\n"})
            self.assertEqual(["sbx_user1051", "/tmp", "sbx_user1051", [], False], server.invoke("f")[0])

    def test_root_may_ask_for_the_user_tier(self):
        with Server("--isolation", "user") as server:
            self.assertEqual("user", server.health()["isolation"]["tier"])
            server.deploy("f", {"app.py": "import os\ndef handler(e, c):\n    return os.getuid()\n"})
            self.assertEqual(993, server.invoke("f")[0])

    def test_a_launcher_that_is_killed_is_replaced_by_one_of_the_same_tier(self):
        with Server("--isolation", "user", user=USER) as server:
            server.deploy("f", {"app.py": "def handler(e, c):\n    return 1\n"})
            self.assertEqual(1, server.invoke("f")[0])
            launcher = subprocess.run(["pgrep", "-u", str(USER), "-x", "hearth-launcher", "-P", str(server.process.pid)],
                                      check=True, text=True, stdout=subprocess.PIPE).stdout.split()
            os.kill(int(launcher[0]), signal.SIGKILL)
            wait_until(lambda: "the launcher was replaced" in server.log(), 10, "another launcher")
            wait_until(lambda: server.health()["isolation"]["mechanisms"], 10, "its greeting")
            self.assertEqual("user", server.health()["isolation"]["tier"])
            self.assertEqual(1, server.invoke("f")[0])


if __name__ == "__main__":
    unittest.main()

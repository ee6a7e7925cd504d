"""Starts Hearth, deploys the examples with an AWS client (boto3), invokes them, and prints what came back.

Run by ./run. Usage: demo.py [--once] [--data DIR] [--listen HOST:PORT] [--binary FILE]
With --once it ends after the examples; the exit status says whether every answer was the expected one.
"""
import argparse
import glob
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

EXAMPLES = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(EXAMPLES)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROLE = "arn:aws:iam::000000000000:role/demo"
# Added before the server starts: what the examples need beyond Debian's packages.
RUNTIMES = ("nodejs22.x", "nodejs-sdk")


class Failure(Exception):
    """One sentence for whoever runs this."""


def matches(expected, actual):
    """Whether an answer is the expected one; a string beginning with ~ is a regular expression."""
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(actual, str) and re.fullmatch(expected[1:], actual) is not None
    if isinstance(expected, dict):
        return isinstance(actual, dict) and set(expected) == set(actual) and all(matches(v, actual[k]) for k, v in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(matches, expected, actual))
    return expected == actual


def package(folder, files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            archive.write(os.path.join(folder, name), name)
    return buffer.getvalue()


class Server:
    def __init__(self, binary, data, listen):
        self.command = [binary, "serve", "--data", data]
        if listen:
            self.command += ["--listen", listen]
        self.process = None
        self.url = None

    def start(self):
        env = {"PATH": PATH, "LANG": "C.UTF-8", **{k: v for k, v in os.environ.items() if k.startswith("HEARTH_")}}
        # A session of its own: Ctrl-C reaches this program, which stops the server.
        self.process = subprocess.Popen(self.command, env=env, text=True, stdout=subprocess.PIPE, start_new_session=True)
        for line in self.process.stdout:
            print(line, end="", flush=True)
            ready = re.search(r"ready on (http://\S+)", line)
            if ready:
                self.url = ready.group(1)
                threading.Thread(target=self.pass_on, daemon=True).start()
                return
        raise Failure("the server did not start (its message is above)")

    def pass_on(self):
        for line in self.process.stdout:
            print(line, end="", flush=True)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def add_runtimes(binary, data):
    """Interpreters and SDKs that Debian does not have; what cannot be had is said, and its examples are skipped."""
    if shutil.which("npm") is None:
        print("npm is not installed: Node.js 22 and the JavaScript SDK cannot be added (apt-get install npm)")
        return False
    done = subprocess.run([binary, "runtime", "add", *RUNTIMES, "--data", data], check=False)
    return done.returncode == 0


def deploy(client, folder, spec):
    if "build" in spec:
        built = subprocess.run([spec["build"]], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if built.returncode != 0:
            raise Failure(f"building {spec['name']} failed:\n{built.stdout}")
    code = package(folder, spec["files"])
    settings = {"Handler": spec["handler"], "Role": ROLE, "Runtime": spec["runtime"], "Timeout": spec.get("timeout_s", 3),
                "MemorySize": spec.get("memory_mib", 128), "Environment": {"Variables": spec.get("environment", {})}}
    try:
        client.create_function(FunctionName=spec["name"], Code={"ZipFile": code}, **settings)
    except client.exceptions.ResourceConflictException:
        client.update_function_configuration(FunctionName=spec["name"], **settings)
        client.get_waiter("function_updated").wait(FunctionName=spec["name"], WaiterConfig={"Delay": 1})
        client.update_function_code(FunctionName=spec["name"], ZipFile=code)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = client.get_function_configuration(FunctionName=spec["name"])
        if state["State"] == "Failed":
            raise Failure(f"{spec['name']}: {state.get('StateReason')}")
        if state["State"] == "Active" and state.get("LastUpdateStatus") != "InProgress":
            return
        time.sleep(0.02)
    raise Failure(f"{spec['name']} is not ready after a minute")


def invoke(client, spec):
    """(answer, cold milliseconds, warm milliseconds)"""
    times, answer = [], None
    for _ in range(2):
        began = time.monotonic()
        reply = client.invoke(FunctionName=spec["name"], Payload=json.dumps(spec["event"]))
        answer = json.loads(reply["Payload"].read())
        times.append((time.monotonic() - began) * 1000)
        if "FunctionError" in reply or not matches(spec["expected"], answer):
            raise Failure(f"{spec['name']} answered {json.dumps(answer)}, expected {json.dumps(spec['expected'])}")
    return answer, *times


def run_examples(url, with_node):
    import boto3
    from botocore.config import Config
    client = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                          config=Config(retries={"max_attempts": 0}, read_timeout=120))
    failed = 0
    print(f"\n{'function':18s} {'runtime':16s} {'cold':>8s} {'warm':>8s}  answer")
    for path in sorted(glob.glob(os.path.join(EXAMPLES, "*", "function.json"))):
        with open(path, encoding="utf-8") as stream:
            spec = json.load(stream)
        if spec["runtime"].startswith("nodejs") and not with_node:
            print(f"{spec['name']:18s} {spec['runtime']:16s} skipped: {RUNTIMES[0]} or the SDK could not be added")
            continue
        try:
            deploy(client, os.path.dirname(path), spec)
            answer, cold, warm = invoke(client, spec)
            print(f"{spec['name']:18s} {spec['runtime']:16s} {cold:5.0f} ms {warm:5.1f} ms  {json.dumps(answer)[:90]}", flush=True)
        except Exception as problem:  # noqa: BLE001 - one example that fails must not hide the others
            failed += 1
            print(f"{spec['name']:18s} {spec['runtime']:16s} FAILED: {problem}", flush=True)
    return failed


def how_to_go_on(url):
    print(f"""
Hearth is up at {url}. In another shell:

  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws lambda list-functions
  echo '{{"name": "you"}}' > event.json
  aws lambda invoke --function-name hello-python --payload fileb://event.json out.json
  aws logs filter-log-events --log-group-name /aws/lambda/hello-python
  curl {url}/_hearth/health

Ctrl-C stops it.""", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--listen")
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/hearth"))
    arguments = parser.parse_args()
    temporary = None
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    data, listen = arguments.data or ("/var/lib" if os.geteuid() == 0 else home) + "/hearth", arguments.listen
    if arguments.once and not arguments.data:
        temporary = tempfile.mkdtemp(prefix="hearth-demo-")
        os.chmod(temporary, 0o755)
        data = os.path.join(temporary, "data")
    if arguments.once and not listen:
        listen = "127.0.0.1:0"
    server = Server(arguments.binary, data, listen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started this with Ctrl-C ignored
    try:
        with_node = add_runtimes(arguments.binary, data)
        server.start()
        failed = run_examples(server.url, with_node)
        if arguments.once:
            print("\nevery example answered as expected" if not failed else f"\n{failed} examples failed")
            return 1 if failed else 0
        how_to_go_on(server.url)
        return server.process.wait()
    except Failure as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopping")
        return 0
    finally:
        server.stop()
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

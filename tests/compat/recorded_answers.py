"""Replays recorded_answers.json against an endpoint and prints what differs, one JSON line per case.

  recorded_answers.py ENDPOINT        (needs a boto3 that knows today's API)

A step is one API call: `op` ("lambda.create_function"), `params`, and either `expect` (a case) or nothing (set-up).
In parameters and expectations ${fn}, ${fnarn}, ${layerarn}, ${role}, ${region}, ${account} and ${run} are filled in;
${x*5000} is a character repeated; {"$zip": KIND} a package, {"$bytes": TEXT} bytes, {"$filler": N} N random bytes, {"$map": [N, KEY, VALUE]} a map.
An expectation names the error's `code`, `message` (value sets compare as sets), `status`, `type`, or the reply's
`equals`, `present` and complete `keys` by path.
"""
import io
import json
import os
import re
import sys
import time
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = os.path.dirname(os.path.abspath(__file__))
REGION = "us-east-1"


def package(kind):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("index.py", "handler.py"):
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.external_attr = 0o755 << 16
            archive.writestr(info, f"def handler(event, context):\n    return event\n# {kind}\n")
    return buffer.getvalue()


def fill(value, names):
    if isinstance(value, str):
        if re.fullmatch(r"\$\{\w+\}", value):
            return names[value[2:-1]]

        def one(match):
            repeated = re.fullmatch(r"(.)\*(\d+)", match.group(1))
            return repeated.group(1) * int(repeated.group(2)) if repeated else str(names[match.group(1)])
        return re.sub(r"\$\{([^}]+)\}", one, value)
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if "$zip" in value:
        return package(value["$zip"])
    if "$bytes" in value:
        return value["$bytes"].encode()
    if "$filler" in value:
        return os.urandom(value["$filler"])
    if "$map" in value:
        count, key, item = value["$map"]
        return {key.replace("%d", str(i)): item.replace("%d", str(i)) for i in range(count)}
    return {fill(key, names): fill(item, names) for key, item in value.items()}


def dig(value, path):
    for part in path.split("/") if path else []:
        if isinstance(value, str) and value[:1] in "{[":
            value = json.loads(value)
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def with_sorted_sets(text):
    """AWS prints value sets in the order of a hash: they compare as sets."""
    return re.sub(r"\[[^\[\]]*, [^\[\]]*\]", lambda m: "[" + ", ".join(sorted(m.group(0)[1:-1].split(", "))) + "]", text)


def error_differences(expected, error, names):
    if error is None:
        return [f"expected {expected['code']}, but the call succeeded"]
    if not isinstance(error, ClientError):
        return [f"expected {expected['code']}, got {error!r}"]
    reply = error.response
    message = reply["Error"].get("Message", "")
    found = {"code": reply["Error"].get("Code"), "status": reply["ResponseMetadata"]["HTTPStatusCode"], "type": reply.get("Type")}
    wrong = [f"{key}: expected {expected[key]!r}, got {found[key]!r}" for key in found if key in expected and expected[key] != found[key]]
    if "message" in expected and with_sorted_sets(fill(expected["message"], names)) != with_sorted_sets(message):
        wrong.append(f"message: expected {fill(expected['message'], names)[:400]!r}, got {message[:400]!r}")
    if "message_re" in expected and not re.search(fill(expected["message_re"], names), message):
        wrong.append(f"message: expected to match {expected['message_re']!r}, got {message[:400]!r}")
    for part in expected.get("contains", []):
        if with_sorted_sets(fill(part, names)) not in with_sorted_sets(message):
            wrong.append(f"message: expected to contain {fill(part, names)[:400]!r}, got {message[:400]!r}")
    wrong += [f"the error's body has no member {key}" for key in expected.get("error_members", []) if key not in reply]
    return wrong


def reply_differences(expected, reply, error, names):
    if error is not None:
        return [f"expected success, got {error}"]
    wrong = []
    if expected.get("status", 0) not in (0, reply["ResponseMetadata"]["HTTPStatusCode"]):
        wrong.append(f"status: expected {expected['status']}, got {reply['ResponseMetadata']['HTTPStatusCode']}")
    for path, want in expected.get("equals", {}).items():
        try:
            got = dig(reply, path)
        except (KeyError, IndexError, TypeError):
            got = "(missing)"
        if got != fill(want, names) and str(got) != str(fill(want, names)):
            wrong.append(f"{path}: expected {fill(want, names)!r}, got {got!r}")
    for path in expected.get("present", []):
        try:
            dig(reply, path)
        except (KeyError, IndexError, TypeError):
            wrong.append(f"{path}: missing")
    for path, keys in expected.get("keys", {}).items():
        try:
            value = dig(reply, path)
            value = json.loads(value) if isinstance(value, str) else value
            extra = [key for key in value if key not in keys and key != "ResponseMetadata"]
        except (KeyError, IndexError, TypeError):
            continue  # reported as missing already
        wrong += [f"{path}: also has {key}" for key in extra]
    return wrong


class Player:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        run = uuid.uuid4().hex[:8]
        self.names = {"region": REGION, "account": self.client("sts").get_caller_identity()["Account"], "run": run}
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                         "Action": "sts:AssumeRole"}]}
        self.names["role"] = self.client("iam").create_role(RoleName=f"recorded-{run}",
                                                            AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def client(self, service):
        return self.session.client(service, endpoint_url=self.endpoint,
                                   config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=60))

    def wait(self, function):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = self.client("lambda").get_function_configuration(FunctionName=function)
            if found["State"] != "Pending" and found.get("LastUpdateStatus") != "InProgress":
                return
            time.sleep(0.05)

    def play(self, group):
        names = dict(self.names, fn=f"{group['name']}-{self.names['run']}", uid=f"{group['name'][:12]}-{self.names['run']}")
        names["fnarn"] = f"arn:aws:lambda:{REGION}:{names['account']}:function:{names['fn']}"
        names["layerarn"] = f"arn:aws:lambda:{REGION}:{names['account']}:layer:{names['fn']}"
        for step in group["steps"]:
            if "wait" in step:
                self.wait(fill(step["wait"], names))
                continue
            service, operation = step["op"].split(".")
            reply = error = None
            try:
                reply = getattr(self.client(service), operation)(**fill(step.get("params", {}), names))
                for name, path in step.get("save", {}).items():
                    names[name] = dig(reply, path)
            except Exception as problem:  # noqa: BLE001 - compared below
                error = problem
            if "expect" not in step:
                wrong = [f"set-up failed: {error}"] if error is not None and step.get("required", True) else []
                if wrong:
                    yield {"case": f"{group['name']}/{step['op']}", "wrong": wrong}
                continue
            expected = step["expect"]
            compare = error_differences(expected, error, names) if "code" in expected else reply_differences(expected, reply, error, names)
            yield {"case": f"{group['name']}/{step['id']}", "wrong": compare}
        for function in (names["fn"],):
            try:
                self.client("lambda").delete_function(FunctionName=function)
            except ClientError:
                pass


def main():
    with open(os.path.join(HERE, "recorded_answers.json"), encoding="utf-8") as stream:
        groups = json.load(stream)["groups"]
    player = Player(sys.argv[1])
    for group in groups:
        for line in player.play(group):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

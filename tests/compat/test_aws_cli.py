"""The AWS CLI, unmodified."""
import base64
import json
import os
import shutil
import tempfile
import unittest

import hearth
import tools

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                            "Action": "sts:AssumeRole"}]})


@unittest.skipUnless(shutil.which("aws"), "the AWS CLI is not installed")
class AwsCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = hearth.Server().start()
        cls.work = tempfile.mkdtemp()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)
        cls.server.__exit__()

    def aws(self, *arguments):
        out = tools.run(["aws", "--endpoint-url", self.server.url, "--output", "json", *arguments], cwd=self.work).stdout
        return json.loads(out) if out.strip() else None

    def payload(self, event):
        """--payload as this CLI's version takes it: version 2 wants base64 unless told otherwise."""
        path = os.path.join(self.work, "event.json")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(event, stream)
        return ["--payload", f"fileb://{path}"]

    def test_the_life_of_a_function(self):
        self.assertEqual("000000000000", self.aws("sts", "get-caller-identity")["Account"])
        role = self.aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", TRUST)["Role"]
        self.assertEqual("lambda.amazonaws.com", role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"])
        policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        self.aws("iam", "attach-role-policy", "--role-name", "cli", "--policy-arn", policy)
        self.assertEqual([policy], [p["PolicyArn"] for p in self.aws("iam", "list-attached-role-policies", "--role-name", "cli")["AttachedPolicies"]])
        with open(os.path.join(self.work, "f.zip"), "wb") as stream:
            stream.write(hearth.zip_of({"app.py": "def handler(event, context):\n    print('hello log')\n    return event['n'] * 2\n"}))
        made = self.aws("lambda", "create-function", "--function-name", "cli-f", "--runtime", "python3.11", "--handler", "app.handler",
                        "--role", role["Arn"], "--zip-file", "fileb://f.zip", "--tags", "a=b")
        self.assertEqual("Pending", made["State"])
        self.aws("lambda", "wait", "function-active", "--function-name", "cli-f")
        reply = self.aws("lambda", "invoke", "--function-name", "cli-f", "--log-type", "Tail", *self.payload({"n": 21}), "out.json")
        self.assertEqual(200, reply["StatusCode"])
        self.assertIn("hello log", base64.b64decode(reply["LogResult"]).decode())
        with open(os.path.join(self.work, "out.json"), encoding="utf-8") as stream:
            self.assertEqual(42, json.load(stream))
        self.aws("lambda", "update-function-configuration", "--function-name", "cli-f", "--timeout", "7", "--environment", "Variables={MODE=b}")
        self.aws("lambda", "wait", "function-updated", "--function-name", "cli-f")
        got = self.aws("lambda", "get-function", "--function-name", "cli-f")
        self.assertEqual((7, {"MODE": "b"}, {"a": "b"}), (got["Configuration"]["Timeout"], got["Configuration"]["Environment"]["Variables"], got["Tags"]))
        self.assertEqual(["cli-f"], [f["FunctionName"] for f in self.aws("lambda", "list-functions")["Functions"]])
        self.assertEqual(["$LATEST"], [v["Version"] for v in self.aws("lambda", "list-versions-by-function", "--function-name", "cli-f")["Versions"]])
        self.aws("lambda", "add-permission", "--function-name", "cli-f", "--statement-id", "s", "--action", "lambda:InvokeFunction",
                 "--principal", "s3.amazonaws.com")
        self.assertEqual("s", json.loads(self.aws("lambda", "get-policy", "--function-name", "cli-f")["Policy"])["Statement"][0]["Sid"])
        self.aws("lambda", "remove-permission", "--function-name", "cli-f", "--statement-id", "s")
        hearth.wait_until(lambda: self.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli-f", "--filter-pattern", "hello")["events"],
                          10, "the log line")
        self.aws("lambda", "delete-function", "--function-name", "cli-f")
        self.assertEqual([], self.aws("lambda", "list-functions")["Functions"])

    def test_layers(self):
        for name, files in (("layer", {"python/words.py": "WORD = 'layer'\n"}),
                            ("layered", {"app.py": "import words\ndef handler(event, context):\n    return words.WORD\n"})):
            with open(os.path.join(self.work, f"{name}.zip"), "wb") as stream:
                stream.write(hearth.zip_of(files))
        made = self.aws("lambda", "publish-layer-version", "--layer-name", "cli-l", "--zip-file", "fileb://layer.zip", "--compatible-runtimes", "python3.11")
        arn = made["LayerVersionArn"]
        self.assertEqual(made, self.aws("lambda", "get-layer-version-by-arn", "--arn", arn) | {"Content": made["Content"]})
        self.assertEqual(1, self.aws("lambda", "get-layer-version", "--layer-name", "cli-l", "--version-number", "1")["Version"])
        self.assertEqual(["cli-l"], [layer["LayerName"] for layer in self.aws("lambda", "list-layers", "--compatible-runtime", "python3.11")["Layers"]])
        self.assertEqual([arn], [v["LayerVersionArn"] for v in self.aws("lambda", "list-layer-versions", "--layer-name", "cli-l")["LayerVersions"]])
        version = ["--layer-name", "cli-l", "--version-number", "1"]
        self.aws("lambda", "add-layer-version-permission", *version, "--statement-id", "s", "--principal", "*", "--action", "lambda:GetLayerVersion")
        policy = self.aws("lambda", "get-layer-version-policy", *version)
        self.assertEqual("s", json.loads(policy["Policy"])["Statement"][0]["Sid"])
        self.aws("lambda", "remove-layer-version-permission", *version, "--statement-id", "s", "--revision-id", policy["RevisionId"])
        self.aws("lambda", "create-function", "--function-name", "cli-layered", "--runtime", "python3.11", "--handler", "app.handler",
                 "--role", hearth.ROLE, "--zip-file", "fileb://layered.zip", "--layers", arn)
        self.aws("lambda", "wait", "function-active", "--function-name", "cli-layered")
        self.aws("lambda", "invoke", "--function-name", "cli-layered", "layered.json")
        with open(os.path.join(self.work, "layered.json"), encoding="utf-8") as stream:
            self.assertEqual("layer", json.load(stream))
        self.aws("lambda", "delete-layer-version", *version)
        self.aws("lambda", "delete-function", "--function-name", "cli-layered")
        self.assertEqual([], self.aws("lambda", "list-layers")["Layers"])


if __name__ == "__main__":
    unittest.main()

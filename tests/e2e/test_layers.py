"""Layers: their content at /opt in every runtime, order, deletion, permissions, copies from elsewhere."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request
import uuid

import hearth
from botocore.exceptions import ClientError
from hearth import ROLE, Server, zip_of

READ = """
import os, sys
def handler(event, context):
    def read(path):
        with open(path) as file:
            return file.read()
    found = {path: read(path) for path in event.get("read", ()) if os.path.isfile(path)}
    return {"files": found, "path": sys.path[:4], "argv": sys.argv[1:], "listing": sorted(os.listdir("/opt"))}
"""


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Layers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(runtimes=True).start()
        cls.api = cls.server.client("lambda")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def publish(self, files, name=None, modes=None, api=None, **options):
        made = (api or self.api).publish_layer_version(LayerName=name or unique("l"), Content={"ZipFile": zip_of(files, modes)}, **options)
        return made["LayerVersionArn"]

    def deploy(self, files, layers, **options):
        name = unique("f")
        self.server.deploy(name, files, Layers=layers, **options)
        return name

    def update(self, name, **change):
        self.api.update_function_configuration(FunctionName=name, **change)
        self.api.get_waiter("function_updated_v2").wait(FunctionName=name)

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(code, caught.exception.response["Error"]["Code"])
        return caught.exception.response["Error"]["Message"]

    def test_a_python_function_imports_from_its_layers_in_awss_order(self):
        site = "python/lib/python3.11/site-packages"
        layer = self.publish({"python/plain.py": "WHERE = 'python'\n", f"{site}/deep.py": "WHERE = 'site-packages'\n",
                              "python/both.py": "WHERE = 'python'\n", f"{site}/both.py": "WHERE = 'site-packages'\n",
                              "python/mine.py": "WHERE = 'layer'\n", "python/boto3/__init__.py": "WHERE = 'layer'\n"})
        code = ("import sys, plain, deep, both, mine, boto3\n"
                "def handler(event, context):\n"
                "    return [sys.path[:3], sys.argv[1:], plain.WHERE, deep.WHERE, both.WHERE, mine.WHERE, boto3.WHERE]\n")
        name = self.deploy({"app.py": code, "mine.py": "WHERE = 'package'\n"}, [layer])
        answer, _ = self.server.invoke(name)
        self.assertEqual([["/var/task", f"/opt/{site}", "/opt/python"], [], "python", "site-packages", "site-packages", "package", "layer"],
                         answer)

    def test_a_nodejs_function_requires_and_imports_from_its_layers(self):
        layer = self.publish({"nodejs/node_modules/plain/index.js": "module.exports = 'plain'\n",
                              "nodejs/node_modules/both/index.js": "module.exports = 'shared'\n",
                              "nodejs/node22/node_modules/both/index.js": "module.exports = 'node22'\n"})
        name = self.deploy({"index.js": "exports.handler = async () => [require('plain'), require('both')]\n"}, [layer],
                           runtime="nodejs22.x", handler="index.handler")
        self.assertEqual(["plain", "node22"], self.server.invoke(name)[0])
        name = self.deploy({"index.mjs": "import plain from 'plain'\nexport const handler = async () => plain\n"}, [layer],
                           runtime="nodejs22.x", handler="index.handler")
        self.assertEqual("plain", self.server.invoke(name)[0])

    @unittest.skipUnless(shutil.which("cc") or shutil.which("clang-19"), "no C compiler")
    def test_libraries_and_programs_of_a_layer_are_found(self):
        with tempfile.TemporaryDirectory() as work:
            source = os.path.join(work, "answer.c")
            with open(source, "w", encoding="utf-8") as stream:
                stream.write("int answer(void) { return 42; }\n")
            library = os.path.join(work, "libanswer.so")
            subprocess.run([shutil.which("cc") or "clang-19", "-shared", "-fPIC", "-o", library, source], check=True)
            with open(library, "rb") as stream:
                content = stream.read()
        layer = self.publish({"lib/libanswer.so": content, "bin/greet": "#!/bin/sh\necho greetings\n"})
        name = self.deploy({"app.py": "import ctypes, subprocess\ndef handler(event, context):\n"
                                      "    return [ctypes.CDLL('libanswer.so').answer(), subprocess.check_output(['greet'], text=True)]\n"}, [layer])
        self.assertEqual([42, "greetings\n"], self.server.invoke(name)[0])

    def test_later_layers_win_and_the_order_can_change(self):
        one = self.publish({"shared": "one", "only_one": "1", "thing/inner": "folder of one", "was_file": "file of one"})
        two = self.publish({"shared": "two", "only_two": "2", "thing": "file of two", "was_file/inner": "folder of two"})
        asked = {"read": ["/opt/shared", "/opt/only_one", "/opt/only_two", "/opt/thing", "/opt/thing/inner", "/opt/was_file", "/opt/was_file/inner"]}
        name = self.deploy({"app.py": READ}, [one, two])
        answer, _ = self.server.invoke(name, asked)
        self.assertEqual({"/opt/shared": "two", "/opt/only_one": "1", "/opt/only_two": "2", "/opt/thing": "file of two",
                          "/opt/was_file/inner": "folder of two"}, answer["files"])
        self.update(name, Layers=[two, one])
        answer, _ = self.server.invoke(name, asked)
        self.assertEqual({"/opt/shared": "one", "/opt/only_one": "1", "/opt/only_two": "2", "/opt/thing/inner": "folder of one",
                          "/opt/was_file": "file of one"}, answer["files"])
        self.update(name, Layers=[])
        self.assertNotIn("Layers", self.api.get_function_configuration(FunctionName=name))
        self.assertEqual({}, self.server.invoke(name, asked)[0]["files"])

    def test_layers_are_read_only(self):
        layer = self.publish({"data": "x"})
        name = self.deploy({"app.py": "def handler(event, context):\n    try:\n        open('/opt/' + event, 'a')\n"
                                      "    except OSError as e:\n        return e.strerror\n"}, [layer])
        for path in ("data", "new"):
            self.assertEqual("Read-only file system", self.server.invoke(name, path)[0])

    def test_a_bootstrap_in_a_layer_runs(self):
        bootstrap = """#!/usr/bin/python3 -I
import os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as got:
        request = got.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(api + request + "/response", data=b'"bootstrap of a layer"').close()
"""
        layer = self.publish({"bootstrap": bootstrap})
        name = self.deploy({"unused": "x"}, [layer], runtime="provided.al2023", handler="any")
        self.assertEqual("bootstrap of a layer", self.server.invoke(name)[0])

    def test_functions_and_versions_keep_a_deleted_layer(self):
        with Server() as server:
            api = server.client("lambda")
            layer = self.publish({"data": "kept"}, api=api)
            other = self.publish({"other": "kept"}, api=api)
            server.deploy("keeps", {"app.py": READ}, Layers=[layer, other])
            api.publish_version(FunctionName="keeps")
            for arn in (layer, other):
                api.delete_layer_version(LayerName=arn.rsplit(":", 1)[0], VersionNumber=1)
            self.assertIn("The resource you requested does not exist.", self.refused("ResourceNotFoundException", api.get_layer_version_by_arn, Arn=layer))
            server.kill()
            for name in os.listdir(os.path.join(server.data, "code")):  # derived data: made again from what is durable
                subprocess.run(["rm", "-rf", os.path.join(server.data, "code", name)], check=True)
            server.start()
            api = server.client("lambda")
            shown = api.get_function_configuration(FunctionName="keeps", Qualifier="1")
            self.assertEqual([layer, other], [used["Arn"] for used in shown["Layers"]])
            asked = {"read": ["/opt/data", "/opt/other"]}
            self.assertEqual(["kept", "kept"], list(server.invoke("keeps", asked, Qualifier="1")[0]["files"].values()))
            # Updating such a function goes on, but the layer cannot be named again.
            api.update_function_configuration(FunctionName="keeps", MemorySize=192)
            api.get_waiter("function_updated_v2").wait(FunctionName="keeps")
            self.assertEqual(["kept", "kept"], list(server.invoke("keeps", asked)[0]["files"].values()))
            self.assertEqual(f"Layer version {layer} does not exist.", self.refused(
                "InvalidParameterValueException", api.update_function_configuration, FunctionName="keeps", Layers=[layer]))
            # Its number is not given again.
            self.assertTrue(self.publish({"data": "new"}, name=layer.split(":")[-2], api=api).endswith(":2"))

    def test_the_content_can_be_downloaded(self):
        package = zip_of({"a": "b"})
        made = self.api.publish_layer_version(LayerName=unique("l"), Content={"ZipFile": package}, Description="d", LicenseInfo="MIT")
        digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
        self.assertEqual((digest, len(package)), (made["Content"]["CodeSha256"], made["Content"]["CodeSize"]))
        with urllib.request.urlopen(made["Content"]["Location"], timeout=30) as reply:
            self.assertEqual(package, reply.read())
        name = self.deploy({"app.py": READ}, [made["LayerVersionArn"]])
        self.assertEqual([{"Arn": made["LayerVersionArn"], "CodeSize": len(package)}],
                         self.api.get_function(FunctionName=name)["Configuration"]["Layers"])

    def test_lists_have_filters_and_pages(self):
        api = self.server.client("lambda", key="111122223333")
        for name, options in (("a", {"CompatibleRuntimes": ["python3.11"]}), ("b", {"CompatibleRuntimes": ["nodejs22.x"], "CompatibleArchitectures": ["arm64"]}),
                              ("a", {"CompatibleRuntimes": ["nodejs22.x"]}), ("c", {})):
            self.publish({"x": name}, name=name, api=api, **options)
        names = lambda **wanted: [(layer["LayerName"], layer["LatestMatchingVersion"]["Version"]) for layer in api.list_layers(**wanted)["Layers"]]
        self.assertEqual([("a", 2), ("b", 1), ("c", 1)], names())
        self.assertEqual([("a", 1)], names(CompatibleRuntime="python3.11"))
        self.assertEqual([("b", 1)], names(CompatibleRuntime="nodejs22.x", CompatibleArchitecture="arm64"))
        paged = [page["Layers"][0]["LayerName"] for page in api.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1})]
        self.assertEqual(["a", "b", "c"], paged)
        versions = [v["Version"] for page in api.get_paginator("list_layer_versions").paginate(LayerName="a", PaginationConfig={"PageSize": 1})
                    for v in page["LayerVersions"]]
        self.assertEqual([2, 1], versions)

    def test_another_account_needs_a_permission(self):
        other = self.server.client("lambda", key="444455556666")
        layer = self.publish({"data": "from another account"}, api=other)
        parts = {"LayerName": layer.rsplit(":", 1)[0], "VersionNumber": 1}
        denied = self.refused("AccessDeniedException", self.deploy, files={"app.py": READ}, layers=[layer])
        self.assertIn(f"is not authorized to perform: lambda:GetLayerVersion on resource: {layer} because no resource-based policy allows", denied)
        self.refused("AccessDeniedException", self.api.get_layer_version_by_arn, Arn=layer)
        for principal, statement, more in (("777788889999", "wrong", {}), ("*", "organization", {"OrganizationId": "o-1234567890"})):
            other.add_layer_version_permission(**parts, StatementId=statement, Action="lambda:GetLayerVersion", Principal=principal, **more)
        self.refused("AccessDeniedException", self.deploy, files={"app.py": READ}, layers=[layer])
        other.add_layer_version_permission(**parts, StatementId="right", Action="lambda:GetLayerVersion", Principal="000000000000")
        self.assertEqual(layer, self.api.get_layer_version_by_arn(Arn=layer)["LayerVersionArn"])
        name = self.deploy({"app.py": READ}, [layer])
        self.assertEqual({"/opt/data": "from another account"}, self.server.invoke(name, {"read": ["/opt/data"]})[0]["files"])
        other.remove_layer_version_permission(**parts, StatementId="right")
        self.refused("AccessDeniedException", self.deploy, files={"app.py": READ}, layers=[layer])
        self.assertEqual({"/opt/data": "from another account"}, self.server.invoke(name, {"read": ["/opt/data"]})[0]["files"])
        self.refused("AccessDeniedException", self.api.delete_layer_version, **parts)

    def test_a_layer_from_elsewhere_is_imported_with_the_command_that_the_error_names(self):
        arn = f"arn:aws:lambda:eu-west-1:017000801446:layer:{unique('Powertools')}:7"
        message = self.refused("AccessDeniedException", self.deploy, files={"app.py": READ}, layers=[arn])
        self.assertIn(f"hearth layer import FILE --arn {arn}", message)
        with tempfile.TemporaryDirectory() as work:
            package = os.path.join(work, "layer.zip")
            with open(package, "wb") as stream:
                stream.write(zip_of({"python/imported.py": "VALUE = 'imported'\n"}))
            self.server.command("layer", "import", package, "--arn", arn)
            with open(package, "wb") as stream:
                stream.write(b"no zip")
            for wrong in ([package, "--arn", arn], [os.path.join(work, "missing"), "--arn", arn], [package, "--arn", "arn:aws:s3:::x"]):
                with self.assertRaises(AssertionError):
                    self.server.command("layer", "import", *wrong)
        name = self.deploy({"app.py": "import imported\ndef handler(event, context):\n    return imported.VALUE\n"}, [arn])
        self.assertEqual("imported", self.server.invoke(name)[0])
        self.assertEqual(arn, self.api.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"])
        self.assertEqual(7, self.api.get_layer_version_by_arn(Arn=arn)["Version"])
        self.assertEqual([], os.listdir(os.path.join(self.server.data, "layers")))

    def test_an_own_layer_that_is_missing_is_said_as_aws_says_it(self):
        arn = "arn:aws:lambda:us-east-1:000000000000:layer:missing:1"
        status, headers, body = self.server.get("/2015-03-31/functions", method="POST", headers={"Content-Type": "application/json"}, data=json.dumps(
            {"FunctionName": "missing", "Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Layers": [arn],
             "Code": {"ZipFile": base64.b64encode(zip_of({"app.py": READ})).decode()}}).encode())
        self.assertEqual((400, f"Layer version {arn} does not exist."), (status, json.loads(body)["message"]))
        self.assertIn(f"hearth layer import FILE --arn {arn}", headers.get("Hearth-Warning", ""))

    def test_code_and_layers_have_250_megabytes_together(self):
        block = b"\0" * (50 << 20)
        half = self.publish({"a": block, "b": block})
        other = self.publish({"c": block, "d": block})
        third = self.publish({"e": block})
        name = self.deploy({"app.py": READ}, [half, other])
        self.assertEqual("Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is "
                         f"{(250 << 20) + len(READ)} bytes.",
                         self.refused("InvalidParameterValueException", self.api.update_function_configuration, FunctionName=name,
                                      Layers=[half, other, third]))
        self.assertIn("Function code combined with layers exceeds the maximum allowed size", self.refused(
            "InvalidParameterValueException", self.api.update_function_code, FunctionName=name, ZipFile=zip_of({"app.py": READ, "f": block})))


class WithoutRoot(unittest.TestCase):
    def in_tier(self, tier, root):
        with Server("--isolation", tier, user=65534) as server:
            api = server.client("lambda")
            layers = [api.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of(files)})["LayerVersionArn"] for name, files in
                      (("one", {"python/found.py": "VALUE = 1\n", "bin/greet": "#!/bin/sh\necho greetings\n"}), ("two", {"python/found.py": "VALUE = 2\n"}))]
            server.deploy("f", {"app.py": "import found, subprocess\ndef handler(event, context):\n"
                                          "    try:\n        open(found.__file__, 'a')\n    except OSError as e:\n"
                                          "        return [found.VALUE, found.__file__, subprocess.check_output(['greet'], text=True)]\n"}, Layers=layers)
            value, path, greeting = server.invoke("f")[0]
            self.assertEqual((2, "greetings\n"), (value, greeting))
            self.assertTrue(path.startswith(root), path)

    def test_with_user_namespaces_layers_are_at_opt(self):
        self.in_tier("user", "/opt/python/found.py")

    def test_where_nothing_can_be_mounted_layers_are_found_in_their_own_folder(self):
        self.in_tier("landlock", "/tmp/hearth-test-")

    def test_es_modules_import_from_layers_and_the_sdk_where_nothing_can_be_mounted(self):
        with Server("--isolation", "landlock", user=65534) as server:
            runtimes = os.path.join(server.data, "runtimes")
            subprocess.run(["cp", "-a", hearth.added_runtimes() + "/.", runtimes], check=True)
            subprocess.run(["chown", "-R", "65534:65534", runtimes], check=True)
            layer = server.client("lambda").publish_layer_version(LayerName="n", Content={"ZipFile": zip_of(
                {"nodejs/node_modules/plain/index.js": "module.exports = 'plain'\n"})})["LayerVersionArn"]
            code = ("import plain from 'plain'\nimport { LambdaClient } from '@aws-sdk/client-lambda'\nlet missing\n"
                    "try { await import('no-such-package') } catch (error) { missing = error.code }\n"
                    "export const handler = async () => [plain, typeof LambdaClient, missing]\n")
            server.deploy("f", {"index.mjs": code}, runtime="nodejs22.x", handler="index.handler", Layers=[layer])
            self.assertEqual(["plain", "function", "ERR_MODULE_NOT_FOUND"], server.invoke("f")[0])


if __name__ == "__main__":
    unittest.main()

"""Terraform with the hashicorp/aws provider: apply, an invocation, an empty second plan, destroy."""
import json
import os
import shutil
import tempfile
import unittest

import hearth
import tools


@unittest.skipUnless(shutil.which("terraform"), "terraform is not installed")
@unittest.skipUnless(tools.terraform_plugins(), "no local mirror of the hashicorp/aws provider")
class Terraform(unittest.TestCase):
    def test_the_example_applies_stays_and_goes(self):
        with hearth.Server() as server, tempfile.TemporaryDirectory() as work:
            for name in ("main.tf", "app.py"):
                shutil.copy(os.path.join(hearth.ROOT, "examples/terraform", name), work)
            tools.run(["zip", "-q", "hello.zip", "app.py"], cwd=work)
            rc = os.path.join(work, "terraformrc")
            with open(rc, "w", encoding="utf-8") as stream:
                stream.write(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tools.terraform_plugins()}"\n  }}\n}}\n')
            env = {"TF_CLI_CONFIG_FILE": rc, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_VAR_endpoint": server.url}
            terraform = lambda *arguments: tools.run(["terraform", *arguments], env=env, cwd=work, timeout=300)
            terraform("init", "-no-color")
            terraform("apply", "-no-color", "-auto-approve")
            answer = json.loads(terraform("output", "-no-color", "-json", "answer").stdout)
            self.assertEqual({"said": "Hello, Terraform"}, answer)
            second = tools.run(["sh", "-c", "terraform plan -no-color -detailed-exitcode; echo status=$?"], env=env, cwd=work, timeout=300)
            self.assertIn("status=0", second.stdout, second.stdout)
            # A change of the configuration is carried out in place.
            path = os.path.join(work, "main.tf")
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text.replace("memory_size      = 192", "memory_size      = 256").replace('"Hello"', '"Goodbye"')
                             .replace('name = "Terraform"', 'name = "again"'))
            terraform("apply", "-no-color", "-auto-approve")
            self.assertEqual(256, server.client("lambda").get_function_configuration(FunctionName="terraform-hello")["MemorySize"])
            answer = json.loads(terraform("output", "-no-color", "-json", "answer").stdout)
            self.assertEqual({"said": "Goodbye, again"}, answer)
            terraform("destroy", "-no-color", "-auto-approve")
            self.assertEqual([], server.client("lambda").list_functions()["Functions"])
            self.assertEqual([], server.client("iam").list_roles()["Roles"])


if __name__ == "__main__":
    unittest.main()

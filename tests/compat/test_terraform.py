"""Terraform with the hashicorp/aws provider: apply, an invocation, an empty second plan, destroy."""
import json
import os
import shutil
import tempfile
import unittest

import hearth
import tools


# Beside the example, in the same run: a start of the provider costs seconds.
LAYERS = """
resource "aws_lambda_layer_version" "first" {
  layer_name               = "terraform-first"
  filename                 = "first.zip"
  source_code_hash         = filebase64sha256("first.zip")
  description              = "made by terraform"
  license_info             = "MIT"
  compatible_runtimes      = ["python3.11", "python3.12"]
  compatible_architectures = ["x86_64", "arm64"]
}

resource "aws_lambda_layer_version" "second" {
  layer_name = "terraform-second"
  filename   = "second.zip"
}

resource "aws_lambda_layer_version_permission" "everyone" {
  layer_name     = aws_lambda_layer_version.first.layer_name
  version_number = aws_lambda_layer_version.first.version
  statement_id   = "everyone"
  principal      = "*"
  action         = "lambda:GetLayerVersion"
}

resource "aws_lambda_function" "layered" {
  function_name = "terraform-layered"
  role          = aws_iam_role.worker.arn
  runtime       = "python3.11"
  handler       = "app.handler"
  filename      = "layered.zip"
  layers        = [aws_lambda_layer_version.first.arn, aws_lambda_layer_version.second.arn]
}

data "aws_lambda_layer_version" "newest" {
  layer_name         = aws_lambda_layer_version.first.layer_name
  compatible_runtime = "python3.12"
}

output "newest" {
  value = data.aws_lambda_layer_version.newest.version
}
"""
LAYERED = "import words\ndef handler(event, context):\n    return words.WORD\n"


def write_zip(folder, name, files):
    with open(os.path.join(folder, f"{name}.zip"), "wb") as stream:
        stream.write(hearth.zip_of(files))


@unittest.skipUnless(shutil.which("terraform"), "terraform is not installed")
@unittest.skipUnless(tools.terraform_plugins(), "no local mirror of the hashicorp/aws provider")
class Terraform(unittest.TestCase):
    def test_the_example_applies_stays_and_goes(self):
        with hearth.Server() as server, tempfile.TemporaryDirectory() as work:
            for name in ("main.tf", "app.py"):
                shutil.copy(os.path.join(hearth.ROOT, "examples/terraform", name), work)
            tools.run(["zip", "-q", "hello.zip", "app.py"], cwd=work)
            with open(os.path.join(work, "main.tf"), "a", encoding="utf-8") as stream:
                stream.write(LAYERS)
            for name, files in (("first", {"python/words.py": "WORD = 'first'\n"}), ("second", {"bin/unused": ""}), ("layered", {"app.py": LAYERED})):
                write_zip(work, name, files)
            rc = os.path.join(work, "terraformrc")
            with open(rc, "w", encoding="utf-8") as stream:
                stream.write(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tools.terraform_plugins()}"\n  }}\n}}\n')
            env = {"TF_CLI_CONFIG_FILE": rc, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_VAR_endpoint": server.url}
            terraform = lambda *arguments: tools.run(["terraform", *arguments], env=env, cwd=work, timeout=300)
            terraform("init", "-no-color")
            terraform("apply", "-no-color", "-auto-approve")
            answer = json.loads(terraform("output", "-no-color", "-json", "answer").stdout)
            self.assertEqual({"said": "Hello, Terraform"}, answer)
            self.assertEqual("first", server.invoke("terraform-layered")[0])
            second = tools.run(["sh", "-c", "terraform plan -no-color -detailed-exitcode; echo status=$?"], env=env, cwd=work, timeout=300)
            self.assertIn("status=0", second.stdout, second.stdout)
            # Another content is another version of the layer, to which the function moves.
            write_zip(work, "first", {"python/words.py": "WORD = 'other'\n"})
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
            self.assertEqual("other", server.invoke("terraform-layered")[0])
            self.assertEqual(2, json.loads(terraform("output", "-no-color", "-json", "newest").stdout))
            terraform("destroy", "-no-color", "-auto-approve")
            self.assertEqual([], server.client("lambda").list_functions()["Functions"])
            self.assertEqual([], server.client("lambda").list_layers()["Layers"])
            self.assertEqual([], server.client("iam").list_roles()["Roles"])


if __name__ == "__main__":
    unittest.main()

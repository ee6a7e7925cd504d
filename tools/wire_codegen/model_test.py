"""Run by ctest: /usr/bin/python3 -m unittest discover -s tools/wire_codegen -t tools -p '*_test.py'."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from wire_codegen.header import emit_header
from wire_codegen.model import Model, ModelError, constant, cpp_string, load_model, re2_refuses, set_at, snake
from wire_codegen.source import emit_source

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("lambda", "iam", "sts", "logs")


def small_model(shapes, operations, handled, protocol="rest-json"):
    metadata = {"protocol": protocol, "serviceId": "X", "signingName": "x", "endpointPrefix": "x", "apiVersion": "1"}
    return Model("x", {"metadata": metadata, "operations": operations, "shapes": shapes}, {}, handled)


class Names(unittest.TestCase):
    def test_members_are_snake_case_with_acronyms_kept_whole(self):
        for name, want in {"FunctionName": "function_name", "KMSKeyArn": "kms_key_arn", "CodeSha256": "code_sha256",
                           "S3Bucket": "s3_bucket", "logGroupName": "log_group_name", "MFASerial": "mfa_serial",
                           "UUID": "uuid", "Default": "default_"}.items():
            self.assertEqual(snake(name), want)

    def test_enum_values_become_constants(self):
        for value, want in {"python3.12": "Python3_12", "nodejs22.x": "Nodejs22X", "x86_64": "X86_64", "ALL": "All",
                            "AWS_IAM": "AwsIam", "provided.al2023": "ProvidedAl2023", "": "Empty"}.items():
            self.assertEqual(constant(value), want)

    def test_strings_survive_as_cpp_literals(self):
        self.assertEqual(cpp_string('a"\\\n\u00fc'), '"a\\"\\\\\\012\\303\\274"')
        self.assertEqual(cpp_string("???"), '"?\\??"')


class Patterns(unittest.TestCase):
    def test_what_re2_lacks_is_found(self):
        for pattern in (r"(?!a)b", r"(?<=a)b", r"a(?<!b)", r"(?>a)", r"(a)\1", r"a++", r"a{1,2048}", r"\p{IsDigit}"):
            self.assertIsNotNone(re2_refuses(pattern), pattern)

    def test_what_re2_takes_is_let_through(self):
        for pattern in (r"[a-z+]+", r"role/?[a-zA-Z_0-9+=,.@\-_/]+", r"\d{12}", r"[\p{L}\p{Z}]*", r"(?:a|b)", r"\\1", r"[*+]+"):
            self.assertIsNone(re2_refuses(pattern), pattern)

    def test_every_pattern_of_every_model_is_taken_or_rewritten(self):
        for service in SERVICES:
            model = load_model(ROOT / "models", service, [])
            for shape in model.shapes.values():
                if "pattern" in shape:
                    model.re2(shape["pattern"])

    def test_a_pattern_that_is_neither_stops_the_generator(self):
        shapes = {"In": {"type": "structure", "members": {"A": {"shape": "S"}}}, "S": {"type": "string", "pattern": "(?=a)"}}
        model = small_model(shapes, {"Op": {"method": "POST", "uri": "/", "status": 200, "input": "In"}}, ["Op"])
        with self.assertRaisesRegex(ModelError, "patterns.json"):
            emit_source(model, "n", "x.h")


class Overlays(unittest.TestCase):
    def test_values_are_set_added_and_removed(self):
        model = {"shapes": {"A": {"max": 1}}}
        set_at(model, "shapes/A/max", 2)
        set_at(model, "shapes/B", {})
        set_at(model, "shapes/A/min", 0)
        set_at(model, "shapes/A/min", None)
        self.assertEqual(model, {"shapes": {"A": {"max": 2}, "B": {}}})

    def test_a_place_that_is_not_there_is_an_error(self):
        for where, value in (("shapes/A/members/B", 1), ("shapes/A/pattern", None)):
            with self.assertRaises(ModelError):
                set_at({"shapes": {"A": {}}}, where, value)

    def test_every_entry_says_where_it_comes_from(self):
        for service in SERVICES:
            for entry in json.loads((ROOT / "models" / f"{service}.overlay.json").read_text())["entries"]:
                self.assertEqual(sorted(entry), ["date", "source", "value", "where"])
                self.assertRegex(entry["date"], r"^\d{4}-\d{2}-\d{2}$")


class Generator(unittest.TestCase):
    def test_every_operation_can_have_a_handler_but_those_with_event_streams(self):
        streams = {"InvokeWithResponseStream", "GetLogObject", "StartLiveTail"}
        for service in SERVICES:
            names = load_model(ROOT / "models", service, []).operations
            model = load_model(ROOT / "models", service, [n for n in names if n not in streams])
            self.assertIn("decode(", emit_header(model, "n") + emit_source(model, "n", "x.h"))
            for name in streams & set(names):
                with self.assertRaisesRegex(ModelError, "event stream"):
                    emit_header(load_model(ROOT / "models", service, [name]), "n")

    def test_protocols_to_come_are_refused(self):
        with self.assertRaisesRegex(ModelError, "not supported yet"):
            small_model({}, {"Op": {}}, ["Op"], protocol="rest-xml")

    def run_generator(self, services, out):
        return subprocess.run([sys.executable, "-B", ROOT / "tools/generate_wire.py", "--models", ROOT / "models",
                               "--services", services, "--out", out, "sts"], capture_output=True, text=True, check=False)

    def test_handlers_are_read_off_the_services_own_table(self):
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "sts" / "operations.cc"
            table.parent.mkdir()
            table.write_text("// operation<wire::sts::GetSessionToken>(\n"
                             "  operation<wire::sts::GetCallerIdentity>(\"sts:GetCallerIdentity\", r, h),\n")
            out = pathlib.Path(folder) / "out"
            self.assertEqual(self.run_generator(folder, out).returncode, 0)
            header = (out / "sts.h").read_text()
            self.assertIn("struct GetCallerIdentity {", header)
            self.assertNotIn("struct GetSessionToken {", header)
            before = (out / "sts.h").stat().st_mtime_ns
            self.assertEqual(self.run_generator(folder, out).returncode, 0)
            self.assertEqual((out / "sts.h").stat().st_mtime_ns, before, "an unchanged file was written again")
            table.write_text("operation<wire::sts::NoSuchThing>(")
            failed = self.run_generator(folder, out)
            self.assertEqual(failed.returncode, 1)
            self.assertIn("NoSuchThing", failed.stderr)


if __name__ == "__main__":
    unittest.main()

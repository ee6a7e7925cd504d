"""The doors with keys in force, as real clients meet them: presigned URLs, clocks, sessions, limits."""
import datetime
import json
import subprocess
import types
import unittest
import urllib.parse

from hearth import ROLE, Server

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*", "Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


class WithKeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--auth", "enforced")
        root = cls.server.make_root_key()
        cls.key, cls.secret = root["key"], root["secret"]
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def client(self, service, **options):
        return self.server.client(service, **{"key": self.key, "secret": self.secret, **options})

    def refusal(self, call):
        with self.assertRaises(Exception) as caught:
            call()
        return caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]

    def fetch(self, url):
        parts = urllib.parse.urlsplit(url)
        return self.server.get(f"{parts.path}?{parts.query}")

    def test_a_presigned_url_works_for_whoever_holds_it_and_cannot_be_changed(self):
        url = self.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
        status, _, body = self.fetch(url)
        self.assertEqual(200, status, body)
        self.assertIn(b":root</Arn>", body)
        status, _, body = self.fetch(url.replace("Action=GetCallerIdentity", "Action=GetSessionToken"))
        self.assertEqual(403, status, body)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", body)
        status, _, body = self.fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"))
        self.assertEqual(400, status, body)

    def test_a_wrong_clock_is_told_the_right_one(self):
        import botocore.auth
        signers = [botocore.auth]
        try:  # the signer botocore prefers where awscrt is installed
            import botocore.crt.auth
            signers.append(botocore.crt.auth)
        except ImportError:
            pass
        for service, call, minutes in (("lambda", "list_functions", 5), ("logs", "describe_log_groups", 5),
                                       ("sts", "get_caller_identity", 15)):
            for offset, words in ((-20, "Signature expired"), (20, "Signature not yet current")):
                class Shifted(datetime.datetime):
                    @classmethod
                    def utcnow(cls):
                        return datetime.datetime.utcnow() + datetime.timedelta(minutes=offset)

                    @classmethod
                    def now(cls, tz=None):
                        return datetime.datetime.now(tz) + datetime.timedelta(minutes=offset)
                shifted = types.SimpleNamespace(datetime=Shifted, timezone=datetime.timezone, timedelta=datetime.timedelta)
                try:
                    for signer in signers:
                        signer.datetime = shifted
                    _, message = self.refusal(getattr(self.client(service), call))
                finally:
                    for signer in signers:
                        signer.datetime = datetime
                self.assertTrue(message.startswith(words), message)
                self.assertIn(f" {minutes} min.)", message)

    def test_sessions_need_their_token(self):
        sts = self.client("sts")
        account = sts.get_caller_identity()["Account"]
        self.client("iam").create_role(RoleName="visitor", AssumeRolePolicyDocument=TRUST)
        c = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/visitor", RoleSessionName="visit")["Credentials"]
        session = {"key": c["AccessKeyId"], "secret": c["SecretAccessKey"]}
        arn = self.client("sts", **session, token=c["SessionToken"]).get_caller_identity()["Arn"]
        self.assertEqual(f"arn:aws:sts::{account}:assumed-role/visitor/visit", arn)
        for token in (None, c["SessionToken"][:-4] + "AAAA"):
            code, _ = self.refusal(self.client("lambda", **session, token=token).list_functions)
            self.assertEqual("UnrecognizedClientException", code)

    def test_other_signers_agree(self):
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:lambda",
                               "-u", f"{self.key}:{self.secret}", self.server.url + "/2015-03-31/functions/?MaxItems=10"],
                              stdout=subprocess.PIPE, text=True, timeout=20, check=True)
        self.assertEqual("200", done.stdout)

    def test_another_account_is_out_of_reach(self):
        lambda_ = self.client("lambda")
        code, message = self.refusal(lambda: lambda_.get_function(FunctionName="arn:aws:lambda:us-east-1:999988887777:function:f"))
        self.assertEqual("AccessDeniedException", code)
        self.assertIn("is not authorized to perform: lambda:GetFunction on resource", message)

    def test_a_request_that_is_too_large_is_told_the_limit(self):
        lambda_ = self.client("lambda")
        create = lambda: lambda_.create_function(FunctionName="big", Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                                 Code={"ZipFile": bytes(54 << 20)})
        code, message = self.refusal(create)
        self.assertEqual("RequestEntityTooLargeException", code)
        self.assertIn("70167211 bytes for the CreateFunction operation", message)

    def test_a_service_that_is_not_offered_says_so(self):
        for service, call in (("s3", "list_buckets"), ("dynamodb", "list_tables"), ("sqs", "list_queues")):
            with self.subTest(service=service):
                _, message = self.refusal(getattr(self.client(service), call))
                self.assertIn(f"Hearth does not speak the AWS service '{service}' yet", message)


class FromInside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_a_function_cannot_reset_the_server_but_can_fetch_code(self):
        self.server.deploy("inside", {"app.py": """
import os
import subprocess
import boto3

def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments], capture_output=True, text=True, timeout=20)
    return done.stdout or done.stderr

def handler(event, context):
    location = boto3.client("lambda").get_function(FunctionName=context.function_name)["Code"]["Location"]
    return [curl("-X", "POST", "-H", "X-Hearth-Reset: yes", "-d", "", "https://sts.amazonaws.com/_hearth/reset"),
            curl("https://sts.amazonaws.com/_hearth/health"), curl("--fail", location),
            curl("https://sts.eu-west-1.amazonaws.com")]
"""}, Timeout=30, MemorySize=512)
        answer, reply = self.server.invoke("inside")
        self.assertNotIn("FunctionError", reply, answer)
        self.assertEqual(["404", "404", "200", "302"], answer)
        self.assertEqual(["inside"], [f["FunctionName"] for f in self.server.client("lambda").list_functions()["Functions"]])


if __name__ == "__main__":
    unittest.main()

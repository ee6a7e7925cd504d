"""Calls from inside a function reach Hearth as the execution role, by variable and by name."""
import unittest
import uuid

from hearth import ROLE, Server

ASSUMED = f"arn:aws:sts::000000000000:assumed-role/{ROLE.rsplit('/', 1)[1]}/"


class CallHome(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(runtimes=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def run_python(self, body, **options):
        name = f"home-{uuid.uuid4().hex[:8]}"
        options = {"Timeout": 30, "MemorySize": 512, **options}
        self.server.deploy(name, {"app.py": body}, **options)
        payload, reply = self.server.invoke(name)
        self.assertNotIn("FunctionError", reply, payload)
        return name, payload

    def test_boto3_reaches_hearth_as_the_execution_role(self):
        name, identity = self.run_python("""
import boto3
def handler(event, context):
    answer = boto3.client("sts").get_caller_identity()
    return {k: answer[k] for k in ("Account", "Arn", "UserId")}
""")
        self.assertEqual("000000000000", identity["Account"])
        self.assertEqual(ASSUMED + name, identity["Arn"])
        self.assertTrue(identity["UserId"].endswith(":" + name))

    def test_the_name_alone_leads_to_hearth_over_tls(self):
        name, identity = self.run_python("""
import os
import boto3
def handler(event, context):
    client = boto3.client("sts", region_name="eu-west-1", endpoint_url="https://sts.eu-west-1.amazonaws.com")
    return client.get_caller_identity()["Arn"]
""")
        self.assertEqual(ASSUMED + name, identity)

    def test_an_sdk_that_knows_no_endpoint_variable_reaches_hearth(self):
        name, identity = self.run_python("""
import os
for key in [k for k in os.environ if k.startswith("AWS_ENDPOINT_URL")]:
    del os.environ[key]
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"]
""")
        self.assertEqual(ASSUMED + name, identity)

    def test_curl_trusts_the_certificate_and_is_the_role_without_signing(self):
        name, text = self.run_python("""
import subprocess
def handler(event, context):
    url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    done = subprocess.run(["curl", "-sS", url], capture_output=True, text=True, timeout=20)
    return [done.returncode, done.stdout, done.stderr]
""")
        self.assertEqual(0, text[0], text)
        self.assertIn(ASSUMED + name, text[1])

    def test_other_credentials_do_not_make_another_caller(self):
        name, identity = self.run_python("""
import boto3
def handler(event, context):
    client = boto3.client("sts", aws_access_key_id="123456789012", aws_secret_access_key="x", aws_session_token=None)
    return client.get_caller_identity()["Arn"]
""")
        self.assertEqual(ASSUMED + name, identity)

    def test_valid_role_credentials_are_honoured(self):
        _, identity = self.run_python("""
import boto3
def handler(event, context):
    sts = boto3.client("sts")
    boto3.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument='''{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}''')
    c = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/other", RoleSessionName="other-session")["Credentials"]
    other = boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"],
                         aws_session_token=c["SessionToken"])
    return other.get_caller_identity()["Arn"]
""")
        self.assertEqual("arn:aws:sts::000000000000:assumed-role/other/other-session", identity)

    def test_a_function_can_invoke_another(self):
        callee = f"callee-{uuid.uuid4().hex[:8]}"
        self.server.deploy(callee, {"app.py": "def handler(event, context):\n    return event['n'] + 1\n"})
        _, answer = self.run_python(f"""
import json
import boto3
def handler(event, context):
    reply = boto3.client("lambda").invoke(FunctionName="{callee}", Payload=json.dumps({{"n": 41}}))
    return json.loads(reply["Payload"].read())
""")
        self.assertEqual(42, answer)

    def test_the_javascript_sdk_that_hearth_provides_reaches_hearth(self):
        name = f"home-{uuid.uuid4().hex[:8]}"
        source = """
const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
exports.handler = async () => {
  const byVariable = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  const byName = await new STSClient({ endpoint: 'https://sts.eu-west-1.amazonaws.com', region: 'eu-west-1' })
    .send(new GetCallerIdentityCommand({}));
  return [byVariable.Arn, byName.Arn];
};
"""
        self.server.deploy(name, {"index.js": source}, runtime="nodejs20.x", handler="index.handler", Timeout=30, MemorySize=512)
        payload, reply = self.server.invoke(name)
        self.assertNotIn("FunctionError", reply, payload)
        self.assertEqual([ASSUMED + name] * 2, payload)

    def test_an_es_module_finds_the_sdk_that_hearth_provides(self):
        name = f"home-{uuid.uuid4().hex[:8]}"
        source = """
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
export const handler = async () => (await new STSClient().send(new GetCallerIdentityCommand())).Arn;
"""
        self.server.deploy(name, {"index.mjs": source}, runtime="nodejs22.x", handler="index.handler", Timeout=30,
                           MemorySize=512)
        payload, reply = self.server.invoke(name)
        self.assertNotIn("FunctionError", reply, payload)
        self.assertEqual(ASSUMED + name, payload)

    def test_other_names_do_not_resolve(self):
        _, answer = self.run_python("""
import socket
def handler(event, context):
    try:
        return socket.gethostbyname("example.com")
    except OSError as e:
        return type(e).__name__
""")
        self.assertEqual("gaierror", answer)


if __name__ == "__main__":
    unittest.main()

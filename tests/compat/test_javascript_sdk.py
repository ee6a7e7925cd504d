"""The AWS SDK for JavaScript v3 from outside, the one that Hearth provides to functions."""
import json
import os
import unittest

import hearth
import tools

SCRIPT = """
const { LambdaClient, CreateFunctionCommand, GetFunctionCommand, InvokeCommand, UpdateFunctionCodeCommand, DeleteFunctionCommand,
        ListFunctionsCommand, waitUntilFunctionActiveV2, waitUntilFunctionUpdatedV2 } = require('@aws-sdk/client-lambda');
const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
const { CloudWatchLogsClient, FilterLogEventsCommand } = require('@aws-sdk/client-cloudwatch-logs');
const fs = require('fs');
const options = { region: 'us-east-1', endpoint: process.argv[2], credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
(async () => {
  const out = {};
  const lambda = new LambdaClient(options);
  out.account = (await new STSClient(options).send(new GetCallerIdentityCommand({}))).Account;
  const zip = fs.readFileSync(process.argv[3]);
  const made = await lambda.send(new CreateFunctionCommand({ FunctionName: 'js', Runtime: 'nodejs20.x', Handler: 'index.handler',
    Role: 'arn:aws:iam::000000000000:role/any', Code: { ZipFile: zip } }));
  out.created = made.State;
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName: 'js' });
  const reply = await lambda.send(new InvokeCommand({ FunctionName: 'js', Payload: JSON.stringify({ n: 20 }), LogType: 'Tail' }));
  out.answer = JSON.parse(Buffer.from(reply.Payload).toString());
  out.log = Buffer.from(reply.LogResult, 'base64').toString().includes('REPORT RequestId');
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: 'js', ZipFile: zip }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 30 }, { FunctionName: 'js' });
  out.got = (await lambda.send(new GetFunctionCommand({ FunctionName: 'js' }))).Configuration.LastUpdateStatus;
  out.listed = (await lambda.send(new ListFunctionsCommand({}))).Functions.map(f => f.FunctionName);
  try { await lambda.send(new InvokeCommand({ FunctionName: 'missing' })); } catch (e) { out.error = [e.name, e.$metadata.httpStatusCode]; }
  await lambda.send(new DeleteFunctionCommand({ FunctionName: 'js' }));
  out.logs = Array.isArray((await new CloudWatchLogsClient(options).send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/js' }))).events);
  console.log(JSON.stringify(out));
})().catch(e => { console.error(e); process.exit(1); });
"""


class JavaScriptSdk(unittest.TestCase):
    def test_the_life_of_a_function(self):
        with hearth.Server(runtimes=True) as server:
            folder = os.path.dirname(server.data)
            with open(os.path.join(folder, "f.zip"), "wb") as stream:
                stream.write(hearth.zip_of({"index.js": "exports.handler = async e => e.n * 2 + 2;"}))
            with open(os.path.join(folder, "life.js"), "w", encoding="utf-8") as stream:
                stream.write(SCRIPT)
            env = {"NODE_PATH": os.path.join(tools.sdk_modules(hearth.added_runtimes()))}
            node = tools.added_node(hearth.added_runtimes())
            out = tools.run([node, os.path.join(folder, "life.js"), server.url, os.path.join(folder, "f.zip")], env=env).stdout
        self.assertEqual({"account": "000000000000", "created": "Pending", "answer": 42, "log": True, "got": "Successful", "listed": ["js"],
                          "error": ["ResourceNotFoundException", 404], "logs": True}, json.loads(out))


if __name__ == "__main__":
    unittest.main()

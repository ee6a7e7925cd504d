"""Policies with keys in force, as real clients meet them: who is allowed what, and how a denial is worded."""
import json
import os
import tempfile
import unittest

from hearth import Server, zip_of

FUNCTION_TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
CODE = """
import boto3
def handler(event, context):
    try:
        return boto3.client("lambda").get_function_configuration(FunctionName=event["look_at"])["FunctionName"]
    except Exception as error:
        return str(error)
"""


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **s} for s in statements]})


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--auth", "enforced")
        cls.root = cls.server.make_root_key()
        cls.server.start()
        cls.iam = cls.server.client("iam", **cls.root)
        cls.account = cls.server.client("sts", **cls.root).get_caller_identity()["Account"]
        cls.iam.create_role(RoleName="runs", AssumeRolePolicyDocument=json.dumps(FUNCTION_TRUST))
        cls.role = f"arn:aws:iam::{cls.account}:role/runs"
        cls.function = f"arn:aws:lambda:us-east-1:{cls.account}:function:f"
        cls.lambda_ = cls.server.client("lambda", **cls.root)
        cls.lambda_.create_function(FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=cls.role, Timeout=30,
                                    Code={"ZipFile": zip_of({"app.py": CODE})}, Tags={"team": "a"})
        cls.lambda_.get_waiter("function_active_v2").wait(FunctionName="f")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def user(self, name, document=None, **options):
        self.iam.create_user(UserName=name, **options)
        if document:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def client(self, service, keys):
        return self.server.client(service, **keys)

    def session(self, keys, role, **options):
        made = self.client("sts", keys).assume_role(RoleArn=role, RoleSessionName="visit", **options)["Credentials"]
        return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "token": made["SessionToken"]}

    def denial(self, call, **arguments):
        with self.assertRaises(Exception) as caught:
            call(**arguments)
        error = caught.exception.response
        self.assertEqual(403, error["ResponseMetadata"]["HTTPStatusCode"], error)
        self.assertIn(error["Error"]["Code"], ("AccessDeniedException", "AccessDenied"))
        return error["Error"]["Message"]

    def test_a_user_is_denied_until_a_policy_allows_and_again_when_one_denies(self):
        keys = self.user("ann")
        lambda_ = self.client("lambda", keys)
        arn = f"arn:aws:iam::{self.account}:user/ann"
        self.assertEqual(f"User: {arn} is not authorized to perform: lambda:GetFunction on resource: {self.function} because no "
                         "identity-based policy allows the lambda:GetFunction action",
                         self.denial(lambda_.get_function, FunctionName="f"))
        self.assertEqual(arn, self.client("sts", keys).get_caller_identity()["Arn"])
        self.iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(
            {"Action": "lambda:Get*", "Resource": self.function}))
        lambda_.get_function(FunctionName="f")
        self.denial(lambda_.list_functions)
        self.denial(lambda_.get_function, FunctionName="another")
        made = self.iam.create_policy(PolicyName="no", PolicyDocument=policy({"Effect": "Deny", "NotAction": "iam:*"}))["Policy"]
        self.iam.attach_user_policy(UserName="ann", PolicyArn=made["Arn"])
        self.assertEqual(f"User: {arn} is not authorized to perform: lambda:GetFunction on resource: {self.function} with an "
                         "explicit deny in an identity-based policy", self.denial(lambda_.get_function, FunctionName="f"))

    def test_a_boundary_narrows_what_a_user_may_do(self):
        keys = self.user("bob", policy({"Action": "*"}), PermissionsBoundary="arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess")
        self.client("lambda", keys).get_function(FunctionName="f")
        self.assertIn("because no permissions boundary allows the lambda:DeleteFunction action",
                      self.denial(self.client("lambda", keys).delete_function, FunctionName="f"))
        self.assertIn("is not authorized to perform: iam:CreateUser on resource: ",
                      self.denial(self.client("iam", keys).create_user, UserName="more"))

    def test_roles_are_assumed_by_whom_they_trust_and_a_session_policy_narrows_them(self):
        keys = self.user("cleo", policy({"Action": "sts:AssumeRole"}))
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole",
                                "Condition": {"StringEquals": {"sts:ExternalId": "ext"}}}]}
        self.iam.create_role(RoleName="visited", AssumeRolePolicyDocument=json.dumps(trust))
        self.iam.attach_role_policy(RoleName="visited", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        visited = f"arn:aws:iam::{self.account}:role/visited"
        self.assertEqual(f"User: arn:aws:iam::{self.account}:user/cleo is not authorized to perform: sts:AssumeRole on resource: "
                         f"{visited}", self.denial(self.session, keys=keys, role=visited))
        self.denial(self.session, keys=keys, role=self.role)
        session = self.session(keys, visited, ExternalId="ext")
        self.client("lambda", session).list_functions()
        narrow = self.session(keys, visited, ExternalId="ext", Policy=policy({"Action": "lambda:GetFunction"}))
        self.client("lambda", narrow).get_function(FunctionName="f")
        self.assertIn("because no session policy allows the lambda:ListFunctions action",
                      self.denial(self.client("lambda", narrow).list_functions))
        by_arn = self.session(keys, visited, ExternalId="ext",
                              PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess"}])
        self.client("lambda", by_arn).list_functions()
        self.denial(self.client("lambda", by_arn).delete_function, FunctionName="f")

    def test_a_role_is_passed_by_whoever_may_pass_it(self):
        keys = self.user("dan", policy({"Action": "lambda:*"}))
        lambda_ = self.client("lambda", keys)
        new = {"FunctionName": "passed", "Runtime": "python3.11", "Handler": "app.handler", "Role": self.role,
               "Code": {"ZipFile": zip_of({"app.py": CODE})}}
        self.assertEqual(f"User: arn:aws:iam::{self.account}:user/dan is not authorized to perform: iam:PassRole on resource: "
                         f"{self.role} because no identity-based policy allows the iam:PassRole action",
                         self.denial(lambda_.create_function, **new))
        self.denial(lambda_.update_function_configuration, FunctionName="f", Role=self.role)
        self.iam.put_user_policy(UserName="dan", PolicyName="pass", PolicyDocument=policy(
            {"Action": "iam:PassRole", "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}))
        lambda_.create_function(**new)

    def test_layers_are_used_by_whoever_may_use_them(self):
        layer = self.lambda_.publish_layer_version(LayerName="l", Content={"ZipFile": zip_of({"a": "b"})})["LayerVersionArn"]
        keys = self.user("una", policy({"Action": ["lambda:UpdateFunctionConfiguration", "iam:PassRole"]}))
        lambda_ = self.client("lambda", keys)
        self.assertEqual(f"User: arn:aws:iam::{self.account}:user/una is not authorized to perform: lambda:GetLayerVersion on resource: "
                         f"{layer} because no identity-based policy allows the lambda:GetLayerVersion action",
                         self.denial(lambda_.update_function_configuration, FunctionName="f", Layers=[layer]))
        self.iam.put_user_policy(UserName="una", PolicyName="use", PolicyDocument=policy({"Action": "lambda:GetLayerVersion"}))
        lambda_.update_function_configuration(FunctionName="f", Layers=[layer])
        self.lambda_.get_waiter("function_updated_v2").wait(FunctionName="f")
        foreign = "arn:aws:lambda:eu-west-1:017000801446:layer:Tools:3"
        self.assertIn(f"hearth layer import FILE --arn {foreign}",
                      self.denial(lambda_.update_function_configuration, FunctionName="f", Layers=[foreign]))
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "layer.zip")
            with open(path, "wb") as stream:
                stream.write(zip_of({"a": "imported"}))
            self.server.command("layer", "import", path, "--arn", foreign)
        for layers in ([foreign], []):
            lambda_.update_function_configuration(FunctionName="f", Layers=layers)
            self.lambda_.get_waiter("function_updated_v2").wait(FunctionName="f")

    def test_a_functions_policy_lets_in_whom_it_names_where_it_says(self):
        keys = self.user("eve")
        eve = f"arn:aws:iam::{self.account}:user/eve"
        lambda_ = self.client("lambda", keys)
        self.lambda_.publish_version(FunctionName="f")
        self.denial(lambda_.invoke, FunctionName="f", InvocationType="DryRun")
        self.lambda_.add_permission(FunctionName="f", StatementId="eve", Action="lambda:InvokeFunction", Principal=eve)
        lambda_.invoke(FunctionName="f", InvocationType="DryRun")
        self.denial(lambda_.invoke, FunctionName="f", Qualifier="1", InvocationType="DryRun")
        self.lambda_.add_permission(FunctionName="f", Qualifier="1", StatementId="eve", Action="lambda:InvokeFunction", Principal=eve)
        lambda_.invoke(FunctionName="f", Qualifier="1", InvocationType="DryRun")
        self.lambda_.remove_permission(FunctionName="f", StatementId="eve")
        self.denial(lambda_.invoke, FunctionName="f", InvocationType="DryRun")

    def test_conditions_see_tags_addresses_and_names(self):
        keys = self.user("fay", policy(
            {"Action": "lambda:GetFunction", "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"},
                                                           "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
            {"Action": "iam:GetUser", "Resource": "arn:aws:iam::*:user/${aws:username}"}), Tags=[{"Key": "team", "Value": "a"}])
        self.client("lambda", keys).get_function(FunctionName="f")
        self.assertEqual("fay", self.client("iam", keys).get_user()["User"]["UserName"])
        self.denial(self.client("iam", keys).get_user, UserName="gus")
        self.iam.tag_user(UserName="fay", Tags=[{"Key": "team", "Value": "b"}])
        self.denial(self.client("lambda", keys).get_function, FunctionName="f")

    def test_the_simulator_says_what_the_gateway_does(self):
        document = policy({"Action": "lambda:Get*", "Resource": self.function},
                          {"Effect": "Deny", "Action": "lambda:GetPolicy"},
                          {"Action": "s3:*", "Condition": {"StringEquals": {"aws:username": "hal"}}})
        keys = self.user("hal", document)
        ask = {"ActionNames": ["lambda:GetFunction", "lambda:GetPolicy", "lambda:ListFunctions", "s3:GetObject"],
               "ResourceArns": [self.function]}
        verdicts = lambda answer: [r["EvalDecision"] for r in answer["EvaluationResults"]]
        custom = self.iam.simulate_custom_policy(PolicyInputList=[document], **ask)
        self.assertEqual(["allowed", "explicitDeny", "implicitDeny", "implicitDeny"], verdicts(custom))
        self.assertEqual(["aws:username"], custom["EvaluationResults"][3]["MissingContextValues"])
        self.assertEqual("PolicyInputList.1", custom["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"])
        hal = f"arn:aws:iam::{self.account}:user/hal"
        self.assertEqual(["allowed", "explicitDeny", "implicitDeny", "allowed"],
                         verdicts(self.iam.simulate_principal_policy(PolicySourceArn=hal, **ask)))
        self.client("lambda", keys).get_function(FunctionName="f")
        self.denial(self.client("lambda", keys).get_policy, FunctionName="f")
        self.iam.put_user_permissions_boundary(UserName="hal", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")
        bounded = self.iam.simulate_principal_policy(PolicySourceArn=hal, **ask)
        self.assertEqual("implicitDeny", verdicts(bounded)[0])
        self.assertFalse(bounded["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        self.denial(self.client("lambda", keys).get_function, FunctionName="f")
        self.iam.delete_user_permissions_boundary(UserName="hal")
        self.client("lambda", keys).get_function(FunctionName="f")
        pages = [page for page in self.iam.get_paginator("simulate_custom_policy").paginate(
            PolicyInputList=[document], PaginationConfig={"PageSize": 1}, **ask)]
        self.assertEqual(4, len(pages))
        self.assertEqual(self.account, self.server.client("sts", **self.root).get_access_key_info(
            AccessKeyId=keys["key"])["Account"])

    def test_a_function_calls_home_as_its_role_allows(self):
        ask = lambda: json.load(self.lambda_.invoke(FunctionName="f", Payload=json.dumps({"look_at": "f"}))["Payload"])
        self.assertIn(f"User: arn:aws:sts::{self.account}:assumed-role/runs/f is not authorized to perform: "
                      f"lambda:GetFunctionConfiguration on resource: {self.function} because no identity-based policy allows", ask())
        self.iam.put_role_policy(RoleName="runs", PolicyName="look", PolicyDocument=policy(
            {"Action": "lambda:GetFunctionConfiguration", "Resource": self.function}))
        self.assertEqual("f", ask())
        self.iam.delete_role_policy(RoleName="runs", PolicyName="look")
        self.assertIn("is not authorized", ask())


if __name__ == "__main__":
    unittest.main()

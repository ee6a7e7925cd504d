import boto3

sts = boto3.client("sts")


def handler(event, context):
    identity = sts.get_caller_identity()
    return {"account": identity["Account"], "arn": identity["Arn"]}

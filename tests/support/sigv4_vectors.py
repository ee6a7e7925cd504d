#!/usr/bin/env python3
"""Writes src/wire/testdata/sigv4_vectors.json: requests and the signatures botocore makes for them.

Run it where botocore is installed when the signer's rules change:  tests/support/sigv4_vectors.py > src/wire/testdata/sigv4_vectors.json
The requests are made from a fixed seed, so that a second run changes nothing.
"""
import datetime
import json
import random
import sys
from urllib.parse import quote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *a, **k: NOW.replace(tzinfo=None)

SAFE = "-._~"
WORDS = ["functions", "2015-03-31", "a b", "ü", "x/y", "arn:aws:lambda:eu-west-1:000000000000:function:f", "100%", "~t", "a+b",
         "..dots", "", ".", "..", "*star", "(paren)", "'quote'", "semi;colon", "eq=ual", "amp&", "%2F", "日本"]
HEADERS = [("Content-Type", "application/json"), ("X-Amz-Target", "Logs_20140328.PutLogEvents"),
           ("My-Header", "  spaced   out  "), ("My-Header", "second"), ("X-Custom", "tab\tand  blanks"), ("Accept", "*/*")]


def make_request(rng):
    path = "/" + "/".join(quote(w, safe=SAFE) for w in rng.choices(WORDS, k=rng.randint(0, 4)))
    pairs = [(rng.choice(WORDS) or "k", rng.choice(WORDS)) for _ in range(rng.randint(0, 4))]
    if pairs and rng.random() < 0.5:
        pairs.append((pairs[0][0], rng.choice(WORDS)))
    query = "&".join(f"{quote(k, safe=SAFE)}={quote(v, safe=SAFE)}" for k, v in pairs)
    if query and rng.random() < 0.3:
        query += "&flag="
    host = rng.choice(["127.0.0.1:4566", "lambda.us-east-1.amazonaws.com", "localhost"])
    body = rng.choice([b"", b"{}", "héllo".encode(), b"Action=GetCallerIdentity&Version=2011-06-15"])
    method = rng.choice(["GET", "POST", "PUT", "DELETE"])
    headers = rng.sample(HEADERS, rng.randint(0, len(HEADERS)))
    return method, host, path, query, headers, body


def vector(rng, number):
    method, host, path, query, headers, body = make_request(rng)
    service = rng.choice(["lambda", "sts", "iam", "logs", "s3"])
    region = rng.choice(["us-east-1", "eu-west-1"])
    token = rng.choice([None, None, "FwoGZXIvYXdzE/+token=="])
    presigned = rng.random() < 0.35
    credentials = Credentials(f"AKIA{number:016d}", rng.choice(["secret", "s" * 80, "we+ird/secret="]), token)
    url = f"http://{host}{path}" + (f"?{query}" if query else "")
    if presigned:
        method, headers, body = "GET", [], b""
    request = AWSRequest(method=method, url=url, data=body)
    request.headers["Host"] = host
    for name, value in headers:
        request.headers[name] = value  # botocore's mapping keeps repeated names
    if presigned:
        signer = (botocore.auth.S3SigV4QueryAuth if service == "s3" else botocore.auth.SigV4QueryAuth)
        lifetime = rng.choice([1, 60, 604800])
        signer(credentials, service, region, lifetime).add_auth(request)
    else:
        signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        if rng.random() < 0.2:
            request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
        signer(credentials, service, region).add_auth(request)
    parts = urlsplit(request.url)
    return {
        "name": f"botocore-{number}", "method": method, "path": parts.path or "/", "query": parts.query,
        "headers": [[k, v] for k, v in request.headers.items()], "body": body.decode(),
        "service": service, "secret": credentials.secret_key, "presigned": presigned,
    }


def main():
    rng = random.Random(20260304)
    vectors = [vector(rng, number) for number in range(120)]
    lines = ",\n".join(json.dumps(v, ensure_ascii=True) for v in vectors)
    sys.stdout.write(f'{{"at": "{NOW.strftime("%Y%m%dT%H%M%SZ")}", "vectors": [\n{lines}\n]}}\n')


main()

"""The vendors' clients on this machine: where they are, and how tests run them."""
import functools
import glob
import os
import shutil
import subprocess

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1",
               "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/root",
               "LANG": "C.UTF-8"}


def run(argv, env=None, cwd=None, timeout=180):
    """The finished process; fails with its output when it does not end with 0."""
    done = subprocess.run(argv, env={**ENVIRONMENT, **(env or {})}, cwd=cwd, text=True, timeout=timeout, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


@functools.lru_cache(None)
def current_python():
    """A Python whose boto3 knows today's API, or None: the first python3 of PATH that has boto3 1.40 or newer."""
    for candidate in ("python3", "/usr/bin/python3"):
        path = shutil.which(candidate)
        if path is None:
            continue
        done = subprocess.run([path, "-c", "import boto3; print(boto3.__version__)"], env=ENVIRONMENT, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        version = tuple(int(p) for p in done.stdout.strip().split(".")[:2]) if done.returncode == 0 else (0, 0)
        if version >= (1, 40):
            return path
    return None


@functools.lru_cache(None)
def terraform_plugins():
    """The folder of a local provider mirror that has hashicorp/aws, or None."""
    for root in (os.environ.get("HEARTH_TERRAFORM_PLUGINS", ""), "/opt/tf-plugins", "/usr/share/terraform/plugins",
                 os.path.expanduser("~/.terraform.d/plugins")):
        if root and glob.glob(os.path.join(root, "registry.terraform.io/hashicorp/aws/*")):
            return root
    return None


def added_node(runtimes):
    """The Node.js 22 that `hearth runtime add` put into a DATA/runtimes folder."""
    found = glob.glob(os.path.join(runtimes, "nodejs22.x", "**", "bin", "node"), recursive=True)
    assert found, f"no node below {runtimes}"
    return found[0]


def sdk_modules(runtimes):
    """The node_modules folder with the JavaScript SDK in a DATA/runtimes folder."""
    found = glob.glob(os.path.join(runtimes, "**", "node_modules", "@aws-sdk"), recursive=True)
    assert found, f"no @aws-sdk below {runtimes}"
    return os.path.dirname(found[0])

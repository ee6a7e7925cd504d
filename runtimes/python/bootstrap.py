"""Entry point of the Python runtime: `python3 -I -S -X utf8 /var/runtime/bootstrap.py /opt`.

Kept short because a main script is compiled at every start; the rest is imported and has a cached .pyc.
"""

import sys

# Processes that user code starts with multiprocessing import this file again, under another name.
if __name__ == "__main__":
    runtime_dir = __file__.rpartition("/")[0]
    sys.path.insert(0, runtime_dir)
    import _hearth_runtime

    _hearth_runtime.main(runtime_dir)

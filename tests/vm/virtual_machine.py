"""One boot of a virtual machine under qemu, without hardware help, so that it runs wherever the tests do.

The machine has two serial lines: its console, kept in a file for whoever has to find out what went wrong, and one on
which its tests report. It ends by itself, at its deadline, or with this process.
"""
import json
import os
import subprocess
import time

import debian

MEMORY_MIB = 2560
PROCESSORS = 2


class VirtualMachine:
    """`with VirtualMachine(...) as machine: for message in machine.messages(): ...`"""

    def __init__(self, kernel, system_disk, project_disk, work, deadline_s):
        self.console_path = os.path.join(work, "console")
        self.reports_path = os.path.join(work, "reports")
        open(self.reports_path, "w", encoding="utf-8").close()
        self.deadline = time.monotonic() + deadline_s
        self.deadline_s = deadline_s
        options = ["console=ttyS0", "root=/dev/nvme0n1", "rootfstype=ext4", "rw", "init=/init", "panic=-1", "loglevel=4",
                   # An emulated processor that waits for a real one misses deadlines that real ones keep.
                   "no_timer_check", "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1",
                   f"hearth.project={debian.ROOT}"]
        disks = []
        for name, path in (("system", system_disk), ("project", project_disk)):
            disks += ["-drive", f"file={path},if=none,id={name},format=raw,snapshot=on,cache=unsafe",
                      "-device", f"nvme,drive={name},serial={name}"]
        self.argv = ["setpriv", "--pdeathsig", "KILL",
                     "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(PROCESSORS),
                     "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot", "-nic", "none",
                     "-kernel", kernel.image, "-append", " ".join(options), *disks,
                     "-serial", f"file:{self.console_path}", "-serial", f"file:{self.reports_path}"]
        # qemu keeps what the machine writes in TMPDIR.
        self.environment = {"PATH": debian.PATH, "TMPDIR": work, "LANG": "C.UTF-8"}
        self.output_path = os.path.join(work, "qemu")
        self.process = None

    def __enter__(self):
        with open(self.output_path, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def messages(self):
        """Each report of the tests inside, as it comes, until the machine is off or too late."""
        partial = b""
        with open(self.reports_path, "rb") as reports:
            while True:
                off = self.process.poll() is not None
                partial += reports.read()
                *lines, partial = partial.split(b"\n")
                for line in lines:
                    yield json.loads(line)
                if off or time.monotonic() > self.deadline:
                    return
                time.sleep(0.2)

    def is_too_late(self):
        return time.monotonic() > self.deadline

    def trouble(self):
        """What the console and qemu said last."""
        texts = []
        for path in (self.output_path, self.console_path):
            with open(path, "rb") as stream:
                texts.append(stream.read()[-6000:].decode("utf-8", "replace"))
        return "\n".join(texts)

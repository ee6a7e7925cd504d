"""Surroundings that forbid what containers without privileges forbid. Each function is called in a new process, as root,
before the program under test starts."""
import ctypes
import os
import struct

CLONE_NEWUSER = 0x10000000
NEW_NAMESPACES = 0x7E020000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
# What a container's root usually keeps (chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
# net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap).
CONTAINER_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}

# x86_64 numbers of calls that the default filter of container engines refuses to whoever lacks CAP_SYS_ADMIN.
REFUSED = {"mount": 165, "umount2": 166, "pivot_root": 155, "unshare": 272, "setns": 308, "open_tree": 428, "move_mount": 429,
           "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "keyctl": 250, "add_key": 248,
           "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "name_to_handle_at": 303,
           "open_by_handle_at": 304, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}
CLONE, CLONE3, UNSHARE = 56, 435, 272
EPERM, ENOSPC, ENOSYS = 1, 28, 38

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def container_filter():
    """The system call filter of a container engine, as far as it matters here: EPERM for what makes namespaces and mounts,
    ENOSYS for clone3, whose flags a filter cannot see."""
    load, jump_if, mask, answer = 0x20, 0x15, 0x45, 0x06
    allow, error = 0x7FFF0000, 0x00050000
    program = [(load, 0, 0, 0)]
    for number in REFUSED.values():
        program += [(jump_if, 0, 1, number), (answer, 0, 0, error | EPERM)]
    program += [(jump_if, 0, 1, CLONE3), (answer, 0, 0, error | ENOSYS)]
    # clone: refused with any flag for a new namespace in its first argument.
    program += [(jump_if, 0, 3, CLONE), (load, 0, 0, 16), (mask, 0, 1, NEW_NAMESPACES), (answer, 0, 0, error | EPERM)]
    program += [(answer, 0, 0, allow)]
    install(program)


def install(program):
    """Puts a system call filter of these instructions (code, jumps, operand) on this process for good."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                     ctypes.byref(Program(len(program), ctypes.cast(buffer, ctypes.c_void_p))), 0, 0), "seccomp")


def no_user_namespace_for_root():
    """A machine whose root may not make user namespaces: unshare() with that flag is refused."""
    load, jump_if, mask, answer = 0x20, 0x15, 0x45, 0x06
    program = [(load, 0, 0, 0), (jump_if, 0, 3, UNSHARE), (load, 0, 0, 16), (mask, 0, 1, CLONE_NEWUSER),
               (answer, 0, 0, 0x00050000 | ENOSPC), (answer, 0, 0, 0x7FFF0000)]
    install(program)


def container_root():
    """Root as containers have it: few capabilities, and that filter."""
    capability = 0
    while libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0:
        if capability not in CONTAINER_CAPABILITIES:
            check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "bounding set")
        capability += 1
    container_filter()  # needs CAP_SYS_ADMIN, which goes next
    low = sum(1 << number for number in CONTAINER_CAPABILITIES if number < 32)
    header = struct.pack("Ii", 0x20080522, 0)
    data = struct.pack("IIIIII", low, low, 0, 0, 0, 0)
    check(libc.capset(header, data), "capset")


def no_user_namespaces():
    """A user namespace of its own, of all users, in which no further one can be made: user.max_user_namespaces is 0."""
    asked, answered = os.pipe(), os.pipe()
    target = os.getpid()
    writer = os.fork()
    if writer == 0:
        # Stays outside: only there are the rights to map every user.
        os.read(asked[0], 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{target}/{name}", "w", encoding="ascii") as stream:
                stream.write("0 0 65536")
        os.write(answered[1], b"x")
        os._exit(0)
    check(libc.unshare(CLONE_NEWUSER), "unshare")
    os.write(asked[1], b"x")
    if os.read(answered[0], 1) != b"x":
        raise OSError("the users of a user namespace could not be mapped")
    os.waitpid(writer, 0)
    for fd in (*asked, *answered):
        os.close(fd)
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as stream:
        stream.write("0")

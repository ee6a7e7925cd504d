#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "attempt.h"

/* In namespaces of one's own, where one would be root. */
ATTEMPT(mount_own) {
  unshare(CLONE_NEWUSER | CLONE_NEWNS);
  broke_if_done("mounting a tmpfs", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
  const long tree = syscall(SYS_open_tree, AT_FDCWD, "/usr", 1);
  broke_if_done("cloning a mount", tree);
}

/* What the launcher mounted; of that, what no other attempt needs. */
ATTEMPT(change_mounts) {
  broke_if_done("remounting /dev/shm", mount(NULL, "/dev/shm", NULL, MS_REMOUNT | MS_BIND, NULL));
  broke_if_done("unmounting /dev/shm", umount2("/dev/shm", MNT_DETACH));
}

ATTEMPT(change_root) {
  unshare(CLONE_NEWUSER);
  broke_if_done("chroot", chroot("/tmp"));
}

ATTEMPT(new_user_namespace) {
  const pid_t pid = fork();
  if (pid == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 1 : 0);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) broke("unshare made a user namespace");
  const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  broke_if_done("clone into a user namespace", child);
}

ATTEMPT(join_namespace) {
  static const char* const kinds[] = {"net", "mnt", "ipc", "uts", "cgroup"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    const int fd = open(path, O_RDONLY);
    if (fd >= 0) broke_if_done("joining a namespace", setns(fd, 0));
    snprintf(path, sizeof path, "/proc/%d/ns/%s", told_number("HOST_PID"), kinds[i]);
    const int other = open(path, O_RDONLY);
    if (other >= 0) broke_if_done("joining a namespace of the host", setns(other, 0));
  }
}

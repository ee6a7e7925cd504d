/* Promise: a function cannot change what is mounted, nor leave its root. */
#include <sys/mount.h>

#include "attack.h"

int mounts(int argc, char** argv) {
  (void)argc, (void)argv;
  must_fail_with("mount tmpfs", mount("tmpfs", "/tmp", "tmpfs", 0, NULL), EPERM, 0);
  must_fail_with("mount proc", mount("proc", "/tmp", "proc", 0, NULL), EPERM, 0);
  must_fail_with("bind mount", mount("/usr", "/tmp", NULL, MS_BIND, NULL), EPERM, 0);
  must_fail_with("remount read-write", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM, 0);
  must_fail_with("umount /proc/sys", umount2("/proc/sys", MNT_DETACH), EPERM, 0);
  must_fail_with("umount code", umount2("/var/task", MNT_DETACH), EPERM, 0);
  must_fail_with("umount the root", umount2("/", MNT_DETACH), EPERM, 0);
  must_fail_with("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"), EPERM, 0);
  must_fail_with("chroot", chroot("/tmp"), EPERM, 0);
  must_fail_with("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1), EPERM, 0);
  must_fail_with("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0), EPERM, 0);
  must_fail_with("fsopen", syscall(SYS_fsopen, "tmpfs", 0), EPERM, 0);
  must_fail_with("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, "", 32), EPERM, 0);
  must_fail("swapon", syscall(SYS_swapon, "/tmp/x", 0));

  /* No host path is left in the mount table. */
  FILE* table = fopen("/proc/self/mountinfo", "r");
  char line[1024];
  int lines = 0, old_root = 0, writable = 0;
  must("the mount table opens", table != NULL);
  while (table && fgets(line, sizeof line, table)) {
    char point[512] = "", options[256] = "";
    sscanf(line, "%*s %*s %*s %*s %511s %255s", point, options);
    ++lines;
    if (strstr(line, "cgroup") || strstr(point, "/sys/fs") || strncmp(point, "/mnt", 4) == 0) old_root = 1;
    if (strncmp(options, "rw", 2) == 0 && strcmp(point, "/tmp") != 0 && strcmp(point, "/dev/shm") != 0 &&
        strcmp(point, "/proc") != 0) {
      printf("writable mount: %s", line);
      writable = 1;
    }
  }
  must("the mount table is short", lines > 5 && lines < 60);
  must("no mount of the host's tree is left", !old_root);
  must("only /tmp, /dev/shm and /proc are writable mounts", !writable);
  return 0;
}

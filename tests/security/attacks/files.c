/* Promise: a function sees its own code and /tmp, and the machine's programs, and can change neither those nor anything
 * else. argv: a host path of another function's code, a host path in the machine's /tmp, both exist on the host. */
#include <dirent.h>
#include <sys/stat.h>

#include "attack.h"

int files(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) must_fail_with(argv[i], open(argv[i], O_RDONLY), ENOENT, EACCES);
  must_fail("opening /etc/shadow", open("/etc/shadow", O_RDONLY));
  must_fail("listing /home of the host",
            open("/home/.", O_RDONLY | O_DIRECTORY) >= 0 && access("/home/root", F_OK) == 0 ? 0 : -1);
  must_fail("reading root's home", open("/root/.bashrc", O_RDONLY));
  must_fail("the launcher's socket folder", access("/run/systemd", F_OK));

  const char* const read_only[] = {"/var/task", "/opt", "/var/runtime", "/usr", "/etc", "/", "/dev", "/sys", "/var"};
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; ++i) {
    char path[128];
    snprintf(path, sizeof path, "%s/intruder", read_only[i]);
    must_fail_with(path, open(path, O_CREAT | O_WRONLY, 0600), EROFS, EACCES);
    must_fail(path, mkdir(path, 0700));
    must_fail(path, symlink("/tmp", path));
  }
  must_fail("truncating own program", truncate("/var/task/attack", 0));
  must_fail("writing own program", open("/var/task/attack", O_WRONLY));
  must_fail("changing the mode of own program", chmod("/var/task/attack", 0777));
  must_fail("writing /etc/passwd", open("/etc/passwd", O_WRONLY | O_APPEND));
  must_fail("removing /etc/resolv.conf", unlink("/etc/resolv.conf"));

  /* /tmp is one's own and empty. */
  DIR* tmp = opendir("/tmp");
  int entries = 0;
  must("/tmp opens", tmp != NULL);
  while (tmp && readdir(tmp)) ++entries;
  must("/tmp is empty at start", entries == 2);
  must("/tmp can be written", open("/tmp/own", O_CREAT | O_WRONLY, 0600) >= 0);
  struct stat status;
  must("/tmp is closed to others", stat("/tmp", &status) == 0 && (status.st_mode & 0077) == 0);
  /* Leaving through one's own links and descriptors. */
  must("a link to the host's root resolves inside", symlink("/../../../..", "/tmp/up") == 0);
  must_fail("the host's /proc/1/root", open("/proc/1/root/etc/shadow", O_RDONLY));
  must_fail("the host's root by fchdir", openat(open("/", O_RDONLY), "../../etc/shadow", O_RDONLY));
  must_fail("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, "\0\0\0\0\0\0\0\0", O_RDONLY));
  return 0;
}

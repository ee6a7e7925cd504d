/* Promise: five harmless device nodes and no way to more. */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "attack.h"

int devices(int argc, char** argv) {
  (void)argc, (void)argv;
  must_fail("a disk node", mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
  must_fail("a memory node", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
  must_fail("a kmsg node", mknod("/dev/shm/kmsg", S_IFCHR | 0600, makedev(1, 11)));
  const char* const absent[] = {"/dev/mem", "/dev/kmem",    "/dev/kmsg", "/dev/port",    "/dev/vda",
                                "/dev/sda", "/dev/kvm",     "/dev/fuse", "/dev/net/tun", "/dev/loop-control",
                                "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/mapper"};
  for (size_t i = 0; i < sizeof absent / sizeof *absent; ++i)
    must_fail_with(absent[i], open(absent[i], O_RDONLY), ENOENT, ENXIO);
  DIR* dev = opendir("/dev");
  struct dirent* entry;
  int nodes = 0;
  while (dev && (entry = readdir(dev))) {
    struct stat status;
    if (fstatat(dirfd(dev), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)))
      ++nodes;
  }
  must("there are five device nodes", nodes == 5);
  must("/dev/null takes writes", write(open("/dev/null", O_WRONLY), "x", 1) == 1);
  char byte;
  must("/dev/urandom gives", read(open("/dev/urandom", O_RDONLY), &byte, 1) == 1);
  must_fail("removing a node", unlink("/dev/null"));
  return 0;
}

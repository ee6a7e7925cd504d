/* Promise: /tmp holds what it was made for, then says "no space". argv: its size in MiB. */
#include <sys/statvfs.h>

#include "attack.h"

int tmp_fill(int argc, char** argv) {
  const long size = (argc > 0 ? atol(argv[0]) : 16) << 20;
  static char block[64 << 10];
  memset(block, 'x', sizeof block);
  long written = 0;
  const int fd = open("/tmp/full", O_CREAT | O_WRONLY, 0600);
  ssize_t count;
  while ((count = write(fd, block, sizeof block)) > 0 && written <= 4 * size) written += count;
  must("filling /tmp ends with ENOSPC", count < 0 && errno == ENOSPC);
  must("/tmp holds about its size", written <= size && written > size - (1 << 20));
  must("room returns",
       unlink("/tmp/full") == 0 && close(fd) == 0 && write(open("/tmp/again", O_CREAT | O_WRONLY, 0600), "x", 1) == 1);
  struct statvfs space;
  must("statvfs tells the size", statvfs("/tmp", &space) == 0 && (long)(space.f_blocks * space.f_frsize) == size);
  return 0;
}

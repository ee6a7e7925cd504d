/* Promise: files in /tmp are limited in number too. argv: the limit. */
#include "attack.h"

int tmp_inodes(int argc, char** argv) {
  const int limit = argc > 0 ? atoi(argv[0]) : 1024;
  int made = 0, fd = 0;
  for (; made < 4 * limit; ++made) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/f%d", made);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0) break;
    close(fd);
  }
  must("creating files ends with ENOSPC", fd < 0 && errno == ENOSPC);
  must("about as many files as allowed", made <= limit && made > limit - 16);
  return 0;
}

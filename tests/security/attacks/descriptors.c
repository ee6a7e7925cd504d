/* Promise: a function starts with standard streams and the log pipe, and no other descriptor. */
#include <sys/stat.h>

#include "attack.h"

int descriptors(int argc, char** argv) {
  (void)argc, (void)argv;
  struct stat status;
  must("standard input is /dev/null", fstat(0, &status) == 0 && S_ISCHR(status.st_mode));
  for (int fd = 1; fd <= 3; ++fd) must("output is a pipe", fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode));
  for (int fd = 4; fd < 1024; ++fd) {
    char text[32];
    snprintf(text, sizeof text, "descriptor %d", fd);
    must_fail_with(text, fcntl(fd, F_GETFD), EBADF, 0);
  }
  char byte;
  must_fail_with("reading from the output pipe", read(1, &byte, 1), EBADF, 0);
  return 0;
}

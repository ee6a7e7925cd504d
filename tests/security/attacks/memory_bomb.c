/* Promise: memory beyond the limit kills the function alone. argv: MiB to reach. */
#include <sys/mman.h>

#include "attack.h"

int memory_bomb(int argc, char** argv) {
  const size_t mib = argc > 0 ? (size_t)atoi(argv[0]) : 1024;
  puts("started");
  for (size_t i = 0; i < mib; ++i) {
    char* page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return 3;
    memset(page, 1, 1 << 20);
  }
  must("never reached", 0);
  return 0;
}

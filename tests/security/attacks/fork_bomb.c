/* Promise: a fork bomb ends at the sandbox's own limit. Says how many processes it got, then stays. */
#include <pthread.h>

#include "attack.h"

int fork_bomb(int argc, char** argv) {
  const int limit = argc > 0 ? atoi(argv[0]) : 64;
  int made = 0;
  for (; made < 10 * limit; ++made) {
    const pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0)
      for (;;) pause();
  }
  must("fork fails at the limit", made < limit + 2 && errno == EAGAIN);
  printf("made %d\n", made);
  for (;;) pause();
}

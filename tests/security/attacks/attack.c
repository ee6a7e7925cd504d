/* attack NAME [ARGUMENT...]: exit status 0 and a last line "HELD" if every barrier held, else 1 and a line each for
 * what did not. Helpers for other tests (attack helper ...) exit as they are told. */
#include "attack.h"

#include <time.h>

static int broken;

void must_fail_with(const char* what, long result, int error, int other_error) {
  if (result >= 0) {
    broken = 1;
    printf("BROKEN: %s succeeded\n", what);
  } else if (error != 0 && errno != error && errno != other_error) {
    broken = 1;
    printf("BROKEN: %s failed with %s\n", what, strerror(errno));
  }
}

void must_fail(const char* what, long result) { must_fail_with(what, result, 0, 0); }

void must(const char* what, int holds) {
  if (holds) return;
  broken = 1;
  printf("BROKEN: %s\n", what);
}

void pause_ms(int milliseconds) {
  struct timespec left = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static const struct {
  const char* name;
  attack* run;
} kAttacks[] = {{"files", files},           {"processes", processes},   {"mounts", mounts},
                {"namespaces", namespaces}, {"sockets", sockets},       {"network", network},
                {"kernel", kernel},         {"devices", devices},       {"privileges", privileges},
                {"cgroups", cgroups},       {"fork_bomb", fork_bomb},   {"memory_bomb", memory_bomb},
                {"tmp_fill", tmp_fill},     {"tmp_inodes", tmp_inodes}, {"descriptors", descriptors},
                {"identity", identity},     {"helper", helper}};

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  /* Root it may be where a barrier was left out. */
  char host[64] = "";
  gethostname(host, sizeof host - 1);
  if (getuid() == 0 && strcmp(host, "sandbox") != 0) {
    fprintf(stderr, "attack: only for the inside of a sandbox\n");
    return 64;
  }
  for (size_t i = 0; i < sizeof kAttacks / sizeof *kAttacks; ++i) {
    if (argc < 2 || strcmp(argv[1], kAttacks[i].name) != 0) continue;
    const int status = kAttacks[i].run(argc - 2, argv + 2);
    if (status != 0) return status;
    if (kAttacks[i].run == helper) return 0;
    if (!broken) puts("HELD");
    return broken;
  }
  fprintf(stderr, "no such attack\n");
  return 64;
}

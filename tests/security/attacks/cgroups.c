/* Promise: a function cannot see, change or leave its limits. */
#include <sys/resource.h>

#include "attack.h"

int cgroups(int argc, char** argv) {
  (void)argc, (void)argv;
  must_fail("the cgroup file system", access("/sys/fs/cgroup/cgroup.procs", F_OK));
  must_fail("a v1 hierarchy", access("/sys/fs/cgroup/memory", F_OK));
  /* No path of the host shows: every line ends in the root of the namespace. */
  FILE* own = fopen("/proc/self/cgroup", "r");
  char line[512];
  must("/proc/self/cgroup opens", own != NULL);
  while (own && fgets(line, sizeof line, own)) {
    line[strcspn(line, "\n")] = 0;
    const char* path = strrchr(line, ':');
    must(line, path && strstr(path, "hearth") == NULL);
  }
  struct rlimit limit;
  must("core files are off, and core handlers", getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 1);
  must("open files are limited", getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 1024);
  limit.rlim_cur = limit.rlim_max = 100000;
  must_fail("raising a hard limit", setrlimit(RLIMIT_NOFILE, &limit));
  must("processes are limited", getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_max <= 65);
  must_fail("oom immunity", open("/proc/self/oom_score_adj", O_WRONLY) >= 0 &&
                                    write(open("/proc/self/oom_score_adj", O_WRONLY), "-900", 4) == 4
                                ? 0
                                : -1);
  return 0;
}

/* Promise: a function cannot make or join namespaces. */
#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "attack.h"

int namespaces(int argc, char** argv) {
  (void)argc, (void)argv;
  const struct {
    const char* name;
    int flag;
  } kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
               {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    char text[64];
    snprintf(text, sizeof text, "unshare %s", kinds[i].name);
    must_fail_with(text, unshare(kinds[i].flag), EPERM, EINVAL);
    if (kinds[i].flag != 0x80) { /* with clone() this bit belongs to the exit signal */
      snprintf(text, sizeof text, "clone %s", kinds[i].name);
      const long child = syscall(SYS_clone, kinds[i].flag | SIGCHLD, 0, 0, 0, 0);
      if (child == 0) _exit(0);
      must_fail_with(text, child, EPERM, 0);
    }
    snprintf(text, sizeof text, "/proc/self/ns/%s", kinds[i].name);
    const int own = open(text, O_RDONLY);
    if (own >= 0) must_fail_with("setns", setns(own, 0), EPERM, 0);
    snprintf(text, sizeof text, "/proc/1/ns/%s", kinds[i].name);
    must_fail("a namespace of init", open(text, O_RDONLY));
  }
  uint64_t arguments[11] = {CLONE_NEWUSER};
  const long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  must_fail_with("clone3 into a user namespace", child, ENOSYS, 0);
  must_fail("a second uid map",
            open("/proc/self/uid_map", O_WRONLY) >= 0 && write(open("/proc/self/uid_map", O_WRONLY), "0 0 1", 5) > 0
                ? 0
                : -1);
  return 0;
}

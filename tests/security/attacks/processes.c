/* Promise: a function sees and reaches no process but its own. argv: pids of host processes (its own init, the server).
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "attack.h"

int processes(int argc, char** argv) {
  DIR* proc = opendir("/proc");
  struct dirent* entry;
  int seen = 0;
  must("/proc opens", proc != NULL);
  while (proc && (entry = readdir(proc)))
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') ++seen;
  must("only one's own process is in /proc", seen == 1);
  must("pids are one's own", getpid() < 10);

  for (int i = 0; i < argc; ++i) {
    const pid_t pid = atoi(argv[i]);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    must_fail("a host process in /proc", open(path, O_RDONLY));
    must_fail_with("a signal to a host process", kill(pid, 0), ESRCH, EPERM);
    must_fail_with("a pidfd of a host process", syscall(SYS_pidfd_open, pid, 0), ESRCH, EINVAL);
    must_fail("ptrace of a host process", ptrace(PTRACE_ATTACH, pid, 0, 0));
    must_fail("affinity of a host process", sched_getaffinity(pid, sizeof(cpu_set_t), &(cpu_set_t){0}));
    must_fail("priority of a host process", setpriority(PRIO_PROCESS, (id_t)pid, 10));
    must_fail("limits of a host process", prlimit(pid, RLIMIT_NOFILE, NULL, &(struct rlimit){0}));
  }
  /* Init runs with the launcher's memory: it must be shut. */
  char buffer[64];
  struct iovec own = {buffer, sizeof buffer}, other = {(void*)0x400000, sizeof buffer};
  must_fail("ptrace of init", ptrace(PTRACE_ATTACH, 1, 0, 0));
  must_fail("process_vm_readv of init", process_vm_readv(1, &own, 1, &other, 1, 0));
  must_fail("init's memory", open("/proc/1/mem", O_RDONLY));
  must_fail("init's environment", open("/proc/1/environ", O_RDONLY));
  must_fail("init's maps", open("/proc/1/maps", O_RDONLY));
  must_fail("init's descriptors", open("/proc/1/fd", O_RDONLY | O_DIRECTORY));
  must_fail("a descriptor of init", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 4, 0));
  must_fail("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
  kill(1, SIGKILL);
  kill(1, SIGSTOP);
  kill(1, SIGTERM);
  /* Alive after this only if init did not die by them. */
  must_fail("ptrace of anything", ptrace(PTRACE_TRACEME, 0, 0, 0));
  return 0;
}

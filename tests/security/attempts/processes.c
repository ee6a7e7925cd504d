#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "attempt.h"

/* That they exist is knowledge too. */
ATTEMPT(see_host_processes) {
  const pid_t pids[] = {told_number("HOST_PID"), told_number("LAUNCHER_PID")};
  for (size_t i = 0; i < 2; ++i) {
    if (kill(pids[i], 0) == 0 || errno != ESRCH) broke("process %d of the host answers", pids[i]);
    broke_if_done("a pidfd of a host process", syscall(SYS_pidfd_open, pids[i], 0));
  }
  if (getpid() > 400) broke("pids are the host's");
}

ATTEMPT(signal_host) {
  broke_if_done("signalling a host process", kill(told_number("HOST_PID"), 0) == 0 ? 0 : -1);
  broke_if_done("signalling the launcher", kill(told_number("LAUNCHER_PID"), 0) == 0 ? 0 : -1);
}

ATTEMPT(steer_host_processes) {
  const pid_t pid = told_number("HOST_PID");
  errno = 0;
  const int priority = getpriority(PRIO_PROCESS, (id_t)pid);
  if (errno == 0) broke_if_done("the priority of a host process", setpriority(PRIO_PROCESS, (id_t)pid, priority));
  struct rlimit limit;
  broke_if_done("the limits of a host process", prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
}

/* Seizing does not stop the process, and ends with us. */
ATTEMPT(trace_host) { broke_if_done("tracing a host process", ptrace(PTRACE_SEIZE, told_number("HOST_PID"), 0, 0)); }

ATTEMPT(see_init) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", init_pid());
  broke_if_done("looking at init", open(path, O_RDONLY));
}

ATTEMPT(read_init_memory) {
  char path[64], byte;
  snprintf(path, sizeof path, "/proc/%d/mem", init_pid());
  broke_if_done("opening init's memory", open(path, O_RDONLY));
  snprintf(path, sizeof path, "/proc/%d/maps", init_pid());
  const int maps = open(path, O_RDONLY);
  if (maps >= 0 && read(maps, &byte, 1) == 1) broke("init's maps can be read");
}

ATTEMPT(trace_init) {
  broke_if_done("tracing init", ptrace(PTRACE_SEIZE, init_pid(), 0, 0));
  char buffer[16];
  struct iovec own = {buffer, sizeof buffer}, other = {(void*)&buffer, sizeof buffer};
  /* The address is of this process; that init answers anything but "may not" is enough. */
  if (process_vm_readv(init_pid(), &own, 1, &other, 1, 0) >= 0 || errno == EFAULT)
    broke("init's memory can be read from afar");
}

ATTEMPT(take_init_descriptor) {
  const long pidfd = syscall(SYS_pidfd_open, init_pid(), 0);
  for (int fd = 3; fd < 16; ++fd) broke_if_done("taking a descriptor of init", syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

/* Folders that the launcher had open when init was made of it. */
ATTEMPT(folders_of_the_launcher) {
  for (int fd = 0; fd < 256; ++fd) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d/.", init_pid(), fd);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) broke("descriptor %d of init is a folder", fd);
  }
}

ATTEMPT(trace_own_child) {
  const pid_t pid = fork();
  if (pid == 0) {
    const int allowed = ptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
    _exit(allowed);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) broke("a process can be traced");
}

ATTEMPT(compare_objects) {
  broke_if_done("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, 0, 1));
}

/* Once init is gone so are its reports, and everything else of the sandbox. */
ATTEMPT(signal_init) {
  const pid_t victim = init_pid();
  wait_ms(50); /* until it has said that we run */
  kill(victim, SIGSTOP);
  kill(victim, SIGTERM);
  kill(victim, SIGKILL);
  wait_ms(100);
  if (kill(victim, 0) != 0 && errno == ESRCH) broke("init died of a signal from inside");
}

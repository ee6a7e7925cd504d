#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "attempt.h"

ATTEMPT(become_root) {
  if (getuid() == 0 || geteuid() == 0) broke("root is who runs");
  broke_if_done("setresuid to root", setresuid(0, 0, 0));
  broke_if_done("setresgid to root", setresgid(0, 0, 0));
}

/* By system calls, not by /proc: a process of the landlock tier may not have its folder there. */
ATTEMPT(capability_sets) {
  struct {
    unsigned version;
    int pid;
  } header = {0x20080522, 0};
  struct {
    unsigned effective, permitted, inheritable;
  } data[2];
  if (syscall(SYS_capget, &header, data) != 0) return broke("the sets cannot be asked for");
  for (int i = 0; i < 2; ++i) {
    if (data[i].effective || data[i].permitted || data[i].inheritable) broke("there are capabilities");
  }
  for (int number = 0; number < 64; ++number) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) == 1) broke("capability %d is ambient", number);
    if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1) broke("capability %d may be gained", number);
  }
}

ATTEMPT(new_privileges) {
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) broke("no_new_privs is off");
}

ATTEMPT(give_file_away) {
  const int fd = open(here("/tmp/mine"), O_CREAT | O_WRONLY, 0600);
  struct stat status;
  (void)!fchown(fd, 1, 1);
  if (fstat(fd, &status) == 0 && status.st_uid != getuid()) broke("a file was given away");
  unlink(here("/tmp/mine"));
}

ATTEMPT(user_inside) {
  if (getuid() != 993 || geteuid() != 993) broke("the user is %d", getuid());
  if (getgid() != 990 || getegid() != 990) broke("the group is %d", getgid());
}

ATTEMPT(host_name) {
  struct utsname names;
  if (uname(&names) != 0 || strcmp(names.nodename, "sandbox") != 0) broke("the host's name shows: %s", names.nodename);
}

ATTEMPT(cgroup_path) {
  FILE* own = fopen("/proc/self/cgroup", "r");
  char line[512];
  while (own && fgets(line, sizeof line, own))
    if (strstr(line, "hearth")) broke("/proc/self/cgroup says %s", line);
  if (own) fclose(own);
}

/* Where its own file system is mounted, a cgroup can be changed by whoever may write there. */
ATTEMPT(leave_cgroup) {
  broke_if_done("the machine's cgroups", access("/sys/fs/cgroup/cgroup.procs", F_OK));
  unshare(CLONE_NEWUSER | CLONE_NEWNS);
  mkdir("/tmp/cgroup", 0700);
  if (mount("none", "/tmp/cgroup", "cgroup2", 0, NULL) != 0) return;
  broke_if_done("one's cgroup", open("/tmp/cgroup/cgroup.procs", O_RDONLY));
  umount2("/tmp/cgroup", MNT_DETACH);
}

ATTEMPT(descriptors_at_start) {
  for (int fd = 4; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) broke("descriptor %d is open", fd);
}

/* The launcher believes what comes over init's end of this socket. */
ATTEMPT(speak_to_launcher) {
  for (int fd = 4; fd < 64; ++fd) {
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET)
      broke("descriptor %d leads to the launcher", fd);
  }
}

ATTEMPT(raise_limits) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
  broke_if_done("raising a hard limit", setrlimit(RLIMIT_NOFILE, &limit));
}

ATTEMPT(oom_shield) {
  const int fd = open("/proc/self/oom_score_adj", O_RDWR);
  char text[16] = "";
  if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && atoi(text) < 500) broke("the kernel would spare us: %s", text);
  if (fd >= 0 && pwrite(fd, "-1000", 5, 0) == 5) broke("out of reach of the out-of-memory killer");
}

ATTEMPT(open_files) {
  const int limit = told_number("OPEN_FILES");
  int opened = 0;
  while (opened <= limit && dup(0) >= 0) ++opened;
  if (opened > limit - 3) broke("%d descriptors", opened);
}

ATTEMPT(core_file) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max > 1) broke("core files may have %ld bytes", (long)limit.rlim_max);
}

/* A program on the host that core_pattern names is started, as root, for every crash; but for a limit of exactly one
 * byte, by which the kernel knows that program itself (core(5) calls the limit of no consequence to pipes). */
ATTEMPT(core_pipe) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prlimit(0, RLIMIT_CORE, &none, NULL);
  prlimit(getpid(), RLIMIT_CORE, &none, NULL);
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 1) broke("a crash starts the host's core handler");
}

/* Twice the limit. The kernel kills whoever passes it, and this line is all that is left to say. */
ATTEMPT(memory) {
  const size_t size = (size_t)told_number("MEMORY_MIB") << 21;
  const pid_t pid = fork();
  if (pid == 0) {
    char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(0);
    for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
    _exit(1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) broke("twice the memory could be used");
}

ATTEMPT(processes) {
  const int limit = told_number("PIDS");
  int made = 0;
  pid_t pids[1024];
  for (; made < 2 * limit && made < 1024; ++made) {
    pids[made] = fork();
    if (pids[made] < 0) break;
    if (pids[made] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
  }
  for (int i = 0; i < made; ++i) kill(pids[i], SIGKILL);
  while (waitpid(-1, NULL, 0) > 0) {
  }
  if (made > limit) broke("%d processes of %d", made, limit);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The limit is a hundredth of a processor; a twentieth is out of its reach, and in reach on a machine however busy. */
ATTEMPT(processor) {
  double best = 0;
  for (int window = 0; window < 4; ++window) {
    const double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (seconds(CLOCK_MONOTONIC) - begin < 0.2) {
    }
    const double share = (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) / (seconds(CLOCK_MONOTONIC) - begin);
    if (share > best) best = share;
  }
  if (best > 0.05) broke("%d %% of a processor", (int)(best * 100));
}

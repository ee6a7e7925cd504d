/* Promise: the kernel's rare and powerful doors are shut. */
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "attack.h"

int kernel(int argc, char** argv) {
  (void)argc, (void)argv;
  char zero[256] = {0};
  must_fail_with("bpf", syscall(SYS_bpf, 0, zero, sizeof zero), EPERM, 0);
  must_fail_with("io_uring_setup", syscall(SYS_io_uring_setup, 8, zero), ENOSYS, 0);
  must_fail_with("userfaultfd", syscall(SYS_userfaultfd, 0), EPERM, 0);
  must_fail_with("perf_event_open", syscall(SYS_perf_event_open, zero, 0, -1, -1, 0), EPERM, 0);
  must_fail_with("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM, 0);
  must_fail_with("request_key", syscall(SYS_request_key, "user", "x", NULL, -3), EPERM, 0);
  must_fail_with("keyctl", syscall(SYS_keyctl, 0, -3, 1), EPERM, 0);
  must_fail_with("init_module", syscall(SYS_init_module, zero, 1, ""), EPERM, 0);
  must_fail_with("finit_module", syscall(SYS_finit_module, 0, "", 0), EPERM, 0);
  must_fail_with("delete_module", syscall(SYS_delete_module, "loop", 0), EPERM, 0);
  must_fail_with("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM, 0);
  must_fail_with("reboot", reboot(RB_AUTOBOOT), EPERM, 0);
  must_fail_with("syslog", syscall(SYS_syslog, 3, zero, sizeof zero), EPERM, 0);
  must_fail_with("acct", syscall(SYS_acct, "/tmp/x"), EPERM, 0);
  must_fail_with("quotactl", syscall(SYS_quotactl, 0, "/", 0, zero), EPERM, 0);
  must_fail_with("settimeofday", settimeofday(&(struct timeval){1, 0}, NULL), EPERM, 0);
  must_fail_with("clock_settime", clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}), EPERM, 0);
  must_fail_with("sethostname", sethostname("x", 1), EPERM, 0);
  must_fail_with("iopl", syscall(SYS_iopl, 3), EPERM, 0);
  must_fail_with("fanotify_init", syscall(SYS_fanotify_init, 0, 0), EPERM, 0);
  must_fail_with("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", zero, zero, 0), EPERM, 0);
  must_fail_with("move_pages", syscall(SYS_move_pages, 1, 0, NULL, NULL, NULL, 0), EPERM, 0);
  must_fail_with("memfd_secret", syscall(447, 0), EPERM, 0);
  must_fail_with("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, zero, 1), EPERM, 0);
  must_fail("a better priority", setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1));

  /* Steering the machine through /proc. */
  const char* const shut[] = {"/proc/sysrq-trigger",
                              "/proc/sys/kernel/core_pattern",
                              "/proc/sys/kernel/hostname",
                              "/proc/sys/vm/drop_caches",
                              "/proc/sys/net/ipv4/ip_forward",
                              "/proc/irq/0/smp_affinity",
                              "/proc/kcore",
                              "/proc/kmsg",
                              "/proc/self/uid_map",
                              "/proc/mtrr",
                              "/proc/timer_list"};
  for (size_t i = 0; i < sizeof shut / sizeof *shut; ++i) {
    const int fd = open(shut[i], O_WRONLY);
    must_fail(shut[i], fd >= 0 && write(fd, "1", 1) == 1 ? 0 : -1);
  }
  const char* const secret[] = {"/proc/kcore",      "/proc/kmsg",    "/proc/config.gz",
                                "/proc/kallsyms",   "/proc/keys",    "/proc/key-users",
                                "/proc/interrupts", "/proc/modules", "/proc/locks"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; ++i) {
    const int fd = open(secret[i], O_RDONLY);
    if (fd >= 0) must_fail(secret[i], read(fd, zero, sizeof zero) > 0 ? 0 : -1);
  }
  must("meminfo is there for runtimes", open("/proc/meminfo", O_RDONLY) >= 0);
  must("cpuinfo is there for runtimes", open("/proc/cpuinfo", O_RDONLY) >= 0);
  must_fail("/sys shows the machine", access("/sys/kernel", F_OK));
  return 0;
}

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "attempt.h"

ATTEMPT(bpf_map) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 4;
  attributes.max_entries = 1;
  broke_if_done("making a bpf map", syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

ATTEMPT(io_uring) {
  char parameters[120] = {0};
  broke_if_done("io_uring_setup", syscall(SYS_io_uring_setup, 8, parameters));
}

ATTEMPT(user_fault) { broke_if_done("userfaultfd", syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)); }

ATTEMPT(perf_event) {
  struct perf_event_attr event;
  memset(&event, 0, sizeof event);
  event.size = sizeof event;
  event.type = PERF_TYPE_SOFTWARE;
  event.config = PERF_COUNT_SW_CPU_CLOCK;
  event.exclude_kernel = event.exclude_hv = 1;
  broke_if_done("perf_event_open", syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
}

ATTEMPT(keyring) {
  broke_if_done("add_key", syscall(SYS_add_key, "user", "attempt", "x", 1, -3 /* the session's */));
  broke_if_done("keyctl", syscall(SYS_keyctl, 0 /* get id */, -3, 1));
}

/* To the rate it runs at anyway. */
ATTEMPT(set_clock) {
  struct timex clock = {.modes = 0};
  if (adjtimex(&clock) < 0) return;
  clock.modes = ADJ_TICK;
  broke_if_done("steering the clock", adjtimex(&clock));
}

ATTEMPT(set_host_name) {
  struct utsname names;
  uname(&names);
  broke_if_done("sethostname", sethostname(names.nodename, strlen(names.nodename)));
}

ATTEMPT(kernel_log) {
  char line[256];
  broke_if_done("reading the kernel's log", syscall(SYS_syslog, 3, line, sizeof line));
}

ATTEMPT(persona) { broke_if_done("switching address randomization off", personality(ADDR_NO_RANDOMIZE)); }

ATTEMPT(rare_calls) {
  char table[64];
  broke_if_done("move_pages", syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
  broke_if_done("memfd_secret", syscall(447, 0));
#ifdef SYS_modify_ldt
  broke_if_done("modify_ldt", syscall(SYS_modify_ldt, 0, table, sizeof table));
#endif
  (void)table;
}

ATTEMPT(machine_in_proc) {
  static const char* const secret[] = {"/proc/config.gz", "/proc/kallsyms", "/proc/key-users", "/proc/interrupts",
                                       "/proc/modules",   "/proc/locks",    "/proc/keys",      "/proc/kcore"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; ++i) {
    const int fd = open(secret[i], O_RDONLY);
    char byte;
    if (fd >= 0 && read(fd, &byte, 1) == 1) broke("%s can be read", secret[i]);
  }
}

/* Writes back what is there: core_pattern would name a program that the kernel runs as root, outside. */
ATTEMPT(write_sysctl) {
  static const char* const names[] = {"kernel/core_pattern", "vm/swappiness", "kernel/printk"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    char path[64], value[256];
    snprintf(path, sizeof path, "/proc/sys/%s", names[i]);
    const int in = open(path, O_RDONLY);
    const ssize_t size = in < 0 ? -1 : read(in, value, sizeof value);
    const int out = open(path, O_WRONLY);
    if (size > 0 && out >= 0 && write(out, value, (size_t)size) == size) broke("%s can be written", path);
  }
}

/* Kernels differ in which of them they have. */
ATTEMPT(root_files_of_proc) {
  broke_if_done("opening /proc/sysrq-trigger", open("/proc/sysrq-trigger", O_WRONLY));
  static const char* const secret[] = {"/proc/slabinfo", "/proc/vmallocinfo", "/proc/pagetypeinfo"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; ++i) broke_if_done(secret[i], open(secret[i], O_RDONLY));
}

ATTEMPT(better_priority) {
  broke_if_done("a better priority", setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1));
}

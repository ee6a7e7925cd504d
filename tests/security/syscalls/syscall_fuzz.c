/* syscall_fuzz SEED PROCESSES SECONDS: random system calls from inside a sandbox, most of them ones that are allowed, with
 * arguments of the right kind. Workers crash and are replaced; the number of calls made is the last line. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What each argument is: f descriptor, d folder descriptor, p memory, s path, n small number, b bits, z size, a address
 * that is mapped, i pid, c command number, x anything. */
static const struct {
  long number;
  const char* arguments;
} kCalls[] = {
    {SYS_openat, "dsbn"},       {SYS_open, "sbn"},          {SYS_openat2, "dspz"},      {SYS_close, "f"},
    {SYS_read, "fpz"},          {SYS_write, "fpz"},         {SYS_pread64, "fpzx"},      {SYS_pwrite64, "fpzx"},
    {SYS_readv, "fpn"},         {SYS_writev, "fpn"},        {SYS_lseek, "fxn"},         {SYS_ioctl, "fcp"},
    {SYS_fcntl, "fnx"},         {SYS_dup, "f"},             {SYS_dup3, "ffb"},          {SYS_pipe2, "pb"},
    {SYS_mkdirat, "dsn"},       {SYS_unlinkat, "dsb"},      {SYS_renameat2, "dsdsb"},   {SYS_linkat, "dsdsb"},
    {SYS_symlinkat, "sds"},     {SYS_readlinkat, "dspz"},   {SYS_fchmodat, "dsn"},      {SYS_fchownat, "dsnnb"},
    {SYS_newfstatat, "dspb"},   {SYS_statx, "dsbbp"},       {SYS_getdents64, "fpz"},    {SYS_truncate, "sx"},
    {SYS_ftruncate, "fx"},      {SYS_fallocate, "fbxx"},    {SYS_utimensat, "dspb"},    {SYS_setxattr, "sspzb"},
    {SYS_getxattr, "sspz"},     {SYS_listxattr, "spz"},     {SYS_chdir, "s"},           {SYS_fchdir, "f"},
    {SYS_splice, "fpfpzb"},     {SYS_tee, "ffzb"},          {SYS_vmsplice, "fpnb"},     {SYS_sendfile, "ffpz"},
    {SYS_copy_file_range, "fpfpzb"}, {SYS_inotify_init1, "b"}, {SYS_inotify_add_watch, "fsb"}, {SYS_flock, "fn"},
    {SYS_mmap, "azbbfx"},       {SYS_munmap, "az"},         {SYS_mprotect, "azb"},      {SYS_mremap, "azzba"},
    {SYS_madvise, "azn"},       {SYS_mincore, "azp"},       {SYS_msync, "azb"},         {SYS_mlock2, "azb"},
    {SYS_brk, "x"},             {SYS_memfd_create, "sb"},   {SYS_remap_file_pages, "aznxb"}, {SYS_pkey_alloc, "nn"},
    {SYS_pkey_mprotect, "azbn"}, {SYS_membarrier, "nbn"},   {SYS_fork, ""},             {SYS_clone, "bapax"},
    {SYS_wait4, "ipbp"},        {SYS_waitid, "nipbp"},      {SYS_prctl, "nxxxx"},       {SYS_arch_prctl, "cx"},
    {SYS_prlimit64, "inpp"},    {SYS_setpriority, "nin"},   {SYS_getrusage, "np"},      {SYS_setpgid, "ii"},
    {SYS_sched_setaffinity, "izp"}, {SYS_sched_setscheduler, "inp"}, {SYS_sched_setattr, "ipb"}, {SYS_ioprio_set, "nin"},
    {SYS_capset, "pp"},         {SYS_capget, "pp"},         {SYS_setresuid, "nnn"},     {SYS_setgroups, "np"},
    {SYS_personality, "x"},     {SYS_futex, "pbnpan"},      {SYS_set_robust_list, "pz"}, {SYS_rseq, "pzbn"},
    {SYS_rt_sigaction, "nppz"}, {SYS_rt_sigprocmask, "nppz"}, {SYS_sigaltstack, "pp"},  {SYS_rt_sigtimedwait, "pppz"},
    {SYS_timer_create, "npp"},  {SYS_timer_settime, "nbpp"}, {SYS_timerfd_create, "nb"}, {SYS_timerfd_settime, "fbpp"},
    {SYS_clock_nanosleep, "nbpp"}, {SYS_clock_adjtime, "np"}, {SYS_adjtimex, "p"},      {SYS_setitimer, "npp"},
    {SYS_epoll_create1, "b"},   {SYS_epoll_ctl, "fnfp"},    {SYS_epoll_pwait, "fpnnpz"}, {SYS_eventfd2, "nb"},
    {SYS_signalfd4, "fpzb"},    {SYS_io_setup, "np"},       {SYS_io_submit, "xnp"},     {SYS_io_getevents, "xnnpp"},
    {SYS_socket, "nnn"},        {SYS_socketpair, "nnnp"},   {SYS_bind, "fpn"},          {SYS_connect, "fpn"},
    {SYS_listen, "fn"},         {SYS_accept4, "fppb"},      {SYS_sendto, "fpzbpn"},     {SYS_recvfrom, "fpzbpp"},
    {SYS_sendmsg, "fpb"},       {SYS_recvmsg, "fpb"},       {SYS_sendmmsg, "fpnb"},     {SYS_setsockopt, "fnnpn"},
    {SYS_getsockopt, "fnnpp"},  {SYS_shutdown, "fn"},       {SYS_getsockname, "fpp"},   {SYS_shmget, "xzb"},
    {SYS_shmat, "nab"},         {SYS_shmctl, "nnp"},        {SYS_semget, "xnb"},        {SYS_semop, "npn"},
    {SYS_semctl, "nnnx"},       {SYS_msgget, "xb"},         {SYS_msgsnd, "npzb"},       {SYS_msgctl, "nnp"},
    {SYS_mq_open, "sbnp"},      {SYS_mq_timedsend, "fpznp"}, {SYS_mq_unlink, "s"},      {SYS_getrandom, "pzb"},
    {SYS_landlock_create_ruleset, "pzb"}, {SYS_landlock_add_rule, "fnpb"}, {SYS_seccomp, "nbp"}, {SYS_pidfd_open, "ib"},
    {SYS_sysinfo, "p"},         {SYS_execveat, "dsppb"},    {SYS_sync_file_range, "fxxb"}, {SYS_close_range, "ffb"}};
enum { kKnown = sizeof kCalls / sizeof *kCalls, kScratch = 1 << 20, kCallsPerWorker = 3000, kWorkerMs = 400 };

static const char* const kPaths[] = {"/tmp/a",         "/tmp/b/c",        "/tmp",          "/dev/shm/x",       "/",
                                     "/proc/self/mem", "/proc/self/maps", "/proc/1/mem",   "/proc/sys/kernel", "..",
                                     "/var/task",      "/dev/null",       "/dev/zero",     "/proc/self/fd/5",  "",
                                     "/etc/passwd",    "/sys",            "../../../../x", "/proc/self/ns/net", "/tmp/b"};

static uint64_t state;
static uint64_t any(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}
static uint64_t below(uint64_t limit) { return any() % limit; }

static char* scratch;

static uint64_t argument(char kind) {
  if (below(32) == 0) kind = 'x'; /* and now and then of the wrong kind */
  switch (kind) {
    case 'f': return below(24);
    case 'd': return below(3) ? (uint64_t)AT_FDCWD : below(24);
    case 'p': return below(16) ? (uint64_t)(scratch + below(kScratch - 4096)) : 0;
    case 's': return (uint64_t)kPaths[below(sizeof kPaths / sizeof *kPaths)];
    case 'n': return below(48);
    case 'b': return below(3) ? (1ULL << below(32)) | (1ULL << below(20)) : 0;
    case 'z': return below(4) ? below(8192) : 1ULL << below(24);
    case 'a': return (uint64_t)(scratch + (below(kScratch) & ~4095ULL));
    case 'i': return below(4) ? 0 : below(64);
    case 'c': return 0x5400 + below(0x60);
    default:
      switch (below(4)) {
        case 0: return any();
        case 1: return 1ULL << below(64);
        case 2: return (uint64_t)(scratch + below(kScratch));
        default: return 0ULL - below(16);
      }
  }
}

/* That would only end the worker, or its siblings. */
static int is_dull(long number) {
  switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo: case SYS_pidfd_send_signal: case SYS_rt_sigreturn: case SYS_vfork: case SYS_pause:
      return below(2000) != 0;
    default: return 0;
  }
}

static void fill_scratch(void) {
  for (int i = 0; i < 64; ++i) {
    uint64_t* word = (uint64_t*)(scratch + (below(kScratch) & ~7ULL));
    *word = argument("fnzapx"[below(6)]);
  }
}

static void work(volatile uint64_t* calls) {
  alarm(1);
  scratch = mmap(NULL, kScratch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int pair[2];
  (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
  (void)!open("/tmp/a", O_CREAT | O_RDWR, 0600);
  (void)!mkdir("/tmp/b", 0700);
  for (int i = 0; i < kCallsPerWorker; ++i) {
    if (i % 16 == 0) fill_scratch();
    uint64_t a[6] = {0};
    long number;
    if (below(10) != 0) {
      const size_t chosen = below(kKnown);
      number = kCalls[chosen].number;
      for (int n = 0; kCalls[chosen].arguments[n]; ++n) a[n] = argument(kCalls[chosen].arguments[n]);
    } else {
      number = (long)below(470);
      for (int n = 0; n < 6; ++n) a[n] = argument("fdpsnbzaicx"[below(11)]);
    }
    if (is_dull(number)) continue;
    ++*calls;
    syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}

/* A worker's calls may have hit its own counter. */
static uint64_t count_of(uint64_t calls) { return calls <= kCallsPerWorker ? calls : 0; }

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char** argv) {
  if (argc != 4 || !getenv("ATTEMPT_INSIDE")) return 64; /* nothing to run outside a sandbox */
  uint64_t seed = strtoull(argv[1], NULL, 10) * 0x9E3779B97F4A7C15ULL + 1;
  const int processes = atoi(argv[2]) < 64 ? atoi(argv[2]) : 64;
  const long long end = now_ms() + atoi(argv[3]) * 1000LL;
  uint64_t* const calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct {
    pid_t pid;
    long long until;
  } workers[64] = {{0, 0}};
  uint64_t total = 0, ended = 0;
  while (now_ms() < end) {
    for (int i = 0; i < processes; ++i) {
      if (workers[i].pid > 0) {
        if (now_ms() > workers[i].until) kill(workers[i].pid, SIGKILL);
        if (waitpid(workers[i].pid, NULL, WNOHANG) == 0) continue;
        ++ended;
      }
      total += count_of(calls[i]);
      calls[i] = 0;
      state = ++seed * 0x9E3779B97F4A7C15ULL | 1;
      workers[i].pid = fork();
      workers[i].until = now_ms() + kWorkerMs;
      if (workers[i].pid == 0) {
        setpgid(0, 0);
        for (int fd = 1; fd < 4; ++fd) dup2(0, fd); /* /dev/null: what it writes is not the point */
        work(&calls[i]);
        _exit(0);
      }
    }
    /* Orphans of workers belong to init; they end with the sandbox. */
    const struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
  }
  for (int i = 0; i < processes; ++i) total += count_of(calls[i]);
  printf("calls %llu workers %llu\n", (unsigned long long)total, (unsigned long long)ended);
  return 0;
}

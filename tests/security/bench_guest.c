/* The smallest runtime: connects to 127.0.0.1:9001, writes a byte, waits. Without a C library on x86-64, whose start
 * would cost more than a sandbox does on virtual machines. */
#if defined(__x86_64__) && !defined(HEARTH_GUEST_WITH_LIBC)
static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
static const struct {
  unsigned short family;
  unsigned char port[2], address[4], zero[8];
} kServer = {2, {0x23, 0x29}, {127, 0, 0, 1}, {0}};

void _start(void) {
  const long s = call(41, 2, 1, 0);
  if (call(42, s, (long)&kServer, sizeof kServer) != 0 || call(1, s, (long)"x", 1) != 1) call(60, 1, 0, 0);
  for (;;) call(34, 0, 0, 0);
}
#else
#error "write this machine's system calls here"
#endif

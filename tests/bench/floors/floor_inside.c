// What runs inside the sandboxes of floor_sandbox: says one byte on descriptor 3 and waits to be killed. Neither libc
// nor loader, so that nothing but the sandbox is measured.

static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

void _start(void) {
  enum { kWrite = 1, kPause = 34, kExit = 60 };
  static const char byte = 'x';
  if (call(kWrite, 3, (long)&byte, 1) == 1) call(kPause, 0, 0, 0);
  call(kExit, 1, 0, 0);
}

/* attempt list          says every attempt: "together NAME" or "alone NAME"
 * attempt together      runs those that can, each in a process of its own
 * attempt NAME...       runs these
 * A line each: "NAME held", "NAME broke: how", or "NAME ended: status" when it did not live to say. */
#include "attempt.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

static const char* current = "";
static int broken;

void broke(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (!broken) printf("%s broke: %s\n", current, text);
  broken = 1;
}

void broke_if_done(const char* what, long result) {
  if (result >= 0) broke("%s worked", what);
}

const char* told(const char* name) {
  char variable[64];
  snprintf(variable, sizeof variable, "ATTEMPT_%s", name);
  const char* value = getenv(variable);
  if (value) return value;
  printf("%s ended: %s was not told\n", current, variable);
  _exit(64);
}

const char* here(const char* inside) {
  static char paths[4][512];
  static int next;
  const char* place = strncmp(inside, "/tmp", 4) == 0 ? told("TMP") : told("CODE");
  char* path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s%s", place, inside + 4);
  return path;
}

int told_number(const char* name) { return atoi(told(name)); }

static pid_t init;
pid_t init_pid(void) { return init; }

void wait_ms(int milliseconds) {
  struct timespec left = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static const struct {
  const char* name;
  void (*run)(void);
  int alone;
} kAttempts[] = {
#define TOGETHER_ROW(name) {#name, attempt_##name, 0},
#define ALONE_ROW(name) {#name, attempt_##name, 1},
    ATTEMPTS(TOGETHER_ROW, ALONE_ROW)};
enum { kCount = sizeof kAttempts / sizeof *kAttempts };

enum { kHeld = 0, kBroke = 1, kSeconds = 10 };

static void run(size_t index) {
  current = kAttempts[index].name;
  const pid_t pid = fork();
  if (pid < 0) {
    printf("%s ended: no process for it\n", current);
    return;
  }
  if (pid == 0) {
    alarm(kSeconds);
    kAttempts[index].run();
    if (!broken) printf("%s held\n", current);
    _exit(broken ? kBroke : kHeld);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) printf("%s ended: signal %d\n", current, WTERMSIG(status));
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(argv[0], "who") == 0) { /* a copy of this program, set-user-id: see files.c */
    printf("%d\n", (int)geteuid());
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    for (size_t i = 0; i < kCount; ++i) printf("%s %s\n", kAttempts[i].alone ? "alone" : "together", kAttempts[i].name);
    return 0;
  }
  init = getppid();
  if (!getenv("ATTEMPT_INSIDE")) {
    fprintf(stderr, "attempt: only for the inside of a sandbox\n");
    return 64;
  }
  const int together = argc == 2 && strcmp(argv[1], "together") == 0;
  for (size_t i = 0; i < kCount; ++i) {
    int named = 0;
    for (int a = 1; a < argc; ++a) named |= strcmp(argv[a], kAttempts[i].name) == 0;
    if (together ? !kAttempts[i].alone : named) run(i);
  }
  puts("done");
  return 0;
}

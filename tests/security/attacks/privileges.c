/* Promise: no privilege, and no way to gain one: capabilities, set-user-id programs, other users. */
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "attack.h"

int privileges(int argc, char** argv) {
  (void)argc, (void)argv;
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  int checked = 0;
  while (status && fgets(line, sizeof line, status)) {
    if (strncmp(line, "Cap", 3) == 0) {
      ++checked;
      must(line, strstr(line, "0000000000000000") != NULL);
    }
    if (strncmp(line, "NoNewPrivs:", 11) == 0) must("no_new_privs is set", atoi(line + 11) == 1), ++checked;
    if (strncmp(line, "Seccomp:", 8) == 0) must("a seccomp filter is on", atoi(line + 8) == 2), ++checked;
    if (strncmp(line, "Groups:", 7) == 0)
      must("no supplementary groups", strspn(line + 7, " \t\n") == strlen(line + 7)), ++checked;
  }
  must("all facts were found", checked == 8);

  must_fail_with("setuid 0", setuid(0), EINVAL, EPERM);
  must_fail_with("setresuid 0", setresuid(0, 0, 0), EINVAL, EPERM);
  must_fail_with("setgid 0", setgid(0), EINVAL, EPERM);
  must_fail_with("setgroups", setgroups(0, NULL), EPERM, 0);
  must_fail_with("another user", setuid(200001), EINVAL, EPERM);
  must_fail("keeping capabilities", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
  must_fail("turning no_new_privs off", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));

  /* Set-user-id programs of the machine do not help; a script asks one who it is. */
  const char* const setuid_programs[] = {"/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/sudo",
                                         "/usr/bin/newgrp"};
  for (size_t i = 0; i < sizeof setuid_programs / sizeof *setuid_programs; ++i) {
    struct stat program;
    if (stat(setuid_programs[i], &program) != 0 || !(program.st_mode & S_ISUID)) continue;
    int out[2];
    if (pipe(out) != 0) return 1;
    const pid_t pid = fork();
    if (pid == 0) { /* stopped before its first instruction would be ideal; its effective uid is read while it waits */
      dup2(out[0], 0);
      execl(setuid_programs[i], setuid_programs[i], (char*)NULL);
      _exit(1);
    }
    pause_ms(20);
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    const int fd = open(path, O_RDONLY);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) {
      const char* uids = strstr(text, "\nUid:");
      int real, effective;
      must("a set-user-id program runs as its caller",
           uids && sscanf(uids, "\nUid: %d %d", &real, &effective) == 2 && real == effective);
    }
    close(out[0]);
    close(out[1]);
    waitpid(pid, NULL, 0);
  }
  /* One's own set-user-id program neither. */
  must("chmod of own file", chmod("/tmp", 0700) == 0);
  must_fail("giving a file away", chown("/tmp", 0, 0));
  return 0;
}

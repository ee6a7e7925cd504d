/* Promise: inside, a function is AWS's user, in the folder it was told, with its own pid namespace, host name and keys.
 */
#include <pwd.h>
#include <sys/utsname.h>

#include "attack.h"

int identity(int argc, char** argv) {
  (void)argc, (void)argv;
  must("uid 993", getuid() == 993 && geteuid() == 993);
  must("gid 990", getgid() == 990 && getegid() == 990);
  char folder[256];
  must("working directory", getcwd(folder, sizeof folder) && strcmp(folder, "/var/task") == 0);
  struct utsname names;
  must("host name", uname(&names) == 0 && strcmp(names.nodename, "sandbox") == 0);
  must("parent is init", getppid() == 1);
  must("own session", getsid(0) == getpid());
  /* getpwuid would need the shared libraries' name service; the file is what it reads. */
  char text[1024] = "";
  const int fd = open("/etc/passwd", O_RDONLY);
  must("/etc/passwd names the user",
       fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strstr(text, "sbx_user1051:x:993:990:"));
  return 0;
}

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "attempt.h"

static int can_read(const char* path) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return 0;
  char byte;
  const int got = read(fd, &byte, 1) == 1;
  close(fd);
  return got;
}

/* Another function's code and a file of the host, by every way back to the host's tree. */
ATTEMPT(host_files) {
  const char* const ways[] = {"", "/..", "/../..", "/tmp/../..", "/proc/1/root", "/proc/1/cwd", "/proc/self/root/.."};
  const char* const files[] = {told("OTHER_CODE"), told("HOST_FILE"), "/sys/kernel/uevent_seqnum"};
  for (size_t way = 0; way < sizeof ways / sizeof *ways; ++way)
    for (size_t file = 0; file < sizeof files / sizeof *files; ++file) {
      char path[512];
      snprintf(path, sizeof path, "%s%s", ways[way], files[file]);
      if (can_read(path)) broke("%s can be read", path);
    }
}

/* The package brought links that lead out, absolute and relative. */
ATTEMPT(links_out_of_code) {
  if (can_read(here("/opt/relative_link"))) broke("a relative link of the code tree led to the host's file");
  if (can_read(here("/opt/absolute_link"))) broke("an absolute link of the code tree led to the host's file");
}

/* /opt/anyone is writable for everybody as far as its mode goes. */
ATTEMPT(write_code) {
  broke_if_done("writing a file of the code", open(here("/opt/anyone"), O_WRONLY | O_APPEND));
  broke_if_done("truncating a file of the code", truncate(here("/opt/anyone"), 0));
  broke_if_done("making a file beside the code", open(here("/opt/folder/intruder"), O_CREAT | O_WRONLY, 0600));
  unlink(here("/opt/folder/intruder"));
}

/* Only places on the sandbox's own small file system: with barriers left out the others are the host's. */
ATTEMPT(write_root) {
  const char* const places[] = {"/etc", "/var", "/run", "/root", "/"};
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    char path[64];
    snprintf(path, sizeof path, "%s/intruder", places[i]);
    const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) continue;
    close(fd);
    unlink(path);
    broke("%s was made", path);
  }
  broke_if_done("opening /etc/passwd to write", open("/etc/passwd", O_WRONLY | O_APPEND));
}

/* root:root, 0600. */
ATTEMPT(owner_only_file) {
  if (can_read(here("/opt/owner_only"))) broke("a file that only root may read was read");
}

ATTEMPT(file_handles) {
  struct {
    unsigned bytes;
    int type;
    char handle[128];
  } handle = {128, 0, {0}};
  int mount_id = 0;
  /* /usr is a folder of the host's file system. */
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, "/usr", &handle, &mount_id, 0) == 0) broke("a file has a handle");
}

/* A copy of this program that belongs to root and runs as its owner. */
ATTEMPT(set_user_id_file) {
  int out[2];
  if (pipe(out) != 0) return;
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    execl(here("/opt/set_user_id"), "who", (char*)NULL);
    _exit(1);
  }
  close(out[1]);
  char text[32] = "";
  (void)!read(out[0], text, sizeof text - 1);
  waitpid(pid, NULL, 0);
  if (getuid() != 0 && strcmp(text, "0\n") == 0) broke("a set-user-id program ran as root");
}

ATTEMPT(device_node) {
  if (mknod(here("/tmp/zero"), S_IFCHR | 0666, makedev(1, 5)) != 0) return;
  const int fd = open(here("/tmp/zero"), O_RDONLY);
  char byte = 1;
  if (fd >= 0 && read(fd, &byte, 1) == 1) broke("a device node of one's own works");
  unlink(here("/tmp/zero"));
}

ATTEMPT(more_devices) {
  static const char* const known[] = {"null", "zero", "full", "random", "urandom"};
  DIR* dev = opendir("/dev");
  struct dirent* entry;
  while (dev && (entry = readdir(dev))) {
    struct stat status;
    if (fstatat(dirfd(dev), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) continue;
    int expected = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i) expected |= strcmp(entry->d_name, known[i]) == 0;
    if (!expected) broke("/dev/%s is there", entry->d_name);
  }
}

static int mount_table_says(const char* word) {
  static const char* const tables[] = {"/proc/self/mountinfo", "/proc/self/mounts", "/proc/self/mountstats"};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) {
    FILE* table = fopen(tables[i], "r");
    char line[4096];
    int found = 0;
    while (table && fgets(line, sizeof line, table)) found |= strstr(line, word) != NULL;
    if (table) fclose(table);
    if (found) return 1;
  }
  return 0;
}

/* Where on the host the code is. */
ATTEMPT(code_path) {
  if (mount_table_says(told("SOURCE_WORD"))) broke("the mount table names the code's folder on the host");
}

/* What else is mounted on the host. */
ATTEMPT(mount_table) {
  FILE* table = fopen("/proc/self/mountinfo", "r");
  char line[4096];
  while (table && fgets(line, sizeof line, table)) {
    char point[512] = "", options[256] = "";
    sscanf(line, "%*s %*s %*s %*s %511s %255s", point, options);
    if (strstr(line, "cgroup") || strncmp(point, "/sys", 4) == 0 || strncmp(point, "/mnt", 4) == 0)
      broke("the host's tree is still mounted: %s", line);
  }
  if (table) fclose(table);
}

/* A little more than it may hold, no more: memory is behind it. */
ATTEMPT(tmp_bytes) {
  const long mib = told_number("TMP_MIB");
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  const int fd = open(here("/tmp/full"), O_CREAT | O_WRONLY, 0600);
  long written = 0;
  while (written < mib + 2 && write(fd, block, sizeof block) == (ssize_t)sizeof block) ++written;
  unlink(here("/tmp/full"));
  if (written > mib) broke("/tmp took %ld MiB of %ld", written, mib);
}

ATTEMPT(tmp_files) {
  const int limit = told_number("TMP_FILES");
  int made = 0;
  for (; made < limit + 64; ++made) {
    char path[64];
    snprintf(path, sizeof path, "%s/f%d", here("/tmp"), made);
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0) break;
    close(fd);
  }
  if (made > limit) broke("/tmp took %d files of %d", made, limit);
}

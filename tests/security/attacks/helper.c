/* Not an attack: what other tests need done inside. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "attack.h"

static int connect_to(int port) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (s < 0 || connect(s, (struct sockaddr*)&a, sizeof a) != 0) return -1;
  return s;
}

static void on_term(int number) {
  (void)number;
  static const char said[] = "SIGTERM\n";
  (void)!write(1, said, sizeof said - 1);
  _exit(17);
}

static void use_memory(size_t mib) {
  const size_t size = mib << 20;
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(3);
  memset(memory, 1, size);
  munmap(memory, size);
}

int helper(int argc, char** argv) {
  const char* what = argc > 0 ? argv[0] : "";
  const int number = argc > 1 ? atoi(argv[1]) : 0;
  if (strcmp(what, "exit") == 0) exit(number);
  if (strcmp(what, "signal") == 0) {
    raise(number);
    return 5;
  }
  if (strcmp(what, "say") == 0) {
    printf("%s\n", argv[1]);
    fprintf(stderr, "%s\n", argv[2]);
    return dprintf(3, "%s\n", argv[3]) > 0 ? 0 : 6;
  }
  if (strcmp(what, "sleep") == 0) {
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "term") == 0) {
    signal(SIGTERM, on_term);
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "connect") == 0) return connect_to(number) >= 0 ? 0 : 7;
  if (strcmp(what, "hello") == 0) { /* connects and says who it is, for measuring */
    int s = connect_to(9001);
    if (s < 0 || write(s, "x", 1) != 1) return 7;
    for (;;) pause();
  }
  if (strcmp(what, "listen") == 0) {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(s, (struct sockaddr*)&a, sizeof a) != 0 || listen(s, 16) != 0) return 10;
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "orphan") == 0) { /* leaves a grandchild to init; it dies, init must reap it */
    if (fork() == 0) {
      if (fork() == 0) {
        pause_ms(50);
        _exit(0);
      }
      _exit(0);
    }
    wait(NULL);
    pause_ms(200);
    puts("done");
    return 0;
  }
  if (strcmp(what, "leave") == 0) { /* ends while a child goes on */
    if (fork() == 0)
      for (;;) pause();
    exit(0);
  }
  if (strcmp(what, "memory") == 0) { /* uses and frees so many MiB, then waits */
    use_memory((size_t)number);
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "tmp") == 0) { /* writes so many MiB to /tmp, then waits */
    int fd = open("/tmp/big", O_CREAT | O_WRONLY, 0600);
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    for (int i = 0; i < number; ++i)
      if (write(fd, block, sizeof block) != (ssize_t)sizeof block) return 8;
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "write_file") == 0) { /* path, text; then waits */
    int fd = open(argv[1], O_CREAT | O_WRONLY, 0666);
    if (fd < 0 || dprintf(fd, "%s", argv[2]) < 0) return 9;
    puts("ready");
    for (;;) pause();
  }
  if (strcmp(what, "cat") == 0) {
    int fd = open(argv[1], O_RDONLY);
    char buffer[4096];
    ssize_t count;
    if (fd < 0) return errno;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) (void)!write(1, buffer, (size_t)count);
    return 0;
  }
  if (strcmp(what, "tick") == 0) { /* a line each 10 ms */
    for (;;) {
      puts("tick");
      pause_ms(10);
    }
  }
  return 64;
}

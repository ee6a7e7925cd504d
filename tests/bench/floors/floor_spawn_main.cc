// floor_spawn COUNT COMMAND...
//
// How long a command takes from fork to its end, COUNT times one after the other, in an empty environment: what a
// language runtime's bare start costs. COMMAND[0] is a path.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

int main(int argc, char** argv) {
  if (argc < 3) floors::usage("floor_spawn COUNT COMMAND...");
  floors::Samples samples;
  char* const no_environment[] = {nullptr};
  for (int i = std::atoi(argv[1]); i > 0; --i) {
    const std::uint64_t begin = floors::now_ns();
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execve(argv[2], argv + 2, no_environment);
      ::_exit(127);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) floors::give_up("fork");
    if (status != 0) floors::give_up(argv[2], ECHILD);
    samples.add(floors::now_ns() - begin);
  }
  samples.print("spawn");
}

#include <cstdio>

#include "main/command_line.h"

int main(int argc, char** argv) {
  auto line = hearth::main::parse_command_line(argc, argv);
  if (!line) {
    std::fputs(line.error().text.c_str(), line.error().status == 0 ? stdout : stderr);
    return line.error().status;
  }
  return 0;
}

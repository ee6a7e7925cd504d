// floor_sync FOLDER
//
// What the disk under FOLDER takes to make 4 KiB durable: appended to a file, and written over blocks written before.

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "floor.h"

namespace {

constexpr int kRounds = 1000;
constexpr off_t kBlock = 4096;

void write_and_sync(int fd, off_t offset, floors::Samples& samples) {
  static const std::array<char, static_cast<std::size_t>(kBlock)> block = {'b', 'l', 'o', 'c', 'k'};
  const std::uint64_t begin = floors::now_ns();
  if (::pwrite(fd, block.data(), block.size(), offset) != std::ssize(block) || ::fdatasync(fd) != 0) {
    floors::give_up("write and sync");
  }
  samples.add(floors::now_ns() - begin);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) floors::usage("floor_sync FOLDER");
  const std::string path = fmt::format("{}/floor_sync.{}", argv[1], ::getpid());
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) floors::give_up(path);
  ::unlink(path.c_str());
  floors::Samples append;
  floors::Samples overwrite;
  for (int i = 0; i < kRounds; ++i) write_and_sync(fd, i * kBlock, append);
  for (int i = 0; i < kRounds; ++i) write_and_sync(fd, i * kBlock, overwrite);
  append.print("append 4 KiB and fdatasync");
  overwrite.print("overwrite 4 KiB and fdatasync");
}

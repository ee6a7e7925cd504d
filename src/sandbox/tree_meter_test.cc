#include "sandbox/tree_meter.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace hearth::sandbox {
namespace {

constexpr std::size_t kBytes = 32U << 20U;

// A child of this process that takes and gives back memory when told.
class Child {
 public:
  Child() {
    std::array<int, 2> commands{}, answers{};
    if (::pipe(commands.data()) != 0 || ::pipe(answers.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(commands[1]);  // or it would never see the end of file
      obey(commands[0], answers[1]);
    }
    ::close(commands[0]);
    ::close(answers[1]);
    commands_ = commands[1];
    answers_ = answers[0];
  }
  ~Child() {
    ::close(commands_);  // its end of file
    ::close(answers_);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void tell(char command) const {
    char done = 0;
    ASSERT_EQ(1, ::write(commands_, &command, 1));
    ASSERT_EQ(1, ::read(answers_, &done, 1));
  }

 private:
  [[noreturn]] static void obey(int commands, int answers) {
    void* memory = nullptr;
    char command = 0;
    while (::read(commands, &command, 1) == 1) {
      if (command == '+') {
        memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
      } else if (memory != nullptr) {
        ::munmap(memory, kBytes);
      }
      if (::write(answers, &command, 1) != 1) break;
    }
    ::_exit(0);
  }
  pid_t pid_ = -1;
  int commands_ = -1;
  int answers_ = -1;
};

TEST(TreeMeter, MemoryThatWasSeenStaysThePeakUntilReset) {
  const Child child;
  TreeMeter meter(::getpid());
  const std::uint64_t before = meter.in_use().value;
  child.tell('+');
  EXPECT_GE(meter.in_use().value, before + kBytes);
  child.tell('-');
  EXPECT_LT(meter.in_use().value, before + kBytes);
  EXPECT_GE(meter.peak().value, before + kBytes);
  meter.reset();
  EXPECT_LT(meter.peak().value, before + kBytes);
}

}  // namespace
}  // namespace hearth::sandbox

#include "launcher/process_tree.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace hearth::launcher {
namespace {

constexpr std::string_view kStatus =
    "Name:\tnode\nUmask:\t0022\nState:\tS (sleeping)\nVmRSS:\t   61232 kB\nRssAnon:\t   12340 kB\n"
    "RssFile:\t   48888 kB\nRssShmem:\t       4 kB\nThreads:\t11\n";

TEST(ProcessTree, MemoryIsAnonymousAndSharedNotOfFiles) {
  EXPECT_EQ((12340U + 4U) * 1024, parse_private_memory(kStatus));
}

TEST(ProcessTree, ThreadsAreCounted) { EXPECT_EQ(11U, parse_threads(kStatus)); }

TEST(ProcessTree, AProcessThatIsGoneUsesNothing) {
  EXPECT_EQ(0U, parse_private_memory(""));
  EXPECT_EQ(0U, parse_threads(""));
}

TEST(ProcessTree, NamesThatBeginAlikeAreNotMixedUp) {
  EXPECT_EQ(7U * 1024, parse_private_memory("NoRssAnon:\t5 kB\nRssAnon:\t7 kB\n"));
}

// A child that holds memory and a grandchild.
struct Family {
  pid_t child = -1;
  pid_t grandchild = -1;
  static constexpr std::size_t kBytes = 24U << 20U;

  Family() {
    int ready[2];
    if (::pipe(ready) != 0) return;
    child = ::fork();
    if (child == 0) {
      void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
      if (memory == MAP_FAILED) ::_exit(1);
      const pid_t inner = ::fork();
      if (inner > 0 && ::write(ready[1], &inner, sizeof inner) != sizeof inner) ::_exit(1);
      for (;;) ::pause();
    }
    if (::read(ready[0], &grandchild, sizeof grandchild) != sizeof grandchild) grandchild = -1;
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Family() {
    if (grandchild > 0) ::kill(grandchild, SIGKILL);
    if (child > 0) ::kill(child, SIGKILL);
    if (child > 0) ::waitpid(child, nullptr, 0);
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
};

TEST(ProcessTree, DescendantsOfDescendantsAreFound) {
  const Family family;
  const std::vector<pid_t> found = descendants(::getpid());
  EXPECT_NE(found.end(), std::ranges::find(found, family.child));
  EXPECT_NE(found.end(), std::ranges::find(found, family.grandchild));
  EXPECT_EQ(found.end(), std::ranges::find(found, ::getpid()));
}

TEST(ProcessTree, APageSharedAfterAForkCountsOnceWhenMeasuredExactly) {
  const Family family;
  EXPECT_GE(measure_tree(::getpid()).memory_bytes, 2 * Family::kBytes);
  const std::uint64_t exact = measure_tree_exactly(::getpid());
  EXPECT_GE(exact, Family::kBytes);
  EXPECT_LT(exact, 2 * Family::kBytes);
  EXPECT_GE(measure_tree(::getpid()).tasks, 2U);
}

}  // namespace
}  // namespace hearth::launcher

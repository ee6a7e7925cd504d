// Random system calls from inside a sandbox change nothing outside, and a neighbour hardly waits for them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/klog.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "world.h"

namespace hearth::security {
namespace {

using std::chrono::milliseconds;

int fuzz_seconds() {
  if (const char* said = std::getenv("HEARTH_SYSCALL_SECONDS")) return std::max(1, std::atoi(said));
  return std::getenv("HEARTH_FULL") != nullptr ? 180 : 6;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What a system call that reaches too far would change.
struct Outside {
  std::string mounts, host_name, core_pattern, swappiness, shared_memory, files;
  std::chrono::nanoseconds clock_offset;

  static Outside look(World& world) {
    Outside now;
    now.mounts = contents("/proc/self/mountinfo");
    utsname names{};
    ::uname(&names);
    now.host_name = names.nodename;
    now.core_pattern = contents("/proc/sys/kernel/core_pattern");
    now.swappiness = contents("/proc/sys/vm/swappiness");
    now.shared_memory = contents("/proc/sysvipc/shm");
    for (const char* file : {"/host_file", "/other/handler.py", "/code/anyone"}) {
      now.files += contents(world.harness().source_folder() + file) + "\n";
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.harness().source_folder())) {
      now.files += entry.path().string() + "\n";
    }
    now.clock_offset =
        std::chrono::system_clock::now().time_since_epoch() - std::chrono::steady_clock::now().time_since_epoch();
    return now;
  }
};

// Complaints of the kernel about itself; a crash of a process is none.
std::size_t kernel_complaints() {
  std::string log(1U << 20U, '\0');
  const int size = ::klogctl(3 /* read all */, log.data(), static_cast<int>(log.size()));
  std::size_t count = 0;
  std::istringstream lines(log.substr(0, static_cast<std::size_t>(std::max(0, size))));
  for (std::string line; std::getline(lines, line);) {
    for (const char* word : {"BUG:", "WARNING:", "Oops", "kernel NULL pointer", "refcount_t:", "soft lockup"}) {
      if (line.find(word) != std::string::npos) ++count;
    }
  }
  return count;
}

// Pauses between the lines of a process that writes one every 10 ms, longest last.
std::vector<milliseconds> pauses(Inside& ticking, std::chrono::steady_clock::duration length) {
  std::vector<milliseconds> found;
  auto last = std::chrono::steady_clock::now();
  const auto end = last + length;
  while (last < end && ticking.read_line() == "tick") {
    const auto now = std::chrono::steady_clock::now();
    found.push_back(std::chrono::duration_cast<milliseconds>(now - last));
    last = now;
  }
  std::ranges::sort(found);
  return found;
}
milliseconds p99(const std::vector<milliseconds>& sorted) {
  return sorted.empty() ? milliseconds::max() : sorted[sorted.size() * 99 / 100];
}

class SyscallFuzz : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    enter_test_namespaces();
    world_ = std::make_unique<World>("");
  }

  std::unique_ptr<Inside> start_fuzzer(unsigned seed, int seconds) {
    sandbox::SandboxSpec spec = world_->spec({std::to_string(seed), "4", std::to_string(seconds)});
    spec.argv.front() = "/var/task/syscall_fuzz";
    spec.cpu_milli = 500;  // a function of 884 MB
    return world_->harness().start(std::move(spec));
  }

  std::unique_ptr<World> world_;
};

TEST_F(SyscallFuzz, ChangesNothingOutsideAndHardlyDelaysANeighbour) {
  const int seconds = fuzz_seconds();
  const auto neighbour = world_->harness().start({"helper", "tick"});
  ASSERT_NE(neighbour, nullptr);
  const std::vector<milliseconds> quiet = pauses(*neighbour, std::chrono::seconds(std::min(seconds, 10)));
  const Outside before = Outside::look(*world_);
  const std::size_t complaints = kernel_complaints();

  // Sandboxes one after the other: random calls end some of them early.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  const auto seed = static_cast<unsigned>(std::getenv("HEARTH_SYSCALL_SEED") != nullptr
                                              ? std::atoi(std::getenv("HEARTH_SYSCALL_SEED"))
                                              : std::chrono::system_clock::now().time_since_epoch().count() & 0xFFFF);
  std::uint64_t calls = 0;
  unsigned sandboxes = 0;
  std::vector<milliseconds> busy;
  while (std::chrono::steady_clock::now() < end) {
    const int length = 3;
    const auto inside = start_fuzzer(seed + sandboxes++, length);
    ASSERT_NE(inside, nullptr);
    const std::vector<milliseconds> during = pauses(*neighbour, std::chrono::seconds(length));
    ASSERT_FALSE(during.empty()) << "the neighbour is gone; seed " << seed << ", sandbox " << sandboxes;
    busy.insert(busy.end(), during.begin(), during.end());
    inside->with_sandbox([](sandbox::Sandbox& sandbox) { sandbox.terminate(); });
    std::uint64_t made = 0;
    if (std::sscanf(inside->read_stdout().c_str(), "calls %lu", &made) == 1) calls += made;
    inside->with_sandbox([](sandbox::Sandbox& sandbox) { sandbox.kill(); });
    EXPECT_TRUE(inside->wait_exit()) << "it cannot be ended; seed " << seed << ", sandbox " << sandboxes;
  }
  std::ranges::sort(busy);
  std::printf("[  fuzzed  ] %lu calls in %u sandboxes from seed %u; the neighbour's p99 %ld ms, without %ld ms\n",
              static_cast<unsigned long>(calls), sandboxes, seed, static_cast<long>(p99(busy).count()),
              static_cast<long>(p99(quiet).count()));
  EXPECT_GT(calls, 1000U);
  EXPECT_LE(p99(busy), std::max(4 * p99(quiet), p99(quiet) + milliseconds(50)));

  const Outside after = Outside::look(*world_);
  EXPECT_EQ(after.mounts, before.mounts);
  EXPECT_EQ(after.host_name, before.host_name);
  EXPECT_EQ(after.core_pattern, before.core_pattern);
  EXPECT_EQ(after.swappiness, before.swappiness);
  EXPECT_EQ(after.shared_memory, before.shared_memory);
  EXPECT_EQ(after.files, before.files);
  EXPECT_LT(std::chrono::abs(after.clock_offset - before.clock_offset), milliseconds(100));
  EXPECT_LE(kernel_complaints(), complaints) << "the kernel complained of itself: see its log";
  // Processes and cgroups: the harness looks, when it ends.
  EXPECT_EQ(world_->run_all()["host_files"], "held");
}

}  // namespace
}  // namespace hearth::security

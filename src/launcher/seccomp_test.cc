#include "launcher/seccomp.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace hearth::launcher {
namespace {

// Runs `probe` under the filter in a child; its answer is the child's exit status.
int under_filter(const SeccompFilter& filter, int (*probe)()) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter.install() != 0) ::_exit(255);
    ::_exit(probe());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class SeccompTest : public testing::Test {
 protected:
  void SetUp() override {
    auto compiled = SeccompFilter::compile();
    ASSERT_TRUE(compiled) << compiled.error().message();
    filter_ = std::move(*compiled);
  }
  SeccompFilter filter_;
};

TEST_F(SeccompTest, TheTreeIsShallowEnoughToInstall) {
  EXPECT_GT(filter_.instruction_count(), 100U);
  EXPECT_LT(filter_.instruction_count(), 4096U);  // BPF_MAXINSNS
}

TEST_F(SeccompTest, OrdinaryCallsPass) {
  EXPECT_EQ(under_filter(filter_, [] { return ::getpid() > 0 && ::syscall(SYS_getuid) >= 0 ? 0 : 1; }), 0);
}

TEST_F(SeccompTest, CallsOffTheListAnswerNotPermitted) {
  EXPECT_EQ(under_filter(filter_, [] { return ::syscall(SYS_mount, 0, 0, 0, 0, 0) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(under_filter(filter_, [] { return ::syscall(SYS_ptrace, 0, 0, 0, 0) < 0 ? errno : 0; }), EPERM);
}

TEST_F(SeccompTest, CallsNobodyKnowsYetAnswerNotImplemented) {
  EXPECT_EQ(under_filter(filter_, [] { return ::syscall(500) < 0 ? errno : 0; }), ENOSYS);
  EXPECT_EQ(under_filter(filter_, [] { return ::syscall(SYS_clone3, nullptr, 0) < 0 ? errno : 0; }), ENOSYS);
}

TEST_F(SeccompTest, TheLimitOnCoreFilesCanBeReadAndOnlySeemsToBeSet) {
  EXPECT_EQ(under_filter(filter_,
                         [] {
                           rlimit before{}, after{};
                           if (::getrlimit(RLIMIT_CORE, &before) != 0) return 1;
                           const rlimit other{.rlim_cur = before.rlim_cur ^ 1U, .rlim_max = before.rlim_max ^ 1U};
                           if (::setrlimit(RLIMIT_CORE, &other) != 0) return 2;
                           if (::syscall(SYS_setrlimit, RLIMIT_CORE, &other) != 0) return 3;
                           if (::syscall(SYS_setrlimit, RLIMIT_CORE | 1UL << 32U, &other) != 0) return 4;
                           if (::syscall(SYS_prlimit64, 0, RLIMIT_CORE | 1UL << 32U, &other, nullptr) != 0) return 5;
                           if (::getrlimit(RLIMIT_CORE, &after) != 0) return 6;
                           return after.rlim_cur == before.rlim_cur && after.rlim_max == before.rlim_max ? 0 : 7;
                         }),
            0);
}

TEST_F(SeccompTest, OtherLimitsCanBeSet) {
  EXPECT_EQ(under_filter(filter_,
                         [] {
                           rlimit files{};
                           if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 1;
                           files.rlim_cur = 16;
                           if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return 2;
                           return ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == 16 ? 0 : 3;
                         }),
            0);
}

TEST_F(SeccompTest, ForkStillWorks) {
  EXPECT_EQ(under_filter(filter_,
                         [] {
                           const pid_t pid = ::fork();
                           if (pid == 0) ::_exit(0);
                           return pid > 0 && ::waitpid(pid, nullptr, 0) == pid ? 0 : errno;
                         }),
            0);
}

}  // namespace
}  // namespace hearth::launcher

#include "net/fd_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "net/stream_reader.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

SteadyTime in(std::chrono::milliseconds delay) { return std::chrono::steady_clock::now() + delay; }

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  void put(std::string_view text) const { ASSERT_EQ(::write(write.get(), text.data(), text.size()), std::ssize(text)); }

  UniqueFd read;
  UniqueFd write;
};

class FdWatchTest : public testing::Test {
 protected:
  std::optional<WatchOutcome> watch(FdWatch& fd_watch, SteadyTime deadline) {
    std::optional<WatchOutcome> outcome;
    loop_.spawn(wait_readable(fd_watch, deadline, outcome));
    loop_.run();
    return outcome;
  }
  static Task<> wait_readable(FdWatch& fd_watch, SteadyTime deadline, std::optional<WatchOutcome>& outcome) {
    outcome = co_await fd_watch.readable(deadline);
  }
  static Task<> read_text(StreamReader& reader, SteadyTime deadline, std::optional<Result<std::string>>& text) {
    std::array<char, 64> buffer{};
    const std::span<char> target(buffer);
    auto count = co_await reader.read_some(target, deadline);
    if (count) {
      text = std::string(buffer.data(), *count);
    } else {
      text = std::unexpected(count.error());
    }
  }
  Result<std::string> read(StreamReader& reader, SteadyTime deadline) {
    std::optional<Result<std::string>> text;
    loop_.spawn(read_text(reader, deadline, text));
    loop_.run();
    return *text;
  }

  SystemClock clock_;
  Loop loop_{clock_};
};

TEST_F(FdWatchTest, ReportsWhatIsAlreadyReadableEachTimeItIsAsked) {
  const Pipe pipe;
  pipe.put("x");
  FdWatch fd_watch(loop_, pipe.read.get());
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kReady);
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kReady);
}

TEST_F(FdWatchTest, WakesWhenSomethingArrives) {
  const Pipe pipe;
  FdWatch fd_watch(loop_, pipe.read.get());
  loop_.post([&] { loop_.post([&] { pipe.put("x"); }); });
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kReady);
}

TEST_F(FdWatchTest, TimesOutAndCanBeUsedAgain) {
  const Pipe pipe;
  FdWatch fd_watch(loop_, pipe.read.get());
  EXPECT_EQ(watch(fd_watch, in(2ms)), WatchOutcome::kTimedOut);
  pipe.put("x");
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kReady);
}

TEST_F(FdWatchTest, CancelEndsTheWaitAndOnlyThatOne) {
  const Pipe pipe;
  FdWatch fd_watch(loop_, pipe.read.get());
  loop_.post([&] { loop_.post([&] { fd_watch.cancel(); }); });
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kCancelled);
  EXPECT_EQ(watch(fd_watch, in(2ms)), WatchOutcome::kTimedOut);
}

TEST_F(FdWatchTest, DestroyingTheWatchEndsItsWaitAndLeavesTheDescriptorOpen) {
  const Pipe pipe;
  auto fd_watch = std::make_unique<FdWatch>(loop_, pipe.read.get());
  std::optional<WatchOutcome> outcome;
  loop_.spawn(wait_readable(*fd_watch, SteadyTime::max(), outcome));
  loop_.post([&] { loop_.post([&] { fd_watch.reset(); }); });
  loop_.run();
  EXPECT_EQ(outcome, WatchOutcome::kCancelled);
  EXPECT_NE(::fcntl(pipe.read.get(), F_GETFD), -1);
}

TEST_F(FdWatchTest, AReadingDeadlineDoesNotEndAWritingWait) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  const UniqueFd near(ends[0]);
  const UniqueFd far(ends[1]);
  const std::string packet(1024, 'x');
  while (::send(near.get(), packet.data(), packet.size(), MSG_NOSIGNAL) > 0) {
  }
  FdWatch fd_watch(loop_, near.get());
  std::optional<WatchOutcome> reading;
  std::optional<WatchOutcome> writing;
  struct Waits {
    static Task<> write(FdWatch& fd_watch, std::optional<WatchOutcome>& outcome) {
      outcome = co_await fd_watch.writable(SteadyTime::max());
    }
    static Task<> read_then_make_room(FdWatch& fd_watch, int far, std::optional<WatchOutcome>& outcome,
                                      const std::optional<WatchOutcome>& writing) {
      outcome = co_await fd_watch.readable(in(2ms));
      EXPECT_FALSE(writing);
      std::array<char, 2048> sink{};
      while (::recv(far, sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
      }
    }
  };
  loop_.spawn(Waits::write(fd_watch, writing));
  loop_.spawn(Waits::read_then_make_room(fd_watch, far.get(), reading, writing));
  loop_.run();
  EXPECT_EQ(reading, WatchOutcome::kTimedOut);
  EXPECT_EQ(writing, WatchOutcome::kReady);
}

TEST_F(FdWatchTest, APidfdBecomesReadableWhenTheProcessEnds) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  ASSERT_TRUE(pidfd);
  FdWatch fd_watch(loop_, pidfd.get());
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kReady);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(FdWatchTest, ARegularFileCannotBeWatched) {
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  FdWatch fd_watch(loop_, file.get());
  EXPECT_EQ(watch(fd_watch, in(10s)), WatchOutcome::kFailed);
}

TEST_F(FdWatchTest, AReaderGivesWhatArrivesAndThenTheEnd) {
  Pipe pipe;
  StreamReader reader(loop_, std::move(pipe.read));
  loop_.post([&] { loop_.post([&] { pipe.put("hello"); }); });
  EXPECT_EQ(read(reader, in(10s)).value(), "hello");
  pipe.write.reset();
  EXPECT_EQ(read(reader, in(10s)).value(), "");
}

TEST_F(FdWatchTest, AReaderTimesOutAndLosesNothing) {
  Pipe pipe;
  StreamReader reader(loop_, std::move(pipe.read));
  EXPECT_TRUE(read(reader, in(2ms)).error().is(StreamError::kTimedOut));
  pipe.put("late");
  EXPECT_EQ(read(reader, in(10s)).value(), "late");
}

TEST_F(FdWatchTest, AReaderIsCancelledByCancelAndByItsEnd) {
  Pipe pipe;
  auto reader = std::make_unique<StreamReader>(loop_, std::move(pipe.read));
  loop_.post([&] { loop_.post([&] { reader->cancel(); }); });
  EXPECT_TRUE(read(*reader, SteadyTime::max()).error().is(StreamError::kCancelled));
  loop_.post([&] { loop_.post([&] { reader.reset(); }); });
  EXPECT_TRUE(read(*reader, SteadyTime::max()).error().is(StreamError::kCancelled));
}

TEST_F(FdWatchTest, ReadNowNeverWaits) {
  Pipe pipe;
  StreamReader reader(loop_, std::move(pipe.read));
  std::array<char, 4> buffer{};
  EXPECT_TRUE(reader.read_now(buffer).error().is(StreamError::kWouldBlock));
  pipe.put("abcdef");
  EXPECT_EQ(reader.read_now(buffer).value(), 4U);
  EXPECT_EQ(reader.read_now(buffer).value(), 2U);
  pipe.write.reset();
  EXPECT_EQ(reader.read_now(buffer).value(), 0U);
}

}  // namespace
}  // namespace hearth::net

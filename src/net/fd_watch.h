#pragma once
// FdWatch: waiting until a descriptor can be read or written (pidfd, eventfd, pipe, seqpacket socket, ...).
//
// The watch only borrows the descriptor: what is done once it is ready (recvmsg, waitid, ...) is the caller's business,
// who should make it non-blocking where that matters. Regular files cannot be watched.
//
// Tests: fd_watch_test.cc

#include <memory>

#include "base/clock.h"
#include "net/loop.h"
#include "net/task.h"

namespace hearth::net {

enum class WatchOutcome {
  kReady,      // readable (also: end of stream), writable, or in an error state that reading or writing will show
  kTimedOut,   // the deadline passed first
  kCancelled,  // cancel() was called or the watch destroyed
  kFailed,     // this kind of descriptor cannot be watched
};

// Thread: the loop's. Lifetime: `fd` stays open until the watch is destroyed; one watch per descriptor.
class FdWatch {
 public:
  FdWatch(Loop& loop, int fd);
  ~FdWatch();  // ends waits with kCancelled; they may outlive the watch
  FdWatch(FdWatch&&) noexcept;
  FdWatch& operator=(FdWatch&&) noexcept;
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // At most one wait of each direction at a time. SteadyTime::max(): no deadline.
  Task<WatchOutcome> readable(SteadyTime deadline);
  Task<WatchOutcome> writable(SteadyTime deadline);
  // Ends the waits under way; later ones work again.
  void cancel();

 private:
  struct State;
  enum class Direction { kRead, kWrite };
  static Task<WatchOutcome> wait(std::shared_ptr<State> state, Direction direction, SteadyTime deadline);

  std::shared_ptr<State> state_;
};

}  // namespace hearth::net

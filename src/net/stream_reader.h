#pragma once
// StreamReader: reading a pipe, or any other pollable stream descriptor, as it fills.
//
// Tests: stream_reader_test.cc

#include <cstddef>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/loop.h"
#include "net/task.h"

namespace hearth::net {

enum class StreamError {
  kTimedOut,    // the deadline passed first
  kCancelled,   // cancel() was called or the reader destroyed
  kWouldBlock,  // read_now() only: nothing is there, the stream is still open
  kBroken,      // the system refused; the message says why
};

// Owns its descriptor and makes it non-blocking. Thread: the loop's.
class StreamReader {
 public:
  StreamReader(Loop& loop, UniqueFd fd);
  ~StreamReader();  // ends a read under way with kCancelled; it may outlive the reader, its buffer must too
  StreamReader(StreamReader&&) noexcept;
  StreamReader& operator=(StreamReader&&) noexcept;
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  // Waits until something is there and reads up to `buffer`'s size of it. 0: the end of the stream. One read at a time.
  // Errors: kTimedOut, kCancelled, kBroken.
  Task<Result<std::size_t>> read_some(std::span<char> buffer, SteadyTime deadline = SteadyTime::max());
  // The same without waiting. Errors: kWouldBlock, kBroken.
  Result<std::size_t> read_now(std::span<char> buffer);
  // Ends a read under way; later ones work again.
  void cancel();

 private:
  struct State;
  static Task<Result<std::size_t>> read(std::shared_ptr<State> state, std::span<char> buffer, SteadyTime deadline);

  std::shared_ptr<State> state_;
};

}  // namespace hearth::net

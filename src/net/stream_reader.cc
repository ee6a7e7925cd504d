#include "net/stream_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "net/asio.h"
#include "net/op_deadline.h"

namespace hearth::net {

struct StreamReader::State {
  State(const Executor& executor, UniqueFd fd) : descriptor(executor), deadline(executor) {
    descriptor.assign(fd.get(), open_error);
    if (open_error) return;
    [[maybe_unused]] const int now_owned_by_descriptor = fd.release();
    descriptor.non_blocking(true, open_error);
  }

  void close() {
    ErrorCode ignored;  // a descriptor is gone after close() whatever it returns
    descriptor.close(ignored);
  }
  void cancel() {
    ErrorCode ignored;  // fails only when closed
    descriptor.cancel(ignored);
  }

  asio::posix::basic_stream_descriptor<Executor> descriptor;
  OpDeadline deadline;
  ErrorCode open_error;
};

StreamReader::StreamReader(Loop& loop, UniqueFd fd) : state_(std::make_shared<State>(loop.executor(), std::move(fd))) {}
StreamReader::~StreamReader() {
  if (state_) state_->close();
}
StreamReader::StreamReader(StreamReader&&) noexcept = default;
StreamReader& StreamReader::operator=(StreamReader&& other) noexcept {
  if (this != &other) {
    if (state_) state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Task<Result<std::size_t>> StreamReader::read_some(std::span<char> buffer, SteadyTime deadline) {
  return read(state_, buffer, deadline);
}

Result<std::size_t> StreamReader::read_now(std::span<char> buffer) {
  if (!state_->descriptor.is_open()) return fail(StreamError::kBroken, "read: " + state_->open_error.message());
  for (;;) {
    const ssize_t count = ::read(state_->descriptor.native_handle(), buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return fail(StreamError::kWouldBlock, "read: nothing there");
    return fail(StreamError::kBroken, "read: " + std::generic_category().message(errno));
  }
}

void StreamReader::cancel() { state_->cancel(); }

Task<Result<std::size_t>> StreamReader::read(std::shared_ptr<State> state, std::span<char> buffer,
                                             SteadyTime deadline) {
  if (state->open_error) co_return fail(StreamError::kBroken, "read: " + state->open_error.message());
  state->deadline.arm(state, deadline, [raw = state.get()] { raw->cancel(); });
  ErrorCode error;
  const auto target = asio::buffer(buffer.data(), buffer.size());
  const std::size_t count = co_await state->descriptor.async_read_some(target, asio::redirect_error(kUseTask, error));
  state->deadline.disarm();
  if (!error) co_return count;
  if (error == asio::error::eof) co_return std::size_t{0};
  if (state->deadline.expired()) co_return fail(StreamError::kTimedOut, "read: deadline passed");
  if (error == asio::error::operation_aborted) co_return fail(StreamError::kCancelled, "read: cancelled");
  co_return fail(StreamError::kBroken, "read: " + error.message());
}

}  // namespace hearth::net

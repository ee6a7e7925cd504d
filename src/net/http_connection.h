#pragma once
// HttpConnection: one client of an HttpServer, from its first byte to its last. Internal to net/.
//
// One coroutine per connection walks the phases: (handshake) -> idle -> head -> body -> handling -> writing -> idle ...
// and, where the connection is to end, lingering. A request that arrived whole and is answered at once costs one read,
// one write and no further coroutine than the handler's.
//
// `Stream` is a socket or a TLS stream over one. Path: http_server.cc -> here -> HttpHandler.

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/asio.h"
#include "net/http_chunked.h"
#include "net/http_core.h"
#include "net/http_parser.h"
#include "net/input_buffer.h"
#include "net/tls_impl.h"
#include "net/turn_label.h"

namespace hearth::net {

using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
using TlsStream = asio::ssl::stream<StreamSocket>;

// An answer the server gives by itself, before any handler.
struct Refusal {
  int status = 400;
  std::string reason;
};
Refusal refusal_of(const Error& head_error);
HttpReply reply_of(const Refusal& refusal);
HttpHead owned_head(const HeadView& view);
// A path without the query, which may hold credentials.
std::string loggable_target(std::string_view target);

template <class Stream>
class HttpConnection final : public TrackedConnection {
 public:
  // `tls`: of a TlsStream; outlives the connection. Otherwise nullptr.
  HttpConnection(std::shared_ptr<HttpCore> core, Stream stream, std::string peer, TlsContext::Impl* tls)
      : TrackedConnection(core->connections),
        core_(std::move(core)),
        stream_(std::move(stream)),
        peer_(std::move(peer)),
        tls_(tls),
        reservation_(*core_) {}

  // The whole life of `connection`.
  static Task<> serve(std::unique_ptr<HttpConnection> connection) { co_await connection->run(); }
  // Says `reply` to whatever `connection` may want, and ends it.
  static Task<> turn_away(std::unique_ptr<HttpConnection> connection, HttpReply reply) {
    co_await connection->finish_with(std::move(reply), Lingering::kForClose);
  }

 private:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;
  static constexpr std::size_t kKeptOutput = 4096;
  static constexpr std::size_t kReadPerTurn = std::size_t{512} * 1024;  // of a large body

  enum class Lingering { kForClose, kForUpload };
  enum class HeadStep { kComplete, kNeedsMore, kRefused };
  // kEnded: nothing can be said to this client any more.
  enum class BodyOutcome { kComplete, kRefused, kTooLarge, kEnded };

  struct Framing {
    BodyKind body = BodyKind::kNone;
    std::uint64_t content_length = 0;
    bool keep_alive = false;
    bool expects_continue = false;
    bool to_head_request = false;
    int minor_version = 1;
  };

  StreamSocket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void cancel_wait() override {
    ErrorCode ignored;  // fails only when closed, and then nothing waits
    socket().cancel(ignored);
  }
  void close() override {
    ErrorCode ignored;  // the descriptor is gone whatever close() returns
    socket().close(ignored);
  }

  Task<> run();
  Task<bool> handshake();
  Task<std::optional<HeadStep>> read_head();
  HeadStep take_head();
  HeadStep refuse(Refusal refusal);
  Task<BodyOutcome> read_body();
  Task<BodyOutcome> read_sized_body();
  Task<BodyOutcome> read_chunked_body();
  bool take_buffered_body();
  Task<bool> read_more(std::size_t max);
  ByteCount body_limit();
  HttpReply too_large_reply();
  HttpReply reply_to_failure(const std::string& failure);
  bool begin_reply(HttpReply& reply);
  Task<bool> send(std::string_view first, std::string_view second);
  std::optional<std::size_t> try_send(std::string_view first, std::string_view second);
  Task<bool> send_rest(std::string_view first, std::string_view second, std::size_t sent);
  Task<> finish_with(HttpReply reply, Lingering lingering);
  Task<> linger(Lingering lingering);

  const std::shared_ptr<HttpCore> core_;
  Stream stream_;
  const std::string peer_;
  TlsContext::Impl* const tls_;
  InputBuffer input_;
  std::string output_;  // the head of the reply being sent
  HeadScanner scanner_;
  Framing framing_;
  HttpRequest request_;
  std::string target_;  // of the request being handled, for the log
  Refusal refusal_;
  BodyReservation reservation_;
  bool closes_ = false;
  bool body_goes_out_ = false;
};

template <class Stream>
Task<> HttpConnection<Stream>::run() {
  if constexpr (kTls) {
    if (!co_await handshake()) co_return;
  }
  for (;;) {
    enter(input_.empty() ? Phase::kIdle : Phase::kHead,
          input_.empty() ? core_->limits.idle_deadline : core_->limits.header_deadline);
    HeadStep step = take_head();
    if (step == HeadStep::kNeedsMore) {
      const std::optional<HeadStep> read = co_await read_head();
      if (!read) co_return;
      step = *read;
    } else {  // pipelined: the other connections first
      co_await asio::post(socket().get_executor(), kUseTask);
    }
    if (core_->aborted) co_return;  // here and below: the handler may be gone
    if (step == HeadStep::kRefused) {
      HttpReply reply = reply_of(refusal_);
      co_await finish_with(std::move(reply), Lingering::kForClose);
      co_return;
    }
    if (framing_.body != BodyKind::kNone && !take_buffered_body()) {
      const BodyOutcome outcome = co_await read_body();
      if (outcome == BodyOutcome::kEnded || core_->aborted) co_return;
      if (outcome != BodyOutcome::kComplete) {
        HttpReply reply = outcome == BodyOutcome::kTooLarge ? too_large_reply() : reply_of(refusal_);
        co_await finish_with(std::move(reply), Lingering::kForUpload);
        co_return;
      }
    }
    enter(Phase::kHandling, {});
    if (core_->turnstile && !core_->turnstile->try_pass()) {
      co_await core_->turnstile->wait();
      if (core_->aborted) co_return;
    }
    target_.assign(request_.head.target);
    HttpReply reply;
    std::optional<std::string> failure;
    try {
      reply = co_await core_->handler->handle(std::move(request_));
    } catch (const std::exception& error) {
      failure = error.what();
    } catch (...) {
      failure = "not a std::exception";
    }
    if (failure) reply = reply_to_failure(*failure);
    // A reply that nobody reads stays in memory for as long as its deadline: it counts as a body in flight.
    if (!reservation_.raise_to(reply.body.size())) {
      reply = HttpReply{.status = 503, .headers = {{"Retry-After", "1"}}, .body = {}, .close = true};
    }
    if (core_->aborted || !begin_reply(reply)) co_return;
    const std::string_view body = body_goes_out_ ? std::string_view(reply.body) : std::string_view();
    const std::optional<std::size_t> sent = try_send(output_, body);
    if (!sent) co_return;
    if (*sent < output_.size() + body.size() && !co_await send_rest(output_, body, *sent)) co_return;
    if (closes_) {
      co_await linger(Lingering::kForClose);
      co_return;
    }
    if (output_.capacity() > kKeptOutput) output_ = {};
    reservation_.release();
    input_.trim();
  }
}

// Reads until a head is complete or refused. Nothing: the client is gone or was idle for too long.
template <class Stream>
auto HttpConnection<Stream>::read_head() -> Task<std::optional<HeadStep>> {
  for (;;) {
    ErrorCode error;
    if (expired()) {
      if (input_.empty()) co_return std::nullopt;
      co_return refuse({408, "the head of the request took too long"});
    }
    if (!kTls && take_cooling()) {
      input_.release();
      output_ = {};
      co_await socket().async_wait(StreamSocket::wait_read, asio::redirect_error(kUseTask, error));
      if (error && !expired()) co_return std::nullopt;
      continue;
    }
    const std::span<char> room = input_.room(std::max<std::size_t>(core_->limits.max_head.value, 1));
    if (room.empty()) co_return refuse({431, "the head of the request is too long"});
    const auto target = asio::buffer(room.data(), room.size());
    const std::size_t count = co_await stream_.async_read_some(target, asio::redirect_error(kUseTask, error));
    if (error == asio::error::operation_aborted && !core_->aborted) continue;  // the table has news
    if (error) co_return std::nullopt;
    input_.commit(count);
    if (phase() == Phase::kIdle) enter(Phase::kHead, core_->limits.header_deadline);
    const HeadStep step = take_head();
    if (step != HeadStep::kNeedsMore) co_return step;
  }
}

// Makes request_.head and framing_ of what is buffered.
template <class Stream>
auto HttpConnection<Stream>::take_head() -> HeadStep {
  while (input_.view().starts_with("\r\n")) input_.consume(2);  // blank lines before a request are ignored
  if (input_.empty() || input_.view() == "\r") return HeadStep::kNeedsMore;
  auto end = scanner_.scan(input_.view());
  if (!end) return refuse(refusal_of(end.error()));
  if (!*end) return HeadStep::kNeedsMore;
  if (**end > core_->limits.max_head.value) return refuse({431, "the head of the request is too long"});
  HeadView head;
  const Status parsed = parse_head(input_.view().substr(0, **end), head);
  if (!parsed) return refuse(refusal_of(parsed.error()));
  framing_ = {.body = head.body,
              .content_length = head.content_length,
              .keep_alive = head.keep_alive,
              .expects_continue = head.expects_continue,
              .to_head_request = head.method == "HEAD",
              .minor_version = head.minor_version};
  request_ = HttpRequest{.head = owned_head(head), .body = {}, .peer = peer_};
  input_.consume(**end);
  scanner_.reset();
  return HeadStep::kComplete;
}

template <class Stream>
auto HttpConnection<Stream>::refuse(Refusal refusal) -> HeadStep {
  refusal_ = std::move(refusal);
  return HeadStep::kRefused;
}

// True if a body of stated size lies whole in the buffer and was taken.
template <class Stream>
bool HttpConnection<Stream>::take_buffered_body() {
  if (framing_.body != BodyKind::kSized || framing_.content_length > input_.size()) return false;
  if (framing_.content_length > body_limit().value) return false;
  if (!reservation_.raise_to(framing_.content_length)) return false;
  request_.body.assign(input_.view().substr(0, framing_.content_length));
  input_.consume(framing_.content_length);
  return true;
}

template <class Stream>
auto HttpConnection<Stream>::read_body() -> Task<BodyOutcome> {
  enter(Phase::kBody, core_->limits.body_deadline);
  const ByteCount limit = body_limit();
  if (framing_.body == BodyKind::kSized && framing_.content_length > limit.value) co_return BodyOutcome::kTooLarge;
  if (framing_.body == BodyKind::kSized && !reservation_.raise_to(framing_.content_length)) {
    refuse({503, "too many uploads at once"});
    co_return BodyOutcome::kRefused;
  }
  if (framing_.expects_continue && input_.empty() && !co_await send("HTTP/1.1 100 Continue\r\n\r\n", {})) {
    co_return BodyOutcome::kEnded;
  }
  if (framing_.body == BodyKind::kSized) co_return co_await read_sized_body();
  co_return co_await read_chunked_body();
}

template <class Stream>
auto HttpConnection<Stream>::read_sized_body() -> Task<BodyOutcome> {
  const std::size_t size = framing_.content_length;
  // Memory that is claimed but never sent stays untouched, so it costs addresses only.
  request_.body.resize_and_overwrite(size, [size](char*, std::size_t) { return size; });
  std::size_t have = std::min(size, input_.size());
  std::copy_n(input_.view().data(), have, request_.body.data());
  input_.consume(have);
  input_.trim();
  while (have < size) {
    if (expired()) {
      refuse({408, "the body of the request took too long"});
      co_return BodyOutcome::kRefused;
    }
    ErrorCode error;
    const auto target = asio::buffer(request_.body.data() + have, std::min(size - have, kReadPerTurn));
    have += co_await stream_.async_read_some(target, asio::redirect_error(kUseTask, error));
    if (error && !expired()) co_return BodyOutcome::kEnded;
  }
  co_return BodyOutcome::kComplete;
}

template <class Stream>
auto HttpConnection<Stream>::read_chunked_body() -> Task<BodyOutcome> {
  const ByteCount limit = body_limit();
  ChunkedDecoder decoder(limit);
  for (;;) {
    input_.consume(decoder.feed(input_.view(), request_.body));
    switch (decoder.state()) {
      case ChunkedState::kComplete:
        co_return BodyOutcome::kComplete;
      case ChunkedState::kTooLarge:
        co_return BodyOutcome::kTooLarge;
      case ChunkedState::kMalformed:
        refuse({400, "malformed chunked body"});
        co_return BodyOutcome::kRefused;
      case ChunkedState::kNeedsMore:
        break;
    }
    if (!reservation_.raise_to(request_.body.capacity())) {
      refuse({503, "too many uploads at once"});
      co_return BodyOutcome::kRefused;
    }
    if (expired()) {
      refuse({408, "the body of the request took too long"});
      co_return BodyOutcome::kRefused;
    }
    if (!co_await read_more(std::max(InputBuffer::kUsual, input_.capacity())) && !expired())
      co_return BodyOutcome::kEnded;
  }
}

// One read into the buffer. False if it failed.
template <class Stream>
Task<bool> HttpConnection<Stream>::read_more(std::size_t max) {
  const std::span<char> room = input_.room(max);
  const auto target = asio::buffer(room.data(), room.size());
  ErrorCode error;
  input_.commit(co_await stream_.async_read_some(target, asio::redirect_error(kUseTask, error)));
  co_return !error;
}

// No body is taken where the handler fails to say how much it wants.
template <class Stream>
ByteCount HttpConnection<Stream>::body_limit() {
  try {
    return core_->handler->body_limit(request_.head, core_->limits);
  } catch (const std::exception& error) {
    target_.assign(request_.head.target);
    reply_to_failure(error.what());
    return ByteCount{0};
  }
}

template <class Stream>
HttpReply HttpConnection<Stream>::too_large_reply() {
  try {
    return core_->handler->too_large(request_.head);
  } catch (const std::exception& error) {
    target_.assign(request_.head.target);
    return reply_to_failure(error.what());
  }
}

// What a handler's bug is answered with.
template <class Stream>
HttpReply HttpConnection<Stream>::reply_to_failure(const std::string& failure) {
  if (!core_->aborted) {
    core_->log.error("an HTTP handler failed", {{"target", loggable_target(target_)}, {"failure", failure}});
  }
  return reply_of({500, "internal error"});
}

// Writes the reply's head to output_ and enters the writing phase. False if the client is gone.
template <class Stream>
bool HttpConnection<Stream>::begin_reply(HttpReply& reply) {
  if (!socket().is_open()) return false;
  if (!headers_are_valid(reply) || reply.status < 200 || reply.status > 999) {
    core_->log.error("a reply cannot be written as HTTP: invalid header or status",
                     {{"status", std::to_string(reply.status)}});
    reply = reply_of({500, "internal error"});
  }
  closes_ = reply.close || !framing_.keep_alive || core_->stopping;
  ReplyContext context{.date = core_->date.at(core_->loop.clock().now()),
                       .persistence = Persistence::kKeepAlive,
                       .to_head_request = framing_.to_head_request};
  if (closes_) {
    context.persistence = Persistence::kClose;
  } else if (framing_.minor_version == 0) {
    context.persistence = Persistence::kKeepAliveToOldClient;
  }
  output_.clear();
  append_reply_head(output_, reply, context);
  body_goes_out_ = sends_body(reply, context);
  enter(Phase::kWriting, core_->limits.body_deadline);
  return true;
}

// Sends without waiting what the socket takes at once. Nothing if the client is gone.
template <class Stream>
std::optional<std::size_t> HttpConnection<Stream>::try_send(std::string_view first, std::string_view second) {
  if constexpr (kTls) {
    return 0;
  } else {
    std::array<iovec, 2> parts = {iovec{const_cast<char*>(first.data()), first.size()},
                                  iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    const ssize_t sent = ::sendmsg(stream_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
    return std::nullopt;
  }
}

template <class Stream>
Task<bool> HttpConnection<Stream>::send_rest(std::string_view first, std::string_view second, std::size_t sent) {
  const std::size_t size = first.size() + second.size();
  while (sent < size) {
    if (expired()) co_return false;
    const std::string_view rest_of_first = first.substr(std::min(sent, first.size()));
    const std::string_view rest_of_second = second.substr(sent > first.size() ? sent - first.size() : 0);
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(rest_of_first), asio::buffer(rest_of_second)};
    ErrorCode error;
    sent += co_await stream_.async_write_some(parts, asio::redirect_error(kUseTask, error));
    if (error) co_return false;
  }
  co_return true;
}

template <class Stream>
Task<bool> HttpConnection<Stream>::send(std::string_view first, std::string_view second) {
  const std::optional<std::size_t> sent = try_send(first, second);
  if (!sent) co_return false;
  co_return co_await send_rest(first, second, *sent);
}

// The last reply of a connection whose client may still be sending.
template <class Stream>
Task<> HttpConnection<Stream>::finish_with(HttpReply reply, Lingering lingering) {
  reply.close = true;
  if (core_->aborted || !begin_reply(reply)) co_return;
  const std::string_view body = body_goes_out_ ? std::string_view(reply.body) : std::string_view();
  if (!co_await send(output_, body)) co_return;
  request_ = {};
  reservation_.release();
  co_await linger(lingering);
}

// Reads and discards until the client closes or has sent what it announced, so that it is not told by a reset to throw
// our reply away.
template <class Stream>
Task<> HttpConnection<Stream>::linger(Lingering lingering) {
  const bool uploading = lingering == Lingering::kForUpload;
  if (core_->stopping && !uploading && input_.empty()) co_return;
  enter(Phase::kLingering, uploading ? kUploadLingerTime : kLingerTime);
  std::uint64_t bytes = uploading ? kUploadLingerBytes : kLingerBytes;
  ErrorCode error;
  if constexpr (kTls) {
    if (!uploading) {
      co_await stream_.async_shutdown(asio::redirect_error(kUseTask, error));
      co_return;
    }
    if (framing_.body == BodyKind::kSized)
      bytes = std::min(bytes, framing_.content_length - std::min(framing_.content_length, input_.size()));
  } else {
    socket().shutdown(StreamSocket::shutdown_send, error);
  }
  std::uint64_t discarded = 0;
  while (!error && !expired() && discarded < bytes) {
    input_.clear();
    const std::span<char> room = input_.room(InputBuffer::kUsual);
    const auto target = asio::buffer(room.data(), room.size());
    discarded += co_await stream_.async_read_some(target, asio::redirect_error(kUseTask, error));
  }
  if constexpr (kTls) {
    if (!error && !expired()) co_await stream_.async_shutdown(asio::redirect_error(kUseTask, error));
  }
}

template <class Stream>
Task<bool> HttpConnection<Stream>::handshake() {
  if constexpr (kTls) {
    enter(Phase::kHandshake, core_->limits.header_deadline);
    ErrorCode error;
    co_await socket().async_wait(StreamSocket::wait_read, asio::redirect_error(kUseTask, error));
    if (error || core_->aborted) co_return false;
    co_await core_->handler->await_turn();
    if (core_->aborted || expired()) co_return false;
    note_turn("TLS handshake");
    co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(kUseTask, error));
    if (tls_->failure && !core_->aborted) {
      core_->log.warn("no certificate for a TLS client", {{"failure", tls_->failure->message()}});
      tls_->failure.reset();
    }
    co_return !error && !expired();
  } else {
    co_return true;
  }
}

}  // namespace hearth::net

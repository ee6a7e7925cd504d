#pragma once
// The head of an HTTP reply as bytes. Internal to net/.

#include <ctime>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http.h"

namespace hearth::net {

// The value of a Date header, formatted once per second.
class DateCache {
 public:
  std::string_view at(TimePoint now);

 private:
  std::time_t second_ = -1;
  std::string text_;
};

enum class Persistence { kKeepAlive, kKeepAliveToOldClient, kClose };

// What the framing of a reply depends on besides the reply.
struct ReplyContext {
  std::string_view date;
  Persistence persistence = Persistence::kKeepAlive;
  bool to_head_request = false;
};

// Whether every header can be written as it is, without ending its line early or naming what no header is called.
bool headers_are_valid(const HttpReply& reply);

// Whether the body goes out after the head.
bool sends_body(const HttpReply& reply, const ReplyContext& context);

// Appends status line and headers to `out`. Content-Length, Date, Connection and Transfer-Encoding given by the
// handler are left out for our own; only the reply to HEAD, and 304, may state the length of a body not sent.
void append_reply_head(std::string& out, const HttpReply& reply, const ReplyContext& context);

}  // namespace hearth::net

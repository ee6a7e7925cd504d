#include "net/http_reply.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "net/http_parser.h"

namespace hearth::net {
namespace {

std::string_view reason_of(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 37> kReasons = {{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Payload Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Entity"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  const auto* const found = std::lower_bound(kReasons.begin(), kReasons.end(), status,
                                             [](const auto& entry, int key) { return entry.first < key; });
  return found != kReasons.end() && found->first == status ? found->second : std::string_view("Unknown");
}

bool is_framing_header(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_ignore_case(name, "Date");
    case 10:
      return equals_ignore_case(name, "Connection") || equals_ignore_case(name, "Keep-Alive");
    case 14:
      return equals_ignore_case(name, "Content-Length");
    case 17:
      return equals_ignore_case(name, "Transfer-Encoding");
    default:
      return false;
  }
}

bool has_no_body_by_status(int status) { return status == 204 || status == 304 || status < 200; }

void append_number(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

void append_content_length(std::string& out, const HttpReply& reply, const ReplyContext& context) {
  if (context.to_head_request || reply.status == 304) {
    const std::string* const stated = find_header(reply.headers, "Content-Length");
    const bool digits = stated != nullptr && !stated->empty() && stated->size() < 20 &&
                        std::all_of(stated->begin(), stated->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) {
      out.append("Content-Length: ").append(*stated).append("\r\n");
      return;
    }
  }
  if (has_no_body_by_status(reply.status)) return;
  out.append("Content-Length: ");
  append_number(out, reply.body.size());
  out.append("\r\n");
}

}  // namespace

std::string_view DateCache::at(TimePoint now) {
  const std::time_t second = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
  if (second != second_) {
    second_ = second;
    text_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(second));
  }
  return text_;
}

bool headers_are_valid(const HttpReply& reply) {
  return std::all_of(reply.headers.begin(), reply.headers.end(),
                     [](const Header& header) { return is_token(header.name) && is_field_value(header.value); });
}

bool sends_body(const HttpReply& reply, const ReplyContext& context) {
  return !context.to_head_request && !has_no_body_by_status(reply.status) && !reply.body.empty();
}

void append_reply_head(std::string& out, const HttpReply& reply, const ReplyContext& context) {
  if (reply.status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::uint64_t>(reply.status));
    out.append(" ").append(reason_of(reply.status)).append("\r\n");
  }
  for (const Header& header : reply.headers) {
    if (is_framing_header(header.name)) continue;
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  append_content_length(out, reply, context);
  out.append("Date: ").append(context.date).append("\r\n");
  switch (context.persistence) {
    case Persistence::kKeepAlive:
      break;
    case Persistence::kKeepAliveToOldClient:
      out.append("Connection: keep-alive\r\n");
      break;
    case Persistence::kClose:
      out.append("Connection: close\r\n");
      break;
  }
  out.append("\r\n");
}

}  // namespace hearth::net

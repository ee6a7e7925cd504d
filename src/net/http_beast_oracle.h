#pragma once
// For tests and fuzzing only: Boost.Beast's reading of a request, to compare ours with.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_parser.h"

namespace hearth::net::test {

struct BeastVerdict {
  bool accepted = false;
  std::string method;
  std::string target;
  unsigned version = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // sorted
  bool chunked = false;
  bool keep_alive = false;
  std::uint64_t content_length = 0;
};

// Of `head`, one whole head.
inline BeastVerdict beast_verdict(std::string_view head) {
  namespace http = boost::beast::http;
  http::request_parser<http::empty_body> parser;
  parser.header_limit(1U << 20U);
  parser.body_limit(boost::none);
  boost::system::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  BeastVerdict verdict;
  verdict.accepted = !error && parser.is_header_done() && used == head.size();
  if (!verdict.accepted) return verdict;
  const auto& message = parser.get();
  verdict.method = std::string(message.method_string());
  verdict.target = std::string(message.target());
  verdict.version = message.version();
  for (const auto& field : message) verdict.fields.emplace_back(field.name_string(), field.value());
  std::sort(verdict.fields.begin(), verdict.fields.end());
  verdict.chunked = parser.chunked();
  verdict.keep_alive = parser.keep_alive();
  verdict.content_length = parser.content_length().value_or(0);
  return verdict;
}

// How `ours`, an accepted head, differs from Beast's reading; empty if it does not.
inline std::string difference(const BeastVerdict& beast, const HeadView& ours) {
  if (!beast.accepted) return "Beast refuses it";
  if (beast.method != ours.method) return "method";
  if (ours.authority.empty() ? beast.target != ours.target : !beast.target.contains(ours.authority)) return "target";
  if (beast.version != 10U + static_cast<unsigned>(ours.minor_version)) return "version";
  std::vector<std::pair<std::string, std::string>> fields;
  for (std::size_t i = 0; i < ours.field_count; ++i) fields.emplace_back(ours.field(i).name, ours.field(i).value);
  std::sort(fields.begin(), fields.end());
  if (beast.fields != fields) return "fields";
  if (beast.chunked != (ours.body == BodyKind::kChunked)) return "chunked";
  if (beast.content_length != ours.content_length) return "Content-Length";
  if (beast.keep_alive != ours.keep_alive) return "keep-alive";
  return {};
}

// The body Beast takes out of `coded`, a chunked body and nothing after it; nothing if it refuses.
inline std::optional<std::string> beast_chunked_body(std::string_view coded) {
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.header_limit(1U << 20U);
  parser.body_limit(boost::none);
  parser.eager(true);
  std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  text += coded;
  std::string_view left = text;
  while (!left.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(left.data(), left.size()), error);
    left.remove_prefix(used);
    if (error && error != http::error::need_more) return std::nullopt;
    if (used == 0) return std::nullopt;
  }
  if (!parser.is_done() || !left.empty()) return std::nullopt;
  return parser.get().body();
}

}  // namespace hearth::net::test

#include "gateway/guard.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "gateway/aws_host.h"

namespace hearth::gateway {
namespace {

// "http://localhost:4566/x" -> "localhost:4566"; empty for what is no such URL ("null").
std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool same_authority(std::string_view a, std::string_view b) {
  const HostName left = parse_host(a);
  const HostName right = parse_host(b);
  return !left.name.empty() && left.name == right.name && left.port == right.port;
}

std::size_t count_header(const net::HttpHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(head.headers, [&](const Header& h) { return equals_ignore_case(h.name, name); }));
}

}  // namespace

bool is_loopback_name(std::string_view name) {
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  if (name.contains('\0')) return false;  // where inet_pton would stop
  const std::string text(name);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Guard::Guard(AuthMode mode, const std::vector<std::string>& host_names) : mode_(mode) {
  for (const std::string& name : host_names) host_names_.push_back(parse_host(name).name);
}

bool Guard::is_known_host(std::string_view name) const {
  return is_loopback_name(name) || std::ranges::find(host_names_, name) != host_names_.end();
}

std::optional<std::string> Guard::refusal(const net::HttpHead& head) const {
  if (count_header(head, "host") > 1) return "The request has more than one Host header.";
  const std::string_view host = head.header("host");
  const bool platform_page = head.target.starts_with("/_hearth");
  if (mode_ == AuthMode::kOpen || platform_page) {
    const HostName name = parse_host(host);
    const bool answered = is_known_host(name.name) || (mode_ == AuthMode::kEnforced && !host.empty());
    if (!answered) {
      return fmt::format(
          "Hearth does not answer to the host name '{}'. While auth is \"open\" only loopback names and the names in "
          "the setting hosts are answered, so that no web page can drive it.",
          host);
    }
  }
  // A browser says where a request comes from; other clients say nothing of this.
  const std::string_view site = head.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") {
    return fmt::format("Hearth does not answer requests from web pages of other sites (Sec-Fetch-Site: {}).", site);
  }
  for (const std::string_view name : {"origin", "referer"}) {
    const std::string_view from = head.header(name);
    if (!from.empty() && !same_authority(authority_of(from), host)) {
      return fmt::format("Hearth does not answer requests from web pages of other sites ({}: {}).",
                         name == "origin" ? "Origin" : "Referer", from);
    }
  }
  return std::nullopt;
}

}  // namespace hearth::gateway

#include "gateway/platform_pages.h"

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "base/json_text.h"
#include "gateway/aws_host.h"
#include "gateway/identify.h"
#include "storage/store.h"

namespace hearth::gateway {
namespace {

net::HttpReply json_reply(int status, std::string document) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          .body = std::move(document) + "\n"};
}

net::HttpReply json_reply(int status, const boost::json::value& document) {
  return json_reply(status, boost::json::serialize(document));
}

net::HttpReply wrong_method(std::string_view allowed) {
  net::HttpReply reply = sentence_reply(405, "This page answers to " + std::string(allowed) + " only.");
  reply.headers.push_back({"Allow", std::string(allowed)});
  return reply;
}

}  // namespace

net::HttpReply sentence_reply(int status, std::string_view sentence) {
  std::string document = "{\"message\":";
  append_json_string(document, sentence);  // with words of a request, which may be any bytes
  return json_reply(status, document + "}");
}

PlatformPages::PlatformPages(AuthMode mode, std::string version, HealthSource& health, Resetter& resetter,
                             CodeDownload& downloads, const Clock& clock)
    : mode_(mode),
      version_(std::move(version)),
      health_(health),
      resetter_(resetter),
      downloads_(downloads),
      clock_(clock),
      started_(clock.steady_now()) {}

net::Task<net::HttpReply> PlatformPages::serve(net::HttpRequest request) {
  const std::string_view path = split_target(request.head.target).path;
  const std::string& method = request.head.method;
  if (path == "/_hearth/health") {
    if (method != "GET" && method != "HEAD") co_return wrong_method("GET");
    co_await health_.look();
    co_return health(request);
  }
  if (path == "/_hearth/metrics") {
    if (method != "GET" && method != "HEAD") co_return wrong_method("GET");
    auto describing = metrics(std::move(request));
    co_return co_await std::move(describing);
  }
  if (path == "/_hearth/reset") {
    if (method != "POST") co_return wrong_method("POST");
    auto resetting = reset(std::move(request));
    co_return co_await std::move(resetting);
  }
  if (path.starts_with(CodeDownload::kPathPrefix)) {
    if (method != "GET" && method != "HEAD") co_return wrong_method("GET");
    auto answering = downloads_.serve(request.head.target);
    co_return co_await std::move(answering);
  }
  co_return sentence_reply(
      404, "There is no such page. Hearth's own pages are /_hearth/health, /_hearth/metrics and /_hearth/reset.");
}

bool PlatformPages::is_stranger(const net::HttpRequest& request) const {
  return mode_ == AuthMode::kEnforced && !is_loopback_name(parse_host(request.peer).name);
}

net::Task<net::HttpReply> PlatformPages::metrics(net::HttpRequest request) {
  if (is_stranger(request)) co_return sentence_reply(403, "With keys in force, metrics are for this machine only.");
  observe::MetricsText text;
  text.gauge("hearth_uptime_seconds", "Since the server started.",
             std::chrono::duration<double>(clock_.steady_now() - started_).count());
  co_await health_.describe(text);
  co_return net::HttpReply{
      .status = 200,
      .headers = {{"Content-Type", std::string(observe::MetricsText::kContentType)}, {"Cache-Control", "no-store"}},
      .body = text.take()};
}

net::HttpReply PlatformPages::health(const net::HttpRequest& request) const {
  const HealthReport report = health_.health();
  const auto uptime = std::chrono::floor<std::chrono::seconds>(clock_.steady_now() - started_);
  boost::json::object document{
      {"status", report.storage_trouble ? "degraded" : "ok"}, {"version", version_}, {"uptime_s", uptime.count()}};
  if (!is_stranger(request)) {
    boost::json::array runtimes;
    for (const RuntimeHealth& runtime : report.runtimes) {
      runtimes.push_back(
          boost::json::object{{"name", runtime.name}, {"available", runtime.available}, {"note", runtime.note}});
    }
    document["auth"] = mode_ == AuthMode::kOpen ? "open" : "enforced";
    document["isolation"] = boost::json::object{
        {"tier", report.isolation_tier},
        {"mechanisms", boost::json::array(report.isolation_parts.begin(), report.isolation_parts.end())}};
    document["runtimes"] = std::move(runtimes);
    document["warnings"] = boost::json::array(report.warnings.begin(), report.warnings.end());
    document["storage"] = report.storage_trouble
                              ? boost::json::object{{"status", "failing"}, {"trouble", *report.storage_trouble}}
                              : boost::json::object{{"status", "ok"}};
    document["functions"] = report.functions;
    document["environments"] = report.environments;
  }
  return json_reply(report.storage_trouble ? 503 : 200, document);
}

net::Task<net::HttpReply> PlatformPages::reset(net::HttpRequest request) {
  if (mode_ != AuthMode::kOpen) co_return sentence_reply(403, "Reset exists only while auth is \"open\".");
  if (request.head.header("x-hearth-reset") != "yes") {
    co_return sentence_reply(403, "Reset empties everything. Send the header X-Hearth-Reset: yes to mean it.");
  }
  auto resetting = resetter_.reset();
  const Status done = co_await std::move(resetting);
  if (!done) {
    const bool unavailable = done.error().is(storage::ErrorKind::kUnavailable);
    co_return sentence_reply(unavailable ? 503 : 500, "Reset failed: " + done.error().message());
  }
  co_return json_reply(200, boost::json::object{{"status", "reset"}});
}

}  // namespace hearth::gateway

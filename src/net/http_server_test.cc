#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <string>

#include "base/check.h"
#include "net/gate.h"
#include "net/http_test_support.h"
#include "net/one_shot.h"
#include "net/turn_watch.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

namespace hearth::net {
namespace {

using namespace std::chrono_literals;
using test::body_of;
using test::Client;
using test::ServerThread;
using test::status_line;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Replies as the path of the request asks.
class ScriptedHandler : public HttpHandler {
 public:
  ByteCount body_limit(const HttpHead& head, const HttpLimits& limits) const override {
    return head.target == "/small" ? ByteCount{1000} : limits.max_body;
  }
  HttpReply too_large(const HttpHead& head) const override {
    return {.status = 413, .headers = {{"X-Target", head.target}}, .body = "too large for us", .close = true};
  }
  Task<HttpReply> handle(HttpRequest request) override {
    ++handled;
    const std::string target = request.head.target;
    if (target == "/slow") co_await sleep_for(50ms);
    if (target == "/never") co_await sleep_for(1h);
    if (target == "/check") HEARTH_CHECK(false, "on purpose");
    HttpReply reply;
    reply.headers.push_back({"X-Method", request.head.method});
    reply.headers.push_back({"X-Host", std::string(request.head.header("host"))});
    reply.body = target == "/echo" || target == "/small" ? std::move(request.body) : target;
    if (target == "/inject") reply.headers.push_back({"X-Bad", "a\r\nX-Evil: 1"});
    if (target == "/nothing") reply.status = 204;
    if (target == "/close") reply.close = true;
    if (target == "/big") reply.body.assign(8'000'000, 'b');
    if (target == "/peer") reply.body = request.peer;
    if (target == "/own-length") reply.headers.push_back({"Content-Length", "123456"});
    co_return reply;
  }

  std::atomic<int> handled = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  // The loop stands still until then, with the blessing of its watch.
  void hold_until(std::latch& release) {
    server_->loop().post([this, &release] {
      server_->loop().watch_turns(std::chrono::hours(1), [](const SlowTurn&) {});
      release.wait();
    });
  }
  HttpServerTest() {
    limits_.header_deadline = 10s;
    limits_.body_deadline = 10s;
  }
  std::uint16_t start() {
    server_.emplace(handler_, limits_);
    return server_->port();
  }
  // The reply to one request on a connection of its own.
  std::string ask(const std::string& request) {
    Client client(start());
    client.send(request);
    return client.read_reply();
  }

  ScriptedHandler handler_;
  HttpLimits limits_;
  std::optional<ServerThread> server_;
};

TEST_F(HttpServerTest, AnswersAGetWithTheServersOwnHeaders) {
  const std::string reply = ask("GET /hello?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_line(reply), "HTTP/1.1 200 OK");
  EXPECT_EQ(body_of(reply), "/hello?x=1");
  EXPECT_THAT(reply, HasSubstr("\r\nContent-Length: 10\r\n"));
  EXPECT_THAT(reply,
              testing::ContainsRegex("\r\nDate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT\r\n"));
  EXPECT_THAT(reply, Not(HasSubstr("Connection:")));
}

TEST_F(HttpServerTest, KeepsTheConnectionAndAnswersInOrderWhatWasPipelined) {
  Client client(start());
  std::string requests;
  for (int i = 0; i < 100; ++i)
    requests += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  requests += "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /after HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(body_of(client.read_reply()), std::to_string(100 + i));
  EXPECT_EQ(body_of(client.read_reply()), "/slow");
  EXPECT_EQ(body_of(client.read_reply()), "/after");
}

TEST_F(HttpServerTest, TakesAHeadThatArrivesByteByByte) {
  Client client(start());
  for (const char c : std::string("\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")) {
    client.send(std::string(1, c));
  }
  EXPECT_EQ(body_of(client.read_reply()), "hello");
}

TEST_F(HttpServerTest, TakesLargeBodiesWhole) {
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  Client client(start());
  std::jthread sender([&] { client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + body); });
  EXPECT_EQ(body_of(client.read_reply()), body);
}

TEST_F(HttpServerTest, SendsLargeRepliesToASlowReader) {
  Client client(start());
  client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.read_reply()).size(), 8'000'000U);
}

TEST_F(HttpServerTest, TakesChunkedBodiesAndGoesOnBehindThem) {
  Client client(start());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: dropped\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.read_reply()), "hello world");
  EXPECT_EQ(body_of(client.read_reply()), "/next");
}

TEST_F(HttpServerTest, SaysContinueOnlyWhenTheBodyIsWanted) {
  Client client(start());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.read_reply(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(body_of(client.read_reply()), "hello");
  client.send("POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
  const std::string refusal = client.read_reply();
  EXPECT_EQ(status_line(refusal), "HTTP/1.1 413 Payload Too Large");
  EXPECT_THAT(refusal, HasSubstr("X-Target: /small"));
  EXPECT_THAT(refusal, HasSubstr("Connection: close"));
}

TEST_F(HttpServerTest, RefusesOtherExpectations) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"), StartsWith("HTTP/1.1 417 "));
}

TEST_F(HttpServerTest, AClientThatIsStillSendingSeesThatItsBodyIsTooLarge) {
  Client client(start());
  const std::string upload(20'000'000, 'u');
  EXPECT_TRUE(client.send("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n"));
  EXPECT_TRUE(client.send(upload));
  EXPECT_THAT(client.read_to_end(), testing::AllOf(StartsWith("HTTP/1.1 413 "), EndsWith("too large for us")));
}

TEST_F(HttpServerTest, AChunkedBodyBeyondTheLimitIsTooLargeToo) {
  Client client(start());
  client.send("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'x') +
              "\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), testing::AllOf(StartsWith("HTTP/1.1 413 "), EndsWith("too large for us")));
  EXPECT_EQ(handler_.handled, 0);
}

TEST_F(HttpServerTest, ABodyOfExactlyTheLimitIsTaken) {
  EXPECT_EQ(
      body_of(ask("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'))).size(),
      1000U);
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  Client client(start());
  client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_reply(false), testing::AllOf(HasSubstr("Content-Length: 6\r\n"), EndsWith("\r\n\r\n")));
  EXPECT_EQ(body_of(client.read_reply()), "/next");
  client.send("HEAD /own-length HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_reply(false), HasSubstr("Content-Length: 123456\r\n"));
}

TEST_F(HttpServerTest, AHandlersContentLengthIsNotBelieved) {
  EXPECT_THAT(ask("GET /own-length HTTP/1.1\r\nHost: h\r\n\r\n"),
              testing::AllOf(HasSubstr("Content-Length: 11\r\n"), Not(HasSubstr("123456"))));
}

TEST_F(HttpServerTest, A204HasNeitherBodyNorLength) {
  Client client(start());
  client.send("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_reply(),
              testing::AllOf(StartsWith("HTTP/1.1 204 No Content\r\n"), Not(HasSubstr("Content-Length"))));
  EXPECT_EQ(body_of(client.read_reply()), "/next");
}

TEST_F(HttpServerTest, OldClientsAreAnsweredAndClosedUnlessTheyAskToStay) {
  {
    Client client(start());
    client.send("GET /old HTTP/1.0\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("/old")));
  }
  Client client(server_->port());
  client.send("GET /old HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_THAT(client.read_reply(), HasSubstr("Connection: keep-alive\r\n"));
  client.send("GET /again HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), EndsWith("/again"));
}

TEST_F(HttpServerTest, ClosesWhenClientOrHandlerAsksForIt) {
  Client asked(start());
  asked.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(asked.read_to_end(), testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("/a")));
  Client told(server_->port());
  told.send("GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(told.read_to_end(), testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("/close")));
}

TEST_F(HttpServerTest, AnAbsoluteTargetBecomesAPathAndItsHostCounts) {
  const std::string reply = ask("GET http://real.example:80/path?q=1 HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(body_of(reply), "/path?q=1");
  EXPECT_THAT(reply, HasSubstr("X-Host: real.example:80\r\n"));
  server_.reset();
  EXPECT_EQ(body_of(ask("GET http://real.example?q=1 HTTP/1.1\r\nHost: other\r\n\r\n")), "/?q=1");
  server_.reset();
  EXPECT_EQ(body_of(ask("GET HTTPS://real.example HTTP/1.1\r\nHost: other\r\n\r\n")), "/");
}

TEST_F(HttpServerTest, AClientThatShutsItsSendingSideStillGetsTheReply) {
  Client client(start());
  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  client.end_sending();
  EXPECT_THAT(client.read_to_end(), EndsWith("/slow"));
}

TEST_F(HttpServerTest, RefusesWithAReasonAndCloses) {
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(client.read_to_end(),
              testing::AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"), EndsWith("Content-Length twice\n")));
  EXPECT_EQ(handler_.handled, 0);
}

TEST_F(HttpServerTest, EachKindOfBadHeadHasItsStatus) {
  start();
  const auto status_of = [&](const std::string& request) {
    Client client(server_->port());
    client.send(request);
    return client.read_to_end().substr(9, 3);
  };
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), "505");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "501");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), "400");
  EXPECT_EQ(status_of("\x16\x03\x01"), "400");
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: h\n\n"), "400");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"), "431");
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 300; ++i) many += "X: y\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), "431");
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "400");
  EXPECT_EQ(handler_.handled, 0);
}

TEST_F(HttpServerTest, ALongHeadWithinTheLimitIsTaken) {
  const std::string long_path = "/" + std::string(60'000, 'p');
  EXPECT_EQ(body_of(ask("GET " + long_path + " HTTP/1.1\r\nHost: h\r\n\r\n")), long_path);
}

TEST_F(HttpServerTest, AFailedCheckInAHandlerIsA500AndTheServerGoesOn) {
  Client client(start());
  client.send("GET /check HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string reply = client.read_to_end();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(reply, Not(HasSubstr("on purpose")));
  Client next(server_->port());
  next.send("GET /fine HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(next.read_reply()), "/fine");
}

TEST_F(HttpServerTest, AHandlerCannotInjectHeaders) {
  const std::string reply = ask("GET /inject HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(reply, Not(HasSubstr("Evil")));
}

TEST_F(HttpServerTest, TellsTheHandlerItsPeer) {
  EXPECT_THAT(body_of(ask("GET /peer HTTP/1.1\r\nHost: h\r\n\r\n")), StartsWith("127.0.0.1:"));
}

TEST_F(HttpServerTest, AHeadThatTakesTooLongIsTimedOut) {
  limits_.header_deadline = 30ms;
  Client client(start());
  client.send("GET / HT");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, ABodyThatTakesTooLongIsTimedOut) {
  limits_.body_deadline = 30ms;
  Client sized(start());
  sized.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
  EXPECT_THAT(sized.read_reply(), StartsWith("HTTP/1.1 408 "));
  Client chunked(server_->port());
  chunked.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  EXPECT_THAT(chunked.read_reply(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosedSilently) {
  limits_.idle_deadline = 30ms;
  Client never_asked(start());
  EXPECT_EQ(never_asked.read_to_end(), "");
  Client asked(server_->port());
  asked.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(asked.read_to_end()), "/a");
}

TEST_F(HttpServerTest, AReaderThatNeverReadsIsDropped) {
  limits_.body_deadline = 50ms;
  Client client(start());
  client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled == 0) std::this_thread::yield();
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (server_->on_loop([&] { return server_->server().connection_count(); }) > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::yield();
  }
}

TEST_F(HttpServerTest, AtTheCapTheOldestIdleConnectionMakesRoom) {
  limits_.newcomer_grace = {};
  limits_.max_connections = 2;
  Client oldest(start());
  oldest.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  oldest.read_reply();
  Client newer(server_->port());
  newer.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  newer.read_reply();
  Client newest(server_->port());
  newest.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(newest.read_reply()), "/3");
  EXPECT_EQ(oldest.read_to_end(), "");
  newer.send("GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(newer.read_reply()), "/4");
}

TEST_F(HttpServerTest, AtTheCapWithAllBusyANewConnectionIsToldSo) {
  limits_.max_connections = 1;
  Client busy(start());
  busy.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled == 0) std::this_thread::yield();
  Client refused(server_->port());
  refused.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  refused.end_sending();
  EXPECT_THAT(refused.read_to_end(), testing::AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("too many connections\n")));
}

// The undefined-behaviour sanitizer opens a pipe to check an object's type, so it cannot run without descriptors.
#if !__has_feature(undefined_behavior_sanitizer)

// No further descriptor can be opened in this process while it lives.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd lowest_free(::dup(STDIN_FILENO));
    const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free.get()), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(HttpServerTest, OutOfDescriptorsAConnectionWaitsUntilAnIdleOneMadeRoom) {
  limits_.newcomer_grace = {};
  Client idle(start());
  idle.send("GET /idle HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.read_reply();
  std::latch release(1);
  hold_until(release);  // so that nothing is accepted yet
  Client waiting(server_->port());
  waiting.send("GET /waited HTTP/1.1\r\nHost: h\r\n\r\n");
  const NoMoreDescriptors none_left;
  release.count_down();
  EXPECT_EQ(body_of(waiting.read_reply()), "/waited");
  EXPECT_EQ(idle.read_to_end(), "");
}

Task<> count_turns_after(std::chrono::milliseconds delay, Loop& loop, std::uint64_t& turns, std::latch& counted) {
  co_await sleep_for(delay);
  turns = loop.turn();
  counted.count_down();
}

TEST_F(HttpServerTest, OutOfDescriptorsTheServerDoesNotSpin) {
  Client busy(start());
  busy.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled == 0) std::this_thread::yield();
  std::latch release(1);
  hold_until(release);
  Client waiting(server_->port());
  waiting.send("GET /waited HTTP/1.1\r\nHost: h\r\n\r\n");
  std::uint64_t turns = 0;
  {
    const NoMoreDescriptors none_left;
    release.count_down();
    std::latch later(1);
    server_->loop().post([&] { server_->loop().spawn(count_turns_after(150ms, server_->loop(), turns, later)); });
    later.wait();
  }
  EXPECT_LT(turns, 100U);
  EXPECT_EQ(body_of(waiting.read_reply()), "/waited");
}

#endif

TEST_F(HttpServerTest, UploadsBeyondWhatTheServerHoldsAtOnceAreToldToWait) {
  limits_.max_bodies_in_flight = ByteCount{1000};
  Client first(start());
  first.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 800\r\n\r\n");
  EXPECT_THAT(first.read_reply(), StartsWith("HTTP/1.1 100 "));
  Client second(server_->port());
  second.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 800\r\n\r\n");
  EXPECT_THAT(second.read_reply(), StartsWith("HTTP/1.1 503 "));
  first.send(std::string(800, 'x'));
  EXPECT_EQ(body_of(first.read_reply()).size(), 800U);
  Client third(server_->port());
  third.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 800\r\n\r\n" + std::string(800, 'y'));
  EXPECT_EQ(body_of(third.read_reply()).size(), 800U);
}

Task<> stop_and_tell(HttpServer& server, SteadyTime deadline, std::promise<void>& stopped) {
  co_await server.stop(deadline);
  stopped.set_value();
}

TEST_F(HttpServerTest, StoppingLetsRequestsFinishAndClosesIdleConnections) {
  Client idle(start());
  idle.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.read_reply();
  Client busy(server_->port());
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled < 2) std::this_thread::yield();
  std::promise<void> stopped;
  server_->loop().post([&] { server_->loop().spawn(stop_and_tell(server_->server(), SteadyTime::max(), stopped)); });
  EXPECT_THAT(busy.read_to_end(), testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("/slow")));
  EXPECT_EQ(idle.read_to_end(), "");
  stopped.get_future().get();
  EXPECT_EQ(server_->on_loop([&] { return server_->server().connection_count(); }), 0U);
}

TEST_F(HttpServerTest, StoppingDoesNotWaitBeyondItsDeadline) {
  Client busy(start());
  busy.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled == 0) std::this_thread::yield();
  std::promise<void> stopped;
  const SteadyTime deadline = std::chrono::steady_clock::now() + 20ms;
  server_->loop().post([&] { server_->loop().spawn(stop_and_tell(server_->server(), deadline, stopped)); });
  stopped.get_future().get();
  EXPECT_EQ(busy.read_to_end(), "");
}

TEST_F(HttpServerTest, AHandlerThatOutlivesTheServerFinishesUnheard) {
  Client busy(start());
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  while (handler_.handled == 0) std::this_thread::yield();
  server_->loop().post([&] { server_->server().abort(); });
  EXPECT_EQ(busy.read_to_end(), "");
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (server_->on_loop([&] { return server_->server().connection_count(); }) > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::yield();
  }
}

TEST(HttpServerListen, RefusesWhatItCannotListenOn) {
  SystemClock clock;
  Loop loop(clock);
  ScriptedHandler handler;
  const observe::Logger log(-1, observe::Level::kError, observe::LogFormat::kText);
  HttpServer server(loop, handler, {}, log);
  EXPECT_TRUE(server.listen("localhost", 0).error().is(ListenError::kBadAddress));
  const std::uint16_t port = server.listen("127.0.0.1", 0).value();
  EXPECT_TRUE(server.listen("127.0.0.1", port).error().is(ListenError::kAddressInUse));
  EXPECT_TRUE(server.listen("::1", 0).has_value());
}

}  // namespace
}  // namespace hearth::net

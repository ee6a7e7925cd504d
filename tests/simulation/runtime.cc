#include "runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>

#include "environment/fault.h"
#include "http_peer.h"

namespace hearth::simulation {
namespace {

using namespace std::chrono_literals;
using sandbox::FakeProcess;

constexpr std::string_view kVersion = "/2018-06-01/runtime/";
constexpr auto kForever = 24h;  // longer than any environment lives

// The value of a string member of a flat JSON object; ours never hold a quote.
std::string member(std::string_view json, std::string_view name) {
  const std::string start = fmt::format("\"{}\":\"", name);
  const std::size_t at = json.find(start);
  if (at == std::string_view::npos) return {};
  const std::size_t from = at + start.size();
  return std::string(json.substr(from, json.find('"', from) - from));
}

std::string get_next() { return fmt::format("GET {}invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n", kVersion); }

std::string post(std::string_view path, std::string_view body) {
  return fmt::format("POST {}{} HTTP/1.1\r\nHost: runtime\r\nContent-Length: {}\r\n\r\n{}", kVersion, path, body.size(),
                     body);
}

// One runtime. Lives on the frame of live().
class Runtime {
 public:
  Runtime(RuntimeWorld world, std::shared_ptr<FakeProcess> process, Random random)
      : world_(world), process_(std::move(process)), random_(random) {}

  net::Task<bool> initialise();
  net::Task<bool> serve_one();
  void end(int code, int signal) {
    note(fmt::format("ends with status {} signal {}", code, signal));
    process_->exit({.code = code, .signal = signal, .oom_killed = false});
  }
  void note_failed_init();
  bool is_alive() const { return process_->is_alive(); }
  void note(std::string_view what) { world_.trace.note(process_->spec().name, what); }

 private:
  SteadyTime in(std::chrono::milliseconds time) const { return world_.loop.clock().steady_now() + time; }
  // Passes time as a process does: not while it is frozen. False if it was killed.
  net::Task<bool> work(std::chrono::microseconds time);
  void say(const std::string& line);
  UniqueFd connect() const { return process_->connect(FakeProcess::Listener::kRuntimeApi); }
  net::Task<> do_it(Asked& asked, std::string request_id);
  net::Task<> answer(Asked& asked, std::string request_id, std::string call, std::string body, RunEnd end);
  net::Task<> misbehave_before(Doing doing, std::string request_id);
  net::Task<> expect(HttpPeer& peer, std::string request, int status);

  RuntimeWorld world_;
  std::shared_ptr<FakeProcess> process_;
  Random random_;
  std::optional<HttpPeer> peer_;  // from the end of its init
};

net::Task<bool> Runtime::work(std::chrono::microseconds time) {
  constexpr std::chrono::microseconds kSlice = 1s;  // a dead process is noticed after so long
  for (; time.count() > 0 && is_alive(); time -= kSlice) {
    const auto slice = std::min(time, kSlice);
    co_await net::sleep_for(slice);
  }
  for (auto pause = std::chrono::microseconds(1ms); is_alive() && process_->is_frozen();
       pause = std::min(pause * 2, kSlice)) {
    co_await net::sleep_for(pause);
  }
  co_return is_alive();
}

void Runtime::say(const std::string& line) {
  if (!is_alive()) return;
  if (random_.one_in(3)) {
    process_->write_stderr(line + "\n");
  } else {
    process_->write_stdout(line + "\n");
  }
}

net::Task<bool> Runtime::initialise() {
  const auto takes = 1ms + random_.up_to(world_.habits.slowest);
  if (!co_await work(takes)) co_return false;
  const bool fails = world_.habits.fails_one_in > 0 && random_.one_in(world_.habits.fails_one_in);
  const std::int64_t way = fails ? random_.between(0, 3) : -1;
  if (way == 0) end(1, 0);
  if (way == 1) end(0, SIGSEGV);
  if (way == 2) {
    note("hangs in its init");
    (void)co_await work(kForever);
  }
  if (way >= 0 && way <= 2) co_return false;
  peer_.emplace(world_.loop, connect());
  if (way == 3) {
    note("reports an init error");
    std::string request = post("init/error", R"({"errorMessage":"no","errorType":"Init"})");
    (void)co_await peer_->send(std::move(request), in(1min));
    (void)co_await peer_->receive(in(1min));
    if (random_.one_in(2) && is_alive()) end(1, 0);
    co_return false;
  }
  co_return true;
}

// The second process of an environment is there because the init of the first failed.
void Runtime::note_failed_init() {
  if (!process_->spec().name.ends_with("-2")) return;
  constexpr std::string_view kName = "AWS_LAMBDA_FUNCTION_NAME=";
  for (const std::string& variable : process_->spec().env) {
    if (variable.starts_with(kName)) world_.ledger.init_failed_again(variable.substr(kName.size()));
  }
}

net::Task<> Runtime::expect(HttpPeer& peer, std::string request, int status) {
  if (!co_await peer.send(std::move(request), in(1min))) co_return;
  const auto got = co_await peer.receive(in(1min));
  if (got && is_alive() && got->status != status) {  // one that was killed reads nothing
    world_.trace.violation(fmt::format("the Runtime API answered {} instead of {}", got->status, status));
  }
}

// False when its life is over.
net::Task<bool> Runtime::serve_one() {
  std::optional<HttpPeer> earlier;  // one that asks first and must be refused when the other asks
  if (random_.one_in(12)) {
    earlier.emplace(world_.loop, connect());
    std::string first = get_next();
    (void)co_await earlier->send(std::move(first), in(1min));
    if (!co_await work(200us)) co_return false;
  }
  std::string request = get_next();
  bool sent = false;
  if (random_.one_in(20)) {
    sent = co_await peer_->send_slowly(std::move(request), 3, 2ms, random_);
  } else {
    sent = co_await peer_->send(std::move(request), in(1min));
  }
  if (!sent || !is_alive()) co_return false;
  if (earlier) {
    if (const auto given = co_await earlier->receive(in(1s)); given && given->status == 200 && is_alive()) {
      // It got work before the other asked; that one is refused, and this runtime is lost in its own confusion.
      if (Asked* asked = world_.ledger.given(process_, member(given->body, "token"),
                                             given->header("lambda-runtime-aws-request-id"))) {
        end(3, 0);
        world_.ledger.ended(*asked, given->header("lambda-runtime-aws-request-id"), RunEnd::kFailed);
      }
      co_return false;
    }
  }
  const auto given = co_await peer_->receive(in(kForever));
  if (peer_->is_broken()) world_.trace.violation("the Runtime API said something that is not HTTP");
  if (!given || !is_alive()) co_return false;
  if (given->status != 200) co_return false;
  const std::string request_id = given->header("lambda-runtime-aws-request-id");
  const std::string token = member(given->body, "token");
  note(fmt::format("is given {} as {}", token, request_id));
  Asked* const asked = world_.ledger.given(process_, token, request_id);
  if (asked == nullptr) co_return false;
  co_await do_it(*asked, request_id);
  if (!is_alive()) world_.ledger.ended(*asked, request_id, RunEnd::kFailed);
  co_return is_alive();
}

net::Task<> Runtime::misbehave_before(Doing doing, std::string request_id) {
  if (doing == Doing::kAnswersWrongId) {
    std::string wrong = post("invocation/" + request_id.substr(1) + "/response", "1");
    co_await expect(*peer_, std::move(wrong), 400);
  } else if (doing == Doing::kTalksNonsense) {
    HttpPeer other(world_.loop, connect());
    (void)co_await other.send("\x16\x03\x01 nonsense\r\n\r\n", in(1min));
    (void)co_await other.receive(in(1s));
  } else if (doing == Doing::kAsksWhileBusy) {
    HttpPeer other(world_.loop, connect());
    std::string request = get_next();
    co_await expect(other, std::move(request), 403);
  }
}

net::Task<> Runtime::do_it(Asked& asked, std::string request_id) {
  say(fmt::format("LINE {} {} begins", request_id, asked.token));
  const auto takes = 100us + random_.up_to(asked.doing == Doing::kAnswersLate ? 0ms : 60ms);
  if (!co_await work(takes)) co_return;
  co_await misbehave_before(asked.doing, request_id);
  if (!is_alive()) co_return;
  const std::string path = "invocation/" + request_id + "/";
  std::string body = fmt::format(R"({{"token":"{}"}})", asked.token);
  switch (asked.doing) {
    case Doing::kExits:
      co_return end(random_.one_in(2) ? 0 : 7, 0);
    case Doing::kHangs:
      (void)co_await work(kForever);
      co_return;
    case Doing::kUsesTooMuch:
      process_->use_memory(ByteCount::mib(4096));
      (void)co_await work(kForever);
      co_return;
    case Doing::kCutsItsAnswer: {
      std::string whole = post(path + "response", body);
      whole.resize(1 + random_.next() % (whole.size() - 1));
      (void)co_await peer_->send(std::move(whole), in(1min));
      if (is_alive()) end(0, SIGABRT);
      co_return;
    }
    case Doing::kFails: {
      say(fmt::format("LINE {} {} ends", request_id, asked.token));
      std::string call = post(path + "error", R"({"errorMessage":"as told","errorType":"Told"})");
      co_return co_await answer(asked, std::move(request_id), std::move(call), {}, RunEnd::kFailed);
    }
    case Doing::kAnswersTooMuch: {
      body.append(environment::kMaxPayload, ' ');
      std::string call = post(path + "response", body);
      co_return co_await answer(asked, std::move(request_id), std::move(call), {}, RunEnd::kFailed);
    }
    case Doing::kAnswersLate: {
      // Its time is 2 s, counted from a moment ago.
      const auto late = 1'999ms + random_.up_to(3ms);
      if (!co_await work(late)) co_return;
      break;
    }
    case Doing::kTalksALot:
      for (int i = 0; i < 300; ++i) say(fmt::format("LINE {} {} line {}", request_id, asked.token, i));
      break;
    case Doing::kAnswers:
    case Doing::kAnswersTwice:
    case Doing::kAnswersWrongId:
    case Doing::kTalksNonsense:
    case Doing::kAsksWhileBusy:
      break;
  }
  say(fmt::format("LINE {} {} ends", request_id, asked.token));
  std::string call = post(path + "response", body);
  std::string again = asked.doing == Doing::kAnswersTwice ? call : std::string();
  co_await answer(asked, std::move(request_id), std::move(call), std::move(again), RunEnd::kEndedWell);
}

net::Task<> Runtime::answer(Asked& asked, std::string request_id, std::string call, std::string again, RunEnd end) {
  world_.ledger.sends_answer(process_);
  if (random_.one_in(30)) {
    (void)co_await peer_->send_slowly(std::move(call), 4, 5ms, random_);
  } else {
    (void)co_await peer_->send(std::move(call), in(1min));
  }
  const auto taken = co_await peer_->receive(in(1min));
  if (taken && taken->status == 202) {
    world_.ledger.ended(asked, request_id, end);
    note("was heard on " + asked.token);
    if (!again.empty() && is_alive()) co_await expect(*peer_, std::move(again), 403);
    co_return;
  }
  if (taken) note(fmt::format("was refused with {}", taken->status));
  if (!taken && is_alive()) this->end(9, 0);
}

}  // namespace

net::Task<> live(RuntimeWorld world, std::shared_ptr<FakeProcess> process, Random random) {
  Runtime runtime(world, std::move(process), random);
  if (co_await runtime.initialise()) {
    while (co_await runtime.serve_one()) {
    }
  } else {
    runtime.note_failed_init();
  }
  // A runtime that reported an init error and stays, or whose connection was cut, waits for its end.
  if (runtime.is_alive()) co_await net::sleep_for(std::chrono::seconds(30));
  if (runtime.is_alive()) runtime.end(1, 0);
}

}  // namespace hearth::simulation

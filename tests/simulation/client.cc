#include "client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "base/bytes.h"
#include "materials.h"

namespace hearth::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30min;  // longer than anything may take
// For how long a request whose answer is not known may still be at work in the server.
constexpr auto kAftermath = 60s;

constexpr std::array kManyDoings = {
    Doing::kAnswers,       Doing::kAnswers,       Doing::kAnswers,       Doing::kAnswers,      Doing::kAnswers,
    Doing::kAnswers,       Doing::kAnswers,       Doing::kAnswers,       Doing::kFails,        Doing::kFails,
    Doing::kExits,         Doing::kHangs,         Doing::kAnswersLate,   Doing::kAnswersTwice, Doing::kAnswersWrongId,
    Doing::kTalksNonsense, Doing::kAsksWhileBusy, Doing::kCutsItsAnswer, Doing::kUsesTooMuch,  Doing::kTalksALot};

// Not 408: a request that was sent slowly, to a machine that stalled meanwhile.
bool is_refusal(int status) { return status >= 400 && status < 500 && status != 408; }

}  // namespace

Client::Client(Town& town, std::string name, Belongings belongings, Random random, Manners manners)
    : town_(town), name_(std::move(name)), belongings_(std::move(belongings)), random_(random), manners_(manners) {}

// --- asking ---------------------------------------------------------------------------------------------------------

net::Task<std::optional<HttpAnswer>> Client::ask(Request request) {
  Request copy = request;
  auto answer = co_await ask_once(std::move(copy));
  // A kept connection may have been closed by the server when it was idle; a patient client tries once more.
  if (!answer && manners_ == Manners::kGood) answer = co_await ask_once(std::move(request));
  co_return answer;
}

net::Task<std::optional<HttpAnswer>> Client::ask_once(Request request) {
  if (!connection_ || manners_ == Manners::kGood || random_.one_in(4)) {
    connection_.emplace(town_.loop, connect_to_unix(town_.address));
  }
  std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nContent-Length: {}\r\n", request.method,
                                  request.path, request.body.size());
  for (const auto& [name, value] : request.headers) bytes += fmt::format("{}: {}\r\n", name, value);
  bytes += "\r\n" + request.body;
  const SteadyTime deadline = now() + kPatience;
  const std::int64_t whim = manners_ == Manners::kGood ? 0 : random_.between(0, 40);
  if (whim == 1) {
    note("goes away in the middle of its request");
    bytes.resize(random_.next() % bytes.size());
    (void)co_await connection_->send(std::move(bytes), deadline);
    connection_.reset();
    co_return std::nullopt;
  }
  if (whim == 2) {
    note("goes away without waiting");
    (void)co_await connection_->send(std::move(bytes), deadline);
    connection_.reset();
    co_return std::nullopt;
  }
  if (whim == 3) {
    (void)co_await connection_->send_slowly(std::move(bytes), 5, 300ms, random_);
  } else {
    (void)co_await connection_->send(std::move(bytes), deadline);
  }
  if (whim == 4) {
    const auto pause = random_.up_to(3s);
    co_await net::sleep_for(pause);
  }
  auto answer = co_await connection_->receive(deadline);
  if (connection_->is_broken()) violation("the server said something that is not HTTP");
  if (answer && answer->status == 408 && whim != 3) violation("was sent at once, and answered 408: " + request.path);
  if (!answer && now() >= deadline && !town_.is_closing) violation("never answered: " + request.path);
  if (answer && connection_->stray_bytes() > 0) violation("two answers to one request: " + request.path);
  if (!answer) connection_.reset();
  co_return answer;
}

net::Task<> Client::attempt(std::string what, Known& known, Known::Change change, Request request) {
  const std::set<std::string> before = known.possible();
  known.tried(change);
  Request copy = request;
  auto answer = co_await ask(std::move(copy));
  note(fmt::format("{}: {}", what, answer ? answer->status : 0));
  if (answer && answer->status < 300) {
    known.done(change);
    known.removal_tried = false;
    co_return;
  }
  if (answer && is_refusal(answer->status)) {
    known.back_to(before);
    known.removal_tried = false;
    const bool is_missing = answer->status == 404 && !before.contains("");
    const bool is_taken = answer->status == 409 && before == std::set<std::string>{""};
    if (is_missing || is_taken) {
      violation(fmt::format("{} was answered {}, which cannot be: {}", what, answer->status, answer->body));
    }
    co_return;
  }
  known.unsettled_until = now() + kAftermath;
  if (!random_.one_in(2)) co_return;
  // As an SDK does: once more, the same.
  answer = co_await ask(std::move(request));
  note(fmt::format("{} again: {}", what, answer ? answer->status : 0));
  if (answer && answer->status < 300) known.done(change);
}

// --- functions ------------------------------------------------------------------------------------------------------

std::string Client::zip_of(const std::string& word) {
  std::string zip = make_zip(word);
  town_.model.code_hashes[word] = base64_encode(sha256(zip));
  return zip;
}

net::Task<> Client::create_function(std::string name) {
  const std::string description = town_.word("d");
  const std::string code = town_.word("c");
  const boost::json::object body{
      {"FunctionName", name},
      {"Runtime", "python3.12"},
      {"Role", "arn:aws:iam::000000000000:role/r"},
      {"Handler", "app.handler"},
      {"Timeout", 2},
      {"Description", description},
      {"Environment", boost::json::object{{"Variables", boost::json::object{{"WORD", description}}}}},
      {"Tags", boost::json::object{{"word", description}}},
      {"Code", boost::json::object{{"ZipFile", base64_encode(zip_of(code))}}}};
  Request request{
      "POST", "/2015-03-31/functions", {{"Content-Type", "application/json"}}, boost::json::serialize(body)};
  const std::string made = description + "/" + town_.model.code_hashes[code];
  const std::string what = fmt::format("creates {} as {}", name, made);
  co_await attempt(
      what, town_.model.functions[name], [made](const std::string& state) { return state.empty() ? made : state; },
      std::move(request));
}

net::Task<> Client::update_configuration(std::string name) {
  const std::string description = town_.word("d");
  const boost::json::object body{
      {"Description", description},
      {"Environment", boost::json::object{{"Variables", boost::json::object{{"WORD", description}}}}}};
  Request request{"PUT",
                  "/2015-03-31/functions/" + name + "/configuration",
                  {{"Content-Type", "application/json"}},
                  boost::json::serialize(body)};
  const std::string what = fmt::format("configures {} as {}", name, description);
  co_await attempt(
      what, town_.model.functions[name],
      [description](const std::string& state) {
        return state.empty() ? state : description + state.substr(state.find('/'));
      },
      std::move(request));
}

net::Task<> Client::update_code(std::string name) {
  const std::string code = town_.word("c");
  const boost::json::object body{{"ZipFile", base64_encode(zip_of(code))}};
  Request request{"PUT",
                  "/2015-03-31/functions/" + name + "/code",
                  {{"Content-Type", "application/json"}},
                  boost::json::serialize(body)};
  const std::string what = fmt::format("gives {} the code {}", name, code);
  const std::string hash = town_.model.code_hashes[code];
  co_await attempt(
      what, town_.model.functions[name],
      [hash](const std::string& state) { return state.empty() ? state : state.substr(0, state.find('/') + 1) + hash; },
      std::move(request));
}

net::Task<> Client::delete_function(std::string name) {
  Known& known = town_.model.functions[name];
  town_.ledger.note_removal(name);
  known.removal_tried = true;
  Request request{"DELETE", "/2015-03-31/functions/" + name, {}, {}};
  const std::string what = "deletes " + name;
  co_await attempt(what, known, [](const std::string&) { return std::string(); }, std::move(request));
  town_.ledger.note_removal(name);
}

net::Task<> Client::change_function(std::string name) {
  Known& known = town_.model.functions[name];
  if (now() < known.unsettled_until) co_return;
  if (!known.is_certain()) {
    co_await read_function(name);
  } else if (known.may_be("")) {
    co_await create_function(name);
  } else if (random_.one_in(5)) {
    co_await delete_function(name);
  } else if (random_.one_in(2)) {
    co_await update_configuration(name);
  } else {
    co_await update_code(name);
  }
}

net::Task<> Client::read_function(std::string name) {
  Known& known = town_.model.functions[name];
  Request request{"GET", "/2015-03-31/functions/" + name, {}, {}};
  const auto answer = co_await ask(std::move(request));
  if (!answer || answer->status >= 500) co_return;
  std::string state;
  std::string location;
  if (answer->status == 200) {
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(answer->body, error);
    const auto text = [&](std::string_view pointer) {
      boost::system::error_code missing;
      const boost::json::value* found = error ? nullptr : value.find_pointer(pointer, missing);
      return found && found->is_string() ? std::string(found->get_string()) : std::string();
    };
    const std::string description = text("/Configuration/Description");
    state = description + "/" + text("/Configuration/CodeSha256");
    location = text("/Code/Location");
    if (text("/Configuration/Environment/Variables/WORD") != description || text("/Tags/word").empty()) {
      violation(name + " is there by half: " + answer->body);
    }
  } else if (answer->status != 404) {
    co_return violation(fmt::format("reading {} was answered {}", name, answer->status));
  }
  note(fmt::format("finds {} as '{}'", name, state));
  if (!known.may_be(state)) {
    std::string expected;
    for (const std::string& each : known.possible()) expected += " '" + each + "'";
    violation(fmt::format("{} is '{}', but was promised as{}", name, state, expected));
  }
  if (now() < known.unsettled_until) co_return;
  known.is(state);
  known.removal_tried = false;
  if (!location.empty() && manners_ == Manners::kGood) {
    std::string hash = state.substr(state.find('/') + 1);
    co_await check_package(std::move(location), std::move(hash));
  }
}

net::Task<> Client::check_package(std::string location, std::string hash) {
  const std::size_t path = location.find("/_hearth/");
  if (path == std::string::npos) co_return violation("a package has no link: " + location);
  Request request{"GET", location.substr(path), {}, {}};
  const auto answer = co_await ask(std::move(request));
  if (!answer || answer->status != 200) {
    co_return violation(fmt::format("the package {} cannot be fetched: {}", hash, answer ? answer->status : 0));
  }
  if (base64_encode(sha256(answer->body)) != hash) violation("the package " + hash + " is not what was given");
}

// --- roles and logs -------------------------------------------------------------------------------------------------

net::Task<> Client::change_role() {
  Known& known = town_.model.roles[belongings_.role];
  if (now() < known.unsettled_until) co_return;
  if (!known.is_certain()) co_return co_await read_role();
  Request request{"POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}, {}};
  const std::string start = "Version=2010-05-08&RoleName=" + belongings_.role;
  if (known.may_be("")) {
    const std::string description = town_.word("r");
    request.body =
        start + "&Action=CreateRole&Description=" + description +
        "&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22"
        "%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22lambda.amazonaws.com%22%7D%2C%22Action%22%3A"
        "%22sts%3AAssumeRole%22%7D%5D%7D";
    const std::string what = "creates its role as " + description;
    co_await attempt(
        what, known, [description](const std::string& state) { return state.empty() ? description : state; },
        std::move(request));
  } else if (random_.one_in(3)) {
    request.body = start + "&Action=DeleteRole";
    co_await attempt("deletes its role", known, [](const std::string&) { return std::string(); }, std::move(request));
  } else {
    const std::string description = town_.word("r");
    request.body = start + "&Action=UpdateRole&Description=" + description;
    const std::string what = "describes its role as " + description;
    co_await attempt(
        what, known, [description](const std::string& state) { return state.empty() ? state : description; },
        std::move(request));
  }
}

net::Task<> Client::read_role() {
  Known& known = town_.model.roles[belongings_.role];
  Request request{"POST",
                  "/",
                  {{"Content-Type", "application/x-www-form-urlencoded"}},
                  "Version=2010-05-08&Action=GetRole&RoleName=" + belongings_.role};
  const auto answer = co_await ask(std::move(request));
  if (!answer || answer->status >= 500) co_return;
  std::string state;
  if (answer->status == 200) {
    const std::size_t at = answer->body.find("<Description>");
    state = at == std::string::npos ? "?" : answer->body.substr(at + 13, answer->body.find('<', at + 13) - at - 13);
  }
  note(fmt::format("finds its role as '{}'", state));
  if (!known.may_be(state)) violation(fmt::format("role {} is '{}', which was not promised", belongings_.role, state));
  if (now() >= known.unsettled_until) known.is(state);
}

net::Task<> Client::write_log() {
  const auto call = [](std::string_view operation, const boost::json::object& body) {
    return Request{
        "POST",
        "/",
        {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", fmt::format("Logs_20140328.{}", operation)}},
        boost::json::serialize(body)};
  };
  const boost::json::object group{{"logGroupName", belongings_.log_group}};
  Request make_group = call("CreateLogGroup", group);
  boost::json::object stream = group;
  stream["logStreamName"] = "s";
  Request make_stream = call("CreateLogStream", stream);
  auto& messages = town_.model.log_messages[belongings_.log_group];
  if (messages.empty()) {
    (void)co_await ask(std::move(make_group));
    (void)co_await ask(std::move(make_stream));
  }
  const std::string message = town_.word("m");
  const auto at_ms = town_.loop.clock().now().time_since_epoch().count();
  stream["logEvents"] = boost::json::array{boost::json::object{{"timestamp", at_ms}, {"message", message}}};
  Request put = call("PutLogEvents", stream);
  const auto answer = co_await ask(std::move(put));
  note(fmt::format("logs {}: {}", message, answer ? answer->status : 0));
  const bool is_taken = answer && answer->status == 200 && answer->body.find("rejected") == std::string::npos;
  if (is_taken) messages.push_back(message);
}

// --- invoking -------------------------------------------------------------------------------------------------------

Doing Client::something_to_do() { return random_.one_in(60) ? Doing::kAnswersTooMuch : random_.pick(kManyDoings); }

net::Task<> Client::invoke(std::string function, Doing doing, bool is_event) {
  Asked& asked = town_.ledger.ask(function, doing, is_event);
  asked.may_be_dropped = town_.model.functions[function].removal_tried;
  Request request{"POST", "/2015-03-31/functions/" + function + "/invocations", {}, {}};
  if (is_event) request.headers.emplace_back("X-Amz-Invocation-Type", "Event");
  if (!is_event && random_.one_in(3)) request.headers.emplace_back("X-Amz-Log-Type", "Tail");
  request.body =
      fmt::format(R"({{"token":"{}","do":"{}","as":"{}"}})", asked.token, name(doing), is_event ? "event" : "request");
  note(fmt::format("invokes {} with {} ({}{})", function, asked.token, name(doing), is_event ? ", event" : ""));
  const auto answer = co_await ask_once(std::move(request));
  note(fmt::format("{}: {} {}", asked.token, answer ? answer->status : 0,
                   answer ? answer->header("x-amz-function-error") : "no answer"));
  if (!answer) co_return;
  asked.may_be_dropped = asked.may_be_dropped || town_.model.functions[function].removal_tried;
  if (is_event && answer->status == 202) co_return town_.ledger.acknowledged(asked);
  if (!is_event && answer->status == 200) {
    town_.ledger.answered(asked, answer->body, !answer->header("x-amz-function-error").empty());
    const auto tail = base64_decode(answer->header("x-amz-log-result"));
    if (tail && !is_log_of(*tail, asked.runs.empty() ? "" : asked.runs.back().request_id)) {
      violation("the log tail of " + asked.token + " is of another request: " + *tail);
    }
    co_return;
  }
  if (is_refusal(answer->status) && !asked.runs.empty()) {
    violation(fmt::format("{} was refused with {}, but ran", asked.token, answer->status));
  }
}

// --- living ---------------------------------------------------------------------------------------------------------

net::Task<> Client::ask_something_else() {
  Request list{"GET", "/2015-03-31/functions?MaxItems=3", {}, {}};
  const auto answer = co_await ask(std::move(list));
  if (answer && is_refusal(answer->status)) {
    violation(fmt::format("listing functions was answered {}", answer->status));
  }
}

net::Task<> Client::live() {
  while (town_.steps_left > 0 && !town_.is_closing) {
    --town_.steps_left;
    const std::int64_t choice = random_.between(0, 99);
    if (choice < 20) {
      std::string name = random_.pick(belongings_.functions);
      co_await change_function(std::move(name));
    } else if (choice < 26) {
      co_await change_role();
    } else if (choice < 30) {
      co_await write_log();
    } else if (choice < 34) {
      co_await ask_something_else();
    } else {
      std::string name = random_.pick(belongings_.all_functions);
      const Doing doing = something_to_do();
      const bool is_event = random_.one_in(3);
      co_await invoke(std::move(name), doing, is_event);
    }
    const auto pause = random_.up_to(60ms);
    co_await net::sleep_for(pause);
  }
  connection_.reset();
}

net::Task<> Client::check_promises() {
  const Manners usual = std::exchange(manners_, Manners::kGood);
  for (const std::string& name : belongings_.functions) co_await read_function(name);
  co_await read_role();
  connection_.reset();
  manners_ = usual;
}

net::Task<> Client::check_functions_run() {
  const Manners usual = std::exchange(manners_, Manners::kGood);
  for (const std::string& name : belongings_.functions) {
    if (!town_.model.functions[name].may_exist()) continue;
    const SteadyTime deadline = now() + 5min;
    for (;;) {
      Asked& asked = town_.ledger.ask(name, Doing::kAnswers, false);
      Request request{"POST",
                      "/2015-03-31/functions/" + name + "/invocations",
                      {},
                      fmt::format(R"({{"token":"{}","do":"answers","as":"request"}})", asked.token)};
      const auto answer = co_await ask_once(std::move(request));
      const bool ran = answer && answer->status == 200 && answer->header("x-amz-function-error").empty();
      if (ran) town_.ledger.answered(asked, answer->body, false);
      if (ran) break;
      // Others may hold all places, or it is not unpacked yet.
      if (now() > deadline) {
        violation(fmt::format("{} does not run: {}", name, answer ? answer->body : "no answer"));
        break;
      }
      co_await net::sleep_for(500ms);
    }
  }
  connection_.reset();
  manners_ = usual;
}

}  // namespace hearth::simulation

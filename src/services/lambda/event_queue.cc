#include "services/lambda/event_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/turn_label.h"

namespace hearth::services::lambda {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargestEvent = 1'048'576;  // Lambda quotas: asynchronous payload
constexpr std::size_t kMostRunning = 100;
constexpr std::size_t kMostRunningOfOne = kMostRunning / 2;
constexpr std::uint32_t kRetries = 2;        // AWS's default
constexpr std::chrono::seconds kOldest{6h};  // AWS's default for the age of an event
constexpr std::chrono::seconds kIdleWait{60};
constexpr std::chrono::seconds kLongestPause{300};

std::chrono::seconds oldest_of(const functions::EventRules& rules) {
  return rules.oldest_s ? std::chrono::seconds(*rules.oldest_s) : kOldest;
}

// After `runs` that ended in a function error: one minute, then two.
std::chrono::minutes pause_after_error(std::uint32_t runs) { return std::chrono::minutes(runs); }
// After `refusals` starts that did not come about: 1 s, 2 s, ... 5 min.
std::chrono::seconds pause_after_refusal(std::uint32_t refusals) {
  return std::min(std::chrono::seconds(1LL << std::min(refusals, 9U)), kLongestPause);
}

bool is_throttled(const Error& error) {
  return error.is(invocation::ErrorKind::kThrottled) || error.is(invocation::ErrorKind::kReservedThrottled);
}

}  // namespace

EventQueue::EventQueue(net::Loop& loop, net::FairTurns& turns, storage::Store& store,
                       const functions::Registry& registry, invocation::Invoker& invoker, const observe::Logger& log,
                       EventLimits limits)
    : loop_(loop),
      turns_(turns),
      store_(store),
      registry_(registry),
      invoker_(invoker),
      log_(log),
      limits_(limits),
      gate_(loop),
      wake_(std::make_shared<net::OneShot<bool>>(loop.executor())) {}

Status EventQueue::load() {
  TRY(const std::vector<StoredEvent> events, store_.load());
  for (const StoredEvent& event : events) {
    next_number_ = std::max(next_number_, event.number + 1);
    // However the clock was set meanwhile: no pause is longer than that.
    const auto left = std::clamp<std::chrono::milliseconds>(event.due - loop_.clock().now(), 0ms, kLongestPause);
    stored_bytes_ += event.bytes;
    wait(event.request.function, left, {.number = event.number, .bytes = static_cast<std::uint32_t>(event.bytes)});
  }
  return {};
}

void EventQueue::start() { gate_.spawn(dispatch()); }

void EventQueue::close() {
  gate_.close();
  wake();
}

net::Task<> EventQueue::drained() { return gate_.drained(); }

Status EventQueue::clear() {
  TRY_STATUS(store_.erase_everything());
  for (auto& [key, events] : functions_) {
    for (const auto& [due, event] : events.due) stored_bytes_ -= event.bytes;
    events.due.clear();
  }
  waiting_ = 0;
  return {};
}

Status EventQueue::accept(invocation::InvokeRequest request) {
  if (request.payload.size() > kLargestEvent) {
    return fail(invocation::ErrorKind::kTooLarge,
                fmt::format("{} byte payload is too large for the Event invocation type (limit {} bytes)",
                            request.payload.size(), kLargestEvent));
  }
  // A throttled function takes events all the same: they wait.
  if (auto checked = invoker_.check(request); !checked && !is_throttled(checked.error())) {
    return fail(std::move(checked).error());
  }
  if (waiting_ >= limits_.count || stored_bytes_ + request.payload.size() > limits_.bytes.value) {
    return fail(invocation::ErrorKind::kQueueFull, "Rate Exceeded.");
  }
  StoredEvent event;
  event.number = next_number_++;
  event.accepted = loop_.clock().now();
  event.due = event.accepted;
  event.request = std::move(request);
  TRY(const std::size_t bytes, store_.put(event));
  stored_bytes_ += bytes;
  wait(event.request.function, 0ms, {.number = event.number, .bytes = static_cast<std::uint32_t>(bytes)});
  wake();
  return {};
}

void EventQueue::wait(const functions::FunctionKey& function, std::chrono::milliseconds pause, Waiting event) {
  functions_[function].due.emplace(loop_.clock().steady_now() + pause, event);
  ++waiting_;
}

void EventQueue::wake() { wake_->set(true); }

void EventQueue::start_due() {
  const SteadyTime now = loop_.clock().steady_now();
  // One of each function in turn, so that all move on.
  for (bool started = true; started && running_ < kMostRunning;) {
    started = false;
    for (auto& [function, events] : functions_) {
      if (running_ >= kMostRunning) break;
      if (events.running >= kMostRunningOfOne || events.due.empty()) continue;
      if (events.due.begin()->first > now) continue;
      const Waiting event = events.due.begin()->second;
      if (!gate_.spawn(run(function, event))) return;
      events.due.erase(events.due.begin());
      --waiting_;
      ++events.running;
      ++running_;
      started = true;
    }
  }
}

net::Task<> EventQueue::dispatch() {
  while (!gate_.is_closed()) {
    wake_ = std::make_shared<net::OneShot<bool>>(loop_.executor());
    const auto awaited = wake_;
    start_due();
    SteadyTime deadline = loop_.clock().steady_now() + kIdleWait;
    if (running_ < kMostRunning) {  // else the end of a run wakes us
      for (const auto& [function, events] : functions_) {
        if (events.due.empty() || events.running >= kMostRunningOfOne) continue;
        deadline = std::min(deadline, events.due.begin()->first);
      }
    }
    co_await awaited->wait_until(deadline);
  }
}

net::Task<> EventQueue::run(functions::FunctionKey function, Waiting place) {
  // Many may start at once, and each reads up to a megabyte: one a turn.
  net::Pace pace(turns_);
  co_await pace.rest();
  net::note_turn("event of an asynchronous invocation");
  Result<StoredEvent> event = store_.get(function, place.number);
  if (!event) {
    log_.error("an event of an asynchronous invocation cannot be read",
               {{"function", function.name}, {"error", event.error().message()}});
    drop(function, place);
  } else if ((place.refusals > 0 || event->runs > 0) &&
             loop_.clock().now() - event->accepted > oldest_of(rules_of(*event))) {
    // Never without having been tried: the clock may have jumped ahead since it was accepted.
    log_.warn("an event was given up: it waited for too long",
              {{"function", function.name}, {"request_id", event->request.request_id}});
    tell_destination(*event, EventEnding::kEventAgeExceeded, nullptr);
    drop(function, place);
  } else {
    event->runs = std::max(event->runs, place.runs);
    invocation::InvokeRequest request = event->request;
    const auto outcome = co_await invoker_.invoke(std::move(request));
    settle(*std::move(event), place, outcome);
  }
  --running_;
  if (const auto events = functions_.find(function); --events->second.running == 0 && events->second.due.empty()) {
    functions_.erase(events);
  }
  wake();
}

void EventQueue::settle(StoredEvent event, Waiting place, const Result<invocation::InvokeOutcome>& outcome) {
  const functions::FunctionKey& function = event.request.function;
  if (!outcome) {
    if (outcome.error().is(invocation::ErrorKind::kNotFound)) return drop(function, place);
    // Nothing reserved means that nothing is to run: AWS gives such events up at once.
    if (outcome.error().is(invocation::ErrorKind::kReservedThrottled) &&
        registry_.concurrency(function).reserved == 0U) {
      log_.warn("an event was given up: the function's reserved concurrency is zero",
                {{"function", function.name}, {"request_id", event.request.request_id}});
      tell_destination(event, EventEnding::kZeroReservedConcurrency, nullptr);
      return drop(function, place);
    }
    return wait(function, pause_after_refusal(place.refusals),
                {.number = event.number, .refusals = place.refusals + 1, .runs = event.runs, .bytes = place.bytes});
  }
  if (outcome->function_error.empty()) {
    tell_destination(event, EventEnding::kSuccess, &*outcome);
    return drop(function, place);
  }
  ++event.runs;
  const auto pause = pause_after_error(event.runs);
  event.due = loop_.clock().now() + pause;
  const functions::EventRules rules = rules_of(event);
  const bool too_old = event.due - event.accepted > oldest_of(rules);
  if (event.runs > rules.retries.value_or(kRetries) || too_old) {
    log_.warn(
        "an event was given up after its function failed",
        {{"function", function.name}, {"request_id", event.request.request_id}, {"runs", std::to_string(event.runs)}});
    tell_destination(event, too_old ? EventEnding::kEventAgeExceeded : EventEnding::kRetriesExhausted, &*outcome);
    return drop(function, place);
  }
  if (const auto stored = store_.put(event); !stored) {
    // The store has it still with fewer runs: after a restart it may run too often, never too rarely.
    log_.error("a retry of an event cannot be stored",
               {{"function", function.name}, {"error", stored.error().message()}});
  }
  wait(function, pause, {.number = event.number, .runs = event.runs, .bytes = place.bytes});
}

functions::EventRules EventQueue::rules_of(const StoredEvent& event) const {
  return registry_.event_rules(event.request.function, event.request.qualifier).value_or(functions::EventRules());
}

void EventQueue::tell_destination(const StoredEvent& event, EventEnding ending,
                                  const invocation::InvokeOutcome* outcome) {
  const functions::EventRules rules = rules_of(event);
  const std::string& destination = ending == EventEnding::kSuccess ? rules.on_success : rules.on_failure;
  if (destination.empty()) return;
  const auto target = parse_function_arn(destination);
  const Status sent =
      target ? accept(destination_request(*target, destination_record(event, ending, outcome, loop_.clock().now())))
             : Status(fail(invocation::ErrorKind::kNotFound, "it is no function"));
  if (!sent) {
    log_.error(
        "a destination did not get the record of an event",
        {{"destination", destination}, {"request_id", event.request.request_id}, {"error", sent.error().message()}});
  }
}

void EventQueue::drop(const functions::FunctionKey& function, const Waiting& event) {
  stored_bytes_ -= event.bytes;
  if (const Status erased = store_.erase(function, event.number); !erased) {
    log_.error("an event that ended cannot be erased and will run again",
               {{"function", function.name}, {"error", erased.error().message()}});
  }
}

}  // namespace hearth::services::lambda

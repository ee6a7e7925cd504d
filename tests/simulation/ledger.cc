#include "ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace hearth::simulation {
namespace {

constexpr std::array<std::string_view, 13> kNames = {
    "answers",  "fails",    "exits",           "hangs",           "answers-late",  "answers-twice", "answers-too-much",
    "wrong-id", "nonsense", "asks-while-busy", "cuts-its-answer", "uses-too-much", "talks-a-lot"};
constexpr std::size_t kMostRuns = 3;  // of an event whose function fails, as on AWS

std::size_t count(const Asked& asked, RunEnd end) {
  return static_cast<std::size_t>(std::ranges::count_if(asked.runs, [&](const Run& run) { return run.end == end; }));
}

}  // namespace

std::string_view name(Doing doing) { return kNames[static_cast<std::size_t>(doing)]; }
std::optional<Doing> find_doing(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Doing>(found - kNames.begin());
}

void Ledger::begin_life(std::uint32_t concurrency_limit) {
  interrupt_runs();
  busy_.clear();
  ++life_;
  limit_ = concurrency_limit;
}

void Ledger::interrupt_runs() {
  for (const auto& [token, asked] : asked_) {
    for (Run& run : asked->runs) {
      if (run.end == RunEnd::kRunning) run.end = RunEnd::kInterrupted;
    }
  }
}

void Ledger::note_trouble() {
  for (const auto& [token, asked] : asked_) asked->saw_trouble = true;
}

void Ledger::note_removal(const std::string& function) {
  for (const auto& [token, asked] : asked_) asked->may_be_dropped |= asked->function == function;
}

void Ledger::note_wall_jump() {
  for (const auto& [token, asked] : asked_) asked->may_be_dropped = true;
}

Asked& Ledger::ask(std::string function, Doing doing, bool is_event) {
  auto asked = std::make_unique<Asked>();
  asked->token = fmt::format("t{}", next_token_++);
  asked->function = std::move(function);
  asked->doing = doing;
  asked->is_event = is_event;
  asked->life = life_;
  asked->failed_inits_before = failed_inits_[asked->function];
  Asked& added = *asked;
  asked_.emplace(added.token, std::move(asked));
  return added;
}

void Ledger::acknowledged(Asked& asked) { asked.is_acknowledged = true; }

void Ledger::answered(Asked& asked, std::string_view payload, bool is_function_error) {
  if (is_function_error) return;
  if (asked.runs.size() != 1) {
    trace_.violation(fmt::format("{} was answered, but it ran {} times", asked.token, asked.runs.size()));
    return;
  }
  if (payload.find("\"" + asked.token + "\"") == std::string_view::npos) {
    trace_.violation(fmt::format("{} got an answer that is not its own: {}", asked.token, payload.substr(0, 100)));
  }
}

std::uint32_t Ledger::running() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(busy_, [](const Busy& busy) { return busy.process->is_alive(); }));
}

Asked* Ledger::given(const Process& process, const std::string& token, const std::string& request_id) {
  const auto found = asked_.find(token);
  if (found == asked_.end()) {
    trace_.violation(fmt::format("a runtime was given {} that nobody asked for", request_id));
    return nullptr;
  }
  Asked& asked = *found->second;
  const auto is_mine = [&](const Busy& busy) { return busy.process == process; };
  if (std::ranges::any_of(busy_, is_mine)) {
    trace_.violation(fmt::format("{} was given {} while it had another invocation", process->spec().name, token));
  }
  std::erase_if(busy_, [&](const Busy& busy) { return !busy.process->is_alive() || busy.process == process; });
  if (!asked.is_event && !asked.runs.empty()) trace_.violation(token + " was not an event and ran twice");
  for (const Run& run : asked.runs) {
    if (run.life != life_) continue;
    if (run.end == RunEnd::kEndedWell) trace_.violation(token + " ran again although it had ended well");
    if (run.end == RunEnd::kRunning) trace_.violation(token + " ran twice at once");
  }
  asked.runs.push_back({.request_id = request_id, .environment = process->spec().name, .life = life_});
  by_request_id_[request_id] = &asked;
  ++run_count_;
  busy_.push_back({process, &asked, request_id});
  if (running() > limit_) {
    trace_.violation(fmt::format("{} invocations run at once; the account's limit is {}", running(), limit_));
  }
  return &asked;
}

void Ledger::sends_answer(const Process& process) {
  for (const Busy& busy : busy_) {
    if (busy.process == process) ended(*busy.asked, busy.request_id, RunEnd::kAnswered);
  }
  std::erase_if(busy_, [&](const Busy& busy) { return busy.process == process; });
}

void Ledger::ended(Asked& asked, const std::string& request_id, RunEnd end) {
  for (auto run = asked.runs.rbegin(); run != asked.runs.rend(); ++run) {
    if (run->request_id != request_id || run->life != life_ || run->end == RunEnd::kEndedWell) continue;
    // One that ends after it answered may have been heard; one that the server's stop cut short may have failed before.
    if (run->end == RunEnd::kRunning || end == RunEnd::kAnswered || end == RunEnd::kEndedWell) run->end = end;
    return;
  }
}

void Ledger::check_event(const Asked& asked) {
  const std::size_t well = count(asked, RunEnd::kEndedWell);
  const std::size_t failed = count(asked, RunEnd::kFailed);
  const auto restarts = static_cast<std::size_t>(life_ - asked.life);
  const auto describe = [&](std::string_view what) {
    trace_.violation(fmt::format("event {} ({}, {}) {}: {} runs, {} ended well, {} failed, {} restarts", asked.token,
                                 asked.function, name(asked.doing), what, asked.runs.size(), well, failed, restarts));
  };
  if (asked.is_acknowledged && !asked.may_be_dropped) {
    const auto inits = failed_inits_.find(asked.function);
    const std::size_t failed_inits = inits == failed_inits_.end() ? 0 : inits->second - asked.failed_inits_before;
    if (asked.runs.empty() && failed_inits < kMostRuns) return describe("was acknowledged and never ran");
    const bool may_have_ended_well = count(asked, RunEnd::kAnswered) > 0;
    // One that was cut short may have failed before. Whose run an init was made for is not known here.
    const std::size_t may_have_failed = failed + count(asked, RunEnd::kInterrupted) + failed_inits;
    if (well == 0 && !may_have_ended_well && may_have_failed < kMostRuns) return describe("was given up too early");
  }
  // A power cut may lose the note that a run failed or ended well, as may a disk that refused it.
  const std::size_t forgotten = restarts * (asked.saw_trouble ? kMostRuns : 1);
  if (well > 1 + restarts) describe("ended well too often");
  if (failed > kMostRuns + forgotten) describe("was run too often");
}

void Ledger::check_at_rest() {
  for (const auto& [token, asked] : asked_) {
    for (Run& run : asked->runs) {
      if (run.end == RunEnd::kRunning) run.end = RunEnd::kFailed;
    }
    if (asked->is_event) check_event(*asked);
  }
}

const Asked* Ledger::find_by_request_id(const std::string& request_id) const {
  const auto found = by_request_id_.find(request_id);
  return found == by_request_id_.end() ? nullptr : found->second;
}

}  // namespace hearth::simulation

#include "invocation/placement.h"

#include <utility>

namespace hearth::invocation {

using environment::Environment;
using environment::Group;
using environment::Invocation;

Placement::Placement(environment::Pool& pool, net::Alarms& alarms, const Clock& clock,
                     std::chrono::milliseconds finishing_grace)
    : pool_(pool),
      clock_(clock),
      finishing_grace_(finishing_grace),
      grace_alarm_(alarms.make([this] { on_grace_over(); })) {
  pool_.listen(*this);
}

Placement::~Placement() = default;

void Placement::place(const functions::FunctionSnapshot& function, std::shared_ptr<Invocation> invocation) {
  Group& group = pool_.group(function);
  if (group.waiting.empty() && pool_.try_run(group, invocation)) return;
  group.waiting.push_back(std::move(invocation));
  start_missing(group, Finishing::kAreComing);
}

void Placement::start_missing(Group& group, Finishing finishing) {
  std::size_t coming = group.starting;
  if (finishing == Finishing::kAreComing && group.finishing > 0 && group.waiting.size() > coming) {
    coming += group.finishing;
    if (in_grace_.empty()) grace_alarm_->set(clock_.steady_now() + finishing_grace_);
    in_grace_.push_back(group.function);
  }
  while (group.waiting.size() > coming) {
    if (const Status started = pool_.start(group); !started) {
      // Nobody is coming for the last in line.
      const std::shared_ptr<Invocation> unplaced = std::move(group.waiting.back());
      group.waiting.pop_back();
      unplaced->complete(fail(started.error()));
    } else {
      ++coming;
    }
  }
}

void Placement::on_grace_over() {
  for (const auto& function : std::exchange(in_grace_, {})) {
    if (Group* const group = pool_.find_group(function)) start_missing(*group, Finishing::kAreLate);
  }
}

void Placement::on_idle(Group& group, Environment& environment) {
  if (group.waiting.empty()) return;
  const std::shared_ptr<Invocation> next = std::move(group.waiting.front());
  group.waiting.pop_front();
  if (const Status ran = environment.run(next); !ran) next->complete(fail(ran.error()));
}

void Placement::on_init_failed(Group& group, Environment& environment) {
  if (group.waiting.empty()) return;
  std::shared_ptr<Invocation> next = std::move(group.waiting.front());
  group.waiting.pop_front();
  environment.rerun(std::move(next));
}

void Placement::on_start_failed(Group& group, const Error& error) {
  if (group.waiting.empty()) return;
  const std::shared_ptr<Invocation> next = std::move(group.waiting.front());
  group.waiting.pop_front();
  next->complete(fail(error));
}

void Placement::on_gone(Group& group) { start_missing(group, Finishing::kAreComing); }

}  // namespace hearth::invocation

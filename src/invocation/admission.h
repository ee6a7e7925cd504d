#pragma once
// Admission: how many invocations run at once, of an account in a region and of a function that has a share reserved.
//
// An invocation holds a ticket from before it is placed until it is answered; without one it is refused (429), never
// queued. A function with a reserved share runs within it alone; all others share what is left of the account's limit,
// so that no flood takes what is reserved. Tests: admission_test.cc

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "functions/registry.h"

namespace hearth::invocation {

// One counted slot. Gives it back when destroyed, on whatever thread that is. Move-only.
class AdmissionTicket {
 public:
  AdmissionTicket() = default;
  AdmissionTicket(AdmissionTicket&&) noexcept = default;
  AdmissionTicket& operator=(AdmissionTicket&& other) noexcept {
    if (this != &other) {
      give_back();
      in_use_ = std::exchange(other.in_use_, nullptr);
    }
    return *this;
  }
  AdmissionTicket(const AdmissionTicket&) = delete;
  AdmissionTicket& operator=(const AdmissionTicket&) = delete;
  ~AdmissionTicket() { give_back(); }

 private:
  friend class Admission;
  using Count = std::atomic<std::uint32_t>;
  explicit AdmissionTicket(std::shared_ptr<Count> in_use) : in_use_(std::move(in_use)) { ++*in_use_; }
  void give_back() {
    if (in_use_) --*in_use_;
    in_use_.reset();
  }
  std::shared_ptr<Count> in_use_;
};

// Thread: the loop's, which alone takes slots: what it finds free stays free until then. Tickets may outlive it.
class Admission {
 public:
  using Concurrency = functions::Registry::Concurrency;

  explicit Admission(std::uint32_t account_limit = 1000) : account_limit_(account_limit) {}

  // Errors, with AWS's message: kReservedThrottled (the function's share is in use), kThrottled (all the rest is).
  Result<AdmissionTicket> admit(const functions::FunctionKey& function, const Concurrency& concurrency);
  // The same check without taking a slot.
  Status check(const functions::FunctionKey& function, const Concurrency& concurrency) const;
  // Forgets the count of a function that is no more, or has no share any more. Those that still run are not counted.
  void forget(const functions::FunctionKey& function) { reserved_.erase(function); }
  // Tickets that are out.
  std::uint32_t in_use() const;

 private:
  using Count = AdmissionTicket::Count;

  template <class Key>
  static std::uint32_t taken(const std::map<Key, std::shared_ptr<Count>>& counts, const Key& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second->load();
  }

  std::uint32_t account_limit_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Count>> unreserved_;  // by account and region
  std::map<functions::FunctionKey, std::shared_ptr<Count>> reserved_;
};

}  // namespace hearth::invocation

#pragma once
// Admission: how many invocations of an account run at once.
//
// An invocation holds a ticket from before it is placed until it is answered; without one it is refused (429), never
// queued. Tests: admission_test.cc

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"

namespace hearth::invocation {

// One counted slot of one account. Gives it back when destroyed, on whatever thread that is. Move-only.
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
  explicit Admission(std::uint32_t account_limit = 1000) : account_limit_(account_limit) {}

  // Errors: kThrottled, with AWS's message.
  Result<AdmissionTicket> admit(const std::string& account);
  // The same check without taking a slot.
  Status check(const std::string& account) const;
  std::uint32_t in_use(const std::string& account) const;

 private:
  std::uint32_t account_limit_;
  std::map<std::string, std::shared_ptr<AdmissionTicket::Count>> accounts_;
};

}  // namespace hearth::invocation

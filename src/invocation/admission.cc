#include "invocation/admission.h"

#include <algorithm>

#include "invocation/invoker.h"

namespace hearth::invocation {
namespace {

constexpr const char* kMessage = "Rate Exceeded.";

}  // namespace

Result<AdmissionTicket> Admission::admit(const functions::FunctionKey& function, const Concurrency& concurrency) {
  TRY_STATUS(check(function, concurrency));
  std::shared_ptr<Count>& in_use =
      concurrency.reserved ? reserved_[function] : unreserved_[{function.account, function.region}];
  if (!in_use) in_use = std::make_shared<Count>(0);
  return AdmissionTicket(in_use);
}

Status Admission::check(const functions::FunctionKey& function, const Concurrency& concurrency) const {
  if (concurrency.reserved) {
    if (taken(reserved_, function) >= *concurrency.reserved) return fail(ErrorKind::kReservedThrottled, kMessage);
    return {};
  }
  const std::uint64_t shared = account_limit_ - std::min<std::uint64_t>(account_limit_, concurrency.reserved_by_all);
  if (taken(unreserved_, {function.account, function.region}) >= shared) return fail(ErrorKind::kThrottled, kMessage);
  return {};
}

std::uint32_t Admission::in_use() const {
  std::uint32_t sum = 0;
  for (const auto& [owner, count] : unreserved_) sum += *count;
  for (const auto& [function, count] : reserved_) sum += *count;
  return sum;
}

}  // namespace hearth::invocation
